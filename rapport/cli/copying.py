"""`rapport db copy`: a grown business moves from SQLite to PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, print_rows, say

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from crm.copying import Compared, Progress


def copy(
    source: Annotated[str, typer.Argument(metavar="SQLITE_URL", help="sqlite:///rapport.db")],
    target: Annotated[
        str,
        typer.Argument(metavar="POSTGRES_URL", help="postgresql+psycopg://user@host/empty"),
    ],
    form: FormatOption = Format.TABLE,
) -> None:
    """Copy a whole SQLite database into an empty PostgreSQL one, and compare every row.

    Stop `rapport run` first. On any difference the target is emptied, and the exit code is 1.
    """
    from crm.copying import CopyDiffers, copy_database
    from rapport.alone import OneAtATime
    from rapport.redaction import keep_secret, secrets_in
    from rapport.storage import sqlite_file

    keep_secret((*secrets_in(source), *secrets_in(target)))
    file = sqlite_file(source, "SQLITE_URL")
    if file is None:
        raise Refusal("SQLITE_URL is not the URL of an SQLite file", WRONG_USE)
    if not file.exists():
        raise Refusal(f"there is no database {file}")
    if sqlite_file(target, "POSTGRES_URL") is not None or not target.startswith("postgresql"):
        raise Refusal("POSTGRES_URL does not begin with postgresql+psycopg://", WRONG_USE)
    with OneAtATime(file), _opened(source, target) as (here, there), _progress() as progress:
        try:
            compared = copy_database(here, there, progress)
        except CopyDiffers as differs:
            _print(differs.compared, form)
            raise
    _print(compared, form)
    replaced = sum(item.replaced for item in compared)
    if replaced:
        say(f"{replaced} values held a character that PostgreSQL cannot: it is U+FFFD there now")
    _finish(target)


@contextmanager
def _opened(source: str, target: str) -> Iterator[tuple[Engine, Engine]]:
    """Both databases, with one and the same schema; the target's is made where it is new."""
    from crm.database import clear_errors, open_engine
    from rapport.runtime.clock import SystemClock
    from rapport.storage import prepare

    with clear_errors():
        here, there = open_engine(source, read_only=True), open_engine(target)
        try:
            _require_this_schema(here)
            prepare(there, SystemClock().now())
            _require_this_schema(there)
            yield here, there
        finally:
            here.dispose()
            there.dispose()


def _require_this_schema(engine: Engine) -> None:
    """Columns are copied by name, so both sides must have the same ones."""
    from crm import migrations
    from rapport.storage import refuse_outdated

    refuse_outdated(engine)
    if migrations.is_newer_than_code(engine):
        raise Refusal(f"the {engine.dialect.name} database is of a newer version", WRONG_USE)


@contextmanager
def _progress() -> Iterator[Progress]:
    """A bar for each table that takes a while, on a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    with Bars(
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    ) as bars:
        shown: dict[str, int] = {}

        def progress(table: str, done: int, total: int) -> None:
            if table not in shown:
                shown[table] = int(bars.add_task(table))
            bars.update(shown[table], completed=done, total=max(total, 1))  # type: ignore[arg-type]  # a TaskID is an int

        yield progress


def _print(compared: Sequence[Compared], form: Format) -> None:
    rows = [
        {
            "table": item.table,
            "rows": item.rows,
            "rows_there": item.rows_there,
            "checksum": item.checksum,
            "same": item.is_same,
        }
        for item in compared
        if item.rows or item.rows_there or form is not Format.TABLE
    ]
    print_rows(rows, ("table", "rows", "rows_there", "checksum", "same"), form, "no rows")


def _finish(target: str) -> None:
    """What the planner knows of the tables, and the indexes of typed columns."""
    from sqlalchemy import text

    from crm.copying import copied_tables
    from crm.database import clear_errors, open_engine
    from crm.postgresql import patience
    from crm.services.slot_indexes import build_wanted_indexes
    from rapport.runtime.clock import SystemClock

    with clear_errors():
        engine = open_engine(target)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            build_wanted_indexes(db, SystemClock().now())
            with patience(db):
                db.execute(text(f"ANALYZE {', '.join(table.name for table in copied_tables())}"))
        engine.dispose()
    say("everything is there: set RAPPORT_DATABASE_URL to the new database")
