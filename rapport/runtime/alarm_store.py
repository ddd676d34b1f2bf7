"""Alarms in the store, where all processes of a business share them. They never begin or commit."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from crm.sql import Statement, insert_for
from crm.tables import alarm as table
from rapport.redaction import redacted
from rapport.runtime.alarms import Alarm, News

LONGEST_REASON = 500


def alarms_of(db: Connection, business_id: int) -> list[Alarm]:
    """The newest alarm of each kind about each thing, whether it stands or is over."""
    return [Alarm(*row) for row in _ALL.fetch(db, business_id)]


def store_alarms(db: Connection, business_id: int, alarms: Iterable[Alarm]) -> bool:
    """Store what became of alarms; True. One that another process has raised already stays as it
    is."""
    insert = insert_for(db.dialect.name)
    for alarm in alarms:
        values = {
            "reason": redacted(alarm.reason)[:LONGEST_REASON],
            "raised_at": alarm.raised_at,
            "over_at": alarm.over_at,
            "told_raised_at": alarm.told_raised_at,
            "told_over_at": alarm.told_over_at,
        }
        made = insert(table).values(
            business_id=business_id, kind=alarm.kind, about=alarm.about, **values
        )
        is_news = table.c.over_at.is_not(None) if alarm.stands else None
        keys = [table.c.business_id, table.c.kind, table.c.about]
        db.execute(made.on_conflict_do_update(index_elements=keys, set_=values, where=is_news))
    return True


def mark_told(
    db: Connection, business_id: int, alarm: Alarm, news: News, was: datetime | None,
    now: datetime | None,
) -> bool:  # fmt: skip
    """Set when the staff was told, where that still is what it `was`; False where it is not: then
    another process tells them, or the alarm is another one by now."""
    told = table.c.told_raised_at if news == "raised" else table.c.told_over_at
    change = update(table).where(
        table.c.business_id == business_id, table.c.kind == alarm.kind,
        table.c.about == alarm.about, table.c.raised_at == alarm.raised_at,
        told.is_not_distinct_from(was),
    )  # fmt: skip
    return db.execute(change.values({told: now})).rowcount == 1


_ALL = Statement(
    lambda _: (
        select(
            table.c.kind, table.c.about, table.c.reason, table.c.raised_at, table.c.over_at,
            table.c.told_raised_at, table.c.told_over_at,
        )
        .where(table.c.business_id == bindparam("business"))
        .order_by(table.c.raised_at.desc())
    ),
    ("business",),
)  # fmt: skip
