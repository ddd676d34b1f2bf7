"""Times of day, and moments, as people write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from engine.fields.calendars import date_word
from engine.fields.clean import plain_line
from engine.fields.dates import read_date
from engine.fields.faults import Fault, FaultCode
from engine.fields.places import Locale, zone_of
from engine.fields.readings import Ambiguous, Candidate, Read, Reading, Refused, refuse
from engine.fields.relative import moment_meant
from engine.fields.types import Field, Value
from engine.fields.validate import validate

_PARTS = {
    date_word(word): part
    for part, words in (
        ("am", "am|a.m.|a.m|in the morning|morning|صبح|بامداد|صباحا"),
        ("noon", "noon|ظهر|ظهرا"),
        ("pm", "pm|p.m.|p.m|in the afternoon|afternoon|in the evening|evening"),
        ("pm", "عصر|بعدازظهر|بعد از ظهر|مساء"),
        ("night", "at night|شب|لیلا"),
    )
    for word in words.split("|")
}
_NAMED = {
    date_word(word): hour
    for hour, words in ((0, "midnight|نیمه شب"), (12, "noon|ظهر"))
    for word in words.split("|")
}

# What each hour from 0 to 12 is in a part of the day; None: no one says so.
_HOURS: dict[str, tuple[int | None, ...]] = {
    "am": (*range(12), 0),
    "noon": (None, 13, 14, 15, 16, None, None, None, None, None, 10, 11, 12),
    "pm": (None, *range(13, 24), 12),
    "night": (0, 1, 2, 3, 4, None, *range(18, 24), 0),
}

_PART = "|".join(sorted(map(re.escape, _PARTS), key=len, reverse=True))
_NAME = "|".join(sorted(map(re.escape, _NAMED), key=len, reverse=True))
_AT = r"at|ساعت|الساعه"
_FRACTIONS = {"نیم": 30, "ربع": 15}
_AND = r"(?:\s*و\s*(?P<{}>نیم|ربع))?"
_TIME = re.compile(
    rf"(?<![\w./-])(?:(?:{_AT})\s+)?(?:"
    rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}}))?"
    rf"(?:\s*(?P<part>{_PART})(?!\w))?(?![\w:])"
    rf"|(?P<bare>[0-9]{{1,2}}){_AND.format('bare_and')}\s*(?P<bare_part>{_PART})(?!\w)"
    rf"|(?P<name>{_NAME})(?!\w))"
)
_ALONE = re.compile(
    rf"(?<![\w./-])(?:(?:{_AT})\s+(?P<hour>[0-9]{{1,2}})|(?P<clock>[0-9]{{1,2}})(?= ?o.?clock))"
    rf"{_AND.format('and')}(?: ?o.?clock)?(?![\w:.])"
)
"""An hour without a part of the day, and with a word that makes it an hour."""
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{2})")
_ISO_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+(?:z|[+-][0-9]{2}:?[0-9]{2})")
_ISO_JOINT = re.compile(r"(?<=[0-9])t(?=[0-9])")
_JOINERS = " \t\n,،-"
_LAST_MINUTE = time(23, 59)


def read_time(text: str) -> Reading:
    """A time of day: `10:00`, `10.30`, `5pm`, `5:30 PM`, `۵ عصر`, `۵ و نیم عصر`, noon, midnight.

    Without am or pm, hours with minutes are those of a 24-hour clock. An hour alone (`5`, `at 5`)
    from 1 to 12 could be of the morning or of the evening: both are candidates.
    """
    line = date_word(plain_line(text)).strip()
    dotted = _DOTTED.fullmatch(line)
    found = _TIME.fullmatch(f"{dotted[1]}:{dotted[2]}" if dotted else line)
    if found is None:
        alone = _ALONE.fullmatch(line if not line[:1].isdecimal() else f"at {line}")
        return _one_of(_hours_of(alone)) if alone else refuse(FaultCode.NOT_TIME)
    moment = _time_of(found)
    return refuse(FaultCode.NOT_TIME) if moment is None else Read(moment)


def read_datetime(text: str, field: Field, locale: Locale, now: datetime) -> Reading:
    """A date, read as by `read_date`, with a time, read as by `read_time`, in either order; or a
    distance in hours ("in 2 hours").

    An hour alone needs its word: `tomorrow at 5`, «فردا ساعت ۵». It is a moment in the customer's
    zone, unless it is ISO 8601 with an offset of its own; the value is UTC. Where clocks go back
    the first of the two moments is meant (PEP 495).
    """
    line = _ISO_JOINT.sub(" ", date_word(plain_line(text)))
    if _ISO_MOMENT.fullmatch(line):
        return _iso_moment(line)
    if (away := moment_meant(line, now)) is not None:
        return Read(away.astimezone(UTC))
    found = list(_TIME.finditer(line)) or list(_ALONE.finditer(line))
    clocks = _clocks_of(found[0]) if len(found) == 1 else ()
    if not clocks:
        return refuse(FaultCode.NOT_DATETIME) if found else _of_a_day(line, field, locale, now)
    rest = (line[: found[0].start()] + " " + line[found[0].end() :]).strip(_JOINERS)
    day = read_date(rest, field, locale, now)
    match day:
        case Read(value):
            days: tuple[Candidate, ...] = (Candidate(value),)
        case Ambiguous(candidates):
            days = candidates
        case _:
            return refuse(day.fault.code if rest else FaultCode.NOT_DATETIME)
    return _moments(days, clocks, locale)


def _of_a_day(line: str, field: Field, locale: Locale, now: datetime) -> Reading:
    """A day without a time is refused by its own code, so that only the time need be asked for;
    unless the field's rules exclude the whole day."""
    match read_date(line, field, locale, now):
        case Read(date() as day):
            days: tuple[date, ...] = (day,)
        case Ambiguous(candidates):
            days = tuple(one.value for one in candidates if isinstance(one.value, date))
        case _:
            return refuse(FaultCode.NOT_DATETIME)
    faults = {day: _fault_of_a_day(day, field, locale, now) for day in days}
    kept = [day for day, fault in faults.items() if fault is None]
    if len(kept) == 1:
        return refuse(FaultCode.TIME_MISSING, day=kept[0])
    fault = None if kept else next(iter(faults.values()), None)
    return Refused(fault) if fault else refuse(FaultCode.NOT_DATETIME)


