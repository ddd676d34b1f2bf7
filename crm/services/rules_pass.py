"""The pass over all customers that finds what time has changed: nightly, and when rules change."""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, func, select, update

from crm.services.following import Following, by_id
from crm.services.totals import begin_of
from crm.sql import insert_for
from crm.tables import customer, scan_cursor, segment, segment_member
from engine.business import Business

PIECE = 500
"""Customers changed in one transaction."""

LOOKED_AT = 5
"""Of so many times as many is looked who has to change."""


class Pass:
    """One walk through all customers of a business; a piece for each call of `tick`.

    changed: how many things followed so far, by kind. seen: up to which customer it has come.
    """

    def __init__(self, business_id: int, business: Business, piece: int = PIECE) -> None:
        self._business_id = business_id
        self._business = business
        self._piece = piece
        self._name = secrets.token_hex(8)
        self._following: Following | None = None
        self.seen = 0
        self.changed: Counter[str] = Counter()

    def tick(self, db: Connection, now: datetime) -> bool:
        """Let everything follow for one piece, in the caller's transaction; False once all were
        looked at: then the members of each segment are counted. After a rollback just go on."""
        if self.seen == 0:
            self._following = Following(db, self._business_id, self._business)
            mark_begun(db, self._business_id, self._name)
        last = self._end_of_window(db)
        if last is None:
            count_members(db, self._business_id, now)
            mark_passed(db, self._business_id, self._name, now)
            return False
        assert self._following is not None, "it was made with the first piece"
        found, seen = self._following.astray(db, now, self.seen, last, self._piece)
        if found:
            self.changed += self._following.settle(db, found, now)
        self.seen = seen
        return True

    def _end_of_window(self, db: Connection) -> int | None:
        """Up to which customer the next piece looks; None at the end."""
        window = (
            select(customer.c.id)
            .where(by_id(self._business_id), customer.c.id > self.seen)
            .order_by(customer.c.id)
            .limit(self._piece * LOOKED_AT)
        )
        last: int | None = db.scalar(select(func.max(window.subquery().c.id)))
        return last


def count_members(db: Connection, business_id: int, now: datetime) -> None:
    """Keep how many members each segment has, and since when that is so."""
    members = (
        select(func.count())
        .where(
            segment_member.c.segment_id == segment.c.id,
            segment_member.c.business_id == business_id,
        )
        .scalar_subquery()
    )
    counted = update(segment).where(segment.c.business_id == business_id)
    db.execute(counted.values(member_count=members, last_calculated_at=now))


_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_WALK = "rules"
"""Where a pass says in `scan_cursor` when it was through."""


def mark_begun(db: Connection, business_id: int, name: str) -> None:
    """A pass goes on by the rules as they are now. It is still due, should nobody end it."""
    row = {"business_id": business_id, "trigger": _WALK, "position": name, "moved_at": _NEVER}
    statement = insert_for(db.dialect.name)(scan_cursor).values(row)
    key = ["business_id", "trigger"]
    db.execute(statement.on_conflict_do_update(index_elements=key, set_={"position": name}))


def mark_passed(db: Connection, business_id: int, name: str, now: datetime) -> None:
    """A pass is through; where rules have changed since it began, another one is due all the same:
    its row is gone (`ask_for_pass`)."""
    mine = (scan_cursor.c.business_id == business_id, scan_cursor.c.trigger == _WALK)
    through = update(scan_cursor).where(*mine, scan_cursor.c.position == name)
    db.execute(through.values(position="", moved_at=now))


def ask_for_pass(db: Connection, business_id: int) -> None:
    """Rules have changed: the next look begins a pass."""
    mine = (scan_cursor.c.business_id == business_id, scan_cursor.c.trigger == _WALK)
    db.execute(delete(scan_cursor).where(*mine))


def next_pass(db: Connection, business_id: int, business: Business) -> datetime | None:
    """When the next pass is due: as a new day of the business begins. None: at once, for rules have
    changed since the last one."""
    mine = (scan_cursor.c.business_id == business_id, scan_cursor.c.trigger == _WALK)
    passed = db.scalar(select(scan_cursor.c.moved_at).where(*mine))
    if passed is None:
        return None
    today = passed.astimezone(ZoneInfo(business.timezone)).date()
    return begin_of(today + timedelta(days=1), business)


def is_pass_due(db: Connection, business_id: int, business: Business, now: datetime) -> bool:
    """Whether rules have changed since the last pass, or a new day of the business has begun."""
    due = next_pass(db, business_id, business)
    return due is None or due <= now
