"""The database's schema, step by step: one history for every table, the runtime's too.

A new step is a file `versions/NNNN_what_it_does.py` with `upgrade` and `downgrade` in alembic's
operations; a test holds the migrated schema and `crm.tables` equal on SQLite and PostgreSQL.
Everything here takes an engine, or a connection whose transaction the caller ends.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

Bind = Engine | Connection

_LOCK = 0x5261_7070
"""The PostgreSQL advisory lock under which one process at a time migrates ("Rapp")."""


def upgrade(bind: Bind, revision: str = "head") -> None:
    """Bring the schema up to `revision` in one transaction; does nothing where it is there."""
    with _connection(bind) as connection:
        _lock(connection)
        command.upgrade(_config(connection), revision)


def downgrade(bind: Bind, revision: str) -> None:
    """Take the schema back to `revision` ("base": nothing) in one transaction. Drops data.

    Raises alembic.util.CommandError for a revision there is not.
    """
    with _connection(bind) as connection:
        _lock(connection)
        command.downgrade(_config(connection), revision)


def current(bind: Bind) -> str | None:
    """The revision the database is at; None for one that was never migrated."""
    with _connection(bind) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str:
    """The newest revision this code knows."""
    revision = _script().get_current_head()
    assert revision is not None, "the versions are missing from the installed package"
    return revision


def is_newer_than_code(bind: Bind) -> bool:
    """Whether a newer release migrated this database: this code must not touch it."""
    revision = current(bind)
    return revision is not None and revision not in _known()


def sql_for_upgrade(bind: Bind) -> str:
    """The SQL that `upgrade` would run on this database; '' where there is nothing to do."""
    with _connection(bind) as connection:
        revision = current(connection)
        if revision == head():
            return ""
        config = _config(connection)
        config.output_buffer = buffer = io.StringIO()
        command.upgrade(config, f"{revision or 'base'}:head", sql=True)
        return buffer.getvalue()


@contextmanager
def _connection(bind: Bind) -> Iterator[Connection]:
    if isinstance(bind, Connection):
        yield bind
    else:
        with bind.begin() as connection:
            yield connection


def _lock(connection: Connection) -> None:
    """Two processes that start together must not both create the tables.

    SQLite's BEGIN IMMEDIATE has seen to it already.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    # Config is an ini file in memory: a per cent sign in a path would be read as a reference.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _known() -> set[str]:
    return {script.revision for script in _script().walk_revisions()}
