"""Days that are told by their distance: in 3 days, next Friday, «دو هفته دیگر», «جمعه بعد»."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from engine.fields.calendars import WEEKDAYS, date_word, joined_weekdays, months_later
from engine.fields.places import Calendar

MOST_UNITS = 9999
"""Larger distances are no days that people mean."""

_NUMBERS = {
    date_word(word): number
    for number, words in enumerate(
        (
            "one a an یک واحد",
            "two دو",
            "three سه ثلاثه",
            "four چهار اربعه",
            "five پنج خمسه",
            "six شش شیش سته",
            "seven هفت سبعه",
            "eight هشت ثمانیه",
            "nine نه تسعه",
            "ten ده عشره",
        ),
        start=1,
    )
    for word in words.split()
}

_UNITS = {
    date_word(word): unit
    for unit, words in (
        ("minute", "minute minutes min mins دقیقه دقایق"),
        ("hour", "hour hours hr hrs ساعت ساعه ساعات"),
        ("day", "day days روز یوم ایام"),
        ("week", "week weeks هفته اسبوع اسابیع"),
        ("month", "month months ماه شهر اشهر"),
        ("year", "year years سال سنه سنوات"),
    )
    for word in words.split()
}
"""A unit's names, as `date_word` gives them. Arabic «ساعه» is the hour too."""


def _either(words: Iterator[str] | dict[str, int] | dict[str, str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_COUNT = rf"(?P<count>[0-9]{{1,4}}|{_either(_NUMBERS)})"
_UNIT = rf"(?P<unit>{_either(_UNITS)})"
_AHEAD = "from now|from today|later|hence|دیگر|دیگه|بعد|اینده"
_BACK = "ago|before today|پیش|قبل"

_DISTANCES = (
    (re.compile(rf"(?:in|after) {_COUNT} ?{_UNIT}(?: time)?"), 1),
    (re.compile(rf"{_COUNT} ?{_UNIT} (?:{_AHEAD})"), 1),
    (re.compile(rf"{_COUNT} ?{_UNIT} (?:{_BACK})"), -1),
    # Arabic says one unit without a number.
    (re.compile(rf"بعد (?:{_COUNT} ?)?{_UNIT}"), 1),
    (re.compile(rf"قبل (?:{_COUNT} ?)?{_UNIT}"), -1),
)
_HALF_AN_HOUR = re.compile(r"half an hour|نیم ساعت")

_DAY = rf"({_either(WEEKDAYS)})"
_OF = "(?: ?ی)?"
# A weekday, and the word beside it that says which.
_THIS = re.compile(rf"(?:this|coming|this coming|این|همین|هذا) {_DAY}|{_DAY}{_OF} (?:جاری|هذا)")
_NEXT = re.compile(rf"(?:the )?next {_DAY}|{_DAY}{_OF} (?:بعد|بعدی|اینده|القادم|المقبل)")
_LAST = re.compile(rf"(?:the )?last {_DAY}|{_DAY}{_OF} (?:پیش|قبل|قبلی|گذشته|الماضی)")
_NEXT_WEEK = re.compile(
    rf"{_DAY} (?:of )?next week|next week(?: on)? {_DAY}"
    rf"|{_DAY}{_OF} هفته{_OF} (?:بعد|اینده|دیگر|دیگه)"
)

_SPELLED = {
    date_word(words): days
    for words, days in (
        ("day after tomorrow", 2),
        ("the day after tomorrow", 2),
        ("day before yesterday", -2),
        ("the day before yesterday", -2),
        ("پس پریروز", -3),
        ("پسون فردا", 3),
        ("بعد غد", 2),
        ("اول امس", -2),
    )
}

_PUNCTUATION = re.compile(r"[.,،!؛]")
_BLANKS = re.compile(r"\s+")


def days_meant(text: str, today: date, calendar: Calendar) -> tuple[date, ...]:
    """The days that a text like "next friday" may mean, earliest first; () where it is none such.

    text: as `date_word` gives it. Months and years are counted in `calendar`, the day cut to the
    month's length; weeks begin on Saturday where it is Jalali, else on Monday. "Next Friday" is
    the coming one, or the one of the next week: two days unless they are the same. "This Friday"
    is the coming one, today included.
    """
    line = _line(text)
    if line in _SPELLED:
        return (today + timedelta(days=_SPELLED[line]),)
    if found := _distance(line):
        count, unit = found
        day = _later(today, count, unit, calendar)
        return () if day is None else (day,)
    return _weekdays(line, today, calendar)


def moment_meant(text: str, now: datetime) -> datetime | None:
    """The moment of "in 2 hours", to the minute; None where the text is no distance in hours."""
    found = _distance(_HALF_AN_HOUR.sub("30 min", _line(text)))
    if found is None or found[1] not in ("hour", "minute"):
        return None
    count, unit = found
    away = timedelta(hours=count) if unit == "hour" else timedelta(minutes=count)
    return now.replace(second=0, microsecond=0) + away


def _line(text: str) -> str:
    return _BLANKS.sub(" ", _PUNCTUATION.sub(" ", joined_weekdays(text))).strip()


def _distance(line: str) -> tuple[int, str] | None:
    """How many of which unit; negative for the past."""
    for pattern, sign in _DISTANCES:
        if match := pattern.fullmatch(line):
            count = match["count"] or "1"
            return sign * (_NUMBERS.get(count) or int(count)), _UNITS[match["unit"]]
    return None


def _later(today: date, count: int, unit: str, calendar: Calendar) -> date | None:
    match unit:
        case "day":
            return today + timedelta(days=count)
        case "week":
            return today + timedelta(weeks=count)
        case "month":
            return months_later(today, count, calendar)
        case "year":
            return months_later(today, 12 * count, calendar)
    return None


def _weekdays(line: str, today: date, calendar: Calendar) -> tuple[date, ...]:
    for pattern, days in ((_THIS, _this), (_NEXT, _next), (_LAST, _last), (_NEXT_WEEK, _of_next)):
        if match := pattern.fullmatch(line):
            name = next(group for group in match.groups() if group)
            return tuple(sorted(set(days(WEEKDAYS[name], today, _week_of(today, calendar)))))
    return ()


def _week_of(today: date, calendar: Calendar) -> date:
    """The first day of the week that `today` is in."""
    first = 5 if calendar == "jalali" else 0
    return today - timedelta(days=(today.weekday() - first) % 7)


def _in_week(weekday: int, week: date) -> date:
    return week + timedelta(days=(weekday - week.weekday()) % 7)


def _this(weekday: int, today: date, _: date) -> tuple[date, ...]:
    return (today + timedelta(days=(weekday - today.weekday()) % 7),)


def _next(weekday: int, today: date, week: date) -> tuple[date, ...]:
    coming = today + timedelta(days=(weekday - today.weekday() - 1) % 7 + 1)
    return coming, *_of_next(weekday, today, week)


def _of_next(weekday: int, _: date, week: date) -> tuple[date, ...]:
    return (_in_week(weekday, week + timedelta(weeks=1)),)


def _last(weekday: int, today: date, week: date) -> tuple[date, ...]:
    latest = today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    return latest, _in_week(weekday, week - timedelta(weeks=1))
