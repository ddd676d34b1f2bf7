"""The segments a business declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Row, insert, select, update

from crm.services.changes import Change
from crm.tables import segment
from engine.business import Business, Segment
from engine.criteria import read_criterion
from engine.criteria.ast import to_canonical
from engine.shapes.conditions import customer_catalogue


def sync_segments(
    db: Connection, business_id: int, business: Business, now: datetime
) -> tuple[Change, ...]:
    """Make the segments those that `business` declares; one that is gone is archived."""
    rows = db.execute(select(segment).where(segment.c.business_id == business_id)).all()
    known = {row.key: row for row in rows}
    _free_names(db, business_id, known, business.segments)
    changes = []
    for position, (key, item) in enumerate(business.segments.items(), 1):
        wanted = _described(item, position)
        row = known.get(key)
        if row is None:
            db.execute(
                insert(segment).values(
                    business_id=business_id,
                    key=key,
                    status="active",
                    member_count=0,
                    created_at=now,
                    **wanted,
                )
            )
            changes.append(Change("added", "segment", key))
        elif row.status == "archived":
            _update(db, business_id, row, status="active", **wanted)
            changes.append(Change("restored", "segment", key))
        elif changed := [name for name, value in wanted.items() if getattr(row, name) != value]:
            _update(db, business_id, row, **wanted)
            # A position alone is no news: it moves whenever a segment above comes or goes.
            if changed != ["position"]:
                changes.append(Change("changed", "segment", key, ", ".join(changed)))
    for key, row in known.items():
        by_hand = row.created_by is not None
        if row.status != "archived" and key not in business.segments and not by_hand:
            _update(db, business_id, row, status="archived")
            changes.append(Change("retired", "segment", key, "its members are kept"))
    return tuple(changes)


def segment_ids(db: Connection, business_id: int) -> dict[str, int]:
    """The ids of all segments by key, the archived too."""
    rows = db.execute(
        select(segment.c.key, segment.c.id).where(segment.c.business_id == business_id)
    )
    return {row.key: row.id for row in rows}


def with_stored_segments(db: Connection, business_id: int, business: Business) -> Business:
    """The business with its segments as the database has them: which are paused, and those that
    were made beside crm.yaml. Archived ones are none."""
    rows = db.execute(
        select(segment)
        .where(segment.c.business_id == business_id, segment.c.status != "archived")
        .order_by(segment.c.position, segment.c.id)
    )
    stored = {row.key: _stored(row, business) for row in rows}
    return business if stored == business.segments else replace(business, segments=stored)


def _stored(row: Row[Any], business: Business) -> Segment:
    declared = business.segments.get(row.key)
    paused = row.status == "paused"
    if declared is not None:
        return replace(declared, paused=paused) if paused else declared
    criterion = None
    if row.criteria is not None:
        # What it asks for may be gone since: then nobody comes or goes.
        criterion = read_criterion(row.criteria, customer_catalogue(business), lambda *_: None)
    return Segment(
        row.key, row.name, row.color, row.description or "", row.kind == "static", criterion,
        tuple(row.tags or ()), paused or (row.kind == "dynamic" and criterion is None),
    )  # fmt: skip


def _free_names(
    db: Connection,
    business_id: int,
    known: Mapping[str, Row[Any]],
    declared: Mapping[str, Segment],
) -> None:
    """Names are unique: one that moves to another key must leave its old holder first."""
    claimed = {item.name: key for key, item in declared.items()}
    for key, row in known.items():
        if claimed.get(row.name, key) != key:
            _update(db, business_id, row, name=f"{row.name[:180]} #{row.id}")


def _update(db: Connection, business_id: int, row: Row[Any], **values: Any) -> None:
    mine = (segment.c.id == row.id, segment.c.business_id == business_id)
    db.execute(update(segment).where(*mine).values(**values))


def _described(item: Segment, position: int) -> dict[str, Any]:
    return {
        "name": item.name,
        "kind": "static" if item.static else "dynamic",
        "color": item.color,
        "description": item.description or None,
        "criteria": None if item.criterion is None else to_canonical(item.criterion),
        "tags": list(item.tags) or None,
        "position": position,
        "created_by": None,
    }
