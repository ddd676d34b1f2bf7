"""`rapport apply`: the database made to agree with a project."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.applying import require_sound
from rapport.cli.output import Report, ReportOption, print_json, say
from rapport.cli.paths import PathArgument, chosen
from rapport.printable import printable

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from engine.loader import Loaded
    from rapport.updating import Update

MANY = 2_000
"""So many people are moved within a second or two; of more, a bar tells how far it is."""


def apply(
    path: PathArgument = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print the difference and change nothing")
    ] = False,
    form: ReportOption = Report.TEXT,
) -> None:
    """Print how the database differs from a project, and what becomes of people who wait in a
    changed flow, then make it agree. Data is never removed.
    """
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
            _apply(engine, loaded, form, dry_run=dry_run)
        finally:
            engine.dispose()


def _apply(engine: Engine, loaded: Loaded, form: Report, *, dry_run: bool) -> None:
    from rapport.runtime.clock import SystemClock
    from rapport.storage import is_in_memory, prepare, refuse_outdated

    now = SystemClock().now()
    if dry_run and not is_in_memory(engine):
        refuse_outdated(engine)
    elif (done := prepare(engine, now)) and not dry_run:
        say(done)
    show_and_update(engine, loaded, foreseen(engine, loaded), form, dry_run=dry_run)


def show_and_update(
    engine: Engine, loaded: Loaded, update: Update, form: Report, *, dry_run: bool,
    writing: AbstractContextManager[None] | None = None,
) -> None:  # fmt: skip
    """Print what applying a sound project changes, then do it. writing: see carry_out."""
    from rapport.runtime.clock import SystemClock
    from rapport.updating import carry_out

    if form is Report.TEXT:
        for line in update.lines():
            print(printable(line))
        if not update.changes:
            print("no changes")
    if not dry_run:
        with _bar(sum(one.waiting for one in update.standings)) as moved:
            carry_out(engine, loaded, SystemClock(), moved, writing)
    if form is Report.JSON:
        print_json(update.plain(applied=not dry_run))


def foreseen(engine: Engine, loaded: Loaded) -> Update:
    """What applying a sound project would change, read beside whoever works in the database."""
    from crm.database import open_engine
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.reading import Reader
    from rapport.storage import is_in_memory
    from rapport.updating import foresee

    now = SystemClock().now()
    if is_in_memory(engine):
        return foresee(engine, Reader(engine), loaded, now)
    reading = open_engine(engine.url.render_as_string(hide_password=False), read_only=True)
    try:
        return foresee(engine, Reader(reading), loaded, now)
    finally:
        reading.dispose()


@contextmanager
def _bar(people: int) -> Iterator[Callable[[int], object]]:
    """Takes how many more have been moved."""
    if people < MANY or not sys.stderr.isatty():
        yield bool
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("moving people", total=people)
        yield lambda count: progress.advance(task, count)
