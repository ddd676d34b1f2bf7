"""`rapport graph`: pictures of flows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from rapport.cli.failing import FOUND_PROBLEMS, WRONG_USE, Refusal
from rapport.cli.output import say
from rapport.cli.paths import PathArgument, chosen

if TYPE_CHECKING:
    from crm.services.passing import Passed
    from engine.flow import Flow
    from engine.loader import Loaded


class Picture(StrEnum):
    """How a flow is drawn."""

    SVG = "svg"
    MERMAID = "mermaid"


_ENDINGS = {Picture.SVG: "svg", Picture.MERMAID: "mmd"}


def graph(
    path: PathArgument = None,
    flow: Annotated[str, typer.Option("--flow", help="only this one")] = "",
    form: Annotated[Picture, typer.Option("--format", help="svg or mermaid")] = Picture.SVG,
    to: Annotated[
        Path | None, typer.Option("--to", help="a folder for a file of each flow [default: print]")
    ] = None,
    language: Annotated[
        str, typer.Option("--language", help="of the texts [default: the business's]")
    ] = "",
    stats: Annotated[
        bool, typer.Option("--stats", help="with the people who went through, from the database")
    ] = False,
    since: Annotated[
        str, typer.Option("--since", help="with --stats: of the runs begun in the last 30d")
    ] = "",
) -> None:
    """Draw flows: what is said and asked, where it leads, where people wait, what is lost."""
    from rapport.project import find_project, read_project

    folder = find_project(chosen(path))
    loaded = read_project(folder)
    if not loaded.ok:
        say(f"{folder} has problems, which `rapport check` tells; what could be read is drawn")
    flows = _wanted(loaded, flow)
    if to is None and len(flows) > 1:
        names = ", ".join(loaded.flows)
        raise Refusal(f"one flow can be printed: --flow with one of {names}; or --to", WRONG_USE)
    if since and not stats:
        raise Refusal("--since is for --stats", WRONG_USE)
    passed = _passed(flows, since) if stats else {}
    drawn = {
        one.key: _draw(
            one, language or one.language or loaded.business.language, form, passed.get(one.key)
        )
        for one in flows
    }
    if to is None:
        print("".join(drawn.values()), end="")
        return
    to.mkdir(parents=True, exist_ok=True)
    for key, text in drawn.items():
        file = to / f"{key}.{_ENDINGS[form]}"
        file.write_text(text, encoding="utf-8")
        print(file)


def _wanted(loaded: Loaded, key: str) -> list[Flow]:
    if not key:
        return list(loaded.flows.values())
    if key not in loaded.flows:
        raise Refusal(f"there is no flow '{key}': {', '.join(loaded.flows)}", FOUND_PROBLEMS)
    return [loaded.flows[key]]


def _passed(flows: Sequence[Flow], since: str) -> Mapping[str, Mapping[str, Passed]]:
    """What happened at the nodes of each flow, by its key."""
    from crm.services.passing import passed_through
    from rapport.cli.store import open_sight

    begun_after = _moment_before_now(since) if since else None
    with open_sight() as sight:
        id_ = sight.business_id
        return {
            flow.key: sight.read(partial(passed_through, business_id=id_, flow=flow.key,
                                         since=begun_after))
            for flow in flows
        }  # fmt: skip


def _moment_before_now(written: str) -> datetime:
    from engine.durations import Duration
    from rapport.runtime.clock import SystemClock

    try:
        span = Duration.parse(written.removeprefix("-"))
    except ValueError as error:
        raise Refusal(f"--since 30d: {error}", WRONG_USE) from None
    return Duration(-span.days, -span.seconds).after(SystemClock().now(), ZoneInfo("UTC"))


def _draw(flow: Flow, language: str, form: Picture, passed: Mapping[str, Passed] | None) -> str:
    from rapport.pictures.mermaid import mermaid
    from rapport.pictures.outline import outline_of
    from rapport.pictures.svg import svg

    outline = outline_of(flow, language)
    if passed is not None:
        from rapport.pictures.figures import with_figures

        outline = with_figures(outline, passed)
    return svg(outline) if form is Picture.SVG else mermaid(outline)
