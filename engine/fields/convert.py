"""A stored value as one of another type: what a field's values become when its type changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from engine.fields.coerce import coerce
from engine.fields.places import Locale
from engine.fields.plain import to_plain
from engine.fields.readings import Read, Refused
from engine.fields.reply import read_reply
from engine.fields.types import NO_RULES, Field, FieldType, Value


def convert(plain: Any, field: Field, locale: Locale, now: datetime) -> Read | Refused:
    """`plain`, a value in its plain form (engine.fields.plain), as one of the type of `field`.

    A text is read as a file's and, where that fails, as a person's: '۴۲' and '1,200' are numbers.
    What may mean several things is refused. Type, size and options count; the other rules do not,
    for a value that is there already outlives a rule that is new.
    """
    bare = replace(field, rules=NO_RULES, required=False)
    written = _written(plain)
    meant = written if bare.type in _WRITTEN and written is not None else plain
    coerced = coerce(meant, bare, locale, now)
    if isinstance(coerced, Read) or written is None or isinstance(plain, bool):
        return coerced
    reading = read_reply(written, bare, locale, now)
    return reading if isinstance(reading, Read) else coerced


_WRITTEN = (FieldType.TEXT, FieldType.SELECT, FieldType.PHONE)
"""Types whose values are texts that may stand for a number: 42 is a text, and a shoe size."""


def _written(plain: Any) -> str | None:
    """A value as somebody would write it; None for what is no single value."""
    if isinstance(plain, bool):
        return "true" if plain else "false"
    if isinstance(plain, str):
        return plain
    if isinstance(plain, list) and all(isinstance(item, str) for item in plain):
        return ", ".join(plain)
    return str(plain) if isinstance(plain, int | float) else None


def plain_again(value: Value, plain: Any) -> bool:
    """Whether a value still says what `plain` said."""
    return bool(to_plain(value) == plain) and type(to_plain(value)) is type(plain)
