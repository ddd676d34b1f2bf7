"""`rapport db`: looking after the database."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.copying import copy
from rapport.cli.failing import FOUND_PROBLEMS, WRONG_USE, Refusal
from rapport.cli.output import say

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

group = typer.Typer(name="db", help="Look after the database.", rich_markup_mode=None)
group.command()(copy)


@group.command()
def upgrade(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the SQL and change nothing")
    ] = False,
) -> None:
    """Create the database, or bring it to this version; an SQLite file is backed up first."""
    from crm.database import clear_errors, open_engine
    from rapport.alone import OneAtATime
    from rapport.runtime.clock import SystemClock
    from rapport.settings import read_settings
    from rapport.storage import prepare, sqlite_file

    url = read_settings().database_url
    file = sqlite_file(url)
    if dry_run:
        _print_sql("sqlite://" if file is not None and not file.exists() else url)
        return
    with OneAtATime(file), clear_errors():
        engine = open_engine(url)
        done = prepare(engine, SystemClock().now())
        engine.dispose()
    print(done or "the database is up to date")


def _print_sql(url: str) -> None:
    from crm import migrations
    from crm.database import clear_errors, open_engine
    from rapport.storage import refuse_foreign

    with clear_errors():
        engine = open_engine(url)
        refuse_foreign(engine)
        sql = migrations.sql_for_upgrade(engine)
        engine.dispose()
    print(sql or "-- the database is up to date")


@group.command()
def downgrade(
    revision: Annotated[str, typer.Argument(metavar="REV", help="such as 0002")],
    yes: Annotated[bool, typer.Option("--yes", help="I know that data is dropped")] = False,
) -> None:
    """Take the schema back: what later versions stored is dropped. SQLite is backed up first."""
    from alembic.util import CommandError

    from crm import migrations
    from rapport.alone import OneAtATime
    from rapport.cli.store import open_database
    from rapport.runtime.clock import SystemClock
    from rapport.storage import back_up_before, refuse_foreign, sqlite_file

    if not yes:
        raise Refusal("this drops what later versions stored: say --yes to do it", WRONG_USE)
    with open_database() as engine:
        url = engine.url.render_as_string(hide_password=False)
        with OneAtATime(sqlite_file(url)):
            before = refuse_foreign(engine)
            if migrations.is_newer_than_code(engine):
                raise Refusal(f"only the newer version that made {before} can take it back")
            saved = back_up_before(engine, str(before), SystemClock().now())
            if saved:
                say(f"the database as it was is {saved}")
            try:
                migrations.downgrade(engine, revision)
            except CommandError as error:
                raise Refusal(str(error), WRONG_USE) from None
            print(f"the database went from {before} to {migrations.current(engine) or 'nothing'}")


@group.command()
def check() -> None:
    """Look for anything wrong in the database; exit 1 if there is."""
    from rapport.cli.store import open_database

    with open_database() as engine:
        findings = list(_findings(engine))
    for finding in findings:
        print(finding)
    print("nothing is wrong" if not findings else f"{len(findings)} found")
    if findings:
        raise typer.Exit(FOUND_PROBLEMS)


@group.command()
def backup(
    file: Annotated[Path, typer.Argument(help="where to; it must not be there yet")],
) -> None:
    """Copy an SQLite database, also while `rapport run` uses it."""
    from rapport.cli.store import open_database
    from rapport.storage import backup as copy_to
    from rapport.storage import sqlite_file

    with open_database() as engine:
        source = sqlite_file(engine.url.render_as_string(hide_password=False))
        if source is None:
            raise Refusal("only SQLite files are copied here; PostgreSQL has pg_dump", WRONG_USE)
        copy_to(source, file)
    print(f"{source} was copied to {file}")


@group.command()
def index() -> None:
    """Build the indexes of the fields declared `filterable`, and drop those no longer wanted."""
    from crm.services.slot_indexes import build_wanted_indexes
    from rapport.cli.store import open_database
    from rapport.runtime.clock import SystemClock
    from rapport.storage import refuse_outdated

    with open_database() as engine:
        refuse_outdated(engine)
        with engine.connect() as connection:
            # PostgreSQL builds without holding up writers only outside of a transaction.
            db = (
                connection.execution_options(isolation_level="AUTOCOMMIT")
                if engine.dialect.name == "postgresql"
                else connection
            )
            changed = build_wanted_indexes(db, SystemClock().now())
            db.commit()
    print("\n".join(changed) or "every wanted index is there")


@group.command()
def retain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="count, and delete nothing")] = False,
) -> None:
    """Delete what is past its time (docs/operations.md); the scheduler does it too."""
    from rapport.cli.output import Format, print_rows
    from rapport.cli.store import open_database
    from rapport.runtime.clock import SystemClock
    from rapport.storage import refuse_outdated

    with open_database() as engine:
        refuse_outdated(engine)
        counts = (_old_rows if dry_run else _forget)(engine, SystemClock().now())
    rows = [{"what": name, "rows": count} for name, count in counts.items() if count]
    print_rows(rows, ("what", "rows"), Format.TABLE, "nothing is past its time")


def _old_rows(engine: Engine, now: datetime) -> Counter[str]:
    from crm.services.retention import count_old

    counts: Counter[str] = Counter()
    with engine.connect() as db:
        for business_id in _businesses(db):
            counts.update(count_old(db, business_id, now))
    return counts


def _forget(engine: Engine, now: datetime) -> Counter[str]:
    """A transaction for each piece, so that a program at work is not held up."""
    from rich.console import Console

    from crm.services.retention import Retention

    counts: Counter[str] = Counter()
    console = Console(stderr=True)
    with engine.connect() as db, console.status("looking ...") as status:
        for business_id in _businesses(db):
            retention = Retention(business_id)
            more = True
            while more:
                more = retention.tick(db, now)
                db.commit()
                status.update(f"{counts.total() + retention.forgotten.total():,} rows deleted ...")
            counts.update(retention.forgotten)
    return counts


def _businesses(db: Connection) -> list[int]:
    from sqlalchemy import select

    from crm.tables import business

    found = list(db.scalars(select(business.c.id)))
    db.commit()
    return found


def _findings(engine: Engine) -> Iterator[str]:
    from crm import migrations
    from crm.services.soundness import findings_of, index_findings
    from rapport.storage import refuse_foreign

    revision = refuse_foreign(engine)
    if revision != migrations.head() and not migrations.is_newer_than_code(engine):
        yield f"the schema is at {revision}, not at {migrations.head()}: run `rapport db upgrade`"
        return
    if engine.dialect.name == "sqlite":
        yield from _sqlite_findings(engine)
    with engine.connect() as db:
        yield from index_findings(db)
        for business_id in _businesses(db):
            yield from findings_of(db, business_id)


def _sqlite_findings(engine: Engine) -> Iterator[str]:
    with engine.connect() as db:
        for (report,) in db.exec_driver_sql("PRAGMA integrity_check"):
            if report != "ok":
                yield f"integrity: {report}"
        for table, row_id, parent, _ in db.exec_driver_sql("PRAGMA foreign_key_check"):
            yield f"row {row_id} of {table} points at a row of {parent} that is not there"
