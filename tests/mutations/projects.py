"""The projects that mistakes are made in, and what is told of one with a mistake."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.loader import load_project
from engine.problems import Problem
from nodes import KINDS
from rapport.project import find_projects, industry_template
from tests.mutations.mistake import Mistake, Mutant

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Project:
    """name: of its folder. files: their texts by path."""

    name: str
    files: Mapping[str, str]

    def told(self, changed: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        """The problems, with other texts for some of the files."""
        files = {**self.files, **(changed or {})}
        return load_project(files, KINDS, industry_template).problems

    def kind_of(self, file: str) -> str:
        """The first key of a file: what it is."""
        found = re.search(r"^(\w+):", self.files[file], re.MULTILINE)
        return found[1] if found else ""


@cache
def projects() -> tuple[Project, ...]:
    """The example businesses, and one with what they do not use."""
    folders = [*find_projects(ROOT / "flows"), ROOT / "tests" / "mutations" / "specimens"]
    return tuple(map(_read, folders))


def _read(folder: Path) -> Project:
    files = {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.yaml"))
    }
    return Project(folder.name, files)


def places_of(mistake: Mistake) -> list[tuple[Project, Mutant]]:
    """Every place of every project at which the mistake can be made."""
    return [
        (project, mutant)
        for project in projects()
        for file, text in project.files.items()
        if mistake.file == project.kind_of(file)
        for mutant in mistake.made_in(file, text)
    ]


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a mutant. right: the problem that names it at its place, or None."""

    mutant: Mutant
    problems: tuple[Problem, ...]
    right: Problem | None

    @property
    def caught(self) -> bool:
        """Whether it was told at its place, with what to do about it."""
        return self.right is not None and bool(self.right.suggestion)


def tell(project: Project, mutant: Mutant) -> Told:
    problems = project.told({mutant.file: mutant.text})
    codes, lines = mutant.mistake.codes.split(), mutant.lines()
    right = [
        problem
        for problem in problems
        if problem.code in codes
        and problem.position.line in lines
        and problem.position.file == mutant.file
    ]
    return Told(mutant, problems, right[0] if right else None)
