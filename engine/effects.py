"""What a step asks for. Effects are imperative and plain data; the turn carries them out.

Inside the step their result is already visible (fields, tags and variables change at once).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from engine.fields.types import Value
from engine.messages import Media, Rows
from engine.records import NewRecord


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


class Record(Struct, frozen=True):
    """Put a row on the customer's timeline (`type` is an activity type of the CRM)."""

    type: str
    description: str
    data: Mapping[str, Any] = field(default_factory=dict)


class Leave(Struct, frozen=True):
    """The run left a node: one visit. `left_by` is the exit taken, a node id or an outcome."""

    flow: str
    node: str
    entered_at: datetime
    left_by: str


class LearnDateOrder(Struct, frozen=True):
    """The customer's own order of day and month: dmy | mdy."""

    order: str


Effect = SendMessage | SetField | AddTag | RemoveTag | AddRecord | Record | Leave | LearnDateOrder
