"""`rapport check`: every problem of a project's files."""

from __future__ import annotations

import os
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.problems import Problem
from rapport.cli.changes import changes
from rapport.cli.failing import FOUND_PROBLEMS, explain
from rapport.cli.output import print_json, say
from rapport.cli.paths import PathArgument, chosen
from rapport.cli.problems import as_annotation, as_text, count_of, located


class Findings(StrEnum):
    """How problems are printed: for people, for programs, or for GitHub's pull requests."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


def check(
    path: PathArgument = None,
    strict: Annotated[bool, typer.Option("--strict", help="warnings fail too")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="again after every change")] = False,
    form: Annotated[
        Findings, typer.Option("--format", help="text, json or github")
    ] = Findings.TEXT,
) -> None:
    """Say everything that is wrong in a project's files, or in those of several projects."""
    project = chosen(path)
    if watch:
        _watch(project, form)
        return
    found = _checked(project, form)
    if (strict and found) or any(problem.severity == "error" for problem in found):
        raise typer.Exit(FOUND_PROBLEMS)


def _checked(path: Path, form: Findings) -> list[Problem]:
    """The problems of every project at the path, printed. Raises NoProject and OSError."""
    from rapport.project import find_projects, read_project

    found: list[Problem] = []
    for folder in find_projects(path):
        loaded = read_project(folder)
        problems = located(loaded.problems, folder)
        found += problems
        if form is Findings.TEXT:
            _print(problems, len(loaded.flows), folder)
        elif form is Findings.GITHUB:
            for problem in problems:
                print(as_annotation(problem))
    if form is Findings.JSON:
        print_json([problem.as_json() for problem in found])
    return found


def _print(problems: list[Problem], flows: int, folder: Path) -> None:
    for text in as_text(problems, coloured=_is_coloured()):
        print(text)
    print(f"{folder}: {flows} flow{'s' * (flows != 1)}, {count_of(problems)}", flush=True)


def _is_coloured() -> bool:
    """Whether a person reads it who wants colours (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _watch(path: Path, form: Findings) -> None:
    """Check now and after each change, until Ctrl-C. A file that is just being written may be
    gone for a moment: that is said, and looked at again."""
    try:
        for number, _ in enumerate(changes(path, time.sleep)):
            if number:
                say(f"-- changed at {time.strftime('%H:%M:%S')}")
            try:
                _checked(path, form)
            except Exception as error:
                told = explain(error)
                if told is None:
                    raise
                say(told[0])
    except KeyboardInterrupt:
        return
