"""A value as text: short, and read back by `read_reply` as the same value.

`show` is for the person it belongs to, `plain` for texts that are kept or go to other programs.
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

from engine.fields.digits import number_in
from engine.fields.moments import show_moment, show_time
from engine.fields.places import Locale, base_language, zone_of
from engine.fields.types import Field, Value

_YES_NO = {"en": ("Yes", "No"), "fa": ("بله", "خیر")}

_COMMAS = {"fa": "، ", "ar": "، "}
"""Between the items of a list."""


def show(value: Value, field: Field, locale: Locale) -> str:
    """`value` of `field` for a person: '' for None.

    Dates are in the customer's calendar, numbers, dates and times in the digits of the language:
    1990-05-15, 12.5; in Persian ۱۳۶۹/۰۲/۲۵, ۱۲٫۵. The rest is as `plain` has it.
    """
    match value:
        case Decimal():
            return number_in(locale.language, show_number(value))
        case date() | time():
            return show_moment(value, locale)
        case tuple():
            comma = _COMMAS.get(base_language(locale.language), ", ")
            return comma.join(label_of(item, field, locale) for item in value)
        case _:
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
