"""The names of months and weekdays, and dates of the Jalali calendar."""

from __future__ import annotations

from datetime import date

from engine.fields.fold import fold
from engine.fields.places import Calendar

# One more than `fold` makes alike: "آبان" is also typed "ابان", "ژوئن" also "ژوین".
_LETTERS = str.maketrans("آأإئؤ", "ااایو")


def date_word(text: str) -> str:
    """`text` folded for comparison with the words of dates."""
    return fold(text).translate(_LETTERS)


_GREGORIAN_MONTHS = (
    "january jan ژانویه جنوری",
    "february feb فوریه فبروری",
    "march mar مارس مارچ",
    "april apr آوریل اپریل آپریل",
    "may مه می",
    "june jun ژوئن جون",
    "july jul ژوئیه جولای جولایی",
    "august aug اوت آگوست اگست",
    "september sep sept سپتامبر سپتمبر",
    "october oct اکتبر اکتوبر",
    "november nov نوامبر نومبر",
    "december dec دسامبر دسمبر",
)
_JALALI_MONTHS = (
    "farvardin فروردین",
    "ordibehesht اردیبهشت",
    "khordad خرداد",
    "tir تیر",
    "mordad مرداد امرداد",
    "shahrivar شهریور",
    "mehr مهر",
    "aban آبان",
    "azar آذر",
    "dey دی",
    "bahman بهمن",
    "esfand اسفند",
)

_CALENDARS: tuple[tuple[Calendar, tuple[str, ...]], ...] = (
    ("gregorian", _GREGORIAN_MONTHS),
    ("jalali", _JALALI_MONTHS),
)

MONTHS: dict[str, tuple[Calendar, int]] = {
    date_word(word): (calendar, number)
    for calendar, months in _CALENDARS
    for number, words in enumerate(months, start=1)
    for word in words.split()
}
"""A month's name, as `date_word` gives it, to its calendar and number."""

_WEEKDAYS = (
    "monday mon دوشنبه",
    "tuesday tue tues سه‌شنبه",
    "wednesday wed چهارشنبه",
    "thursday thu thur thurs پنجشنبه",
    "friday fri جمعه آدینه",
    "saturday sat شنبه",
    "sunday sun یکشنبه",
)

WEEKDAYS: dict[str, int] = {
    date_word(word).replace(" ", ""): number
    for number, words in enumerate(_WEEKDAYS)
    for word in words.split()
}
"""A weekday's name, without the blank inside, to its number: 0 is Monday."""


def month_name(month: int, language: str) -> str:
    """The Gregorian month's name in English or Persian."""
    words = _GREGORIAN_MONTHS[month - 1].split()
    if language != "fa":
        return words[0].capitalize()
    return next(word for word in words if not word.isascii())


def day_of(calendar: Calendar, year: int, month: int, day: int) -> date | None:
    """The Gregorian date of a day in `calendar`; None where the calendar has no such day."""
    try:
        return _jalali_day(year, month, day) if calendar == "jalali" else date(year, month, day)
    except ValueError:
        return None


def _jalali_day(year: int, month: int, day: int) -> date:
    # Importing it costs 70 ms; most dates are Gregorian.
    from persiantools.jdatetime import JalaliDate

    jalali = JalaliDate(year, month, day)  # type: ignore[no-untyped-call]  # it lacks annotations
    return jalali.to_gregorian()
