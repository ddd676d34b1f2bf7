"""When a task comes again: an RRULE of RFC 5545, or one of four words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

WORDS = ("daily", "weekly", "monthly", "yearly")
"""Short for FREQ=DAILY and so on."""

MOST = 200
"""Characters of a rule."""

_PART = r"(FREQ|INTERVAL|COUNT|UNTIL|WKST|BY[A-Z]+)=[A-Z0-9,+-]+"
_RULE = re.compile(rf"{_PART}(;{_PART})*")
_ALWAYS = frozenset(("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"))

# What may narrow a rule. dateutil goes from one period to the next until one fits, to the year
# 9999: a rule of days that fits none (30 February) would be searched for ten seconds.
_NARROWS: Mapping[str, frozenset[str]] = {
    "DAILY": frozenset(("BYDAY", "BYMONTH")),
    "WEEKLY": frozenset(("BYDAY", "BYMONTH")),
    "MONTHLY": frozenset(("BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS")),
    "YEARLY": frozenset(("BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS", "BYYEARDAY", "BYWEEKNO")),
}

_LATE = datetime(9940, 1, 1)  # noqa: DTZ001 - by the clock of no place
"""From here a rule that never comes is soon searched through, and every sensible one comes."""


def read_rule(written: str) -> str:
    """The RRULE as it is stored: `FREQ=WEEKLY;BYDAY=MO`. Raises ValueError, saying what to write.

    What comes more than once a day, or never, is refused.
    """
    text = written.strip().upper().removeprefix("RRULE:").rstrip(";")
    if text.lower() in WORDS:
        return f"FREQ={text}"
    if len(text) > MOST or not _RULE.fullmatch(text):
        raise ValueError(_cure(written))
    parts = _parts(text)
    if parts.get("FREQ") not in _NARROWS or len(parts) != text.count("="):
        raise ValueError(_cure(written))
    _check_parts(parts, written)
    try:
        comes = _after(_joined(parts, without=("COUNT", "UNTIL")), _LATE, _LATE)
        _after(text, _LATE, _LATE)
        _end_of(parts, UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"'{written}' is no repetition: {error}") from None
    if comes is None or parts.get("COUNT", "1").lstrip("0") == "":
        raise ValueError(f"'{written}' never comes")
    return text


def next_time(rule: str, first_at: datetime, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first time of `rule` later than `after`, in UTC; None once it has come for the last time.

    rule: as `read_rule` gives it. first_at: the first time, from which COUNT and INTERVAL count.
    Days are those of `zone`, whose clock the times keep.
    """
    first = first_at.astimezone(zone).replace(tzinfo=None)
    found = _after(rule, first, after.astimezone(zone).replace(tzinfo=None))
    end = _end_of(_parts(rule), zone)
    if found is None or (end is not None and found > end):
        return None
    return found.replace(tzinfo=zone).astimezone(UTC)


def _check_parts(parts: Mapping[str, str], written: str) -> None:
    frequency = parts["FREQ"]
    if {"COUNT", "UNTIL"} <= parts.keys():
        raise ValueError(f"a repetition ends by COUNT or by UNTIL, not by both: '{written}'")
    interval = parts.get("INTERVAL", "1")
    if not re.fullmatch("[1-9][0-9]{0,3}", interval):
        raise ValueError(f"INTERVAL is a number from 1 to 9999: '{written}'")
    narrowing = parts.keys() - _ALWAYS
    if odd := sorted(narrowing - _NARROWS[frequency]):
        raise ValueError(f"{', '.join(odd)} does not go with FREQ={frequency}: '{written}'")
    if frequency == "DAILY" and narrowing and interval != "1":
        raise ValueError(f"every {interval} days takes no {min(narrowing)}: '{written}'")


def _after(rule: str, first: datetime, moment: datetime) -> datetime | None:
    """By the clock of the wall, without regard to UNTIL."""
    parsed = rrulestr(_joined(_parts(rule), without=("UNTIL",)), dtstart=first)
    assert isinstance(parsed, rrule), "one rule without exceptions"
    return parsed.after(moment)


def _parts(rule: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition("=") for part in rule.split(";"))}


def _joined(parts: Mapping[str, str], without: Collection[str]) -> str:
    return ";".join(f"{name}={value}" for name, value in parts.items() if name not in without)


def _end_of(parts: Mapping[str, str], zone: tzinfo) -> datetime | None:
    """UNTIL by the clock of `zone`: a day is meant whole."""
    until = parts.get("UNTIL")
    if until is None:
        return None
    if until.endswith("Z"):
        moment = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return moment.astimezone(zone).replace(tzinfo=None)
    whole = until if "T" in until else f"{until}T235959"
    return datetime.strptime(whole, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - by the zone's own clock


def _cure(written: str) -> str:
    return f"'{written}' is no repetition: write {', '.join(WORDS)}, or FREQ=WEEKLY;BYDAY=MO,TH"
