"""The tags a business may put on its customers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from crm.services.changes import Change, Verb
from crm.tables import customer_tag, tag
from engine.business import Business, Tag
from engine.fields.fold import fold


def sync_tags(
    db: Connection, business_id: int, business: Business, now: datetime
) -> tuple[Change, ...]:
    """Make the tags those that `business` declares; one that is gone stays on who has it."""
    rows = db.execute(select(tag).where(tag.c.business_id == business_id)).all()
    known = {row.folded: row for row in rows}
    declared = {fold(item.name): item for item in business.tags.values()}
    changes = []
    for folded, item in declared.items():
        wanted = _described(item)
        row = known.get(folded)
        if row is None:
            db.execute(
                insert(tag).values(business_id=business_id, folded=folded, created_at=now, **wanted)
            )
            changes.append(Change("added", "tag", item.name))
        elif changed := [name for name, value in wanted.items() if getattr(row, name) != value]:
            _update(db, business_id, row, **wanted)
            verb: Verb = "changed" if row.is_active else "restored"
            changes.append(Change(verb, "tag", item.name, ", ".join(changed)))
    for folded, row in known.items():
        if row.is_active and folded not in declared:
            _update(db, business_id, row, is_active=False)
            changes.append(Change("retired", "tag", row.name, "customers who have it keep it"))
    return tuple(changes)


def tag_ids(db: Connection, business_id: int) -> dict[str, int]:
    """The ids of all tags by name, those taken out of use too."""
    rows = db.execute(select(tag.c.name, tag.c.id).where(tag.c.business_id == business_id))
    return {row.name: row.id for row in rows}


def tags_of(
    db: Connection, business_id: int, customers: Collection[int]
) -> dict[int, frozenset[str]]:
    """The names of the tags that each of these customers has."""
    rows = db.execute(
        select(customer_tag.c.customer_id, tag.c.name)
        .join(tag, tag.c.id == customer_tag.c.tag_id)
        .where(
            customer_tag.c.business_id == business_id,
            customer_tag.c.customer_id.in_(sorted(customers)),
        )
    )
    found: defaultdict[int, set[str]] = defaultdict(set)
    for row in rows:
        found[row.customer_id].add(row.name)
    return {customer_id: frozenset(names) for customer_id, names in found.items()}


def _update(db: Connection, business_id: int, row: Row[Any], **values: Any) -> None:
    mine = (tag.c.id == row.id, tag.c.business_id == business_id)
    db.execute(update(tag).where(*mine).values(**values))


def _described(item: Tag) -> dict[str, object]:
    return {
        "name": item.name,
        "color": item.color,
        "description": item.description or None,
        "is_active": True,
    }
