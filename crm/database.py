"""Opening the database: one SQL store, SQLite by default.

Errors: `DatabaseUnavailable` says in one line what is wrong with the store (read-only, full,
locked, not a database); everything else is a bug and keeps its own type.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import StaticPool

from crm.postgresql import open_postgresql, unavailable_reason_of
from crm.sqlite_functions import register

BUSY_TIMEOUT_SECONDS = 5.0
"""How long a writer waits for another process's transaction before it is `locked`."""


CACHE_KIB = 32 * 1024
"""Pages kept in memory by a connection; SQLite's own 2 MiB hold a few hundred conversations."""

CHECKPOINT_PAGES = 4_000
"""Pages in the write-ahead log before they are copied into the file (16 MiB). Turns change the
same few pages over and over: copied less often, most of those copies never happen."""

STATEMENTS_KEPT = 512
"""Statements a connection keeps prepared; Python's own 128 are few where a business has many
fields: each set of columns that changes together is a statement."""


class DatabaseUnavailable(Exception):
    """The store cannot be used now; nothing was written. The text is one line for a person."""


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine whose connections are set up as the design asks.

    SQLite: WAL, synchronous=FULL, foreign keys on, BEGIN IMMEDIATE for writers. `read_only`
    connections refuse to write. In memory, all threads share one connection. Errors hold no values
    of rows. PostgreSQL: see `crm.postgresql`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return open_postgresql(parsed, read_only=read_only)
    in_memory = parsed.database in (None, "", ":memory:")
    options: dict[str, Any] = {
        "hide_parameters": True,
        "connect_args": {"check_same_thread": False, "cached_statements": STATEMENTS_KEPT},
    }
    if in_memory:
        options["poolclass"] = StaticPool
    else:
        options["connect_args"]["timeout"] = BUSY_TIMEOUT_SECONDS
    engine = create_engine(parsed, **options)
    _set_up_sqlite(engine, begin="BEGIN" if read_only else "BEGIN IMMEDIATE", read_only=read_only)
    return engine


def _set_up_sqlite(engine: Engine, *, begin: str, read_only: bool) -> None:
    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _record: object) -> None:
        # Python's own transaction control would begin late and commit before DDL.
        connection.isolation_level = None
        for pragma in (
            f"busy_timeout={int(BUSY_TIMEOUT_SECONDS * 1000)}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"cache_size=-{CACHE_KIB}",
            f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        register(connection)

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        # The writer begins by itself (begin_now), before SQLAlchemy knows of a transaction.
        if not sqlite_driver(connection).in_transaction:
            connection.exec_driver_sql(begin)


@contextmanager
def savepoint(db: Connection) -> Iterator[None]:
    """What is done inside is undone by itself where it raises; the transaction goes on.

    A full disk ends SQLite's whole transaction, a lost connection PostgreSQL's: the savepoint is
    gone with it, and that must not hide what happened.
    """
    nested = db.begin_nested()
    try:
        yield
    except BaseException:
        with suppress(DBAPIError):
            nested.rollback()
        raise
    nested.commit()


def begin_now(db: Connection) -> None:
    """Begin a writing transaction on SQLite without SQLAlchemy's ceremony, which the writer would
    pay twice a turn. End it by `commit_now` or `rollback_now`."""
    sqlite_driver(db).execute("BEGIN IMMEDIATE")


def let_commits_sync(db: Connection, wanted: bool) -> None:
    """Whether SQLite's commits on this connection wait for the disk from now on. Those that do not
    outlive the process, but not a power cut, until a later one has waited or `sync_now` is called.

    Outside of a transaction only: https://www.sqlite.org/pragma.html#pragma_synchronous
    """
    # As a script: SQLite runs this pragma while compiling it, and a cached statement is not.
    sqlite_driver(db).executescript(f"PRAGMA synchronous={'FULL' if wanted else 'NORMAL'}")


def wait_and_checkpoint(db: Connection, wanted: bool) -> None:
    """Whether SQLite waits for another process's lock on this connection, and copies a long log
    into the file as it commits; or refuses at once, and lets the log grow."""
    busy = int(BUSY_TIMEOUT_SECONDS * 1000) if wanted else 0
    pages = CHECKPOINT_PAGES if wanted else 0
    sqlite_driver(db).executescript(
        f"PRAGMA busy_timeout={busy}; PRAGMA wal_autocheckpoint={pages}"
    )


def sync_now(db: Connection) -> None:
    """Bring earlier commits to the disk: the smallest commit there is, and it waits."""
    let_commits_sync(db, wanted=True)
    ((version,),) = sqlite_driver(db).execute("PRAGMA user_version").fetchall()
    sqlite_driver(db).execute(f"PRAGMA user_version={version}")  # written also where it is the same


def commit_now(db: Connection) -> None:
    """Commit; a transaction that SQLAlchemy began meanwhile on top of ours ends with it."""
    sqlite_driver(db).execute("COMMIT")
    if db.in_transaction():
        db.commit()


def rollback_now(db: Connection) -> None:
    """Undo everything since `begin_now`; nothing where the store has ended it already."""
    if sqlite_driver(db).in_transaction:
        sqlite_driver(db).execute("ROLLBACK")
    if db.in_transaction():
        db.rollback()


def sqlite_driver(db: Connection) -> sqlite3.Connection:
    """The driver's connection under `db`; SQLite only."""
    return cast("sqlite3.Connection", db.connection.dbapi_connection)


def copy_pages(source: Engine, target: Engine) -> None:
    """SQLite's own backup: pages are copied, nothing is parsed or executed."""
    with source.connect() as original, target.connect() as copy:
        original.connection.driver_connection.backup(  # type: ignore[union-attr]  # sqlite3's
            copy.connection.driver_connection
        )


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what the store itself refuses into DatabaseUnavailable."""
    try:
        yield
    except Exception as error:
        reason = unavailable_reason(error)
        if reason is None:
            raise
        raise DatabaseUnavailable(reason) from error


_SQLITE_REASONS = {
    sqlite3.SQLITE_BUSY: "the database is locked by another process",
    sqlite3.SQLITE_LOCKED: "the database is locked by another process",
    sqlite3.SQLITE_READONLY: "the database is read-only",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk failed while reading or writing the database",
    sqlite3.SQLITE_CANTOPEN: "the database file cannot be opened",
    sqlite3.SQLITE_NOTADB: "the file is not a database",
    sqlite3.SQLITE_CORRUPT: "the database file is damaged",
    sqlite3.SQLITE_PERM: "the database file may not be opened",
}


def unavailable_reason(error: BaseException) -> str | None:
    """Why the store cannot be used, or None where the error says something else.

    A constraint or a bad statement is None: that is the content's fault or ours.
    """
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        # The extended code's low byte is the primary one: https://www.sqlite.org/rescode.html
        return None if code is None else _SQLITE_REASONS.get(code & 0xFF)
    if isinstance(original, PoolTimeout):
        return "all connections to the database are in use"
    # psycopg raises nothing where it was never imported, and SQLite does without it.
    psycopg = sys.modules.get("psycopg")
    if psycopg is not None and isinstance(original, psycopg.Error):
        return unavailable_reason_of(original)
    return None
