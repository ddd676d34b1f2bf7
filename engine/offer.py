"""Whom a person's message is for: the open question, a flow, or one of the built-in acts.

    decide(message, wait, index, facts, now) -> Decision

A message is offered, in this order, to: opt-out words; the open question's own choices and skip
words; `always:` of the business; commands and referrals; the open question; keywords and the
rest of the `message` triggers; `fallback:`. The first that takes it gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from engine.business import Business
from engine.facts import Facts
from engine.fields.fold import fold_phrase
from engine.flow import Flow, Trigger
from engine.messages import Message
from engine.run import Wait
from engine.scope import Scope

FLOW_TOKEN = "f:"
"""A button with this token and a flow's key starts that flow, however old its message is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """It is a reply to the open question: resume that run with `Reply(message)`."""


@dataclass(frozen=True, slots=True)
class Start:
    """It starts a flow: the person's own act, so it interrupts what holds the question.

    trigger: `flow/ID`; `flow/button` where a button of the flow itself was pressed, `flow/always`
    where an `always:` word was written and no question was open. event: what `event.x` reads.
    """

    flow: str
    trigger: str
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Detour:
    """Run this flow on top of the open question; when it ends the question is asked again."""

    flow: str
    trigger: str
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fallback:
    """Nothing claims it: run the business's fallback flow; an open question stays open."""

    flow: str
    event: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cancel:
    """End what is open (`/cancel`, or a `/start` that no flow claims)."""


@dataclass(frozen=True, slots=True)
class StalePress:
    """A button of an older question: say so politely and change nothing."""


@dataclass(frozen=True, slots=True)
class OptOut:
    """The person wants no automatic messages any more, and nothing that is open."""


@dataclass(frozen=True, slots=True)
class OptIn:
    """Undo an earlier opt-out, then do `then`."""

    then: Start | Fallback | Cancel | Nothing


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nobody takes it; `reason` is for the log."""

    reason: str


Decision = Answer | Start | Detour | Fallback | Cancel | StalePress | OptOut | OptIn | Nothing


@dataclass(frozen=True, slots=True)
class TriggerIndex:
    """What the current flows of a business listen to, ready to be looked up by a message.

    All words are folded phrases. Where several triggers share a word, the first whose `only:`
    and channels hold gets the message.
    """

    flows: Mapping[str, Flow]
    always: Mapping[str, str]
    fallback: str
    referrals: tuple[tuple[Trigger, frozenset[str]], ...]
    commands: Mapping[str, tuple[Trigger, ...]]
    keywords: Mapping[str, tuple[Trigger, ...]]
    contains: tuple[tuple[str, Trigger], ...]
    created: tuple[Trigger, ...]
    anything: tuple[Trigger, ...]

    @classmethod
    def of(cls, flows: Iterable[Flow], business: Business) -> TriggerIndex:
        """The index of the current version of each flow."""
        raise NotImplementedError


def decide(
    message: Message,
    wait: Wait | None,
    index: TriggerIndex,
    facts: Facts,
    now: datetime,
    *,
    created: bool = False,
) -> Decision:
    """Whom `message` is for.

    wait: the open question of the customer's asking run, None where there is none. created: this
    message made the customer.
    """
    raise NotImplementedError


def is_opt_out(text: str, business: Business) -> bool:
    """Whether a whole message asks to be left alone, in any of the languages known."""
    raise NotImplementedError
