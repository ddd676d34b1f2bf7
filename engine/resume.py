"""Why a run goes on: the one thing that happened since it last waited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from engine.fields.types import Value
from engine.messages import Message


class Started(Struct, frozen=True):
    """The run begins; `run.event` says by what."""


class Reply(Struct, frozen=True):
    """A person's message was offered to the open question."""

    message: Message


class TimedOut(Struct, frozen=True):
    """The wait's time is over. Does nothing if the run has moved on from `wait_id`."""

    wait_id: str


class Reminded(Struct, frozen=True):
    """A reminder of the wait is due; `number` counts from 0."""

    wait_id: str
    number: int


class Gathered(Struct, frozen=True):
    """No further message came within the pause: what was gathered is the reply."""

    wait_id: str


class Elapsed(Struct, frozen=True):
    """A delay is over."""

    wait_id: str


class HttpAnswered(Struct, frozen=True):
    """A request of the wait was answered, or nobody tries it any more.

    answer: what templates read as `answer`: status (0 where none came), json (None where the body
    is none), text, and error, None where it was answered with a 2xx.
    """

    wait_id: str
    answer: Mapping[str, Any]


class Released(Struct, frozen=True):
    """A detour has ended: the open question is asked again in its short form."""


class Refused(Struct, frozen=True):
    """The store refused what the last step wrote (a `unique` rule): the question is asked again."""

    field: str
    rule: str


class Settled(Struct, frozen=True):
    """What the step before asked to be carried out is done (engine.effects.Settle)."""

    reply: Message | None
    value: Value
    times: int
    waits: int
    alone: bool = False


class Cancelled(Struct, frozen=True):
    """The run ends where it is, with this outcome (interrupted, cancelled, opted_out ...)."""

    outcome: str


class EventSeen(Struct, frozen=True):
    """What a run waited for has happened; `event` is what `answer.x` reads from now on."""

    wait_id: str
    event: Mapping[str, Any]


class Talked(Struct, frozen=True):
    """The customer, who is handed over to the staff, has written, or the staff to them."""

    wait_id: str
    by_staff: bool


class Stopped(Struct, frozen=True):
    """One of `stop_on` has happened, of the flow at `place` of the call stack, from the bottom.

    The run ends with `outcome`, or goes on at the node `goto` of that flow.
    """

    place: int
    outcome: str
    goto: str = ""


class Restarted(Struct, frozen=True):
    """The flow of the frame at `place`, counted from the bottom, has changed and wants people to
    begin anew: at its first node, with its new version."""

    place: int


Resume = (
    Started
    | Restarted
    | Reply
    | TimedOut
    | Reminded
    | Gathered
    | Elapsed
    | HttpAnswered
    | Released
    | Refused
    | Settled
    | Cancelled
    | EventSeen
    | Stopped
    | Talked
)
