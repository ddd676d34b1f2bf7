"""The names of months and weekdays, and dates of the Jalali calendar."""

from __future__ import annotations

import re
from datetime import date

from engine.fields.fold import fold
from engine.fields.places import Calendar

# One more than `fold` makes alike: "آبان" is also typed "ابان", "ژوئن" also "ژوین"; Arabic vowel
# signs are left out, as in "غداً".
_LETTERS = {
    **str.maketrans("آأإئؤ", "ااایو"),
    **dict.fromkeys((*range(0x064B, 0x0656), 0x0640)),
}


def date_word(text: str) -> str:
    """`text` folded for comparison with the words of dates."""
    return fold(text).translate(_LETTERS)


_GREGORIAN_MONTHS = (
    "january jan ژانویه جنوری ینایر",
    "february feb فوریه فبروری فبرایر",
    "march mar مارس مارچ",
    "april apr آوریل اپریل آپریل ابریل",
    "may مه می مایو",
    "june jun ژوئن جون یونیو",
    "july jul ژوئیه جولای جولایی یولیو",
    "august aug اوت آگوست اگست اغسطس",
    "september sep sept سپتامبر سپتمبر سبتمبر",
    "october oct اکتبر اکتوبر",
    "november nov نوامبر نومبر نوفمبر",
    "december dec دسامبر دسمبر دیسمبر",
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
    "monday mon دوشنبه الاثنین الإثنین",
    "tuesday tue tues سه‌شنبه الثلاثاء",
    "wednesday wed چهارشنبه الأربعاء",
    "thursday thu thur thurs پنجشنبه الخمیس",
    "friday fri جمعه آدینه الجمعه",
    "saturday sat شنبه السبت",
    "sunday sun یکشنبه الأحد",
)

WEEKDAYS: dict[str, int] = {
    date_word(word).replace(" ", ""): number
    for number, words in enumerate(_WEEKDAYS)
    for word in words.split()
}
"""A weekday's name, without the blank inside, to its number: 0 is Monday."""


_SPLIT_WEEKDAY = re.compile(r"\b(یک|دو|سه|چهار|پنج) شنبه\b")


def joined_weekdays(text: str) -> str:
    """`text`, as `date_word` gives it, its weekdays as they are in `WEEKDAYS`: in one word."""
    return _SPLIT_WEEKDAY.sub(r"\1شنبه", text)


def month_name(month: int, language: str, calendar: Calendar = "gregorian") -> str:
    """The month's name in English or Persian."""
    months = _JALALI_MONTHS if calendar == "jalali" else _GREGORIAN_MONTHS
    words = months[month - 1].split()
    if language != "fa":
        return words[0].capitalize()
    return next(word for word in words if not word.isascii())


def parts_of(day: date, calendar: Calendar) -> tuple[int, int, int]:
    """Year, month and day of a Gregorian date in `calendar`.

    Raises ValueError before the first day of the Jalali calendar (622).
    """
    if calendar == "gregorian":
        return day.year, day.month, day.day
    from persiantools.jdatetime import JalaliDate

    jalali = JalaliDate(day)  # type: ignore[no-untyped-call]  # it lacks annotations
    return jalali.year, jalali.month, jalali.day


def months_later(day: date, months: int, calendar: Calendar) -> date | None:
    """The same day so many months on, or the last of a shorter month; None beyond the calendar."""
    year, month, number = parts_of(day, calendar)
    year, month = divmod(12 * year + month - 1 + months, 12)
    days = range(number, 27, -1) if number > 28 else (number,)
    found = (day_of(calendar, year, month + 1, last) for last in days)
    return next((one for one in found if one is not None), None)


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
