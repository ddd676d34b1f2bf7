"""`rapport dead`: what could not be applied or sent."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from rapport.cli.output import Format, FormatOption, Limit, cell, print_json, print_rows

group = typer.Typer(name="dead", help="What could not be applied or sent.", rich_markup_mode=None)

COLUMNS = ("reference", "at", "customer", "attempts", "error")

Reference = Annotated[str, typer.Argument(metavar="REF", help="mail:ID or outbox:ID")]


@group.command("list")
def list_(
    limit: Limit = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """The newest dead letters, in and out together."""
    from crm.services.dead import list_dead
    from rapport.cli.store import open_store

    with open_store() as store:
        letters = list_dead(store.db, store.business_id, limit)
    print_rows([_plain(letter) for letter in letters], COLUMNS, form, "no dead letters")


@group.command()
def show(reference: Reference, form: FormatOption = Format.TABLE) -> None:
    """One dead letter with what was in it."""
    from crm.services.dead import show_dead
    from rapport.cli.store import open_store

    with open_store() as store:
        letter = _plain(show_dead(store.db, store.business_id, reference))
    if form is Format.JSON:
        print_json(letter)
    else:
        lines = [{"name": name, "value": cell(value)} for name, value in letter.items()]
        print_rows(lines, ("name", "value"), form, "")


@group.command()
def requeue(references: Annotated[list[str], typer.Argument(metavar="REF...")]) -> None:
    """Try dead letters again from the beginning; all of those named, or none."""
    from crm.services.dead import requeue as requeue_one
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    now = SystemClock().now()
    with open_store() as store:
        for reference in references:
            requeue_one(store.db, store.business_id, reference, now)
    print(f"{len(references)} to be tried again")


def _plain(letter: Any) -> dict[str, Any]:
    from engine.fields.plain import to_plain

    return {name: to_plain(value) for name, value in asdict(letter).items()}
