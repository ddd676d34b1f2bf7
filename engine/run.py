"""One customer's passage through a flow, as it lies still between two turns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

Status = Literal["asking", "sleeping", "ended"]


class Frame(Struct, frozen=True, omit_defaults=True):
    """One flow on the call stack. `node` is where it is; '' before its first node.

    entered_at: when it arrived there. answer: what the flow it called last brought back: its
    variables and `outcome`. filled: the forms of this flow that were answered to the end.
    kept: the newest version of the flow that it was not moved to, so as to be asked but once.
    trail: the questions answered so far, where one of the flow's questions may lead back.
    tries: the invalid replies given at the node.
    """

    flow: str
    version: int
    node: str = ""
    entered_at: datetime | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)
    filled: tuple[str, ...] = ()
    kept: int = 0
    trail: tuple[str, ...] = ()
    tries: int = 0


class Choice(Struct, frozen=True, omit_defaults=True):
    """An answer offered with a question. Its button's token is the wait's id and its place.

    `goto` is the node the choice leads to, '' for the question's own exit. `act` is '' for an
    answer; engine.asking and the node kinds name what other buttons do (`skip`, `keep` ...).
    `row` is the row its button is in, from 0.
    """

    label: str
    value: Any = None
    goto: str = ""
    act: str = ""
    row: int = 0


class Alarm(Struct, frozen=True, omit_defaults=True):
    """A moment a wait wants to hear of: kind remind (with its number) | timeout | elapsed."""

    at: datetime
    kind: str
    number: int = 0


LATE = "late"
"""The part of a wait's state that says that it is over, and what the run lets go before: `question`
(that of another run) or `staff`. No timer rings for it."""

HANDED_OVER = "handed_over"
"""The part of a wait's state that says whom of the staff the customer is handed over to."""

UNANSWERED = "unanswered"
"""Of such a wait: since when the customer waits for an answer; absent where they do not."""


class Wait(Struct, frozen=True, omit_defaults=True):
    """What a run waits for.

    id: unique among all waits ever (`{run id}-{count}`), so a late timer or press is recognised.
    attempts: invalid replies so far. claims: folded words that the open question takes before
    anything else does (its choices and skip words). heard: ids of the messages it could not use,
    the latest ones: editing one of them is another try. holds: what the person writes waits until
    this wait is over. state: the node's own. moved: its flow has changed since it was asked, and
    the node has not looked at it yet. earlier: how many of the choices, the first ones, were
    offered by an earlier version: their buttons can still be pressed.
    """

    id: str
    asked_at: datetime
    asks: bool
    attempts: int = 0
    choices: tuple[Choice, ...] = ()
    claims: tuple[str, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    heard: tuple[str, ...] = ()
    holds: bool = False
    state: Mapping[str, Any] = field(default_factory=dict)
    moved: bool = False
    earlier: int = 0

    @property
    def due_at(self) -> datetime | None:
        """The next alarm's moment; None where nothing is timed."""
        return min([alarm.at for alarm in self.alarms]) if self.alarms else None


class Run(Struct, frozen=True):
    """frames: bottom first, the last one is active; an ended run keeps the one it ended in."""

    id: int
    frames: tuple[Frame, ...]
    wait: Wait | None = None
    outcome: str | None = None
    event: Mapping[str, Any] = field(default_factory=dict)

    @property
    def handed_over(self) -> str | None:
        """Whom of the staff the customer is handed over to; None where the bot talks."""
        return self.wait.state.get(HANDED_OVER) if self.wait and self.wait.state else None

    @property
    def waits(self) -> int:
        """How often it has waited: the count in its wait's id."""
        return 0 if self.wait is None else int(self.wait.id.rpartition("-")[2])

    @property
    def status(self) -> Status:
        if self.wait is None:
            return "ended"
        return "asking" if self.wait.asks else "sleeping"
