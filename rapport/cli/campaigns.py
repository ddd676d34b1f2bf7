"""`rapport campaigns`: one flow for many people at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.confirming import YesOption, confirm
from rapport.cli.failing import Refusal
from rapport.cli.fields import ProjectOption
from rapport.cli.output import Format, FormatOption, Limit, print_json, print_rows

if TYPE_CHECKING:
    from pathlib import Path

    from engine.campaign import Campaign

group = typer.Typer(
    name="campaigns", help="One flow for many people at a time.", rich_markup_mode=None
)

Key = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="the name after `campaign:`")]

COLUMNS = ("campaign", "title", "status", "reason", "started_at", "ended_at")
RESULTS = (
    "arm", "people", "sent", "delivered", "blocked_or_failed", "replied", "goal", "goal_share",
    "goal_low", "goal_high",
)  # fmt: skip


@group.command("list")
def list_(project: ProjectOption = None, form: FormatOption = Format.TABLE) -> None:
    """Every campaign of the files, and every one that was started."""
    from rapport.campaigning import list_campaigns
    from rapport.cli.store import open_store

    campaigns = _read(project)
    with open_store() as store:
        rows = list_campaigns(store.db, store.business_id, campaigns)
    print_rows(rows, COLUMNS, form, "no campaigns")


@group.command()
def estimate(key: Key, project: ProjectOption = None, form: FormatOption = Format.TABLE) -> None:
    """How many it is for, how many can be written to, and how long sending takes."""
    from rapport.build import stored_library
    from rapport.campaigning import estimate as reckon
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    campaign = _known(key, project)
    with open_store() as store:
        library = stored_library(store.db, store.business_id)
        told = reckon(store.db, library, campaign, SystemClock().now())
    _print(told, form)


@group.command()
def plan(
    key: Key, project: ProjectOption = None, limit: Limit = 100, form: FormatOption = Format.TABLE
) -> None:
    """Whom it is for as things are now, and when at the earliest; nothing is planned by this."""
    from rapport.build import stored_library
    from rapport.campaigning import planned
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    campaign = _known(key, project)
    with open_store() as store:
        library = stored_library(store.db, store.business_id)
        rows = planned(store.db, library, campaign, SystemClock().now(), limit)
    print_rows(rows, ("customer", "name", "at"), form, "nobody")


@group.command()
def start(
    key: Key,
    project: ProjectOption = None,
    yes: YesOption = False,
) -> None:
    """Say how many it is for and how long it takes, and begin; `rapport run` then sends."""
    from rapport.build import stored_library
    from rapport.campaigning import estimate as reckon
    from rapport.campaigning import start as begin
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    campaign = _known(key, project)
    with open_store() as store:
        told = reckon(
            store.db, stored_library(store.db, store.business_id), campaign, SystemClock().now()
        )
    print(
        f"{key}: {told['audience']} people, {told['to_be_sent']} to be sent, at most "
        f"{told['per_second']} a second: {told['takes']}"
    )
    confirm(f"{told['to_be_sent']} people get '{key}'", yes)
    with open_store() as store:
        library = stored_library(store.db, store.business_id)
        begin(store.db, library, campaign, SystemClock().now())
    print(f"{key} is running: `rapport campaigns progress {key}`")


@group.command()
def pause(key: Key) -> None:
    """Let nobody else go; what is on its way goes on."""
    _set(key, "paused", "is paused")


@group.command()
def resume(key: Key) -> None:
    """Let it go on where it was paused."""
    _set(key, "running", "goes on")


@group.command()
def cancel(key: Key) -> None:
    """End it: whoever has not got it will not."""
    _set(key, "cancelling", "is being cancelled")


@group.command()
def progress(key: Key, form: FormatOption = Format.TABLE) -> None:
    """How far it is, with a bar, and why who was left out was."""
    from rapport.campaigning import progress as look
    from rapport.cli.store import open_store

    with open_store() as store:
        told = look(store.db, store.business_id, key)
    if form is not Format.TABLE:
        _print(told, form)
        return
    _bar(told)
    reasons = told.pop("reasons")
    _print(told, form)
    why = [{"reason": reason, "people": number} for reason, number in reasons.items()]
    print_rows(why, ("reason", "people"), form, "nobody was left out")


@group.command()
def results(key: Key, project: ProjectOption = None, form: FormatOption = Format.TABLE) -> None:
    """Who got it, wrote and reached the goal, by arm, with the interval of 95 %."""
    from rapport.campaigning import results as look
    from rapport.cli.store import open_store

    campaign = _read(project).get(key)
    with open_store() as store:
        rows = look(store.db, store.business_id, key, campaign.goal if campaign else None)
    print_rows(rows, RESULTS if campaign and campaign.goal else RESULTS[:6], form, "no results")


def _set(key: str, status: str, said: str) -> None:
    from rapport.campaigning import set_status
    from rapport.cli.store import open_store

    with open_store() as store:
        set_status(store.db, store.business_id, key, status)
    print(f"{key} {said}")


def _read(project: Path | None) -> dict[str, Campaign]:
    from rapport.cli.applying import require_sound
    from rapport.cli.paths import chosen
    from rapport.project import find_project

    return dict(require_sound(find_project(chosen(project))).campaigns)


def _known(key: str, project: Path | None) -> Campaign:
    campaigns = _read(project)
    if key not in campaigns:
        known = ", ".join(sorted(campaigns)) or "none"
        raise Refusal(f"there is no campaign '{key}' in the project (there is: {known})")
    return campaigns[key]


def _print(told: dict[str, Any], form: Format) -> None:
    if form is Format.JSON:
        print_json(told)
        return
    rows = [{"name": name, "value": value} for name, value in told.items()]
    print_rows(rows, ("name", "value"), form, "")


def _bar(told: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.progress_bar import ProgressBar

    console = Console()
    console.print(ProgressBar(total=1.0, completed=told["share"], width=40), end="")
    console.print(f" {told['share']:.1%} of {told['planned_for']}", markup=False)
