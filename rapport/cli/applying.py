"""What the commands that apply a project share."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from engine.loader import Loaded
from rapport.cli.failing import FOUND_PROBLEMS
from rapport.cli.problems import as_text, count_of, located


def require_sound(folder: Path) -> Loaded:
    """The project, if it may be applied; else all its problems are printed and the command ends.

    Warnings are not shown: `rapport check` is for them.
    """
    from rapport.project import read_project

    return sound(read_project(folder), folder)


def sound(loaded: Loaded, folder: Path) -> Loaded:
    """As `require_sound`, of a project that is loaded."""
    if not loaded.ok:
        problems = located(loaded.problems, folder)
        for text in as_text(problems):
            print(text, file=sys.stderr)
        print(f"{folder}: {count_of(problems)}; nothing was applied", file=sys.stderr)
        raise typer.Exit(FOUND_PROBLEMS)
    return loaded
