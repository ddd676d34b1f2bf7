"""Why a run goes on: the one thing that happened since it last waited."""

from __future__ import annotations

from dataclasses import dataclass

from engine.messages import Message


@dataclass(frozen=True, slots=True)
class Started:
    """The run begins; `run.event` says by what."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A person's message was offered to the open question."""

    message: Message


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The wait's time is over. Does nothing if the run has moved on from `wait_id`."""

    wait_id: str


@dataclass(frozen=True, slots=True)
class Reminded:
    """A reminder of the wait is due; `number` counts from 0."""

    wait_id: str
    number: int


@dataclass(frozen=True, slots=True)
class Elapsed:
    """A delay is over."""

    wait_id: str


@dataclass(frozen=True, slots=True)
class Released:
    """A detour has ended: the open question is asked again in its short form."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The store refused what the last step wrote (a `unique` rule): the question is asked again."""

    field: str
    rule: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The run ends where it is, with this outcome (interrupted, cancelled, opted_out ...)."""

    outcome: str


Resume = Started | Reply | TimedOut | Reminded | Elapsed | Released | Refused | Cancelled
