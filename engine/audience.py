"""Whether an event that somebody listens for is for this customer: its `only:` and its channel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from engine.facts import Facts
from engine.fields.places import Locale
from engine.fields.types import Value
from engine.flow import Flow, Trigger
from engine.locales import locale_of
from engine.messages import Message
from engine.scope import scope_of

NOTHING_SAID = Message(kind="other")
"""The message where what happened was no person's."""


class Offered(Struct, frozen=True):
    """Something that no run has taken yet, as `only:` sees it: an engine.scope.Source.

    spent: the ids of triggers that `once` keeps from starting now.
    """

    message: Message
    facts: Facts
    now: datetime
    event: Mapping[str, Any]
    spent: frozenset[str] = frozenset()
    reply_value: None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    answer: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> Mapping[str, Value]:
        return self.facts.values

    @property
    def extra(self) -> Mapping[str, Any]:
        return self.facts.extra

    @property
    def tags(self) -> frozenset[str]:
        return self.facts.tags

    @property
    def segments(self) -> frozenset[str]:
        return self.facts.segments

    @property
    def reply(self) -> Message | None:
        return None if self.message is NOTHING_SAID else self.message

    @property
    def locale(self) -> Locale:
        return locale_of(self.facts.values, self.facts.business)


def is_for(wanted: Trigger, flow: Flow, offered: Offered) -> bool:
    """Whether it is for this channel, which `flow` runs on too, and its `only:` holds."""
    return may_run_on(wanted, flow, offered.facts.channel) and only_holds(wanted, offered)


def may_run_on(wanted: Trigger, flow: Flow, channel: str) -> bool:
    """Whether the flow, started by this, runs on a channel."""
    if wanted.options.get("channel", channel) != channel:
        return False
    return not flow.channels or channel in flow.channels


def only_holds(wanted: Trigger, offered: Offered) -> bool:
    """Whether its `only:` holds for the customer; True where it has none."""
    if wanted.only is None:
        return True
    scope = scope_of(offered)
    holds: bool = wanted.only.holds(scope.get, scope.moment)
    return holds
