"""When a criterion is evaluated, and what its relative operands are worth then."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from engine.criteria.operands import WEEKDAYS, Day, Neighbour, Part, Relative, Single, Unit
from engine.fields.types import FieldType

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Moment:
    """`now` is aware; `zone` is the business's, in which days begin and parts are taken."""

    now: datetime
    zone: ZoneInfo

    @cached_property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()


class Span(NamedTuple):
    """The first and the last value an operand stands for: a day of moments, else twice the same.

    Moments are whole microseconds in both databases, so a day's last one is exact.
    """

    first: Any
    last: Any


def resolve(operand: Single, type_: FieldType, moment: Moment) -> Span:
    """What `operand` means beside a value of `type_` at `moment`: values of that type."""
    match operand:
        case Day(offset):
            return _whole(moment.today + timedelta(days=offset), type_, moment.zone)
        case Relative():
            return _relative(operand, type_, moment)
        case Neighbour(offset, part):
            number = _neighbour(moment.today, offset, part)
            return Span(number, number)
        case date() if not isinstance(operand, datetime):
            return _whole(operand, type_, moment.zone)
        case _:
            return Span(operand, operand)


def is_fixed(operand: Single, type_: FieldType) -> bool:
    """Whether `operand` is worth the same at every moment and in every zone."""
    if isinstance(operand, (Day, Relative, Neighbour)):
        return False
    return type_ is not FieldType.DATETIME or isinstance(operand, datetime)


def _whole(day: date, type_: FieldType, zone: ZoneInfo) -> Span:
    return day_of_moments(day, zone) if type_ is FieldType.DATETIME else Span(day, day)


@lru_cache(maxsize=4096)
def day_of_moments(day: date, zone: ZoneInfo) -> Span:
    """From the first instant of `day` in `zone` to the last before the next day begins.

    Where the clocks skip midnight the day begins as they jump; where an hour is repeated at
    midnight it begins with the first of the two.
    """
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    next_day = datetime.combine(day + timedelta(days=1), time(), zone)
    return Span(first, next_day.astimezone(UTC) - _MICROSECOND)


def _relative(relative: Relative, type_: FieldType, moment: Moment) -> Span:
    if type_ is FieldType.DATE:
        day = _later_day(moment.today, relative)
        return Span(day, day)
    instant = _later_instant(relative, moment)
    return Span(instant, instant)


def _later_instant(relative: Relative, moment: Moment) -> datetime:
    if relative.unit in (Unit.MONTHS, Unit.YEARS):
        local = moment.now.astimezone(moment.zone)
        day = _later_day(local.date(), relative)
        return datetime.combine(day, local.timetz()).astimezone(UTC)
    return moment.now + timedelta(**{relative.unit.value: relative.count})


def _later_day(day: date, relative: Relative) -> date:
    if relative.unit is Unit.MONTHS:
        return _months_later(day, relative.count)
    if relative.unit is Unit.YEARS:
        return _months_later(day, 12 * relative.count)
    return day + timedelta(**{relative.unit.value: relative.count})


def _months_later(day: date, count: int) -> date:
    """A month has its last day where `day` has none: one month after 31 January is 28 February."""
    # dateutil.relativedelta does the same and takes 24 ms to import.
    years, month = divmod(day.month - 1 + count, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _neighbour(today: date, offset: int, part: Part) -> int:
    if part is Part.MONTH:
        return (today.month - 1 + offset) % 12 + 1
    if part is Part.YEAR:
        return today.year + offset
    return (today + timedelta(days=offset)).day


def part_of(value: date, part: Part, zone: ZoneInfo) -> int | str | time:
    """A part of a date, or of a moment as the clocks of `zone` show it.

    Months and days count from 1, weekdays are of WEEKDAYS, a time is cut to the minute.
    """
    local = _local(value, zone) if isinstance(value, datetime) else value
    match part:
        case Part.MONTH:
            return local.month
        case Part.DAY:
            return local.day
        case Part.YEAR:
            return local.year
        case Part.WEEKDAY:
            return WEEKDAYS[local.weekday()]
        case Part.TIME:
            assert isinstance(local, datetime), "only moments have a time"
            return time(local.hour, local.minute)


def _local(moment: datetime, zone: ZoneInfo) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # within a day of either end of the calendar
        return moment


def anniversaries(today: date) -> tuple[tuple[int, int], ...]:
    """The (month, day) pairs celebrated today; 29 February on the 28th of common years."""
    pair = (today.month, today.day)
    if pair == (2, 28) and not calendar.isleap(today.year):
        return (pair, (2, 29))
    return (pair,)
