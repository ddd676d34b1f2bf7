"""`rapport graph`: pictures of flows."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.failing import FOUND_PROBLEMS, WRONG_USE, Refusal
from rapport.cli.output import say
from rapport.cli.paths import PathArgument, chosen

if TYPE_CHECKING:
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
    drawn = {one.key: _draw(one, language or loaded.business.language, form) for one in flows}
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


def _draw(flow: Flow, language: str, form: Picture) -> str:
    from rapport.pictures.mermaid import mermaid
    from rapport.pictures.outline import outline_of
    from rapport.pictures.svg import svg

    outline = outline_of(flow, flow.language or language)
    return svg(outline) if form is Picture.SVG else mermaid(outline)