def _fault_of_a_day(day: date, field: Field, locale: Locale, now: datetime) -> Fault | None:
    """The rule that no moment of the day keeps; None where one does."""
    ends = [_moment(day, clock, locale) for clock in (time.min, _LAST_MINUTE)]
    faults = [validate(end, field, locale, now) for end in ends if end is not None]
    return faults[0] if faults and all(faults) else None


def _moments(days: tuple[Candidate, ...], clocks: tuple[time, ...], locale: Locale) -> Reading:
    """Each of the days at each of the times."""
    found = [
        Candidate(moment, day.order)
        for day in days
        for clock in clocks
        if (moment := _moment(day.value, clock, locale)) is not None
    ]
    if not found:
        return refuse(FaultCode.NO_SUCH_DATE)
    return Read(found[0].value) if len(found) == 1 else Ambiguous(tuple(found))


def _one_of(hours: tuple[time, ...]) -> Reading:
    if not hours:
        return refuse(FaultCode.NOT_TIME)
    return Read(hours[0]) if len(hours) == 1 else Ambiguous(tuple(map(Candidate, hours)))


def _clocks_of(found: re.Match[str]) -> tuple[time, ...]:
    if found.re is _ALONE:
        return _hours_of(found)
    clock = _time_of(found)
    return () if clock is None else (clock,)


def _hours_of(found: re.Match[str]) -> tuple[time, ...]:
    """What an hour without a part of the day may be, earliest first."""
    hour, minute = int(found["hour"] or found["clock"]), _FRACTIONS.get(found["and"] or "", 0)
    if hour > 23:
        return ()
    hours = (hour % 12, hour % 12 + 12) if 1 <= hour <= 12 else (hour,)
    return tuple(time(one, minute) for one in hours)


def _time_of(found: re.Match[str]) -> time | None:
    if found["name"]:
        return time(_NAMED[found["name"]])
    part = _PARTS.get(found["part"] or found["bare_part"] or "")
    hour = _hour(int(found["hour"] or found["bare"]), part)
    minute = int(found["minute"] or _FRACTIONS.get(found["bare_and"] or "", 0))
    second = int(found["second"] or 0)
    if hour is None or hour > 23 or minute > 59 or second > 59:
        return None
    return time(hour, minute, second)


def _hour(hour: int, part: str | None) -> int | None:
    """The hour of 24 that `hour` is in a part of the day; None where the part has no such hour."""
    if part is None:
        return hour
    hours = _HOURS[part]
    return hours[hour] if hour < len(hours) else hour if part != "am" else None


def _iso_moment(line: str) -> Reading:
    try:
        return Read(datetime.fromisoformat(line.upper()).astimezone(UTC))
    except (ValueError, OverflowError):
        return refuse(FaultCode.NOT_DATETIME)


def _moment(day: Value, clock: time, locale: Locale) -> datetime | None:
    if not isinstance(day, date):
        return None
    try:
        return datetime.combine(day, clock, zone_of(locale)).astimezone(UTC)
    except OverflowError:
        return None
