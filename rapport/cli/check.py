"""`rapport check`: every problem of a project's files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.problems import Problem
from rapport.cli.failing import FOUND_PROBLEMS
from rapport.cli.output import Report, ReportOption, print_json
from rapport.cli.paths import PathArgument, chosen
from rapport.cli.problems import as_text, count_of, located


def check(
    path: PathArgument = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings fail too")] = False,
    form: ReportOption = Report.TEXT,
) -> None:
    """Say everything that is wrong in a project's files, or in those of several projects."""
    from rapport.project import find_projects, read_project

    found: list[Problem] = []
    for folder in find_projects(chosen(path)):
        loaded = read_project(folder)
        problems = located(loaded.problems, folder)
        found += problems
        if form is Report.TEXT:
            _print(problems, len(loaded.flows), folder)
    if form is Report.JSON:
        print_json([problem.as_json() for problem in found])
    if (strict and found) or any(problem.severity == "error" for problem in found):
        raise typer.Exit(FOUND_PROBLEMS)


def _print(problems: list[Problem], flows: int, folder: Path) -> None:
    for problem in problems:
        print(as_text(problem))
    print(f"{folder}: {flows} flow{'s' * (flows != 1)}, {count_of(problems)}")
