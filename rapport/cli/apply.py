"""`rapport apply`: the database made to agree with a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.applying import require_sound
from rapport.cli.output import say
from rapport.cli.paths import PathArgument, chosen
from rapport.printable import printable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from engine.loader import Loaded


def apply(
    path: PathArgument = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the difference and change nothing")
    ] = False,
) -> None:
    """Print how the database differs from a project, then make it agree. Data is never removed."""
    from crm.database import clear_errors, open_engine
    from rapport.project import find_project
    from rapport.settings import read_settings
    from rapport.storage import sqlite_file

    loaded = require_sound(find_project(chosen(path)))
    url = read_settings().database_url
    file = sqlite_file(url)
    if dry_run and file is not None and not file.exists():
        url = "sqlite://"  # a dry run makes no file: against none, everything is new
    with clear_errors():
        engine = open_engine(url)
        try:
            _apply(engine, loaded, dry_run=dry_run)
        finally:
            engine.dispose()


def _apply(engine: Engine, loaded: Loaded, *, dry_run: bool) -> None:
    from rapport.build import apply_loaded
    from rapport.runtime.clock import SystemClock
    from rapport.storage import is_in_memory, prepare, refuse_outdated

    now = SystemClock().now()
    if dry_run and not is_in_memory(engine):
        refuse_outdated(engine)
    elif (done := prepare(engine, now)) and not dry_run:
        say(done)
    with engine.connect() as db:
        changes = apply_loaded(db, loaded, now).applied.changes
        for change in changes:
            print(printable(str(change)))
        if not changes:
            print("no changes")
        if not dry_run:
            db.commit()
