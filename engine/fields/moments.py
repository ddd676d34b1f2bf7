"""A day, a time or a moment as text: for the customer, or in the form that depends on nobody."""

from __future__ import annotations

from datetime import date, datetime, time

from engine.fields.calendars import month_name, parts_of
from engine.fields.digits import in_digits_of
from engine.fields.places import Calendar, Locale, base_language, zone_of

FIRST_JALALI_DAY, LAST_JALALI_DAY = date(1921, 3, 21), date(2121, 3, 20)
"""The days of `years.JALALI_YEARS`."""


def show_moment(value: date | time, locale: Locale) -> str:
    """In the customer's calendar, zone and digits: 1990-05-15, 17:30; ۱۳۶۹/۰۲/۲۵, ۱۷:۳۰."""
    if isinstance(value, datetime):
        local = value.astimezone(zone_of(locale))
        return f"{show_moment(local.date(), locale)} {show_moment(local.time(), locale)}"
    if isinstance(value, time):
        return in_digits_of(locale.language, show_time(value))
    found = _jalali(value) if locale.calendar == "jalali" else None
    written = value.isoformat() if found is None else "{}/{:02}/{:02}".format(*found)
    return in_digits_of(locale.language, written)


def show_time(clock: time) -> str:
    """17:30, or 17:30:05 where there are seconds."""
    return clock.isoformat("minutes" if clock.second == 0 else "seconds")


def spell(value: date | time, locale: Locale) -> str:
    """A day, time or moment that nobody can misread, for the buttons of an unclear one.

    `3 April 1990` and `14 Farvardin 1369`, by the customer's calendar; with the time: `, 17:00`.
    """
    if isinstance(value, datetime):
        local = value.astimezone(zone_of(locale))
        comma = "،" if base_language(locale.language) == "fa" else ","
        return f"{spell(local.date(), locale)}{comma} {spell(local.time(), locale)}"
    if isinstance(value, time):
        return show_moment(value, locale)
    calendar: Calendar = "jalali" if locale.calendar == "jalali" and _jalali(value) else "gregorian"
    year, month, day = parts_of(value, calendar)
    name = month_name(month, base_language(locale.language), calendar)
    return in_digits_of(locale.language, f"{day} {name} {year}")


def _jalali(day: date) -> tuple[int, int, int] | None:
    """Year, month and day in the Jalali calendar; None where the year would not be read as one."""
    if not FIRST_JALALI_DAY <= day <= LAST_JALALI_DAY:
        return None
    return parts_of(day, "jalali")
