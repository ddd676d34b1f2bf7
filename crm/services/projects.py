"""Applying a project: the database made to agree with its files, and what the files were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, update

from crm.errors import NotFound
from crm.services.changes import Change
from crm.services.field_sync import sync_fields
from crm.services.movings import want_moving
from crm.services.rules_pass import ask_for_pass
from crm.services.segments import sync_segments
from crm.services.tags import sync_tags
from crm.tables import business as business_table
from crm.tables import flow_version, run
from engine.business import Business


class FlowFile(NamedTuple):
    """A flow's file: its path inside the project, and its text."""

    path: str
    source: str


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a project did; `changes` is empty where the database agreed already."""

    business_id: int
    changes: tuple[Change, ...]


def apply_project(
    db: Connection,
    business: Business,
    crm_source: str,
    flows: Mapping[str, tuple[str, str]],
    now: datetime,
) -> Applied:
    """Make the database agree with a project that was loaded without errors.

    crm_source: the text of crm.yaml. flows: every flow by key, as (path inside the project, text);
    a new version of one begins where its text has changed. Nothing that holds data is removed.
    To see the changes alone, roll the transaction back. Raises what `sync_fields` does.
    """
    business_id, changes = _sync_business(db, business, crm_source, now)
    changes += sync_fields(db, business_id, business, now)
    changes += sync_tags(db, business_id, business, now)
    changes += sync_segments(db, business_id, business, now)
    changes += _sync_flows(db, business_id, flows, now)
    if changes:
        _update(db, business_id, applied_at=now)
        ask_for_pass(db, business_id)
    return Applied(business_id, changes)


def apply_fields(db: Connection, business: Business, crm_source: str, now: datetime) -> Applied:
    """Make the fields alone agree with a new text of crm.yaml, which becomes the applied one.

    What `apply_project` raises, and NotFound where the project was never applied.
    """
    business_id_of(db, business.key)
    business_id, changes = _sync_business(db, business, crm_source, now)
    changes += sync_fields(db, business_id, business, now)
    _update(db, business_id, applied_at=now)
    return Applied(business_id, changes)


def apply_segments(db: Connection, business: Business, crm_source: str, now: datetime) -> Applied:
    """Make the segments alone agree with a new text of crm.yaml, which becomes the applied one; a
    pass begins. What `apply_project` raises, and NotFound where the project was never applied."""
    business_id_of(db, business.key)
    business_id, changes = _sync_business(db, business, crm_source, now)
    changes += sync_segments(db, business_id, business, now)
    _update(db, business_id, applied_at=now)
    ask_for_pass(db, business_id)
    return Applied(business_id, changes)


def applied_source(db: Connection, key: str) -> str:
    """The text of crm.yaml as it was applied last. Raises NotFound."""
    return project_source(db, business_id_of(db, key))


def open_versions(db: Connection, business_id: int) -> list[tuple[str, int, int]]:
    """The versions of flows that somebody is in: (flow, number, how many runs)."""
    rows = db.execute(
        select(run.c.flow, run.c.flow_version, func.count())
        .where(run.c.business_id == business_id, run.c.status != "ended")
        .group_by(run.c.flow, run.c.flow_version)
        .order_by(run.c.flow, run.c.flow_version)
    )
    return [(flow, number, count) for flow, number, count in rows]


def business_id_of(db: Connection, key: str) -> int:
    """Raises NotFound for a business whose project was never applied."""
    found = db.scalar(select(business_table.c.id).where(business_table.c.key == key))
    if found is None:
        raise NotFound(f"The business '{key}' is not in this database. Run `rapport apply` first.")
    return int(found)


def project_source(db: Connection, business_id: int) -> str:
    """The text of crm.yaml as it was applied."""
    statement = select(business_table.c.source).where(business_table.c.id == business_id)
    return str(db.execute(statement).scalar_one())


def last_applied_at(db: Connection, business_id: int) -> datetime | None:
    """When something of the business was last changed by applying a project."""
    statement = select(business_table.c.applied_at).where(business_table.c.id == business_id)
    applied_at: datetime | None = db.execute(statement).scalar_one()
    return applied_at


def current_versions(db: Connection, business_id: int) -> dict[str, int]:
    """The newest version of each flow that the project has now."""
    return {
        row.flow: row.number
        for row in _newest_versions(db, business_id)
        if row.withdrawn_at is None
    }


def flow_source(db: Connection, business_id: int, flow: str, number: int) -> FlowFile:
    """The file of a version, old and withdrawn ones too: runs end on the one they began with.

    Raises NotFound.
    """
    row = db.execute(
        select(flow_version.c.path, flow_version.c.source).where(
            flow_version.c.business_id == business_id,
            flow_version.c.flow == flow,
            flow_version.c.number == number,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no version {number} of the flow '{flow}'.")
    return FlowFile(row.path, row.source)


def _sync_business(
    db: Connection, business: Business, source: str, now: datetime
) -> tuple[int, tuple[Change, ...]]:
    row = db.execute(
        # Two programs that apply at once take turns.
        select(business_table).where(business_table.c.key == business.key).with_for_update()
    ).one_or_none()
    if row is None:
        statement = insert(business_table).returning(business_table.c.id)
        business_id = db.execute(
            statement.values(key=business.key, name=business.name, source=source, created_at=now)
        ).scalar_one()
        return business_id, (Change("added", "business", business.key),)
    if (row.name, row.source) == (business.name, source):
        return row.id, ()
    _update(db, row.id, name=business.name, source=source)
    return row.id, (Change("changed", "business", business.key, "crm.yaml"),)


def _update(db: Connection, business_id: int, **values: Any) -> None:
    db.execute(update(business_table).where(business_table.c.id == business_id).values(**values))


def _sync_flows(
    db: Connection, business_id: int, flows: Mapping[str, tuple[str, str]], now: datetime
) -> tuple[Change, ...]:
    newest = {row.flow: row for row in _newest_versions(db, business_id)}
    changes = []
    moving = False
    for key, (path, source) in flows.items():
        change = _sync_flow(db, business_id, key, FlowFile(path, source), newest.get(key), now)
        if change is not None:
            changes.append(change)
            moving = moving or key in newest
    if moving:
        want_moving(db, business_id, now)
    for key, row in newest.items():
        if row.withdrawn_at is None and key not in flows:
            _update_version(db, business_id, row, withdrawn_at=now)
            changes.append(Change("retired", "flow", key, "open runs finish, none start"))
    return tuple(changes)


def _sync_flow(
    db: Connection,
    business_id: int,
    key: str,
    file: FlowFile,
    newest: Row[Any] | None,
    now: datetime,
) -> Change | None:
    if newest is None or newest.source != file.source:
        number = 1 if newest is None else newest.number + 1
        db.execute(
            insert(flow_version).values(
                business_id=business_id,
                flow=key,
                number=number,
                path=file.path,
                source=file.source,
                applied_at=now,
            )
        )
        return Change("added" if newest is None else "changed", "flow", key, f"version {number}")
    if newest.withdrawn_at is not None:
        _update_version(db, business_id, newest, path=file.path, withdrawn_at=None)
        return Change("restored", "flow", key, f"version {newest.number}")
    if newest.path != file.path:
        _update_version(db, business_id, newest, path=file.path)
        return Change("changed", "flow", key, f"moved to {file.path}")
    return None


def _update_version(db: Connection, business_id: int, row: Row[Any], **values: Any) -> None:
    mine = (flow_version.c.id == row.id, flow_version.c.business_id == business_id)
    db.execute(update(flow_version).where(*mine).values(**values))


def _newest_versions(db: Connection, business_id: int) -> list[Row[Any]]:
    newest = (
        select(flow_version.c.flow, func.max(flow_version.c.number).label("number"))
        .where(flow_version.c.business_id == business_id)
        .group_by(flow_version.c.flow)
        .subquery()
    )
    statement = select(flow_version).join(
        newest,
        (flow_version.c.flow == newest.c.flow) & (flow_version.c.number == newest.c.number),
    )
    return list(db.execute(statement.where(flow_version.c.business_id == business_id)))
