"""Storing what was computed: a customer's field takes only what it is a field for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.fields.coerce import coerce, normalise
from engine.fields.faults import fault_text
from engine.fields.places import zone_of
from engine.fields.readings import Refused
from engine.fields.types import PLAIN, Field, FieldType
from engine.passage import Passage

_TEXT = PLAIN[FieldType.TEXT]


def assign(at: Passage, name: str, value: Any) -> None:
    """Store a computed value under the name of a field or of a variable (`var.x`).

    What the field refuses is not written; the timeline says why. None clears.
    """
    if name.startswith("var."):
        at.write(name, value)
        return
    if value is None:
        at.write(name, None)
        return
    field = at.field(name)
    kept = coerce(_computed(value, field or _TEXT, at), field or _TEXT, at.locale, at.now)
    if isinstance(kept, Refused):
        at.problem(f"'{name}' was not set: {fault_text(kept.fault, 'en')}")
        return
    at.write(name, kept.value)


def _computed(value: Any, field: Field, at: Passage) -> Any:
    """`value` as the field's type has it: of a moment a date takes the customer's day."""
    if field.type is FieldType.DATE and isinstance(value, datetime):
        return value.astimezone(zone_of(at.locale)).date()
    return normalise(value)
