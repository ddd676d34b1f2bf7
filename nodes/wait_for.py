"""`wait_for`: go on when something happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from engine.asking.limit import LIMIT, Limit
from engine.events import ALIASES
from engine.flow import Trigger
from engine.node import Exit, Next, Node, Stay
from engine.passage import Passage
from engine.resume import EventSeen, Resume, TimedOut
from engine.run import Wait
from engine.shapes import Option, Reader
from engine.triggers import EVENT

NO_EVENT = "no_event"
"""The outcome where the time is over and no `goto` says where to go."""


class WaitFor(Node, frozen=True, kw_only=True):
    """limit: None to wait for ever."""

    KIND: ClassVar[str] = "wait_for"
    HELP: ClassVar[str] = "Waits for an event; what it brought is read as `answer.x`."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "wait_for": Option(EVENT, "the event, as in `triggers`", "{on: purchase}", required=True),
        "timeout": Option(
            LIMIT, "how long it waits, else it ends as no_event; without it for ever", "{after: 3d}"
        ),
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

    def take_over(self, before: Node | None, wait: Wait) -> Wait | None:
        """Who waits for one thing is not made to wait for another."""
        known = isinstance(before, WaitFor) and _asked(before.event) == _asked(self.event)
        return wait if known else None

    def enter(self, at: Passage) -> Next:
        alarms = self.limit.alarms(at) if self.limit else ()
        return Stay(Wait(at.new_wait_id(), asked_at=at.now, asks=False, alarms=alarms))

    def resume(self, at: Passage, resume: Resume) -> Next:
        assert at.wait is not None, "only a waiting run is resumed"
        match resume:
            case EventSeen(_, event):
                at.frames[-1] = replace(at.frames[-1], answer=event)
                return Exit()
            case TimedOut() if self.limit is not None:
                return self.limit.leave(NO_EVENT)
        return Stay(at.wait)


def _asked(event: Trigger) -> tuple[str, Mapping[str, Any]]:
    """What is waited for, wherever it is written; what `only` asks may have changed."""
    return ALIASES.get(event.on, event.on), event.options
