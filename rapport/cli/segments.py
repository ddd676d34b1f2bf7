"""`rapport segments`: groups of customers, by criteria or by hand."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.fields import ProjectOption
from rapport.cli.output import Format, FormatOption, Limit, print_json, print_rows
from rapport.printable import printable

group = typer.Typer(name="segments", help="Groups of customers.", rich_markup_mode=None)

COLUMNS = ("key", "name", "kind", "status", "member_count", "last_calculated_at", "times_used")

Key = Annotated[str, typer.Argument(metavar="KEY", help="the key of a segment")]
Customers = Annotated[list[str], typer.Argument(metavar="REF...", help="7, a phone, telegram:ID")]
Where = Annotated[str, typer.Option("--where", help="criteria as JSON or YAML")]


@group.command("list")
def list_(
    archived: Annotated[bool, typer.Option("--archived", help="those put away too")] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Every segment, in order."""
    from crm.services.segment_book import list_segments
    from rapport.cli.store import open_store

    with open_store() as store:
        found = list_segments(store.db, store.business_id, archived=archived)
    print_rows([_plain(row) for row in found], COLUMNS, form, "no segments")


@group.command()
def show(key: Key, form: FormatOption = Format.TABLE) -> None:
    """Everything about one segment."""
    from crm.services.segment_book import show_segment
    from rapport.cli.store import open_store

    with open_store() as store:
        row = _plain(show_segment(store.db, store.business_id, key))
    if form is Format.JSON:
        print_json(row)
    else:
        lines = [{"name": name, "value": value} for name, value in row.items()]
        print_rows(lines, ("name", "value"), form, "")


@group.command()
def members(key: Key, limit: Limit = 100, form: FormatOption = Format.TABLE) -> None:
    """Who is in it now."""
    from crm.services.segment_book import members as find
    from rapport.cli.store import open_store

    with open_store() as store:
        found = find(store.db, store.business_id, key, limit)
    columns = ("id", "display_name", "entered_at")
    print_rows([_plain(row) for row in found], columns, form, "nobody is in it")


@group.command()
def preview(where: Where, form: FormatOption = Format.TABLE) -> None:
    """Whom criteria hold for: how many, and the newest ten."""
    from crm.services.segment_book import preview as look
    from rapport.cli.customers import read_criteria
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        criterion = read_criteria(where, store.business)
        assert criterion is not None
        now = SystemClock().now()
        count, found = look(store.db, store.business_id, store.business, criterion, now)
    if form is Format.JSON:
        print_json({"count": count, "customers": found})
        return
    print_rows(found, ("id", "display_name"), form, "nobody")
    if form is Format.TABLE:
        print(f"{count} in all")


@group.command()
def add(
    key: Key,
    name: Annotated[str, typer.Option(help="what people call it; default the key")] = "",
    where: Where = "",
    color: Annotated[str, typer.Option(help='such as "#FFD700"')] = "",
    description: Annotated[str, typer.Option(help="who is in it")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="a word to find it by")] = None,
    project: ProjectOption = None,
) -> None:
    """Declare a segment in crm.yaml: dynamic with --where, else static."""
    from rapport.cli.applying import require_sound
    from rapport.cli.paths import chosen
    from rapport.cli.store import open_database
    from rapport.project import find_project
    from rapport.runtime.clock import SystemClock
    from rapport.segments import make, plan
    from rapport.storage import refuse_outdated

    declaration: dict[str, Any] = {"name": name} if name else {}
    declaration |= {"color": color} if color else {}
    declaration |= {"description": description} if description else {}
    declaration |= {"tags": list(tag)} if tag else {}
    declaration |= {"when": _written(where)} if where else {"static": True}
    folder = find_project(chosen(project))
    planned = plan(folder, require_sound(folder), key, declaration)
    with open_database() as engine:
        refuse_outdated(engine)
        for change in make(engine, planned, SystemClock().now()):
            print(printable(str(change)))
    for problem in planned.fresh:
        print(printable(problem.told), file=sys.stderr)


def _written(where: str) -> Any:
    """Criteria of a command line as crm.yaml has them."""
    import yaml

    try:
        return yaml.safe_load(where)
    except yaml.YAMLError:
        raise Refusal("--where is no JSON or YAML", WRONG_USE) from None


@group.command()
def pause(key: Key) -> None:
    """Keep its members as they are; nobody comes or goes."""
    _set_status(key, "paused")


@group.command()
def resume(key: Key) -> None:
    """Let its members follow again, or take it out of the archive."""
    _set_status(key, "active")


@group.command()
def archive(key: Key) -> None:
    """Put it away; its members are kept."""
    _set_status(key, "archived")


@group.command()
def join(key: Key, customers: Customers) -> None:
    """Put customers into a static segment."""
    _change(key, customers, is_in=True)


@group.command()
def leave(key: Key, customers: Customers) -> None:
    """Take customers out of a static segment."""
    _change(key, customers, is_in=False)


def _change(key: str, customers: list[str], *, is_in: bool) -> None:
    from crm.services.find import resolve
    from crm.services.ledger import Cause
    from crm.services.segment_book import change_members
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        country = store.business.country
        ids = [resolve(store.db, store.business_id, one, country) for one in customers]
        count = change_members(
            store.db, store.business_id, store.business, key, ids, Cause(by="cli"),
            SystemClock().now(), is_in=is_in,
        )  # fmt: skip
    print(f"{count} changed")


def _set_status(key: str, status: str) -> None:
    from crm.services.segment_book import set_status
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock

    with open_store() as store:
        set_status(store.db, store.business_id, key, status, SystemClock().now())
    print(f"segment {key}: {status}")


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    from engine.fields.plain import to_plain

    return {
        name: value if isinstance(value, dict | list) else to_plain(value)
        for name, value in row.items()
    }
