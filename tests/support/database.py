"""Real databases for tests: SQLite in memory, and PostgreSQL where a server answers.

`RAPPORT_TEST_DATABASE_URL` names the server. Without one the PostgreSQL tests are reported as
not run; where `CI` is set that is a failure.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from crm.database import open_engine
from crm.tables import metadata
from tests.support.needs import need

DIALECTS = ("sqlite", "postgresql")
SQLITE_MEMORY = "sqlite://"
POSTGRESQL_URL = os.environ.get(
    "RAPPORT_TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
)


@cache
def _why_no_postgresql() -> str | None:
    engine = create_engine(POSTGRESQL_URL, connect_args={"connect_timeout": 3})
    try:
        engine.connect().close()
    except OperationalError as error:
        return f"PostgreSQL does not answer: {error.orig}".strip()
    finally:
        engine.dispose()
    return None


def need_postgresql() -> None:
    """Go on where a server answers; see `need`."""
    need(_why_no_postgresql())


@contextmanager
def empty_schema() -> Iterator[str]:
    """The URL of a PostgreSQL schema of the test's own; dropped at the end."""
    need_postgresql()
    name = f"rapport_test_{uuid.uuid4().hex}"
    server = create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    url = make_url(POSTGRESQL_URL).update_query_dict({"options": f"-csearch_path={name}"})
    try:
        yield url.render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text("SET client_min_messages = warning"))
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        server.dispose()


@contextmanager
def empty_database() -> Iterator[str]:
    """The URL of a PostgreSQL database of the test's own; dropped at the end.

    For what waits on every transaction of its database: `CREATE INDEX CONCURRENTLY` would wait
    for other people's tests.
    """
    need_postgresql()
    name = f"rapport_test_{uuid.uuid4().hex}"
    server = create_engine(POSTGRESQL_URL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield make_url(POSTGRESQL_URL).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            # Of a program that was killed the server may not know yet.
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@contextmanager
def empty_store(dialect: str) -> Iterator[Engine]:
    """A database with no tables: SQLite in memory, or a schema of PostgreSQL."""
    if dialect == "sqlite":
        engine = open_engine(SQLITE_MEMORY)
        yield engine
        engine.dispose()
        return
    with empty_schema() as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@contextmanager
def store_with_tables(dialect: str) -> Iterator[Engine]:
    """A database with every table and no rows."""
    with empty_store(dialect) as engine:
        metadata.create_all(engine)
        yield engine


def emptied(engine: Engine) -> Engine:
    """The same PostgreSQL database with no rows and ids from 1, for the next test; quicker than
    TRUNCATE where there are few."""
    with engine.begin() as db:
        for table in reversed(metadata.sorted_tables):
            db.execute(table.delete())
        db.execute(text(_RESTART))
    # What listens to this engine does not hear of the one of another test.
    return engine.execution_options()


_RESTART = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
FROM pg_sequences WHERE schemaname = current_schema()
"""
