"""Dates as people write them; what can be meant in two ways is asked, never guessed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec import Struct

from engine.fields.calendars import MONTHS, WEEKDAYS, date_word, day_of, joined_weekdays
from engine.fields.clean import plain_line
from engine.fields.faults import FaultCode
from engine.fields.places import Calendar, DateOrder, Locale, today_in
from engine.fields.readings import Ambiguous, Candidate, Read, Reading, Refused, refuse
from engine.fields.relative import days_meant
from engine.fields.types import Field, Value
from engine.fields.years import GREGORIAN_YEARS, calendar_of

YEARS_BACK = 80
"""A two-digit year lies at most so many years back, so that in 2026 `46` is 1946 and `45` 2045.
Where the field's rule says that the date is past, it is always the latest past one."""

_ISO = re.compile(r"(?:1[5-9]|2[0-9])[0-9]{2}-[0-9]{2}-[0-9]{2}")
_ALLOWED = re.compile(r"[\w\s.,،؛/()\-–!]*")
_TOKEN = re.compile(r"[0-9]+|[^\W\d_]+")

_FILLERS = {
    date_word(word)
    for words in ("of the on st nd rd th", "ام م روز ماه سال مورخ تاریخ یوم")
    for word in words.split()
}
_RELATIVE = {
    date_word(word): days
    for days, words in (
        (-2, "پریروز"),
        (-1, "yesterday دیروز امس"),
        (0, "today tonight امروز امشب الیوم"),
        (1, "tomorrow tmrw فردا غدا"),
        (2, "پسفردا"),
    )
    for word in words.split()
}
_SPLIT_RELATIVE = re.compile(r"\bپس فردا\b")


class _Words(Struct):
    """What a date is made of."""

    numbers: list[str]
    month: tuple[Calendar, int] | None = None
    weekday: int | None = None
    relative: int | None = None


def read_date(text: str, field: Field, locale: Locale, now: datetime) -> Reading:
    """A date, Gregorian or Jalali, as a Gregorian `date`.

    * `1990-05-15`, `1990/5/15`, `15.5.1990`, `May 15, 1990`, `15 May 1990`, months also in
      Persian; years of `years.JALALI_YEARS` and the names of Jalali months make it a Jalali date.
    * today, tomorrow, yesterday; a weekday alone is the next one, never today. A weekday beside
      a date must be that date's. "In 3 days", "next Friday" and the like: `relative.days_meant`.
    * With the year last, day and month stand in either order. A part over 12 decides; so does
      `locale.date_order`; else both are candidates. Jalali dates are always day first.
    * A two-digit year lies within `YEARS_BACK`, in the calendar of the month or of the locale.
    * `15 May`, without a year, is the last or the next one: both are candidates, unless the
      field must be past (a birthday lacks its year: refused) or its rules leave only one.
    * A year alone, or a month and a year, is incomplete; the refusal tells them as `year` and
      `month`, so that whoever asks can ask for the rest (`years.with_year`).
    * A date that the calendar does not have is refused as such.
    """
    if _ISO.fullmatch(text):
        return _iso_day(text)
    line, today = plain_line(text), today_in(locale, now)
    words = _words(line)
    if words is None:
        return _distant(line, locale, today)
    found = _candidates(words, field, locale, today)
    if isinstance(found, FaultCode):
        return _incomplete(words) if found is FaultCode.DATE_INCOMPLETE else refuse(found)
    return _reading(found, words)


def _distant(line: str, locale: Locale, today: date) -> Reading:
    """A day told by its distance from today."""
    try:
        days = days_meant(date_word(line), today, locale.calendar)
    except OverflowError:
        return refuse(FaultCode.NO_SUCH_DATE)
    if not days:
        return refuse(FaultCode.NOT_DATE)
    if any(day.year not in GREGORIAN_YEARS for day in days):
        return refuse(FaultCode.NO_SUCH_DATE)
    return Read(days[0]) if len(days) == 1 else Ambiguous(tuple(map(Candidate, days)))


