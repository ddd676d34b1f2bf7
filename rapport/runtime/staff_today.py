"""/today: what a person of the staff has before them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, select

from crm.services.insights import BIRTHDAY_TODAY, Kind, list_insights
from crm.services.tasks import list_tasks
from crm.tables import customer
from engine.business import Business, Staff
from engine.wording import wording
from rapport.runtime import inbox

MOST = 10
"""Lines of each part: it is read on a phone."""


def today(
    db: Connection, business_id: int, business: Business, now: datetime, person: Staff,
    visible: ColumnElement[bool], handed: Mapping[int, str],
) -> str:  # fmt: skip
    """The parts that there is something in. visible: what holds of the customers that the person
    may see. handed: those who are handed over to them, by id."""
    at = (db, business_id, business, now)
    zone = ZoneInfo(business.timezone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    end = datetime.combine(tomorrow, time.min, zone)
    parts = {
        "desk_waiting": _waiting(db, business_id, handed),
        "desk_tasks": _tasks(*at, person, end),
        "desk_follow_ups": _follow_ups(db, business_id, visible, end),
        "desk_birthdays": _insights(*at, visible, "birthday_soon"),
        "desk_hot": _insights(*at, visible, "high_value_opportunity"),
    }
    language = business.language
    told = [_part(wording(key, language), lines) for key, lines in parts.items()]
    return "\n\n".join(one for one in told if one) or wording("desk_nothing_today", language)


def _part(title: str, lines: Iterable[str]) -> str:
    found = list(lines)
    shown = [f"• {line}" for line in found[:MOST]] + ["…"] * (len(found) > MOST)
    return "\n".join([title, *shown]) if found else ""


def _waiting(db: Connection, business_id: int, handed: Mapping[int, str]) -> Iterator[str]:
    for talk in inbox.talks(db, business_id) if handed else ():
        if talk.customer_id in handed and not talk.is_answered:
            yield f"{talk.name} (id:{talk.customer_id})"


def _tasks(
    db: Connection, business_id: int, business: Business, now: datetime, person: Staff,
    end: datetime,
) -> Iterator[str]:  # fmt: skip
    found = list_tasks(db, business_id, business, now, assignee=person.name, limit=MOST + 1)
    for one in found:
        if one.due_at is not None and one.due_at < end:
            title = one.title if one.customer is None else f"{one.title}, {one.customer}"
            late = one.overdue
            yield wording("desk_overdue", business.language, title=title) if late else title


def _follow_ups(
    db: Connection, business_id: int, visible: ColumnElement[bool], end: datetime
) -> Iterator[str]:
    rows = db.execute(
        select(customer.c.id, customer.c.display_name)
        .where(
            customer.c.business_id == business_id,
            customer.c.archived_at.is_(None),
            customer.c.next_follow_up_at < end,
            visible,
        )
        .order_by(customer.c.next_follow_up_at, customer.c.id)
        .limit(MOST + 1)
    )
    for row in rows:
        yield f"{row.display_name} (id:{row.id})"


def _insights(
    db: Connection, business_id: int, business: Business, now: datetime,
    visible: ColumnElement[bool], kind: Kind,
) -> Iterator[str]:  # fmt: skip
    found = list_insights(db, business_id, business, now, kinds=(kind,), seen=visible)
    for one in found:
        if kind != "birthday_soon" or one.reason == BIRTHDAY_TODAY:
            yield f"{one.display_name} (id:{one.customer_id})"
