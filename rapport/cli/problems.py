"""Printing what is wrong in the files of a project."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from engine.problems import Problem
from engine.source import excerpt
from rapport.printable import printable


def located(problems: Iterable[Problem], folder: Path) -> list[Problem]:
    """The problems with paths that a person or an editor can open from here."""
    return [
        replace(problem, position=replace(problem.position, file=where(folder, problem)))
        for problem in problems
    ]


def where(folder: Path, problem: Problem) -> str:
    return str(folder / problem.position.file)


def as_text(problem: Problem) -> str:
    """The problem, then the line it is about with a caret under the place."""
    try:
        text = Path(problem.position.file).read_text(encoding="utf-8", errors="replace")
    except OSError:  # the problem may be that there is no such file
        return printable(str(problem))
    shown = excerpt(text, problem.position)
    return printable("\n".join([str(problem), *(f"    {line}" for line in shown.splitlines())]))


def count_of(problems: Iterable[Problem]) -> str:
    """`2 errors, 1 warning`, or `no problems`."""
    severities = [problem.severity for problem in problems]
    counts = [(severities.count(name), name) for name in ("error", "warning")]
    parts = [f"{count} {name}{'s' * (count != 1)}" for count, name in counts if count]
    return ", ".join(parts) or "no problems"
