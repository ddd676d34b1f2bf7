"""What a step asks for. Effects are imperative and plain data; the turn carries them out.

Inside the step their result is already visible (fields, tags and variables change at once).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.fields.types import Value
from engine.messages import Media, Rows


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send `text` (may be '' with media) with rows of buttons to the run's conversation."""

    text: str
    buttons: Rows = ()
    media: Media | None = None


@dataclass(frozen=True, slots=True)
class SetField:
    """A customer field gets a new value (None clears it). `extra`: it lives in the JSON extras."""

    key: str
    old: Value
    new: Value
    flow: str
    version: int
    node: str
    extra: bool = False


@dataclass(frozen=True, slots=True)
class AddTag:
    name: str
    node: str


@dataclass(frozen=True, slots=True)
class RemoveTag:
    name: str
    node: str


@dataclass(frozen=True, slots=True)
class Record:
    """Put a row on the customer's timeline (`type` is an activity type of the CRM)."""

    type: str
    description: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Leave:
    """The run left a node: one visit. `left_by` is the exit taken, a node id or an outcome."""

    flow: str
    node: str
    entered_at: datetime
    left_by: str


@dataclass(frozen=True, slots=True)
class LearnDateOrder:
    """The customer's own order of day and month: dmy | mdy."""

    order: str


Effect = SendMessage | SetField | AddTag | RemoveTag | Record | Leave | LearnDateOrder
