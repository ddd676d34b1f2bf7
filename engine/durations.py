"""Spans of time as flows write them: `30s 15m 2h 3d 1w`, `1h30m`, `-3d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec import Struct

LONGEST_DAYS = 36_500
"""A hundred years: what is longer is a slip of the hand, and would leave the calendar."""

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)

_UNITS = {"w": (7, 0), "d": (1, 0), "h": (0, 3600), "m": (0, 60), "s": (0, 1)}
_PART = re.compile(r"(\d{1,9})([wdhms])", re.ASCII)
_WHOLE = re.compile(r"([+-]?)((?:\d{1,9}[wdhms])+)", re.ASCII)


class Duration(Struct, frozen=True, order=True):
    """`days` are calendar days in the customer's zone, `seconds` exact; of one sign."""

    days: int = 0
    seconds: int = 0

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Each unit once at most, largest first. Raises ValueError, saying what to write."""
        whole = _WHOLE.fullmatch(text.strip())
        if whole is None:
            raise ValueError(_cure(text.strip()))
        parts = _PART.findall(whole[2])
        places = ["wdhms".index(unit) for _, unit in parts]
        if places != sorted(set(places)):
            raise ValueError("each unit stands once, the largest first: 1w2d, 1h30m")
        sign = -1 if whole[1] == "-" else 1
        days = sum(int(count) * _UNITS[unit][0] for count, unit in parts)
        seconds = sum(int(count) * _UNITS[unit][1] for count, unit in parts)
        if days + seconds // 86_400 > LONGEST_DAYS:
            raise ValueError(f"the longest duration is {LONGEST_DAYS}d")
        return cls(sign * days, sign * seconds)

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """The UTC moment this long after `moment` (aware).

        Days keep the clock of `zone`: a day that begins or ends summer time is a day. A wall
        time the clocks skip becomes the one as much later; of one that comes twice it is the
        one with the offset `moment` had. Beyond the years of datetime it is the last of them.
        """
        try:
            return _after(self, moment.astimezone(UTC), zone)
        except OverflowError:
            return LATEST if (self.days, self.seconds) > (0, 0) else EARLIEST

    def __bool__(self) -> bool:
        return bool(self.days or self.seconds)

    def __neg__(self) -> Duration:
        return Duration(-self.days, -self.seconds)

    def __str__(self) -> str:
        """As `parse` reads it back; `0s` for nothing."""
        sign = "-" if self.days < 0 or self.seconds < 0 else ""
        minutes, seconds = divmod(abs(self.seconds), 60)
        hours, minutes = divmod(minutes, 60)
        parts = ((abs(self.days), "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
        return sign + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0s")


# A batch of turns asks the same of one moment again and again. The moment is in UTC, for of two in
# one zone that differ by their fold alone Python says that they are equal.
@lru_cache(maxsize=64)
def _after(duration: Duration, moment: datetime, zone: ZoneInfo) -> datetime:
    if duration.days:
        moment = _same_clock(moment.astimezone(zone), duration.days)
    return moment.astimezone(UTC) + timedelta(seconds=duration.seconds)


def _same_clock(local: datetime, days: int) -> datetime:
    later = local + timedelta(days=days)
    second = later.replace(fold=1)
    if second.utcoffset() == later.utcoffset():  # nearly always: no clock is changed at that time
        return later
    comes_twice = second.astimezone(UTC) > later.astimezone(UTC)
    return second if comes_twice and second.utcoffset() == local.utcoffset() else later


def _cure(text: str) -> str:
    if re.fullmatch(r"[+-]?\d+", text, re.ASCII):
        return f"a duration wants its unit: {text}s, {text}m, {text}h, {text}d or {text}w"
    return "a duration is written 30s, 15m, 2h, 3d, 1w or 1h30m"
