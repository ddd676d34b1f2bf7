"""`rapport customers bulk`: one thing done to many, in pieces that a crash does not undo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.confirming import YesOption, confirm
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import Format, FormatOption, Limit, print_rows, say
from rapport.cli.tasks import ByOption

if TYPE_CHECKING:
    from crm.services.bulk import Progress

group = typer.Typer(name="bulk", help="One thing done to many customers.", rich_markup_mode=None)

WhereOption = Annotated[
    str, typer.Option("--where", help="criteria as JSON or YAML, or 'all' for everybody")
]
ReasonOption = Annotated[str, typer.Option("--reason", help="why, as each history says it")]
AddOption = Annotated[list[str] | None, typer.Option("--add", help="a name; again for more")]
RemoveOption = Annotated[list[str] | None, typer.Option("--remove", help="a name; again for more")]


@group.command()
def tag(
    where: WhereOption, add: AddOption = None, remove: RemoveOption = None, yes: YesOption = False,
    by: ByOption = "", reason: ReasonOption = "",
) -> None:  # fmt: skip
    """Put tags on them, or take them off."""
    given = {"add": add or [], "remove": remove or []}
    _do({"tag": {word: names for word, names in given.items() if names}}, where, yes, by, reason)


@group.command()
def field(
    where: WhereOption,
    set_: Annotated[
        list[str], typer.Option("--set", help="city=Tehran; 'city=' clears; again for more")
    ],
    yes: YesOption = False, by: ByOption = "", reason: ReasonOption = "",
) -> None:  # fmt: skip
    """Give fields a value."""
    values: dict[str, str | None] = {}
    for one in set_:
        key, sign, value = one.partition("=")
        if not sign:
            raise Refusal(f"--set is FIELD=VALUE, not '{one}'", WRONG_USE)
        values[key.strip()] = value or None
    _do({"field": values}, where, yes, by, reason)


@group.command()
def status(
    where: WhereOption, to: Annotated[str, typer.Option("--to", help="the new status")],
    yes: YesOption = False, by: ByOption = "", reason: ReasonOption = "",
) -> None:  # fmt: skip
    """Give them a status."""
    _do({"status": to}, where, yes, by, reason)


@group.command()
def assign(
    where: WhereOption, to: Annotated[str, typer.Option("--to", help="a name; '' for nobody")],
    yes: YesOption = False, by: ByOption = "", reason: ReasonOption = "",
) -> None:  # fmt: skip
    """Let one of the staff be in charge of them."""
    _do({"assign": to or None}, where, yes, by, reason)


@group.command()
def task(
    where: WhereOption,
    title: Annotated[str, typer.Argument(help="what is to be done about each")],
    due: Annotated[str, typer.Option(help="2026-03-21 or 2026-03-21T10:00")] = "",
    assign: Annotated[str, typer.Option(help="a name, role or team, or assigned")] = "",
    priority: Annotated[str, typer.Option(help="low, normal, high or urgent")] = "normal",
    yes: YesOption = False, by: ByOption = "", reason: ReasonOption = "",
) -> None:  # fmt: skip
    """Add a task about each of them."""
    given = {"title": title, "due_at": due, "assigned_to": assign, "priority": priority}
    _do({"task": {key: value for key, value in given.items() if value}}, where, yes, by, reason)


@group.command()
def segment(
    where: WhereOption,
    add: Annotated[str, typer.Option("--add", help="the key of a segment")] = "",
    remove: Annotated[str, typer.Option("--remove", help="the key of a segment")] = "",
    yes: YesOption = False, by: ByOption = "", reason: ReasonOption = "",
) -> None:  # fmt: skip
    """Put them into a segment without criteria, or take them out."""
    given = {word: key for word, key in (("add", add), ("remove", remove)) if key}
    _do({"segment": given}, where, yes, by, reason)


@group.command()
def delete(
    where: WhereOption,
    erase: Annotated[
        bool, typer.Option("--erase", help="forget them for ever instead of archiving them")
    ] = False,
    yes: YesOption = False, by: ByOption = "", reason: ReasonOption = "",
) -> None:  # fmt: skip
    """Archive them: they are kept, and out of use."""
    _do({"erase" if erase else "archive": None}, where, yes, by, reason)


@group.command("list")
def list_(
    unfinished: Annotated[bool, typer.Option("--unfinished", help="to be gone on with")] = False,
    limit: Limit = 100,
    form: FormatOption = Format.TABLE,
) -> None:
    """What was done to many, the newest first."""
    from msgspec.structs import asdict

    from crm.services.bulk import list_bulk
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store

    with open_store() as store:
        found = list_bulk(store.db, store.business_id, limit, unfinished=unfinished)
    columns = ("id", "action", "criteria", "by", "begun_at", "ended_at", "seen", "changed")
    print_rows([to_plain(asdict(one)) for one in found], columns, form, "nothing was done to many")


@group.command()
def resume(
    number: Annotated[int, typer.Argument(metavar="N", help="as `list --unfinished` says")],
) -> None:
    """Go on with one that was interrupted."""
    _work_off(number)


def _do(action: dict[str, Any], where: str, yes: bool, by: str, reason: str) -> None:
    """Begin an action once it is confirmed, and do it to the end."""
    from msgspec.structs import replace

    from crm.services.bulk import begin
    from crm.services.listing import View, total_of
    from rapport.cli.customers import read_criteria
    from rapport.cli.store import open_store
    from rapport.cli.tasks import cause_of
    from rapport.runtime.clock import SystemClock

    now = SystemClock().now()
    with open_store() as store:
        at = (store.db, store.business_id, store.business)
        criterion = None if where.strip() == "all" else read_criteria(where, store.business)
        cause = replace(cause_of(by, store.business), reason=reason or None)
        number = begin(*at, action, criterion, cause, now)
        total = total_of(store.db, View(store.business_id, store.business, now, criterion))
        name = next(iter(action))
        confirm(f"{name}: {total} customers", yes, _word(name, total.customers))
    _work_off(number)


def _word(name: str, many: int) -> str:
    """What is typed: for what cannot be taken back easily the number of customers it is about."""
    return str(many) if name in ("archive", "erase") else "yes"


def _work_off(number: int) -> None:
    from crm.services.bulk import go_on
    from rapport.attachments import Files
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.settings import read_settings

    with _bar() as told:
        while True:
            with open_store() as store:
                progress = go_on(
                    store.db, store.business_id, store.business, number, SystemClock().now()
                )
                files = Files(read_settings().files, store.business_id)
            for key in progress.files:
                files.remove(key)
            told(progress)
            if progress.ended:
                break
    for customer_id, why in progress.refused:
        say(f"customer {customer_id}: {why}")
    print(f"{progress.changed} of {progress.seen} changed")


@contextmanager
def _bar() -> Iterator[Callable[[Progress], None]]:
    """A line that says how far it is, where a person looks on."""
    import sys

    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import SpinnerColumn, TextColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed} customers"))
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        task_id = bars.add_task("", total=None)
        yield lambda progress: bars.update(task_id, completed=progress.seen)
