"""`rapport tasks`: what the staff has to do."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, Limit, print_rows

if TYPE_CHECKING:
    from crm.services.ledger import Cause
    from engine.business import Business
    from rapport.cli.store import Store

group = typer.Typer(name="tasks", help="What the staff has to do.", rich_markup_mode=None)

COLUMNS = ("id", "title", "customer", "assigned_to", "priority", "due_at", "overdue", "state")


class Which(StrEnum):
    """Tasks of which state are listed."""

    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"
    ALL = "all"


TaskId = Annotated[int, typer.Argument(metavar="ID", help="the number of a task")]
TaskIds = Annotated[list[int], typer.Argument(metavar="ID...", help="the numbers of tasks")]
ByOption = Annotated[str, typer.Option("--by", help="who did it, a name of the staff")]
CustomerOption = Annotated[
    str, typer.Option("--customer", help="7, a phone, an email, telegram:ID, chat:NAME")
]


@group.command("list")
def list_(
    state: Annotated[Which, typer.Option(help="open, done, cancelled or all")] = Which.OPEN,
    overdue: Annotated[bool, typer.Option("--overdue", help="open ones that were due")] = False,
    assignee: Annotated[
        str, typer.Option("--assignee", help="a name, with its teams' and role's; a team or role")
    ] = "",
    customer: CustomerOption = "",
    priority: Annotated[str, typer.Option(help="low, normal, high or urgent")] = "",
    limit: Limit = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """Tasks, soonest due first."""
    from msgspec.structs import asdict

    from crm.services.tasks import list_tasks
    from engine.fields.plain import to_plain
    from engine.records import PRIORITIES
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    if priority and priority not in PRIORITIES:
        raise Refusal(f"--priority is one of {', '.join(PRIORITIES)}", WRONG_USE)
    with open_store() as store:
        found = list_tasks(
            store.db, store.business_id, store.business, SystemClock().now(), state=state.value,
            overdue=overdue, assignee=_known(assignee, store.business),
            customer_id=_customer(store, customer), priority=priority, limit=limit,
        )  # fmt: skip
    print_rows([to_plain(asdict(one)) for one in found], COLUMNS, form, "no tasks")


@group.command()
def add(
    title: Annotated[str, typer.Argument(help="what is to be done")],
    customer: CustomerOption = "",
    due: Annotated[str, typer.Option(help="1d, 2026-03-21 or 2026-03-21T10:00")] = "",
    priority: Annotated[str, typer.Option(help="low, normal, high or urgent")] = "normal",
    assign: Annotated[str, typer.Option(help="a name, role or team, or assigned")] = "",
    repeat: Annotated[str, typer.Option(help="daily, weekly ... or an RRULE")] = "",
    description: Annotated[str, typer.Option(help="more about it")] = "",
    by: ByOption = "",
) -> None:
    """Add a task, about a customer or about nobody."""
    from crm.services.tasks import add_task
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    now = SystemClock().now()
    with open_store() as store:
        given = {
            "title": title, "description": description, "priority": priority,
            "due_at": _due(due, store.business, now), "assigned_to": assign, "recurrence": repeat,
        }  # fmt: skip
        made = add_task(
            store.db, store.business_id, store.business, _customer(store, customer),
            {key: value for key, value in given.items() if value},
            cause_of(by, store.business), now,
        )  # fmt: skip
    print(f"task {made}")


@group.command()
def done(ids: TaskIds, by: ByOption = "") -> None:
    """Tasks are done; all of those named, or none. One that repeats makes the next."""
    from crm.services.tasks import complete_task
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    now = SystemClock().now()
    with open_store() as store:
        cause = cause_of(by, store.business)
        following = [
            complete_task(store.db, store.business_id, store.business, id_, cause, now)
            for id_ in ids
        ]
    made = [f"task {id_}" for id_ in following if id_ is not None]
    print(f"{len(ids)} done" + (f", next: {', '.join(made)}" if made else ""))


@group.command()
def reopen(task: TaskId, by: ByOption = "") -> None:
    """A task that is done or cancelled is open again."""
    from crm.services.tasks import reopen_task
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        reopen_task(
            store.db, store.business_id, store.business, task, cause_of(by, store.business),
            SystemClock().now(),
        )  # fmt: skip
    print(f"task {task} is open")


@group.command()
def cancel(task: TaskId, by: ByOption = "") -> None:
    """A task is given up; one that repeats does not come again."""
    from crm.services.tasks import cancel_task
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        cancel_task(
            store.db, store.business_id, store.business, task, cause_of(by, store.business),
            SystemClock().now(),
        )  # fmt: skip
    print(f"task {task} is cancelled")


def _customer(store: Store, reference: str) -> int | None:
    from crm.services.find import resolve

    if not reference:
        return None
    return resolve(store.db, store.business_id, reference, store.business.country)


def _known(who: str, business: Business) -> str:
    """Raises Refusal for somebody who is not there, whose list would be empty for ever."""
    from engine.staff import ASSIGNED, known_who, who_there_is
    from engine.suggest import meant

    known = known_who(business, who) if who else ""
    if known is None or known == ASSIGNED:
        there = [one for one in who_there_is(business) if one != ASSIGNED]
        raise Refusal(f"nobody is called '{who}'. {meant(who, there)}", WRONG_USE)
    return known


def cause_of(by: str, business: Business) -> Cause:
    """Who does what a command does: one of the staff by name, '' for the command line itself."""
    from crm.services.ledger import Cause
    from engine.staff import person_called

    if not by:
        return Cause("cli")
    person = person_called(business, by)
    if person is None:
        raise Refusal(f"--by: nobody of the staff is called '{by}'", WRONG_USE)
    return Cause(f"staff:{person.name}")


def _due(written: str, business: Business, now: datetime) -> object:
    """A moment of a duration; what else is written as it is, for the service to read."""
    from zoneinfo import ZoneInfo

    from engine.durations import Duration

    if not re.match(r"\d+[wdhms]", written):
        return written
    try:
        return Duration.parse(written).after(now, ZoneInfo(business.timezone))
    except ValueError as error:
        raise Refusal(f"--due: {error}", WRONG_USE) from None
