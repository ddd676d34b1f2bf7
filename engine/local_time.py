"""When a rule of local time comes next: each planned time of the wall once, whatever clocks do.

    next_local(Daily(time(10)), after, ZoneInfo("Asia/Tehran")) -> Point

A time that the clocks skip comes at the first instant after the gap; one that they show twice comes
the first time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from msgspec import Struct

FAR = 60
"""Years within which a rule must come: 29 February on a given weekday comes in 40 at the latest."""

_DAY = timedelta(days=1)


class Rule(Protocol):
    """Times of the wall, without a zone."""

    def later_than(self, wall: datetime) -> Iterator[datetime]:
        """The times after `wall` (naive), in order; it may end with the calendar."""
        ...


class Daily(Struct, frozen=True):
    """Every day, or on these weekdays (0 is Monday), at one time."""

    at: time
    weekdays: frozenset[int] = frozenset(range(7))

    def later_than(self, wall: datetime) -> Iterator[datetime]:
        day = wall.date()
        while day < date.max:
            planned = datetime.combine(day, self.at)
            if planned > wall and day.weekday() in self.weekdays:
                yield planned
            day += _DAY


class Cron(Struct, frozen=True):
    """A line of cron: minute, hour, day, month, weekday; Sunday is 0 and 7."""

    line: str

    @classmethod
    def parse(cls, text: str) -> Cron:
        """Raises ValueError for what is no such line, or never comes."""
        line = " ".join(text.split())
        if len(line.split()) != 5:
            raise ValueError("a cron line has five parts: minute, hour, day, month, weekday")
        try:
            first = next(CronSim(line, datetime(2001, 1, 1)), None)  # noqa: DTZ001 - of no place
        except CronSimError as error:
            raise ValueError(f"no cron line that ever comes: {str(error).lower()}") from None
        if first is None or first.year > 2001 + FAR:
            raise ValueError("this cron line never comes")
        return cls(line)

    def later_than(self, wall: datetime) -> Iterator[datetime]:
        return iter(CronSim(self.line, wall))


class Single(Struct, frozen=True):
    """Once: on a day, at a time."""

    wall: datetime

    def later_than(self, wall: datetime) -> Iterator[datetime]:
        if self.wall > wall:
            yield self.wall


class Point(NamedTuple):
    """An instant (UTC) at which a rule comes, and the times of the wall planned for it: several
    where the clocks skip them all."""

    at: datetime
    walls: tuple[datetime, ...]


def next_local(rule: Rule, after: datetime, zone: ZoneInfo) -> Point | None:
    """The first instant later than `after` (aware) at which `rule` comes in `zone`; None: never."""
    wall = after.astimezone(zone).replace(tzinfo=None)
    found: datetime | None = None
    walls: list[datetime] = []
    for planned in rule.later_than(wall):
        at = instant(planned, zone)
        if at <= after:  # the first of two times that the clocks show alike
            continue
        if found is not None and at != found:
            break
        found = at
        walls.append(planned)
    return None if found is None else Point(found, tuple(walls))


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant (UTC) at which the clocks of `zone` show `wall`, or pass it by."""
    before = wall.replace(tzinfo=zone).astimezone(UTC)
    if before.astimezone(zone).replace(tzinfo=None) == wall:
        return before
    # By the offset from before the gap the time lies after it, by the one from after it before.
    low = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    return _change(low, before, zone)


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The first second of the new offset between two instants."""
    old = low.astimezone(zone).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high
