"""When a criterion is evaluated, and what its relative operands are worth then."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from msgspec import Struct

from engine.criteria.operands import WEEKDAYS, Day, Neighbour, Part, Relative, Single, Unit
from engine.fields.types import FieldType

_MICROSECOND = timedelta(microseconds=1)


class Moment(Struct, frozen=True, dict=True):
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


Resolver = Callable[[Moment], Span]


def resolver(operand: Single, type_: FieldType) -> Resolver:
    """What `operand` means beside a value of `type_`, as a function of the moment.

    The span is of values of that type. What can be worked out beforehand is.
    """
    match operand:
        case Day(offset):
            days = timedelta(days=offset)
            if type_ is FieldType.DATETIME:
                return lambda moment: day_of_moments(moment.today + days, moment.zone)
            return lambda moment: _alone(moment.today + days)
        case Relative():
            return _relative(operand, type_)
        case Neighbour(offset, part):
            return lambda moment: _alone(_neighbour(moment.today, offset, part))
        case _ if not is_fixed(operand, type_):
            day = cast("date", operand)
            return lambda moment: day_of_moments(day, moment.zone)
        case _:
            fixed = _alone(operand)
            return lambda _moment: fixed


def resolve(operand: Single, type_: FieldType, moment: Moment) -> Span:
    """What `operand` means beside a value of `type_` at `moment`."""
    return resolver(operand, type_)(moment)


def _alone(value: object) -> Span:
    return Span(value, value)


def is_fixed(operand: Single, type_: FieldType) -> bool:
    """Whether `operand` is worth the same at every moment and in every zone."""
    if isinstance(operand, (Day, Relative, Neighbour)):
        return False
    return type_ is not FieldType.DATETIME or isinstance(operand, datetime)


@lru_cache(maxsize=4096)
def day_of_moments(day: date, zone: ZoneInfo) -> Span:
    """From the first instant of `day` in `zone` to the last before the next day begins.

    Where the clocks skip midnight the day begins as they jump; where an hour is repeated at
    midnight it begins with the first of the two.
    """
    first = datetime.combine(day, time(), zone).astimezone(UTC)
    next_day = datetime.combine(day + timedelta(days=1), time(), zone)
    return Span(first, next_day.astimezone(UTC) - _MICROSECOND)


def _relative(relative: Relative, type_: FieldType) -> Resolver:
    count, unit = relative.count, relative.unit
    if unit in (Unit.MONTHS, Unit.YEARS):
        months = count if unit is Unit.MONTHS else 12 * count
        if type_ is FieldType.DATE:
            return lambda moment: _alone(_months_later(moment.today, months))
        return lambda moment: _alone(_months_later_by_clock(moment, months))
    length = timedelta(**{unit.value: count})
    if type_ is FieldType.DATE:
        return lambda moment: _alone(moment.today + length)
    return lambda moment: _alone(moment.now + length)


def _months_later_by_clock(moment: Moment, count: int) -> datetime:
    local = moment.now.astimezone(moment.zone)
    return datetime.combine(_months_later(local.date(), count), local.timetz()).astimezone(UTC)


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
