"""`delay`: go on later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from msgspec import Struct

from engine.asking.moments import MOMENT_OR_TEMPLATE
from engine.asking.timing import NO_TIME, until
from engine.durations import Duration
from engine.node import Exit, Next, Node, Stay
from engine.passage import Passage
from engine.resume import Elapsed, Resume
from engine.run import Alarm, Wait
from engine.shapes import DURATION, OFFSET, TIME, Either, Option, Reader, Record, Shape
from engine.source import Source
from engine.templates import Template


class Pause(Struct, frozen=True):
    """How long: `span`, then until the clock shows `at`; or `until` a moment plus `offset`.

    at: in the customer's zone, of the day that `span` leads to; without a span the next time it
    comes. until: as in engine.asking.timing.
    """

    span: Duration = NO_TIME
    at: time | None = None
    until: date | Template | None = None
    offset: Duration = NO_TIME


class _Span(Shape[Pause]):
    wanted = DURATION.wanted

    def read(self, source: Source, reader: Reader) -> Pause | None:
        span = DURATION.read(source, reader)
        return None if span is None else Pause(span)

    def schema(self) -> dict[str, Any]:
        return DURATION.schema()


def _pause(options: dict[str, Any], reader: Reader) -> Pause:
    ways = [name for name in ("for", "at", "until") if name in options]
    if not ways or ("until" in ways and len(ways) > 1):
        reader.error(
            reader.at(),
            "E112",
            "`delay` needs `for` or `at`, or `until` without them",
            "Write how long: `delay: 2h`.",
        )
    if "offset" in options and "until" not in options:
        reader.error(
            reader.at("offset"),
            "E112",
            "`offset` counts from `until`, which is missing",
            "Write `until` too, or the whole time as `for`.",
        )
    return Pause(
        span=options.get("for", NO_TIME),
        at=options.get("at"),
        until=options.get("until"),
        offset=options.get("offset", NO_TIME),
    )


_PAUSE = Record(
    {
        "for": Option(DURATION, "how long", "2d"),
        "at": Option(TIME, "at what time of that day, in the customer's zone", "18:00"),
        "until": Option(MOMENT_OR_TEMPLATE, "a date or moment", "{{ customer.appointment }}"),
        "offset": Option(OFFSET, "before (-) or after `until`", "-3h"),
    },
    _pause,
    "delay",
)


class Delay(Node, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "delay"
    HELP: ClassVar[str] = "Waits for a time, in the customer's zone; a past moment goes on at once."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "delay": Option(Either(scalar=_Span(), mapping=_PAUSE), "how long", "2d", required=True),
    }

    pause: Pause

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Delay:
        return cls(**common, pause=options["delay"])

    @property
    def waits(self) -> bool:
        return True

    def enter(self, at: Passage) -> Next:
        end = self._end(at)
        if end is None or end <= at.now:
            return Exit()
        alarm = Alarm(end, "elapsed")
        return Stay(Wait(at.new_wait_id(), asked_at=at.now, asks=False, alarms=(alarm,)))

    def resume(self, at: Passage, resume: Resume) -> Next:
        assert at.wait is not None, "only a waiting run is resumed"
        return Exit() if isinstance(resume, Elapsed) else Stay(at.wait)

    def _end(self, at: Passage) -> datetime | None:
        pause = self.pause
        if pause.until is not None:
            return until(at, pause.until, pause.offset)
        later = pause.span.after(at.now, at.zone)
        if pause.at is None:
            return later
        day = later.astimezone(at.zone).date()
        moment = _clock(day, pause.at, at.zone)
        if not pause.span and moment <= at.now:
            moment = _clock(day + timedelta(days=1), pause.at, at.zone)
        return moment


def _clock(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, zone).astimezone(UTC)
