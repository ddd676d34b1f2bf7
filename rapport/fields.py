"""A field added, taken out of use or back: in crm.yaml and in the database (rapport.editing)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import Connection, Engine

from crm.services.changes import Change
from crm.services.projects import (
    apply_fields,
    business_id_of,
    flow_source,
    open_versions,
)
from crm.services.slot_indexes import build_wanted_indexes
from engine.loader import CRM_FILE, Loaded, load_flow
from engine.problems import Problem
from nodes import KINDS
from rapport.editing import Edit, EditRefused, Planned, edited, in_both


def plan(folder: Path, before: Loaded, keys: Collection[str], edit: Edit) -> Planned:
    """What `edit`, a change of the fields `keys`, would make of a sound project. The order of the
    fields may change besides. Raises EditRefused for what cannot be."""
    planned = edited(folder, before, edit)
    after, fresh = planned.after, planned.fresh
    here = [one for one in fresh if one.position.file == CRM_FILE]
    adds = not before.business.fields.keys() >= set(keys)
    if adds and any(one.severity == "error" for one in here):
        raise EditRefused(here[0].told)
    if _changed(before, after) != set(keys):
        raise EditRefused(f"{CRM_FILE} is written in an unusual way: change it by hand")
    return planned


def used_at(planned: Planned) -> tuple[Problem, ...]:
    """What the project would have to say against a change, with the places as they are now."""
    return tuple(_as_it_was(one, planned.was, planned.text) for one in planned.fresh)


def make(engine: Engine, planned: Planned, now: datetime) -> tuple[Change, ...]:
    """Change the database and the file; what became of fields. Raises EditRefused and what
    `sync_fields` raises."""
    business = planned.after.business

    def apply(db: Connection) -> tuple[Change, ...]:
        _refuse_where_somebody_is_in(db, planned)
        changes = apply_fields(db, business, planned.after.crm_source, now).changes
        if db.dialect.name == "sqlite":
            build_wanted_indexes(db, now)
        return changes

    return tuple(one for one in in_both(engine, planned, apply) if one.kind == "field")


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
            raise EditRefused(
                f"{count} customers are in version {number} of the flow '{flow}', which uses the "
                "field: wait until they have finished"
            )


def places(problems: Sequence[Problem]) -> str:
    """Where something is used: `order.yaml:8, help.yaml:3`."""
    found = (f"{one.position.file}:{one.position.line}" for one in problems)
    return ", ".join(dict.fromkeys(found))
