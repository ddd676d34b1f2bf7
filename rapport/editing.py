"""A change of crm.yaml made by a command: in the file and in the database, in both or in neither.

crm.yaml is the truth that every apply enforces, so what people add by a command is written there,
as its author would write it (engine.editing), looked at as a whole project, and applied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine

from crm.services.changes import Change
from crm.services.projects import applied_source
from engine.editing import CannotEdit
from engine.loader import CRM_FILE, Loaded
from engine.problems import Problem
from rapport.files import replaced
from rapport.project import read_project

Edit = Callable[[str], str]


class EditRefused(Exception):
    """Neither the file nor the database was changed; the text is one line with the way out."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A change of crm.yaml that is thought through and not made yet.

    fresh: what the project has to say of it that it did not say before, with places in the new
    text.
    """

    file: Path
    was: str
    text: str
    before: Loaded
    after: Loaded
    fresh: tuple[Problem, ...]


def edited(folder: Path, before: Loaded, edit: Edit) -> Planned:
    """What `edit` would make of the crm.yaml of a sound project. Raises EditRefused."""
    file = (folder / CRM_FILE).resolve()
    was = file.read_bytes().decode("utf-8")
    try:
        text = _keeping_mark(was, edit)
    except CannotEdit as error:
        raise EditRefused(f"{error}: change it by hand, then run `rapport apply`") from None
    after = read_project(folder, {CRM_FILE: text})
    fresh = tuple(problem for problem in after.problems if _is_new(problem, before))
    return Planned(file, was, text, before, after, fresh)


def in_both(
    engine: Engine, planned: Planned, apply: Callable[[Connection], tuple[Change, ...]]
) -> tuple[Change, ...]:
    """Change the database by `apply`, and the file. Raises EditRefused and what `apply` raises."""
    with engine.connect() as db, db.begin() as transaction:
        if applied_source(db, planned.after.business.key) != planned.before.crm_source:
            raise EditRefused(
                f"{planned.file.name} has changes that are not applied: run `rapport apply` first"
            )
        changes = apply(db)
        if planned.file.read_bytes().decode() != planned.was:
            raise EditRefused(f"{planned.file.name} was changed meanwhile: try again")
        with replaced(planned.file, planned.was, planned.text):
            transaction.commit()
    return changes


def _keeping_mark(text: str, edit: Edit) -> str:
    """Editors of some systems begin a file with a mark that is no part of it."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return mark + edit(text.removeprefix(mark))


def _is_new(problem: Problem, before: Loaded) -> bool:
    """Places in crm.yaml move with the change, so there only what is said counts."""
    if problem.position.file == CRM_FILE:
        return (problem.code, problem.message) not in {
            (one.code, one.message) for one in before.problems
        }
    return problem not in before.problems
