"""What a step asks for. Effects are imperative and plain data; the turn carries them out.

Inside the step their result is already visible (fields, tags and variables change at once).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from engine.fields.types import Value
from engine.http_request import Request
from engine.messages import Media, Message, Rows
from engine.records import NewInteraction, NewPurchase, NewRecord


class SendMessage(Struct, frozen=True):
    """Send `text` (may be '' with media) with rows of buttons to the run's conversation."""

    text: str
    buttons: Rows = ()
    media: Media | None = None


class SetField(Struct, frozen=True):
    """A customer field gets a new value (None clears it). `extra`: it lives in the JSON extras.

    mail_id: the mail with the reply that set it; 0 for the one that is applied now.
    """

    key: str
    old: Value
    new: Value
    flow: str
    version: int
    node: str
    extra: bool = False
    mail_id: int = 0


class AddTag(Struct, frozen=True):
    name: str
    node: str


class RemoveTag(Struct, frozen=True):
    name: str
    node: str


class AddRecord(Struct, frozen=True):
    """Keep a note, a task, a purchase or an interaction, which the node of this flow recorded."""

    record: NewRecord
    flow: str
    version: int
    node: str


class JoinSegment(Struct, frozen=True):
    """The customer becomes a member of a static segment, by its key."""

    key: str
    node: str


class QuitSegment(Struct, frozen=True):
    """The customer is a member of a static segment no more."""

    key: str
    node: str


class Settle(Struct, frozen=True):
    """The run rests before its node, which reads what follows from something this step changed:
    carry out what came before, let follow what follows, and step on with `Settled`.

    It is the last effect of its step. reply, value: what the step had heard. times: how often it
    has rested so in this step. waits: how often its run has waited. alone: see Passage.
    """

    reply: Message | None
    value: Value
    times: int
    waits: int
    alone: bool = False


class Record(Struct, frozen=True):
    """Put a row on the customer's timeline (`type` is an activity type of the CRM)."""

    type: str
    description: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Leave(Struct, frozen=True):
    """The run left a node: one visit. `left_by` is the exit taken, a node id or an outcome.

    way: why: '' by its own exit, the name of another way out (`case 2`, `timeout`, `retry`,
    `choice`, `skip`, `back`), or what ended it from outside (`cancelled`, `stopped`, `restarted`,
    `failed`). tries: the invalid replies that were given there.
    """

    flow: str
    node: str
    entered_at: datetime
    left_by: str
    way: str = ""
    tries: int = 0


class StartFlow(Struct, frozen=True):
    """A flow begins for itself, with these variables, after this turn: for the customer, or for
    everybody of a segment, by its key."""

    flow: str
    vars: Mapping[str, Any]
    node: str
    segment: str = ""


class LearnDateOrder(Struct, frozen=True):
    """The customer's own order of day and month: dmy | mdy."""

    order: str


class CallHttp(Struct, frozen=True):
    """Make a request once the turn is committed; its answer resumes the wait as `HttpAnswered`.

    until: the moment after which nobody waits for the answer any more; None for no such moment.
    """

    wait_id: str
    request: Request
    until: datetime | None = None


class TellStaff(Struct, frozen=True):
    """Tell people of the business; `to` is a name, role or team of crm.yaml, or `assigned`."""

    to: str
    text: str


Effect = (
    SendMessage
    | SetField
    | AddTag
    | RemoveTag
    | JoinSegment
    | QuitSegment
    | StartFlow
    | TellStaff
    | AddRecord
    | Record
    | Leave
    | LearnDateOrder
    | CallHttp
    | Settle
)


_TOTALS = (
    "total_interactions", "total_visits", "total_purchases", "total_invoices", "total_spent",
    "total_revenue", "first_visit_at", "last_visit_at", "last_contacted_at", "next_follow_up_at",
)  # fmt: skip
"""What follows from purchases and interactions."""


def changes_of(effect: Effect) -> tuple[str, ...]:
    """The names that an effect changes, as rules read them (engine.derive.rules)."""
    match effect:
        case SetField(key):
            return (key,)
        case AddTag(name) | RemoveTag(name):
            return f"tags:{name}", "tags"
        case JoinSegment(key) | QuitSegment(key):
            return f"segment:{key}", "segment"
        case AddRecord(NewPurchase() | NewInteraction()):
            return _TOTALS
        case _:
            return ()
