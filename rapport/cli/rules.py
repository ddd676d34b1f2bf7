"""`rapport rules`: what follows by itself of what is known of customers."""

from __future__ import annotations

from typing import Annotated

import typer

from rapport.cli.output import Format, FormatOption, print_json, print_rows

group = typer.Typer(
    name="rules", help="Scores, stages, segments and smart tags.", rich_markup_mode=None
)

TagArgument = Annotated[str, typer.Argument(metavar="TAG", help="the tag of a smart tag")]


@group.command("list")
def list_(form: FormatOption = Format.TABLE) -> None:
    """Every rule, in the order in which they are asked, and what it looks at."""
    from crm.services.following import Following
    from crm.services.smart_tags import list_rules
    from rapport.cli.store import open_store

    with open_store() as store:
        rules = list_rules(Following(store.db, store.business_id, store.business).business)
    print_rows(rules, ("kind", "name", "reads", "removes"), form, "no rules")


@group.command("dry-run")
def dry_run_(tag: TagArgument, form: FormatOption = Format.TABLE) -> None:
    """Whom a smart tag would be put on, and taken from, now."""
    from crm.services.smart_tags import dry_run
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        told = dry_run(store.db, store.business_id, store.business, tag, SystemClock().now())
    if form is Format.JSON:
        print_json(told)
        return
    rows = [
        {"what": what, **found} for what in ("add", "remove") for found in told[f"{what}_customers"]
    ]
    print_rows(rows, ("what", "id", "display_name"), form, "nobody's tags would change")
    if form is Format.TABLE and rows:
        print(f"would be put on {told['add']} and taken from {told['remove']}")


@group.command()
def undo(tag: TagArgument) -> None:
    """Take a tag from whom its rule has given it and does not fit any more; after a change of it,
    or once it is gone from crm.yaml. What people put on stays."""
    from crm.services.smart_tags import undo as take_back
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    now = SystemClock().now()
    with open_store() as store:
        done = take_back(store.db, store.business_id, store.business, tag, "cli", now)
    still = f"; the rule still holds for {done.kept}, who keep it" if done.kept else ""
    print(f"taken from {done.taken}{still}")


@group.command()
def run() -> None:
    """Let everything follow for all customers now, as every night."""
    from crm.services.rules_pass import Pass
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    now, walk, more = SystemClock().now(), None, True
    while more:  # a transaction for each piece, so that others work in between
        with open_store() as store:
            walk = walk or Pass(store.business_id, store.business)
            more = walk.tick(store.db, now)
    assert walk is not None
    told = ", ".join(f"{kind} {count}" for kind, count in sorted(walk.changed.items()))
    print(f"changed: {told or 'nothing'}")
