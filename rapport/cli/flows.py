"""`rapport flows`: the flows that are applied, their versions, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.failing import Refusal
from rapport.cli.output import Format, FormatOption, Report, ReportOption, print_rows
from rapport.cli.paths import chosen
from rapport.printable import printable

if TYPE_CHECKING:
    from crm.services.versions import FlowVersion
    from rapport.cli.store import Store

group = typer.Typer(
    name="flows", help="The flows that are applied, and their versions.", rich_markup_mode=None
)

FLOWS = ("flow", "version", "applied_at", "in_it", "in_earlier", "file", "withdrawn_at")
VERSIONS = ("version", "applied_at", "in_it", "file", "state")

FlowArgument = Annotated[str, typer.Argument(help="the flow's name")]
ProjectOption = Annotated[
    Path | None, typer.Option("--project", help="its folder; default: RAPPORT_FLOWS")
]


@group.command("list")
def list_(form: FormatOption = Format.TABLE) -> None:
    """Every flow with its newest version, and how many people are in that and in earlier ones."""
    from crm.services.versions import versions_of
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store

    with open_store() as store:
        found = versions_of(store.db, store.business_id)
    rows: dict[str, dict[str, Any]] = {}
    for one in found:  # the newest comes last
        before = rows.get(one.flow)
        earlier = before["in_it"] + before["in_earlier"] if before else 0
        rows[one.flow] = {
            "flow": one.flow,
            "version": one.number,
            "applied_at": to_plain(one.applied_at),
            "in_it": one.open_runs,
            "in_earlier": earlier,
            "file": one.path,
            "withdrawn_at": to_plain(one.withdrawn_at),
        }
    print_rows(list(rows.values()), FLOWS, form, "no flow was applied")


@group.command()
def versions(flow: FlowArgument, form: FormatOption = Format.TABLE) -> None:
    """The versions of a flow, the newest first."""
    from crm.services.versions import versions_of
    from engine.fields.plain import to_plain
    from rapport.cli.store import open_store

    with open_store() as store:
        found = versions_of(store.db, store.business_id, flow)
    rows = [
        {
            "version": one.number,
            "applied_at": to_plain(one.applied_at),
            "in_it": one.open_runs,
            "file": one.path,
            "state": _state(one, found[-1]),
        }
        for one in reversed(found)
    ]
    print_rows(rows, VERSIONS, form, "")


@group.command()
def show(
    flow: FlowArgument,
    number: Annotated[int | None, typer.Argument(help="the version [default: the newest]")] = None,
) -> None:
    """The text of a version."""
    from rapport.cli.store import open_store

    with open_store() as store:
        print(printable(_source(store, flow, number)[1]).removesuffix("\n"))


@group.command()
def diff(
    flow: FlowArgument,
    first: Annotated[int | None, typer.Argument(metavar="[A]", help="a version")] = None,
    second: Annotated[int | None, typer.Argument(metavar="[B]", help="another one")] = None,
    project: ProjectOption = None,
) -> None:
    """What differs between two versions; of one, to the newest; of none, from the newest to the
    file of the project, which is what `rapport apply` would change.
    """
    from difflib import unified_diff

    from rapport.cli.store import open_store

    with open_store() as store:
        before = _source(store, flow, first)
        after = _in_project(project, flow) if first is None else _source(store, flow, second)
    lines = unified_diff(
        before[1].splitlines(), after[1].splitlines(), before[0], after[0], lineterm=""
    )
    told = [printable(line) for line in lines]
    print("\n".join(told) if told else "no differences")


@group.command()
def rollback(
    flow: FlowArgument,
    number: Annotated[int, typer.Argument(help="the version to go back to")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="print what would change and change nothing")
    ] = False,
    project: ProjectOption = None,
    form: ReportOption = Report.TEXT,
) -> None:
    """Make an earlier version the newest: write its text into the flow's file, and apply it.

    People who wait are moved as by any change of the flow.
    """
    from rapport.cli.apply import foreseen, show_and_update
    from rapport.cli.applying import sound
    from rapport.cli.output import say
    from rapport.cli.store import open_database, open_store
    from rapport.project import find_project
    from rapport.rollback import plan_rollback, refuse_more

    folder = find_project(chosen(project))
    with open_store() as store:
        planned = plan_rollback(store.db, store.business_id, folder, flow, number)
        key = store.business.key
    after = sound(planned.after, folder)
    if after.business.key != key:
        raise Refusal(f"{folder} is not the project of the business '{key}'")
    with open_database() as engine:
        update = foreseen(engine, after)
        refuse_more(planned, update)
        show_and_update(engine, after, update, form, dry_run=dry_run, writing=planned.written())
    if not dry_run:
        say(f"{planned.file} has the text of version {number}")


def _source(store: Store, flow: str, number: int | None) -> tuple[str, str]:
    """What a version is called, and its text; of the newest where no number is given."""
    from crm.services.projects import flow_source
    from crm.services.versions import newest_number

    newest = newest_number(store.db, store.business_id, flow)
    number = newest if number is None else number
    return f"{flow} version {number}", flow_source(store.db, store.business_id, flow, number).source


def _in_project(project: Path | None, flow: str) -> tuple[str, str]:
    """The file of a flow, and its text there; '' where the project does not have it any more."""
    from rapport.project import find_project, read_project

    folder = find_project(chosen(project))
    loaded = read_project(folder)
    if flow not in loaded.flows:
        return str(folder), ""
    return str(folder / loaded.files[flow]), loaded.flows[flow].source


def _state(one: FlowVersion, newest: FlowVersion) -> str:
    if one.number != newest.number:
        return ""
    return "current" if one.is_current else "withdrawn"
