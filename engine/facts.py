"""A frozen snapshot of one customer: everything a step may know about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from engine.business import Business
from engine.fields.types import Value


class Facts(Struct, frozen=True):
    """values: base columns by name and mapped fields by key; absent and None mean no value.

    extra: `custom_fields_extra` by key, JSON values. tags: names. segments: keys.
    channel: telegram | instagram | chat. history: earlier values by field, newest first, of the
    fields whose history a template of the flows reads.
    """

    customer_id: int
    business: Business
    channel: str
    values: Mapping[str, Value] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    history: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
