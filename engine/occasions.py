"""Which stored dates have their occasion on a day: a birthday comes each year, in its calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal

from engine.fields.calendars import day_of, parts_of
from engine.fields.places import Calendar

LeapDay = Literal["feb_28", "mar_1"]
"""When the last day of a leap year's month is kept in other years: the day before, or the next."""

_DAY = timedelta(days=1)


def kept_on(day: date, since: int, calendar: Calendar, leap_day: LeapDay) -> tuple[date, ...]:
    """The dates, from the Gregorian year `since` on and none later than `day`, whose yearly
    occasion is on `day`.

    In the Jalali calendar the day that only leap years have is the last of Esfand.
    """
    year, month, number = parts_of(day, calendar)
    first = max(1, year - (day.year - since) - 1)
    found = {one for one in _days(calendar, first, year, month, number) if one <= day}
    found.update(_leap_days(day, first, calendar, leap_day))
    return tuple(sorted(one for one in found if one.year >= since))


def _days(calendar: Calendar, first: int, last: int, month: int, number: int) -> Iterator[date]:
    for year in range(first, last + 1):
        found = day_of(calendar, year, month, number)
        if found is not None:
            yield found


_LEAP: dict[Calendar, tuple[int, int]] = {"gregorian": (2, 29), "jalali": (12, 30)}


def _leap_days(day: date, first: int, calendar: Calendar, leap_day: LeapDay) -> Iterator[date]:
    """The leap days that are kept on `day` because its year has none."""
    month, number = _LEAP[calendar]
    before = day if leap_day == "feb_28" else day - _DAY
    year, *rest = parts_of(before, calendar)
    if rest == [month, number - 1] and day_of(calendar, year, month, number) is None:
        yield from _days(calendar, first, year, month, number)
