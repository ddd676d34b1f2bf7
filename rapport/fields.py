"""A field added, taken out of use or back: in crm.yaml and in the database, in both or in neither.

crm.yaml is the truth that every apply enforces, so the change is made there, as its author would
make it (engine.editing), looked at as a whole project, and then applied to the database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection, Engine

from crm.services.changes import Change
from crm.services.projects import (
    applied_source,
    apply_fields,
    business_id_of,
    flow_source,
    open_versions,
)
from crm.services.slot_indexes import build_wanted_indexes
from engine.editing import CannotEdit
from engine.loader import CRM_FILE, Loaded, load_flow
from engine.problems import Problem
from nodes import KINDS
from rapport.files import replaced
from rapport.project import read_project

Edit = Callable[[str], str]


class FieldRefused(Exception):
    """Neither the file nor the database was changed; the text is one line with the way out."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A change of crm.yaml that is thought through and not made yet.

    used: what the project would have to say against it, with the places as they are now.
    """

    file: Path
    was: str
    text: str
    before: Loaded
    after: Loaded
    used: tuple[Problem, ...]


def plan(folder: Path, before: Loaded, keys: Collection[str], edit: Edit) -> Planned:
    """What `edit`, a change of the fields `keys`, would make of a sound project. The order of the
    fields may change besides. Raises FieldRefused for what cannot be."""
    file = (folder / CRM_FILE).resolve()
    was = file.read_bytes().decode("utf-8")
    try:
        text = _keeping_mark(was, edit)
    except CannotEdit as error:
        raise FieldRefused(f"{error}: change it by hand, then run `rapport apply`") from None
    after = read_project(folder, {CRM_FILE: text})
    fresh = [problem for problem in after.problems if _is_new(problem, before)]
    here = [one for one in fresh if one.position.file == CRM_FILE]
    adds = not before.business.fields.keys() >= set(keys)
    if adds and any(one.severity == "error" for one in here):
        raise FieldRefused(here[0].told)
    if _changed(before, after) != set(keys):
        raise FieldRefused(f"{CRM_FILE} is written in an unusual way: change it by hand")
    used = tuple(_as_it_was(one, was, text) for one in fresh)
    return Planned(file, was, text, before, after, used)


def make(engine: Engine, planned: Planned, now: datetime) -> tuple[Change, ...]:
    """Change the database and the file; what became of fields. Raises FieldRefused and what
    `sync_fields` raises."""
    business = planned.after.business
    with engine.connect() as db, db.begin() as transaction:
        if applied_source(db, business.key) != planned.before.crm_source:
            raise FieldRefused(
                f"{planned.file.name} has changes that are not applied: run `rapport apply` first"
            )
        _refuse_where_somebody_is_in(db, planned)
        source = planned.after.crm_source
        changes = apply_fields(db, business, source, now).changes
        if db.dialect.name == "sqlite":
            build_wanted_indexes(db, now)
        if planned.file.read_bytes().decode() != planned.was:
            raise FieldRefused(f"{planned.file.name} was changed meanwhile: try again")
        with replaced(planned.file, planned.was, planned.text):
            transaction.commit()
    return tuple(change for change in changes if change.kind == "field")


def _keeping_mark(text: str, edit: Edit) -> str:
    """Editors of some systems begin a file with a mark that is no part of it."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    return mark + edit(text.removeprefix(mark))


def _as_it_was(problem: Problem, was: str, text: str) -> Problem:
    """A problem of the changed crm.yaml at the line that it has without the change."""
    if problem.position.file != CRM_FILE:
        return problem
    old, new = was.splitlines(), text.splitlines()
    same = next(
        (at for at, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), 0
    )
    shift = len(new) - len(old) if problem.position.line > same else 0
    position = replace(problem.position, line=problem.position.line - shift)
    return replace(problem, position=position)


def _changed(before: Loaded, after: Loaded) -> set[str]:
    was, now = (
        {key: replace(item, order=0) for key, item in loaded.business.fields.items()}
        for loaded in (before, after)
    )
    return {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}


def _is_new(problem: Problem, before: Loaded) -> bool:
    """Places in crm.yaml move with the change, so there only what is said counts."""
    if problem.position.file == CRM_FILE:
        return (problem.code, problem.message) not in {
            (one.code, one.message) for one in before.problems
        }
    return problem not in before.problems


def _refuse_where_somebody_is_in(db: Connection, planned: Planned) -> None:
    """A version that people are in must still load: they finish on the one they began with."""
    business_id = business_id_of(db, planned.after.business.key)
    for flow, number, count in open_versions(db, business_id):
        source = flow_source(db, business_id, flow, number).source
        was, now = (
            load_flow(source, loaded.business, KINDS, flow, number)
            for loaded in (planned.before, planned.after)
        )
        if was is not None and now is None:
            raise FieldRefused(
                f"{count} customers are in version {number} of the flow '{flow}', which uses the "
                "field: wait until they have finished"
            )


def places(problems: Sequence[Problem]) -> str:
    """Where something is used: `order.yaml:8, help.yaml:3`."""
    found = (f"{one.position.file}:{one.position.line}" for one in problems)
    return ", ".join(dict.fromkeys(found))
