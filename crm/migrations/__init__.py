"""The database's schema, step by step: one history for every table, the runtime's too.

A new step is a file `versions/NNNN_what_it_does.py` with `upgrade` and `downgrade` in alembic's
operations, as docs/migrations.md says; tests hold the migrated schema and `crm.tables` equal on
SQLite and PostgreSQL, and the steps to the rules of a database that is in use.

An empty database, and SQLite, are brought up in one transaction. On PostgreSQL each step is one of
its own, so that no table is locked for longer than one step.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DBAPIError, OperationalError

from crm.advisory import alone
from crm.migrations.operations import IS_NEW, LOCK_TIMEOUT
from crm.postgresql import SESSION
from crm.tables import schema_step

_LOCK = 0x5261_7070
"""The PostgreSQL advisory lock under which one process at a time migrates ("Rapp")."""

PAUSES = (0.5, 1, 2, 4, 8, 15, 30)
"""Seconds between the tries of a step that gets no lock: a minute, then it is refused."""

_LOCK_NOT_AVAILABLE = "55P03"


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to `revision`; does nothing where it is there.

    On PostgreSQL a step that waits too long for a table is tried again; what raises in the end
    leaves the steps before it done. Elsewhere all of them happen or none.
    """
    with _migrating(engine) as connection:
        _patiently(connection, lambda config: command.upgrade(config, revision))


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to `revision` ("base": nothing), as `upgrade` does. Drops data.

    Raises alembic.util.CommandError for a revision there is not.
    """
    with _migrating(engine) as connection:
        _patiently(connection, lambda config: command.downgrade(config, revision))


def current(engine: Engine) -> str | None:
    """The revision the database is at; None for one that was never migrated."""
    with engine.connect() as connection:
        return _current(connection)


def head() -> str:
    """The newest revision this code knows."""
    revision = _script().get_current_head()
    assert revision is not None, "the versions are missing from the installed package"
    return revision


def is_newer_than_code(engine: Engine) -> bool:
    """Whether a newer release migrated this database."""
    revision = current(engine)
    return revision is not None and revision not in _known()


def is_closed_to_code(engine: Engine) -> bool:
    """Whether a newer release migrated this database in a way that this code must not touch.

    Each step says from which revision on code may go on working beside it (`compatible_from`), and
    the database keeps that for the code that does not have the step.
    """
    if not is_newer_than_code(engine):
        return False
    known = _known()
    with engine.connect() as connection:
        revision = _current(connection)
        if not engine.dialect.has_table(connection, schema_step.name):
            return True
        rows = connection.execute(select(schema_step)).all()
    steps = {row.revision: row.compatible_from for row in rows}
    unknown = steps.keys() - known
    return revision not in unknown or any(steps[step] not in known for step in unknown)


def sql_for_upgrade(engine: Engine) -> str:
    """The SQL that `upgrade` would run on this database; '' where there is nothing to do."""
    with engine.connect() as connection:
        revision = _current(connection)
        if revision == head():
            return ""
        config = _config(connection, is_new=_in_one(connection))
        config.output_buffer = buffer = io.StringIO()
        command.upgrade(config, f"{revision or 'base'}:head", sql=True)
    limits = () if config.attributes[IS_NEW] else _LIMITS
    return "".join(f"{statement};\n" for statement in limits) + buffer.getvalue()


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A connection of the one process that migrates. SQLite's BEGIN IMMEDIATE sees to that."""
    with engine.connect() as connection, alone(connection, _LOCK):
        yield connection


def _patiently(connection: Connection, migrate: Callable[[Config], None]) -> None:
    if _in_one(connection):
        with connection.begin():
            migrate(_config(connection, is_new=True))
        return
    with _limits(connection):
        for pause in (*PAUSES, None):
            try:
                migrate(_config(connection, is_new=False))
                return
            except OperationalError as error:
                connection.rollback()
                if pause is None or getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
                    raise
            time.sleep(pause)


_LIMITS = (
    f"SET lock_timeout = '{LOCK_TIMEOUT}'",
    # Whatever connections are given otherwise: a step may take its time, it only must not block.
    "SET statement_timeout = 0",
    "SET idle_in_transaction_session_timeout = 0",
)


@contextmanager
def _limits(connection: Connection) -> Iterator[None]:
    for statement in _LIMITS:
        connection.exec_driver_sql(statement)
    connection.commit()
    try:
        yield
    finally:
        with suppress(DBAPIError):
            for statement in _LIMITS:
                name = statement.split()[1]
                connection.exec_driver_sql(f"SET {name} = '{SESSION[name]}'")
            connection.commit()


def _in_one(connection: Connection) -> bool:
    """Whether everything happens in one transaction: nobody uses what is not there yet."""
    if connection.dialect.name != "postgresql":
        return True
    is_new = _current(connection) is None
    connection.rollback()
    return is_new


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None = None, *, is_new: bool = False) -> Config:
    config = Config(attributes={"connection": connection, IS_NEW: is_new})
    # Config is an ini file in memory: a per cent sign in a path would be read as a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _known() -> set[str]:
    return {script.revision for script in _script().walk_revisions()}
