"""Printing what is wrong in the files of a project: for people, programs and GitHub."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer
from msgspec.structs import replace

from engine.problems import Problem
from rapport.printable import printable

MOST_SHOWN = 100
"""Letters of a line that are shown, with the place among them: a line may have a million."""

_COLOURS = {"error": "red", "warning": "yellow"}


def located(problems: Iterable[Problem], folder: Path) -> list[Problem]:
    """The problems with paths that a person or an editor can open from here."""
    return [
        replace(problem, position=replace(problem.position, file=where(folder, problem)))
        for problem in problems
    ]


def where(folder: Path, problem: Problem) -> str:
    return str(folder / problem.position.file)


def as_text(problems: Iterable[Problem], *, coloured: bool = False) -> Iterator[str]:
    """Each problem, then the line it is about with a caret under the place."""
    files: dict[str, list[str]] = {}
    for problem in problems:
        at = problem.position
        if at.file not in files:
            files[at.file] = _lines_of(Path(at.file))
        shown = excerpt(files[at.file], at.line, at.column)
        place, code, told = (printable(part) for part in (str(at), problem.code, problem.told))
        colour = _COLOURS[problem.severity] if coloured else None
        lines = [f"{place} {_painted(code, colour)} {told}"]
        if shown:
            lines += [f"    {printable(shown[0])}", f"    {_painted(shown[1], colour)}"]
        yield "\n".join(lines)


def excerpt(lines: list[str], line: int, column: int) -> tuple[str, str] | None:
    """The line, or the part of it around the column, and a caret below the column; both from 1.

    None where there is no such line.
    """
    if not 0 < line <= len(lines):
        return None
    written = lines[line - 1]
    first = max(0, column - MOST_SHOWN // 2) if len(written) > MOST_SHOWN else 0
    begins = "…" if first else ""
    ends = "…" if len(written) > first + MOST_SHOWN else ""
    blank = "".join(map(_blank, begins + written[first : column - 1]))
    return f"{begins}{written[first : first + MOST_SHOWN]}{ends}", f"{blank}^"


def _blank(letter: str) -> str:
    """What takes as much room on a terminal as the letter."""
    if letter == "\t":
        return letter
    if unicodedata.combining(letter) or unicodedata.category(letter) == "Cf":
        return ""
    return "  " if unicodedata.east_asian_width(letter) in "WF" else " "


def _painted(text: str, colour: str | None) -> str:
    return typer.style(text, fg=colour, bold=True) if colour else text


def _lines_of(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig", errors="replace")
    except OSError:  # the problem may be that there is no such file
        return []
    return text.splitlines()


_IN_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_DATA | str.maketrans({":": "%3A", ",": "%2C"})


def as_annotation(problem: Problem) -> str:
    """The problem as a workflow command, which GitHub shows beside the line in a pull request.

    docs.github.com/actions/reference/workflow-commands-for-github-actions, read 2026-11-20; what
    is escaped is in the source of its toolkit (packages/core/src/command.ts).
    """
    at = problem.position
    properties = {"file": at.file, "line": at.line, "col": at.column, "title": problem.code}
    written = ",".join(
        f"{name}={str(value).translate(_IN_PROPERTY)}" for name, value in properties.items()
    )
    return f"::{problem.severity} {written}::{printable(problem.told).translate(_IN_DATA)}"


def count_of(problems: Iterable[Problem]) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    severities = [problem.severity for problem in problems]
    counts = [(severities.count(name), name) for name in ("error", "warning")]
    parts = [f"{count} {name}{'s' * (count != 1)}" for count, name in counts if count]
    return ", ".join(parts) or "no problems"
