"""`rapport triggers`: what starts flows by itself, when it comes next, and what became of it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rapport.cli.output import Format, FormatOption, print_json, print_rows

group = typer.Typer(name="triggers", help="What starts flows by itself.", rich_markup_mode=None)

COLUMNS = (
    "trigger", "on", "next_due_at", "last_run_at", "lag_seconds", "started", "skipped", "held",
    "paused",
)  # fmt: skip

TriggerArgument = Annotated[str, typer.Argument(metavar="TRIGGER", help="flow/ID, as listed")]


@group.command("list")
def list_(form: FormatOption = Format.TABLE) -> None:
    """Every trigger that no person's act is, with when it comes next and what became of it."""
    from rapport.build import stored_library
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.trigger_book import list_triggers

    with open_store() as store:
        library = stored_library(store.db, store.business_id)
        rows = list_triggers(store.db, library, SystemClock().now())
    print_rows(rows, COLUMNS, form, "no triggers: flows begin by what people write alone")


@group.command()
def show(trigger: TriggerArgument, form: FormatOption = Format.TABLE) -> None:
    """What became of a trigger's last run: how many, by reason."""
    from rapport.build import stored_library
    from rapport.cli.store import open_store
    from rapport.runtime.trigger_book import known, last_run

    with open_store() as store:
        known(stored_library(store.db, store.business_id), trigger)
        rows = last_run(store.db, store.business_id, trigger)
    print_rows(rows, ("due_at", "status", "reason", "customers"), form, "it has not fired yet")


@group.command()
def pause(
    trigger: TriggerArgument,
    why: Annotated[str, typer.Option("--why", help="kept beside it")] = "by hand",
) -> None:
    """Let it start nothing until it is resumed."""
    from rapport.build import stored_library
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.states import pause as stop
    from rapport.runtime.trigger_book import known

    with open_store() as store:
        known(stored_library(store.db, store.business_id), trigger)
        stop(store.db, store.business_id, trigger, "cli", why, SystemClock().now())
    print(f"{trigger} is paused; what it would start meanwhile is skipped")


@group.command()
def resume(trigger: TriggerArgument) -> None:
    """Let it go on from now. What came while it was paused does not come back."""
    from rapport.build import stored_library
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.trigger_book import known
    from rapport.runtime.trigger_book import resume as go_on

    with open_store() as store:
        known(stored_library(store.db, store.business_id), trigger)
        was = go_on(store.db, store.business_id, trigger, SystemClock().now())
    print(f"{trigger} goes on" if was else f"{trigger} was not paused")


@group.command("dry-run")
def dry_run_(trigger: TriggerArgument, form: FormatOption = Format.TABLE) -> None:
    """Whom it will be for when it comes next, as things are now; nothing is planned."""
    from rapport.build import stored_library
    from rapport.cli.store import open_store
    from rapport.runtime.trigger_book import dry_run

    with open_store() as store:
        told: dict[str, Any] = dry_run(
            store.db, stored_library(store.db, store.business_id), trigger
        )
    if form is Format.JSON:
        print_json(told)
        return
    rows = told["customers"]
    print_rows(rows, ("id", "display_name", "occurrence"), form, "nobody")
    if form is Format.TABLE:
        print(f"at {told['at'] or 'no time'}: {told['count']} in all")
