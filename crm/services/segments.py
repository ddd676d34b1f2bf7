"""The segments a business declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from crm.services.changes import Change
from crm.tables import segment
from engine.business import Business, Segment
from engine.criteria.ast import to_canonical


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
        if row.status != "archived" and key not in business.segments:
            _update(db, business_id, row, status="archived")
            changes.append(Change("retired", "segment", key, "its members are kept"))
    return tuple(changes)


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
        "position": position,
    }
