"""What a run goes on by, kept until it may: alarms of its wait, and back.

A run that would ask while another one's question is open, or go on while a person of the staff
talks with the customer, rests as it is; an alarm and the wait's state say by what it goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from engine.asking.gathering import MERGE
from engine.resume import (
    Elapsed,
    EventSeen,
    Gathered,
    HttpAnswered,
    Reminded,
    Restarted,
    Resume,
    Settled,
    Stopped,
    TimedOut,
)
from engine.run import HANDED_OVER, LATE, Alarm, Run, Wait

_TOLD = "told"
"""The part of a wait's state that says what the resume says."""


def put_off(run: Run, resume: Resume, behind: str, now: datetime) -> Wait | None:
    """The wait of a run that goes on by `resume` once it may; None for what is not put off, and for
    what is not of this wait: it does nothing, now or later.

    behind: what it lets go before (engine.run.LATE).
    """
    found = _kept(resume)
    if found is None:
        return None
    kind, told = found
    wait = run.wait
    if wait is not None and getattr(resume, "wait_id", wait.id) != wait.id:
        return None
    if wait is None:  # it rests in the middle of a step (engine.settling)
        if not isinstance(resume, Settled):
            return None
        wait = Wait(f"{run.id}-{resume.waits + 1}", asked_at=now, asks=False)
    state = {key: value for key, value in wait.state.items() if key != HANDED_OVER}
    return replace(wait, alarms=(Alarm(now, kind),), state={**state, LATE: behind, _TOLD: told})


def resume_of(wait: Wait, alarm: Alarm) -> Resume:
    """What an alarm that sounds makes of its run."""
    return _ALARMS[alarm.kind](wait, alarm)


def _kept(resume: Resume) -> tuple[str, Any] | None:
    match resume:
        case EventSeen(_, event):
            return "seen", event
        case HttpAnswered(_, answer):
            return "answered", answer
        case Stopped(place, outcome, goto) if goto:
            return "stopped", [place, outcome, goto]
        case Restarted(place):
            return "restarted", place
        case Settled(None, None, times, waits, alone):
            return "settled", [times, waits + 1, alone]
        case Elapsed():
            return "elapsed", None
        case TimedOut():
            return "timeout", None
    return None


_ALARMS: Mapping[str, Callable[[Wait, Alarm], Resume]] = {
    "remind": lambda wait, alarm: Reminded(wait.id, alarm.number),
    "timeout": lambda wait, _: TimedOut(wait.id),
    "elapsed": lambda wait, _: Elapsed(wait.id),
    MERGE: lambda wait, _: Gathered(wait.id),
    "seen": lambda wait, _: EventSeen(wait.id, wait.state[_TOLD]),
    "answered": lambda wait, _: HttpAnswered(wait.id, wait.state[_TOLD]),
    "stopped": lambda wait, _: Stopped(*wait.state[_TOLD]),
    "restarted": lambda wait, _: Restarted(wait.state[_TOLD]),
    "settled": lambda wait, _: Settled(None, None, *wait.state[_TOLD]),
}
