"""What the tests of fields share: a moment, a place, and a short way to read a reply."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.fields.places import Locale
from engine.fields.readings import Reading
from engine.fields.reply import read_reply
from engine.fields.types import PLAIN, Field, FieldType

NOW = datetime(2026, 3, 1, 7, 0, tzinfo=UTC)  # a Sunday, 10:30 in Tehran
TEHRAN = Locale(language="fa", languages=("fa", "en"), country="IR", timezone="Asia/Tehran")


def read(text: str, field: Field | str, locale: Locale = TEHRAN) -> Reading:
    """Read a reply for a field, or for a type without rules, at NOW in Tehran."""
    chosen = field if isinstance(field, Field) else PLAIN[FieldType(field)]
    return read_reply(text, chosen, locale, NOW)
