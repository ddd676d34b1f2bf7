"""Times of day, and moments, as people write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

from engine.fields.calendars import date_word
from engine.fields.clean import plain_line
from engine.fields.dates import read_date
from engine.fields.faults import FaultCode
from engine.fields.places import Locale, zone_of
from engine.fields.readings import Ambiguous, Candidate, Read, Reading, Refused, refuse
from engine.fields.types import Field, Value

_PARTS = {
    date_word(word): part
    for part, words in (
        ("am", "am|a.m.|a.m|in the morning|morning|صبح|بامداد"),
        ("noon", "noon|ظهر"),
        ("pm", "pm|p.m.|p.m|in the afternoon|afternoon|in the evening|evening"),
        ("pm", "عصر|بعدازظهر|بعد از ظهر"),
        ("night", "at night|شب"),
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
_TIME = re.compile(
    rf"(?<![\w./-])(?:(?:at|ساعت)\s+)?(?:"
    rf"(?P<hour>[0-9]{{1,2}}):(?P<minute>[0-9]{{2}})(?::(?P<second>[0-9]{{2}}))?"
    rf"(?:\s*(?P<part>{_PART})(?!\w))?(?![\w:])"
    rf"|(?P<bare>[0-9]{{1,2}})\s*(?P<bare_part>{_PART})(?!\w)"
    rf"|(?P<name>{_NAME})(?!\w))"
)
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{2})")
_ISO_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:.]+(?:z|[+-][0-9]{2}:?[0-9]{2})")
_ISO_JOINT = re.compile(r"(?<=[0-9])t(?=[0-9])")
_JOINERS = " \t\n,،-"


def read_time(text: str) -> Read | Refused:
    """A time of day: `10:00`, `10.30`, `5pm`, `5:30 PM`, `۵ عصر`, noon, midnight.

    Without am or pm the hours are those of a 24-hour clock. An hour alone (`5`) could be morning
    or evening, and is refused.
    """
    line = date_word(plain_line(text)).strip()
    dotted = _DOTTED.fullmatch(line)
    found = _TIME.fullmatch(f"{dotted[1]}:{dotted[2]}" if dotted else line)
    moment = _time_of(found) if found else None
    return refuse(FaultCode.NOT_TIME) if moment is None else Read(moment)


def read_datetime(text: str, field: Field, locale: Locale, now: datetime) -> Reading:
    """A date, read as by `read_date`, with a time, read as by `read_time`, in either order.

    It is a moment in the customer's zone, unless it is ISO 8601 with an offset of its own; the
    value is UTC. Where clocks go back the first of the two moments is meant (PEP 495).
    """
    line = _ISO_JOINT.sub(" ", date_word(plain_line(text)))
    if _ISO_MOMENT.fullmatch(line):
        return _iso_moment(line)
    found = list(_TIME.finditer(line))
    clock = _time_of(found[0]) if len(found) == 1 else None
    if clock is None:
        return refuse(FaultCode.NOT_DATETIME)
    rest = (line[: found[0].start()] + " " + line[found[0].end() :]).strip(_JOINERS)
    day = read_date(rest, field, locale, now)
    match day:
        case Read(value):
            return _read_moment(value, clock, locale)
        case Ambiguous(candidates):
            return Ambiguous(
                tuple(Candidate(_moment(one.value, clock, locale), one.order) for one in candidates)
            )
        case _:
            return day if rest else refuse(FaultCode.NOT_DATETIME)


def _time_of(found: re.Match[str]) -> time | None:
    if found["name"]:
        return time(_NAMED[found["name"]])
    part = _PARTS.get(found["part"] or found["bare_part"] or "")
    hour = _hour(int(found["hour"] or found["bare"]), part)
    minute, second = int(found["minute"] or 0), int(found["second"] or 0)
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


def _read_moment(day: Value, clock: time, locale: Locale) -> Reading:
    moment = _moment(day, clock, locale)
    return refuse(FaultCode.NO_SUCH_DATE) if moment is None else Read(moment)


def _moment(day: Value, clock: time, locale: Locale) -> datetime | None:
    if not isinstance(day, date):
        return None
    try:
        return datetime.combine(day, clock, zone_of(locale)).astimezone(UTC)
    except OverflowError:
        return None
