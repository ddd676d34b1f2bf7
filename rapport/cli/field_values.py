"""`rapport fields archive` and `clear`: what becomes of the values of a field out of use."""

from __future__ import annotations

from typing import Annotated

import typer

from rapport.cli.failing import WRONG_USE, Refusal

KeyArgument = Annotated[str, typer.Argument(help="a field out of use")]


def archive(
    key: KeyArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="count, and move nothing")] = False,
) -> None:
    """Move the values of a field out of use to the extras: its column is free for another field,
    and they come back with it."""
    from crm.services import retired_fields
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        if dry_run:
            held = retired_fields.held_by(store.db, store.business_id, key)
        else:
            at = (store.db, store.business_id, store.business)
            held = retired_fields.archive(*at, key, SystemClock().now())
    way = f"from {held.slot} to the extras"
    does = f"would move {way}" if dry_run else f"moved {way}"
    print(f"{key}: values: {held.values}, they {does if held.slot else 'are among the extras'}")


def clear(
    key: KeyArgument,
    yes: Annotated[bool, typer.Option("--yes", help="I know that the values go")] = False,
) -> None:
    """Take away the values of a field out of use; the history of each customer keeps them."""
    from crm.services import retired_fields
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        if not yes:
            held = retired_fields.held_by(store.db, store.business_id, key)
            raise Refusal(f"this takes {held.values} values of '{key}' away: say --yes", WRONG_USE)
        held = retired_fields.clear(store.db, store.business_id, key, "cli", SystemClock().now())
    free = f"; {held.slot} is free" if held.slot else ""
    print(f"{key}: values: {held.values}, they were taken away{free}")
