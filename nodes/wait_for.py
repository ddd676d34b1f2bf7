"""`wait_for`: go on when something happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, ClassVar

from msgspec import Struct
from msgspec.structs import replace

from engine.asking.moments import MOMENT_OR_TEMPLATE
from engine.asking.timing import NO_TIME, until
from engine.durations import Duration
from engine.flow import Trigger
from engine.node import Exit, Finish, Go, Next, Node, Stay
from engine.passage import Passage
from engine.resume import EventSeen, Resume, TimedOut
from engine.run import Alarm, Wait
from engine.shapes import DURATION, NODE_REF, OFFSET, Either, Option, Reader, Record, Shape
from engine.source import Source
from engine.templates import Template
from engine.triggers import EVENT

NO_EVENT = "no_event"
"""The outcome where the time is over and no `goto` says where to go."""


class Limit(Struct, frozen=True):
    """Until when it waits: `after` it began to, or `until` a moment plus `offset`."""

    after: Duration | None = None
    until: date | Template | None = None
    offset: Duration = NO_TIME
    goto: str = ""


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


_LIMIT = Either(
    scalar=_After(),
    mapping=Record(
        {
            "after": Option(DURATION, "counted from where it begins to wait", "3d"),
            "until": Option(MOMENT_OR_TEMPLATE, "a date or moment", "{{ customer.visit }}"),
            "offset": Option(OFFSET, "before (-) or after `until`", "-1h"),
            "goto": Option(NODE_REF, f"without it the run ends with outcome {NO_EVENT}"),
        },
        _limit,
        "timeout",
    ),
)


class WaitFor(Node, frozen=True, kw_only=True):
    """limit: None to wait for ever."""

    KIND: ClassVar[str] = "wait_for"
    HELP: ClassVar[str] = "Waits for an event; what it brought is read as `answer.x`."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "wait_for": Option(EVENT, "the event, as in `triggers`", "{on: purchase}", required=True),
        "timeout": Option(_LIMIT, "how long it waits; without it for ever", "{after: 3d}"),
    }

    event: Trigger
    limit: Limit | None = None

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> WaitFor:
        return cls(**common, event=options["wait_for"], limit=options.get("timeout"))

    @property
    def waits(self) -> bool:
        return True

    @property
    def awaits(self) -> Trigger:
        return self.event

    def exits(self) -> Iterator[tuple[str, str]]:
        if self.limit is not None and self.limit.goto:
            yield "timeout", self.limit.goto

    def enter(self, at: Passage) -> Next:
        wait = Wait(at.new_wait_id(), asked_at=at.now, asks=False, alarms=self._alarms(at))
        return Stay(wait)

    def resume(self, at: Passage, resume: Resume) -> Next:
        assert at.wait is not None, "only a waiting run is resumed"
        match resume:
            case EventSeen(_, event):
                at.frames[-1] = replace(at.frames[-1], answer=event)
                return Exit()
            case TimedOut() if self.limit is not None:
                way = "timeout"
                if self.limit.goto:
                    return Go(self.limit.goto, way)
                return Finish(NO_EVENT, way=way)
        return Stay(at.wait)

    def _alarms(self, at: Passage) -> tuple[Alarm, ...]:
        limit = self.limit
        if limit is None:
            return ()
        end = None
        if limit.until is not None:
            end = until(at, limit.until, limit.offset)
        elif limit.after is not None:
            end = limit.after.after(at.now, at.zone)
        return () if end is None else (Alarm(end, "timeout"),)