def _incomplete(words: _Words) -> Refused:
    """Refused for what is missing, with the year, and the month if named, where they are there."""
    match words.numbers:
        case [year] if _is_year(year) and words.weekday is None:
            calendar = calendar_of(int(year))
            if words.month is None:
                return refuse(FaultCode.DATE_INCOMPLETE, year=int(year))
            if words.month[0] == calendar:
                return refuse(FaultCode.DATE_INCOMPLETE, year=int(year), month=words.month[1])
    return refuse(FaultCode.DATE_INCOMPLETE)


def _iso_day(text: str) -> Reading:
    try:
        return Read(date.fromisoformat(text))
    except ValueError:
        return refuse(FaultCode.NO_SUCH_DATE)


def _reading(found: tuple[Candidate, ...], words: _Words) -> Reading:
    days: dict[Value, Candidate] = {}
    for candidate in found:
        if _on_weekday(candidate, words):
            days.setdefault(candidate.value, candidate)
    if not days:
        return refuse(FaultCode.NO_SUCH_DATE)
    return Read(next(iter(days))) if len(days) == 1 else Ambiguous(tuple(days.values()))


def _on_weekday(candidate: Candidate, words: _Words) -> bool:
    day = candidate.value
    return words.weekday is None or (isinstance(day, date) and day.weekday() == words.weekday)


def _words(line: str) -> _Words | None:
    """The parts of a date, or None where the text says anything else."""
    text = joined_weekdays(_SPLIT_RELATIVE.sub("پسفردا", date_word(line)))
    if not _ALLOWED.fullmatch(text):
        return None
    words = _Words([])
    for token in _TOKEN.findall(text):
        if not _take(token, words):
            return None
    return words


def _take(token: str, words: _Words) -> bool:
    """Note one token; False where it is none of a date's, or one too many."""
    if token.isdecimal():
        words.numbers.append(token)
        return len(words.numbers) <= 3 and len(token) in (1, 2, 4)
    if token in MONTHS and words.month is None:
        words.month = MONTHS[token]
    elif token in WEEKDAYS and words.weekday is None:
        words.weekday = WEEKDAYS[token]
    elif token in _RELATIVE and words.relative is None:
        words.relative = _RELATIVE[token]
    else:
        return token in _FILLERS
    return True


Found = tuple[Candidate, ...] | FaultCode


def _candidates(words: _Words, field: Field, locale: Locale, today: date) -> Found:
    if words.relative is not None:
        only = not words.numbers and words.month is None
        return _one(today + timedelta(days=words.relative)) if only else FaultCode.NOT_DATE
    if words.month is not None:
        return _named(words.numbers, words.month, field, today)
    match words.numbers:
        case []:
            return _next_weekday(words.weekday, today)
        case [year]:
            return FaultCode.DATE_INCOMPLETE if _is_year(year) else FaultCode.NOT_DATE
        case [first, second]:
            return _yearless_numbers(first, second, field, locale, today)
        case [first, second, third]:
            return _three(first, second, third, field, locale, today)
    return FaultCode.NOT_DATE


def _one(day: date | None) -> Found:
    return FaultCode.NO_SUCH_DATE if day is None else (Candidate(day),)


def _next_weekday(weekday: int | None, today: date) -> Found:
    if weekday is None:
        return FaultCode.NOT_DATE
    ahead = (weekday - today.weekday() - 1) % 7 + 1
    return _one(today + timedelta(days=ahead))


def _is_year(text: str) -> bool:
    return len(text) == 4 and calendar_of(int(text)) is not None


def _named(
    numbers: list[str],
    month: tuple[Calendar, int],
    field: Field,
    today: date,
) -> Found:
    calendar, number = month
    if len(numbers) == 2:
        day, year = numbers if _looks_like_day(numbers[0]) else reversed(numbers)
        if not _looks_like_day(day):
            return FaultCode.NO_SUCH_DATE
        if len(year) == 1:
            return FaultCode.DATE_INCOMPLETE
        full = _full_year(year, calendar, field, today)
        if calendar_of(full) != calendar:
            return FaultCode.NO_SUCH_DATE
        return _one(day_of(calendar, full, number, int(day)))
    if len(numbers) == 1 and _looks_like_day(numbers[0]):
        return _yearless(calendar, number, int(numbers[0]), field, today)
    return FaultCode.NOT_DATE if len(numbers) == 3 else FaultCode.DATE_INCOMPLETE


