"""What a checked criterion compares with, where it is not a plain value of a field."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from msgspec import Struct


class Unit(StrEnum):
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    YEARS = "years"


class Part(StrEnum):
    """A part of a date or a moment: `birth_date.month`, `now.weekday`."""

    MONTH = "month"
    DAY = "day"
    YEAR = "year"
    WEEKDAY = "weekday"
    TIME = "time"


PARTS: Mapping[str, Part] = MappingProxyType({part.value: part for part in Part})

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday()`."""


class Relative(Struct, frozen=True):
    """`30 days ago` (count -30), `in 3 hours` (count 3), `now` (0 minutes).

    On a moment, minutes to weeks are multiples of 60 seconds to 7 x 24 hours; months and years
    keep the wall clock of the business. On a date, days to years are calendar days.
    """

    count: int
    unit: Unit

    def __str__(self) -> str:
        if self.count > 0:
            return f"in {self.count} {self.unit}"
        if not self.count and self.unit is Unit.MINUTES:
            return "now"
        return f"{-self.count} {self.unit} ago"


class Day(Struct, frozen=True):
    """A whole day, `offset` days from today of the business: yesterday, today, tomorrow."""

    offset: int

    def __str__(self) -> str:
        return {-1: "yesterday", 0: "today", 1: "tomorrow"}[self.offset]


class Neighbour(Struct, frozen=True):
    """The month, day or year `offset` after the current one: last, this, next.

    The month after December is January, of whatever year.
    """

    offset: int
    part: Part

    def __str__(self) -> str:
        return {-1: "last", 0: "this", 1: "next"}[self.offset]


Single = str | int | Decimal | bool | date | time | datetime | Relative | Day | Neighbour
"""One operand. A date beside a moment means the whole day; a datetime is aware, in UTC."""

Operand = Single | tuple[Single, ...] | None
