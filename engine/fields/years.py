"""Years: the calendar they belong to, and dates of which they are all that is known."""

from __future__ import annotations

from datetime import date

from engine.fields.calendars import day_of
from engine.fields.places import Calendar

JALALI_YEARS = range(1300, 1500)
"""Years that are taken for Jalali (1921 to 2121)."""

GREGORIAN_YEARS = range(1500, 3000)
"""Years that are taken for Gregorian; others are not dates that customers have."""


def calendar_of(year: int) -> Calendar | None:
    """The calendar of a year written in full; None for a year that no customer's date has."""
    if year in JALALI_YEARS:
        return "jalali"
    return "gregorian" if year in GREGORIAN_YEARS else None


def first_day(year: int, month: int = 1) -> date | None:
    """The first day of a month, or of the year, in the calendar that the year belongs to."""
    calendar = calendar_of(year)
    return None if calendar is None else day_of(calendar, year, month, 1)


def with_year(text: str, year: int, month: int | None) -> tuple[str, ...]:
    """The texts of a whole date, where `text` is what was missing from a year (and a month).

    Of a Jalali year there are two, as day and month are written both `02/25` and `25/02` there;
    a Gregorian date with its year last is read in either order anyway.
    """
    if month is not None:
        return (f"{year}/{month}/{text}",)
    year_last = f"{text}/{year}"
    return (f"{year}/{text}", year_last) if calendar_of(year) == "jalali" else (year_last,)
