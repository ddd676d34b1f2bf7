"""`timeout` of what waits without asking: until when, and where it goes then."""

from __future__ import annotations

from datetime import date
from typing import Any

from msgspec import Struct

from engine.asking.moments import MOMENT_OR_TEMPLATE
from engine.asking.timing import NO_TIME, until
from engine.durations import Duration
from engine.node import Finish, Go, Next
from engine.passage import Passage
from engine.run import Alarm
from engine.shapes import DURATION, NODE_REF, OFFSET, Either, Option, Reader, Record, Shape
from engine.source import Source
from engine.templates import Template


class Limit(Struct, frozen=True):
    """Until when it waits: `after` it began to, or `until` a moment plus `offset`."""

    after: Duration | None = None
    until: date | Template | None = None
    offset: Duration = NO_TIME
    goto: str = ""

    def alarms(self, at: Passage) -> tuple[Alarm, ...]:
        """The moment it is over; none where `until` has no value for this customer."""
        end = None
        if self.until is not None:
            end = until(at, self.until, self.offset)
        elif self.after is not None:
            end = self.after.after(at.now, at.zone)
        return () if end is None else (Alarm(end, "timeout"),)

    def leave(self, outcome: str) -> Next:
        """Where it goes then; `outcome` is what the run ends with where nothing says where."""
        way = "timeout"
        return Go(self.goto, way) if self.goto else Finish(outcome, way=way)


class _After(Shape[Limit]):
    """A time alone."""

    wanted = DURATION.wanted

    def read(self, source: Source, reader: Reader) -> Limit | None:
        after = DURATION.read(source, reader)
        return None if after is None else Limit(after)

    def schema(self) -> dict[str, Any]:
        return DURATION.schema()


def _limit(options: dict[str, Any], reader: Reader) -> Limit:
    if ("after" in options) is ("until" in options):
        message = "`timeout` has `after` or `until`, one of the two"
        reader.error(reader.at(), "E112", message, "Write `after: 3d`, or `until` a moment.")
    return Limit(**options)


LIMIT = Either(
    scalar=_After(),
    mapping=Record(
        {
            "after": Option(DURATION, "counted from where it begins to wait", "3d"),
            "until": Option(MOMENT_OR_TEMPLATE, "a date or moment", "{{ customer.visit }}"),
            "offset": Option(OFFSET, "before (-) or after `until`", "-1h"),
            "goto": Option(NODE_REF, "where it goes then; without it the run ends"),
        },
        _limit,
        "timeout",
    ),
)
