"""A value as text: short, and read back by `read_reply` as the same value.

`show` is for the person it belongs to, `plain` for texts that are kept or go to other programs.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

from engine.fields.calendars import month_name, parts_of
from engine.fields.faults import persian_digits
from engine.fields.places import Calendar, Locale, base_language, zone_of
from engine.fields.types import Field, Value

FIRST_JALALI_DAY, LAST_JALALI_DAY = date(1921, 3, 21), date(2121, 3, 20)
"""The days of `years.JALALI_YEARS`."""

_YES_NO = {"en": ("Yes", "No"), "fa": ("بله", "خیر")}


def show(value: Value, field: Field, locale: Locale) -> str:
    """`value` of `field` for a person: '' for None.

    Dates are in the customer's calendar: 1990-05-15, or 1369/02/25 (in Persian ۱۳۶۹/۰۲/۲۵). The
    rest is as `plain` has it.
    """
    if locale.calendar == "jalali" and isinstance(value, date):
        return _in_jalali(value, locale)
    return plain(value, field, locale)


def plain(value: Value, field: Field, locale: Locale) -> str:
    """`value` of `field` in the form that does not depend on a calendar: '' for None.

    Numbers in shortest form (20, 12.5), yes and no in Persian or English, an option's label in
    the customer's language, dates as 1990-05-15, times as 17:30, moments as both in the
    customer's zone, lists joined by commas.
    """
    match value:
        case None:
            return ""
        case bool():
            return _YES_NO.get(base_language(locale.language), _YES_NO["en"])[not value]
        case str():
            return label_of(value, field, locale)
        case Decimal():
            return show_number(value)
        case datetime():
            local = value.astimezone(zone_of(locale))
            return f"{local.date().isoformat()} {show_time(local.time())}"
        case date():
            return value.isoformat()
        case time():
            return show_time(value)
        case tuple():
            return ", ".join(label_of(item, field, locale) for item in value)


def label_of(value: str, field: Field, locale: Locale) -> str:
    """The label of the option `value` in the customer's language; other texts as they are."""
    for option in field.options:
        if option.value == value:
            return option.label.pick(locale.language, fallbacks=locale.languages)
    return value


def show_number(number: Decimal) -> str:
    """A number in its shortest form, never with an exponent: 20, 12.5, -0.25."""
    written = f"{number:f}"
    return written.rstrip("0").rstrip(".") if "." in written else written


def show_time(clock: time) -> str:
    """17:30, or 17:30:05 where there are seconds."""
    return clock.isoformat("minutes" if clock.second == 0 else "seconds")


def spell(value: date | time, locale: Locale) -> str:
    """A day, time or moment that nobody can misread, for the buttons of an unclear one.

    `3 April 1990` and `14 Farvardin 1369`, by the customer's calendar; with the time: `, 17:00`.
    """
    if isinstance(value, time):
        return _digits(show_time(value), locale)
    if isinstance(value, datetime):
        local = value.astimezone(zone_of(locale))
        comma = "،" if base_language(locale.language) == "fa" else ","
        return f"{spell(local.date(), locale)}{comma} {spell(local.time(), locale)}"
    calendar: Calendar = "jalali" if locale.calendar == "jalali" and _jalali(value) else "gregorian"
    year, month, day = parts_of(value, calendar)
    name = month_name(month, base_language(locale.language), calendar)
    return _digits(f"{day} {name} {year}", locale)


def _digits(text: str, locale: Locale) -> str:
    return persian_digits(text) if base_language(locale.language) == "fa" else text


def _jalali(day: date) -> tuple[int, int, int] | None:
    """Year, month and day in the Jalali calendar; None where the year would not be read as one."""
    if not FIRST_JALALI_DAY <= day <= LAST_JALALI_DAY:
        return None
    return parts_of(day, "jalali")


def _in_jalali(value: date, locale: Locale) -> str:
    """A date or moment, the day in the Jalali calendar where that is read back as such."""
    if isinstance(value, datetime):
        local = value.astimezone(zone_of(locale))
        return f"{_in_jalali(local.date(), locale)} {_digits(show_time(local.time()), locale)}"
    found = _jalali(value)
    if found is None:
        return value.isoformat()
    year, month, day = found
    return _digits(f"{year}/{month:02}/{day:02}", locale)