def _looks_like_day(text: str) -> bool:
    return len(text) <= 2 and int(text) <= 31


def _full_year(text: str, calendar: Calendar, field: Field, today: date) -> int:
    """The year meant by two digits; four are left as they are."""
    if len(text) == 4:
        return int(text)
    current = today.year if calendar == "gregorian" else today.year - 621
    latest = current if field.rules.past else current + 99 - YEARS_BACK
    return latest - (latest - int(text)) % 100


def _three(first: str, second: str, third: str, field: Field, locale: Locale, today: date) -> Found:
    if len(second) == 4:
        return FaultCode.NOT_DATE
    if not _looks_like_day(first):
        return _year_first(first, second, third, field, locale, today)
    if len(third) == 1 or (locale.calendar == "jalali" and _looks_like_day(third)):
        # In Iran 04/02/25 begins with the year, and 25/02/04 is written as well.
        return FaultCode.DATE_INCOMPLETE
    calendar = calendar_of(int(third)) if len(third) == 4 else locale.calendar
    if calendar is None:
        return FaultCode.NO_SUCH_DATE
    year = _full_year(third, calendar, field, today)
    return _year_last(calendar, year, int(first), int(second), locale.date_order)


def _year_first(
    first: str, second: str, third: str, field: Field, locale: Locale, today: date
) -> Found:
    calendar = calendar_of(int(first)) if len(first) == 4 else locale.calendar
    if calendar is None or len(third) == 4:
        return FaultCode.NO_SUCH_DATE
    year = _full_year(first, calendar, field, today)
    return _one(day_of(calendar, year, int(second), int(third)))


def _year_last(
    calendar: Calendar, year: int, first: int, second: int, order: DateOrder | None
) -> Found:
    if calendar == "jalali":
        return _one(day_of(calendar, year, second, first))
    day_first = day_of(calendar, year, second, first)
    month_first = day_of(calendar, year, first, second)
    if day_first is None or month_first is None:
        return _one(day_first or month_first)
    both = (Candidate(day_first, "dmy"), Candidate(month_first, "mdy"))
    return tuple(one for one in both if one.order == order) if order else both


def _yearless_numbers(first: str, second: str, field: Field, locale: Locale, today: date) -> Found:
    """`15/05`: read where only one order is possible, else incomplete."""
    if len(first) == 4 or len(second) == 4:
        return FaultCode.DATE_INCOMPLETE
    if locale.calendar == "jalali":
        return FaultCode.DATE_INCOMPLETE
    orders = _orders(int(first), int(second), locale.date_order)
    if len(orders) > 1:
        return FaultCode.DATE_INCOMPLETE
    if not orders:
        return FaultCode.NO_SUCH_DATE
    month, day = orders.pop()
    return _yearless("gregorian", month, day, field, today)


def _orders(first: int, second: int, order: DateOrder | None) -> set[tuple[int, int]]:
    """The (month, day) that two numbers may mean."""
    possible = {"dmy": (second, first), "mdy": (first, second)}
    fitting = {
        name: pair for name, pair in possible.items() if 1 <= pair[0] <= 12 and pair[1] <= 31
    }
    if order in fitting:
        return {fitting[order]}
    return set(fitting.values())


def _yearless(calendar: Calendar, month: int, day: int, field: Field, today: date) -> Found:
    """The last such day up to today and the next one after it."""
    around = list(_around(calendar, month, day, today))
    if not around:
        return FaultCode.NO_SUCH_DATE
    if field.rules.past:
        return FaultCode.DATE_INCOMPLETE
    past = [one for one in around if one <= today]
    coming = [one for one in around if one > today]
    return tuple(map(Candidate, past[-1:] + coming[:1]))


def _around(calendar: Calendar, month: int, day: int, today: date) -> Iterator[date]:
    """The days of that name near today; leap days are at most eight years apart."""
    current = today.year if calendar == "gregorian" else today.year - 621
    for year in range(current - 9, current + 10):
        found = day_of(calendar, year, month, day)
        if found is not None:
            yield found
