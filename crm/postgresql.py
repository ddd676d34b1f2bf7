"""How a connection to PostgreSQL is set up, and what its errors mean.

No wait is without an end: for a lock, a statement, an answer of the network, or for a client that
has stopped in the middle of a transaction and holds others up.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, select

from crm.stored import loads

CONNECTIONS = 4
"""Connections that a pool keeps, and the writer's threads: more of them wait for each other."""

MORE_CONNECTIONS = 4
"""Beyond those, for a moment."""

SESSION = {
    # Who has waited for a lock must see what its holder has stored (rapport.runtime.locks).
    "default_transaction_isolation": "read committed",
    # Nothing that a person waits for takes so long; migrations and index builds ask for more.
    "statement_timeout": "30s",
    # A turn waits for nobody, an intake for the turn of the same customer: some tens of
    # milliseconds. Who waits longer waits for something that has stopped.
    "lock_timeout": "2s",
    # A process that was stopped inside a transaction lets go of its customers (in the middle of
    # statements that go together it does not: what sends without waiting does not count as idle).
    "idle_in_transaction_session_timeout": "10s",
    # And one whose machine is gone: the server's own way to notice takes two hours by default.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "TimeZone": "UTC",
}

_CONNECT = {
    "application_name": "rapport",
    "connect_timeout": 5,
    # A server that is gone without a word is noticed within a minute.
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}


def open_postgresql(url: URL, *, read_only: bool) -> Engine:
    """An engine of READ COMMITTED transactions. `read_only` connections refuse to write, and each
    of their statements is by itself, so a look-up is one way to the server and back."""
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"} if read_only else {}
    engine = create_engine(
        url,
        connect_args={name: value for name, value in _CONNECT.items() if name not in url.query},
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        pool_timeout=5,
        pool_reset_on_return=None,
        json_deserializer=loads,
        hide_parameters=True,
        **options,
    )
    # What a statement raises, its caller says; psycopg would say beside it that a pipeline ended.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    settings = SESSION | ({"default_transaction_read_only": "on"} if read_only else {})
    # Said after connecting, not in the connection's options: a pooler between may refuse those.
    statement = "; ".join(f"SET {name} = '{value}'" for name, value in settings.items())

    @event.listens_for(engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.execute(statement)
        # Rolled back, a SET would be forgotten.
        connection.commit()

    @event.listens_for(engine, "reset")
    def came_back(connection: Any, record: Any, _state: object) -> None:
        # The pool's own rollback would write a traceback into the log for a connection that was
        # lost under a statement of ours, which the pool has not heard of.
        if not connection.closed:
            connection.rollback()
        elif record is not None:
            record.invalidate()

    return engine


@contextmanager
def patience(db: Connection) -> Iterator[None]:
    """What is done inside may wait for locks and work for as long as it takes.

    `db` must be in AUTOCOMMIT. SQLite has no such limits.
    """
    names = ("statement_timeout", "lock_timeout")
    if db.dialect.name != "postgresql":
        yield
        return
    db.execute(select(*(func.set_config(name, "0", False) for name in names)))
    try:
        yield
    finally:
        if not db.invalidated:  # a lost connection has taken its settings with it
            db.execute(select(*(func.set_config(name, SESSION[name], False) for name in names)))


def unavailable_reason_of(error: BaseException) -> str | None:
    """Why the server cannot be used; None where the error is about a statement or its values.

    error: one of psycopg's. https://www.postgresql.org/docs/current/errcodes-appendix.html
    """
    state: str | None = getattr(error, "sqlstate", None)
    if state:
        return _CODES.get(state) or _CLASSES.get(state[:2])
    # Without a code it is libpq that speaks: the server was not reached, or is not any more.
    unreachable = isinstance(error, sys.modules["psycopg"].OperationalError)
    return "the database does not answer, or no longer" if unreachable else None


_CODES = {
    "57014": "a statement took too long",
    "55P03": "the database is busy: somebody else holds what is needed",
    "25006": "the database is read-only",
    "25P03": "the connection to the database was lost",
    "42501": "the database does not let this user do that",
}
_CLASSES = {
    "08": "the connection to the database was lost",
    "28": "the database refuses the user or the password",
    "3D": "there is no such database",
    "40": "the database asked to try again",
    "53": "the database is out of resources",
    "55": "the database is busy",
    "57": "the database was shut down",
    "58": "the database's machine failed",
    "XX": "the database is damaged",
}
