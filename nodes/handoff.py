"""`handoff`: a person of the staff goes on talking with the customer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from engine.asking.limit import LIMIT, Limit
from engine.durations import Duration
from engine.node import Exit, Next, Node, Stay
from engine.passage import Passage
from engine.resume import Elapsed, Resume, Talked, TimedOut
from engine.run import HANDED_OVER, UNANSWERED, Alarm, Wait
from engine.shapes import DURATION, WHO, Option, Reader

NOBODY_CAME = "nobody_came"
"""The outcome where nobody of the staff answered in time and no `goto` says where to go."""


class Handoff(Node, frozen=True, kw_only=True):
    """The bot is silent for this customer until the staff gives them back.

    to: a WHO of crm.yaml; '' where what started the run tells it and what follows, as `event.to`
    and `event.resume_after`. resume_after: after how much silence on both sides the bot goes on by
    itself; None for never. limit: until when somebody has to answer first; None for whenever.
    """

    KIND: ClassVar[str] = "handoff"
    HELP: ClassVar[str] = (
        "Lets somebody of the staff talk with the customer; the bot is silent until they are done."
    )
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "handoff": Option(
            WHO, "a name, role or team of crm.yaml, or assigned", "sales", required=True
        ),
        "resume_after": Option(
            DURATION, "after so much silence of both the bot goes on; without it when released",
            "12h",
        ),
        "timeout": Option(
            LIMIT, "until when somebody has to answer, else it ends as nobody_came",
            "{after: 30m, goto: sorry}",
        ),
    }  # fmt: skip

    to: str
    resume_after: Duration | None = None
    limit: Limit | None = None

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Handoff:
        return cls(
            **common,
            to=options["handoff"],
            resume_after=options.get("resume_after"),
            limit=options.get("timeout"),
        )

    @property
    def waits(self) -> bool:
        return True

    def exits(self) -> Iterator[tuple[str, str]]:
        if self.limit is not None and self.limit.goto:
            yield "timeout", self.limit.goto

    def enter(self, at: Passage) -> Next:
        limit = self.limit.alarms(at) if self.limit else ()
        to = self.to or str(at.run.event.get("to", ""))
        return Stay(
            Wait(
                at.new_wait_id(),
                asked_at=at.now,
                asks=False,
                alarms=(*limit, *self._silence(at)),
                state={HANDED_OVER: to, UNANSWERED: at.now},
            )
        )

    def resume(self, at: Passage, resume: Resume) -> Next:
        wait = at.wait
        assert wait is not None, "only a waiting run is resumed"
        match resume:
            case Elapsed():
                return Exit()
            case TimedOut() if self.limit is not None:
                return self.limit.leave(NOBODY_CAME)
            case Talked(by_staff=by_staff):
                limit = () if by_staff else (one for one in wait.alarms if one.kind == "timeout")
                state = {key: value for key, value in wait.state.items() if key != UNANSWERED}
                if not by_staff:
                    state[UNANSWERED] = wait.state.get(UNANSWERED, at.now)
                return Stay(replace(wait, alarms=(*limit, *self._silence(at)), state=state))
        return Stay(wait)

    def _silence(self, at: Passage) -> tuple[Alarm, ...]:
        """When the bot goes on if nobody says anything from now on."""
        after = self.resume_after
        if not self.to and (told := at.run.event.get("resume_after")):
            after = Duration.parse(told)
        return () if after is None else (Alarm(after.after(at.now, at.zone), "elapsed"),)
