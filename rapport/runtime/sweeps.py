"""Whom a trigger of the clock is for at one of its moments: walks along indexes, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Date,
    and_,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
)

from crm.criteria_stores import STORES
from crm.tables import customer, segment, segment_member
from crm.tables.types import UtcDateTime
from engine.clocked import field_of, is_yearly, leap_day_of, offsets_of
from engine.durations import Duration
from engine.fields.types import FieldType
from engine.flow import Trigger
from engine.occasions import kept_on
from rapport.runtime.almanac import Due, Group
from rapport.runtime.library import Library

PIECE = 500
"""Customers planned for in one transaction."""

CROSSED = timedelta(days=3)
"""Who has been silent for the days a trigger asks for since longer than this has been looked at:
the days of the zones and of summer time are within it."""

Value = Any
"""What a customer was found by: a date, a moment, an id."""


class Sweep(NamedTuple):
    """Customers for whom one occasion is now.

    column: what they are found by, in whose order they are walked. occurrence, event: by its value,
    what tells the occasion from others, and what `event.x` reads of it. family: of occasions that
    come once within 300 days, how their occurrences end; '' for others.
    """

    column: ColumnElement[Any]
    where: ColumnElement[bool]
    occurrence: Callable[[Value], str]
    event: Callable[[Value], dict[str, Any]]
    family: str = ""


def sweeps_of(
    db: Connection, library: Library, trigger: Trigger, due: Due, since: datetime | None
) -> Iterator[Sweep]:
    """since: what was before it does not count; None: all does."""
    for group in due.groups:
        there = _is_there(group, due.everywhere)
        if trigger.on in _DATES:
            yield from _dates(db, library, trigger, group.wall.date(), there)
        elif trigger.on in _SILENCE:
            yield from _silence(trigger, due.at, since, there)
        else:
            yield _everybody(library, trigger, group, there)


_DATES = frozenset(("date", "birthday", "birthday_approaching"))
_SILENCE = frozenset(("inactive", "inactive_for_days"))


def page(
    db: Connection, business_id: int, sweep: Sweep, at: datetime, after: tuple[Any, ...] | None
) -> list[tuple[int, Value]]:
    """The next PIECE customers, with what they were found by. after: the last one, as `key_of`
    gives it."""
    # Nearly all came before: by the index of that everybody would be read.
    came_at = STORES[db.dialect.name].without_index(customer.c.created_at)
    query = select(customer.c.id, sweep.column).where(
        customer.c.business_id == business_id,
        customer.c.archived_at.is_(None),
        came_at <= at,
        sweep.where,
    )
    if after is not None:
        value, customer_id = after
        query = query.where(
            tuple_(sweep.column, customer.c.id)
            > tuple_(literal(_read(sweep, value), sweep.column.type), customer_id)
        )
    query = query.order_by(sweep.column, customer.c.id).limit(PIECE)
    return [(row[0], row[1]) for row in db.execute(query)]


def key_of(found: tuple[int, Value]) -> tuple[Any, int]:
    """Of a customer of a page, as JSON has it."""
    customer_id, value = found
    return (value.isoformat() if isinstance(value, date) else value), customer_id


def column_of(db: Connection, library: Library, key: str) -> ColumnElement[Any]:
    """Where a date or datetime of a customer is stored."""
    name = library.columns.get(key)
    if name is not None:
        return customer.c[name]
    type_ = library.business.fields[key].type
    return STORES[db.dialect.name].extra_value(key, type_)


def has_time(library: Library, trigger: Trigger) -> bool:
    """Whether it counts from the time of a datetime, and not from a day."""
    field = library.business.fields.get(field_of(trigger))
    return trigger.on == "date" and field is not None and field.type is FieldType.DATETIME


def named(offset: Duration) -> str:
    """An offset as it stands in an occurrence: -7d, 0d, -2h."""
    return str(offset) if offset else "0d"


def _read(sweep: Sweep, stored: Any) -> Value:
    if isinstance(sweep.column.type, Date):
        return date.fromisoformat(stored)
    if isinstance(sweep.column.type, UtcDateTime):
        return datetime.fromisoformat(stored)
    return stored


def _is_there(group: Group, everywhere: frozenset[str | None]) -> ColumnElement[bool]:
    if group.names == everywhere:
        return true()
    named_ = sorted(name for name in group.names if name is not None)
    ways = [customer.c.timezone.in_(named_)] if named_ else []
    if None in group.names:
        ways.append(customer.c.timezone.is_(None))
    if group.movers:
        ways.append(customer.c.id.in_(group.movers))
    return or_(*ways)


def _dates(
    db: Connection, library: Library, trigger: Trigger, today: date, there: ColumnElement[bool]
) -> Iterator[Sweep]:
    key = field_of(trigger)
    if key not in library.business.fields:
        return
    column = column_of(db, library, key)
    for offset in offsets_of(trigger):
        day = today - timedelta(days=offset.days)
        dates: tuple[date, ...] = (day,)
        if is_yearly(trigger):
            first = db.scalar(
                select(func.min(column)).where(
                    customer.c.business_id == library.business_id, column.is_not(None)
                )
            )
            if first is None:
                continue
            calendar = trigger.options.get("calendar", library.business.calendar)
            dates = kept_on(day, first.year, calendar, leap_day_of(trigger))
        kind = f":{named(offset)}" if is_yearly(trigger) else ""
        yield _of_day(column, and_(column.in_(dates), there), day, offset, kind)


def _of_day(
    column: ColumnElement[Any],
    where: ColumnElement[bool],
    day: date,
    offset: Duration,
    family: str,
) -> Sweep:
    days_before = -offset.days
    return Sweep(
        column,
        where,
        lambda _: f"{day}:{named(offset)}",
        lambda value: {
            "date": day.isoformat(),
            "value": value.isoformat(),
            "days_before": days_before,
        },
        family,
    )


def _silence(
    trigger: Trigger, at: datetime, since: datetime | None, there: ColumnElement[bool]
) -> Iterator[Sweep]:
    days = trigger.options["days"]
    ago = timedelta(days=days)
    first = None if since is None else max(since, at - CROSSED) - ago
    last = customer.c.last_message_at
    yield Sweep(
        last,
        and_(_within(last, first, at - ago), there),
        lambda value: f"{days}:{value.isoformat()}",
        lambda value: {"days": days, "last_message_at": value.isoformat()},
    )
    if trigger.options.get("include_never"):
        came = customer.c.created_at
        yield Sweep(
            came,
            and_(_within(came, first, at - ago), last.is_(None), there),
            lambda _: f"{days}:never",
            lambda _: {"days": days, "last_message_at": None},
        )


def _within(
    column: ColumnElement[Any], first: datetime | None, last: datetime
) -> ColumnElement[bool]:
    return column <= last if first is None else and_(column > first, column <= last)


def _everybody(
    library: Library, trigger: Trigger, group: Group, there: ColumnElement[bool]
) -> Sweep:
    time = group.wall.isoformat(timespec="minutes")
    key = trigger.options.get("segment")
    members: ColumnElement[bool] = true()
    if key is not None:
        members = customer.c.id.in_(
            select(segment_member.c.customer_id)
            .join(segment, segment.c.id == segment_member.c.segment_id)
            .where(
                segment.c.business_id == library.business_id,
                segment.c.key == key,
                segment.c.status != "archived",
            )
        )
    return Sweep(
        customer.c.id,
        and_(members, there),
        lambda _: time,
        lambda _: {"time": time, "segment": key},
    )
