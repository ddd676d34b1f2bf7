"""Triggers that count from the time of a datetime: two hours before an appointment."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, select

from crm.tables import customer
from engine.clocked import field_of, offsets_of
from engine.durations import Duration
from engine.flow import Trigger
from engine.scope import known_zone
from rapport.runtime.cursors import Cursor
from rapport.runtime.firings import PLAN, Planned, decided_row, expiry_of
from rapport.runtime.library import Library
from rapport.runtime.sweeps import PIECE, column_of, named

A_WHILE = timedelta(minutes=1)
"""Of what was missed so much is planned in one transaction."""

_ROUND = timedelta(days=1, hours=2)
"""A calendar day is not always 24 hours, and the zone decides which: so much is looked around."""


def next_time(
    db: Connection, library: Library, trigger: Trigger, after: datetime
) -> datetime | None:
    """The first moment after `after` at which somebody's time, moved by an offset, comes."""
    moments = [
        due
        for offset in offsets_of(trigger)
        if (due := _first(db, library, trigger, offset, after))
    ]
    return min(moments, default=None)


def _first(
    db: Connection, library: Library, trigger: Trigger, offset: Duration, after: datetime
) -> datetime | None:
    column = column_of(db, library, field_of(trigger))
    begin = after - _exact(offset) - (_ROUND if offset.days else timedelta())
    rows = db.execute(
        select(column, customer.c.timezone)
        .where(
            customer.c.business_id == library.business_id,
            customer.c.archived_at.is_(None),
            column > begin,
        )
        .order_by(column)
        .limit(PIECE)
    ).all()
    dues = [_moved(library, value, zone, offset) for value, zone in rows]
    later = [due for due in dues if due > after]
    if later or len(rows) < PIECE:
        return min(later, default=None)
    return dues[-1]  # looking on from there


def plan_times(
    db: Connection, library: Library, trigger: Trigger, cursor: Cursor, until: datetime,
    now: datetime,
) -> None:  # fmt: skip
    column = column_of(db, library, field_of(trigger))
    rows = []
    for offset in offsets_of(trigger):
        slack = _ROUND if offset.days else timedelta()
        found = db.execute(
            select(customer.c.id, column, customer.c.timezone).where(
                and_(
                    customer.c.business_id == library.business_id,
                    customer.c.archived_at.is_(None),
                    column > cursor.done_at - _exact(offset) - slack,
                    column <= until - _exact(offset) + slack,
                )
            )
        )
        for customer_id, value, zone in found:
            due_at = _moved(library, value, zone, offset)
            if cursor.done_at < due_at <= until:
                rows.append(_time_row(library, trigger, customer_id, value, offset, due_at, now))
    PLAN.many(db, rows)


def _time_row(
    library: Library,
    trigger: Trigger,
    customer_id: int,
    value: datetime,
    offset: Duration,
    due_at: datetime,
    now: datetime,
) -> tuple[Any, ...]:
    event_ = {"value": value.isoformat(), "days_before": -offset.days, "depth": 1}
    row = Planned(
        trigger.id, customer_id, f"{value.isoformat()}:{named(offset)}",
        {"flow": trigger.flow, "event": event_}, due_at,
        expiry_of(trigger, due_at, library.business),
    )  # fmt: skip
    return decided_row(row, library.business_id, None, now)


def _moved(library: Library, value: datetime, zone: str | None, offset: Duration) -> datetime:
    return offset.after(value, known_zone(zone or "", library.business.timezone))


def _exact(offset: Duration) -> timedelta:
    return timedelta(days=offset.days, seconds=offset.seconds)
