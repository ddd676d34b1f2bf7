"""Starting a flow for everybody of a segment: planned for some customers at a time."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, insert, select, update

from crm.sql import Statement
from crm.tables import expansion, segment, segment_member
from rapport.runtime.firings import CATCH_UP, Planned, plan
from rapport.runtime.locks import skipping

AT_ONCE = 500
"""Customers planned for in one transaction."""


def expand(db: Connection, business_id: int, now: datetime) -> bool:
    """Plan the next customers of the oldest expansion; whether there was one.

    A firing is planned once for each customer, however often a piece is done. Who joins the segment
    while it is expanded is taken if their id is yet to come.
    """
    rows = _NEXT.fetch(db, business_id)
    if not rows:
        return False
    ((id_, key, trigger, request, after_id),) = rows
    members = [row[0] for row in _MEMBERS.fetch(db, business_id, key, after_id, AT_ONCE)]
    occurrence = f"expansion:{id_}"
    plan(
        db,
        business_id,
        [Planned(trigger, one, occurrence, request, now, now + CATCH_UP) for one in members],
    )
    done_at = now if len(members) < AT_ONCE else None
    _MOVE.run(db, members[-1] if members else after_id, done_at, id_, business_id)
    return True


EXPANSION_COLUMNS = ("business_id", "segment", "trigger", "request", "after_id", "created_at")
BEGIN = Statement(lambda _: insert(expansion), EXPANSION_COLUMNS)

_NEXT = Statement(
    lambda dialect: skipping(
        select(
            expansion.c.id,
            expansion.c.segment,
            expansion.c.trigger,
            expansion.c.request,
            expansion.c.after_id,
        )
        .where(expansion.c.business_id == bindparam("business"), expansion.c.done_at.is_(None))
        .order_by(expansion.c.id)
        .limit(1),
        dialect,
    ),
    ("business",),
)
_MEMBERS = Statement(
    lambda _: (
        select(segment_member.c.customer_id)
        .join(segment, segment.c.id == segment_member.c.segment_id)
        .where(
            segment_member.c.business_id == bindparam("business"),
            segment.c.business_id == segment_member.c.business_id,
            segment.c.key == bindparam("key"),
            segment_member.c.customer_id > bindparam("after"),
        )
        .order_by(segment_member.c.customer_id)
        .limit(bindparam("most"))
    ),
    ("business", "key", "after", "most"),
)
_MOVE = Statement(
    lambda _: (
        update(expansion)
        .where(expansion.c.id == bindparam("of"), expansion.c.business_id == bindparam("business"))
        .values(
            after_id=bindparam("after"),
            done_at=bindparam("at", type_=expansion.c.done_at.type),
        )
    ),
    ("after", "at", "of", "business"),
)
