"""Preparing the database: created, backed up and upgraded before anything else touches it.

Nothing here is for the hot path; alembic is imported only by what calls it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Engine, inspect
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from crm import migrations
from crm.database import clear_errors

_DRIVERS = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")


class WrongDatabase(Exception):
    """This database cannot be used by this program as it is; the text is one line saying why."""


def sqlite_file(url: str, name: str = "RAPPORT_DATABASE_URL") -> Path | None:
    """The file of an SQLite URL; None for a database in memory and for PostgreSQL.

    name: where the URL was given. Raises WrongDatabase for what is not the URL of a store that we
    can use, and for a folder there is not.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise WrongDatabase(f"{name} is not a database URL such as sqlite:///rapport.db") from None
    if parsed.drivername not in _DRIVERS:
        known = "sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
        raise WrongDatabase(f"{name} is of '{parsed.drivername}', and has to be {known}")
    if parsed.get_backend_name() == "postgresql" and find_spec("psycopg") is None:
        raise WrongDatabase("PostgreSQL needs its driver: pip install 'rapport[postgres]'")
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return None
    file = Path(parsed.database or "")
    if not file.parent.is_dir():
        raise WrongDatabase(f"there is no folder {file.parent} for the database")
    return file


def is_in_memory(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite" and not engine.url.database


def prepare(engine: Engine, now: datetime) -> str | None:
    """Bring the schema to the one of this code; what was done, None where nothing was.

    A newer schema that this code may work on is left as it is. An SQLite file that an upgrade will
    change is copied beside itself first. Raises WrongDatabase, and DatabaseUnavailable with nothing
    written.
    """
    with clear_errors():
        revision = refuse_foreign(engine)
        if revision == migrations.head() or migrations.is_newer_than_code(engine):
            return None
        saved = None if revision is None else back_up_before(engine, revision, now)
        migrations.upgrade(engine)
    if revision is None:
        return "the database was created"
    kept = f"; the database as it was is {saved}" if saved else ""
    return f"the database was upgraded from {revision} to {migrations.head()}{kept}"


def back_up_before(engine: Engine, revision: str, now: datetime) -> Path | None:
    """Copy an SQLite file that is at `revision` beside itself; None for other stores."""
    file = sqlite_file(engine.url.render_as_string(hide_password=False))
    if file is None:
        return None
    saved = file.with_name(f"{file.name}.{revision}-{now:%Y%m%dT%H%M%S}.bak")
    backup(file, saved)
    return saved


def refuse_foreign(engine: Engine) -> str | None:
    """The revision the database is at, None for an empty one. Raises WrongDatabase where it is
    not ours, or of a newer release that left this code behind."""
    if migrations.is_closed_to_code(engine):
        raise WrongDatabase(
            f"the database is of a newer version of Rapport ({migrations.current(engine)}): "
            "install that version, or use another database"
        )
    revision = migrations.current(engine)
    if revision is None and inspect(engine).get_table_names():
        raise WrongDatabase("the database holds the tables of another program")
    return revision


def refuse_outdated(engine: Engine) -> None:
    """Raises WrongDatabase where the schema is older than this code, or closed to it."""
    revision = refuse_foreign(engine)
    if revision is None:
        raise WrongDatabase("the database is empty: run `rapport apply`")
    if revision != migrations.head() and not migrations.is_newer_than_code(engine):
        raise WrongDatabase(
            f"the database is at {revision} and this program needs "
            f"{migrations.head()}: run `rapport db upgrade`"
        )


def backup(file: Path, target: Path) -> None:
    """Copy an SQLite database, also while it is used. Raises FileExistsError, sqlite3.Error.

    The copy is whole or not there: it gets its name last. Who may read it is as with the file.
    """
    if target.exists():
        raise FileExistsError(f"{target} exists already")
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    # Nobody else's until it is known to be, and nothing that somebody has put in its place.
    partial.touch(mode=0o600, exist_ok=False)
    partial.chmod(file.stat().st_mode & 0o777)
    # Only a path that exists: connecting would make an empty database of a misspelt one.
    source_uri = f"{file.resolve().as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(source_uri, uri=True)) as source,
        closing(sqlite3.connect(partial)) as copy,
    ):
        source.backup(copy)
    partial.replace(target)
