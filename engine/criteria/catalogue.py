"""The names that criteria may use, and finding what a written name means."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from engine.criteria.operands import PARTS, Part
from engine.criteria.operators import LOOKUPS, OPERATORS, Op
from engine.fields.places import Locale
from engine.fields.slots import SLOTS
from engine.fields.types import Field, FieldType
from engine.suggest import did_you_mean
from engine.texts import Text

_EXTRA = "extra."
_EXTRA_NAME = re.compile(r"extra\.[a-z][a-z0-9_]{0,99}")


_SLOTS: Mapping[str, Field] = {
    name: Field(key=name, type=slot.type, label=Text.plain(name)) for name, slot in SLOTS.items()
}


class Known(Struct, frozen=True):
    """A name found: `field` is None where only the value at hand tells the type."""

    name: str
    field: Field | None
    part: Part | None = None


class Catalogue(Struct, frozen=True):
    """The names a criterion may use.

    fields: by name; of `tags`, `segment` and lists the options are the names there are (none:
    any). `untyped`: names of which only the value at hand tells the type, `reply.value`, or
    first words that allow all names below them: `var` allows `var.x`.
    Besides these, `extra.KEY` is any key among a customer's extras: of the type of its field, or
    text where none is declared; and a slot is the field that the business has in it, absent where
    none is. `locale` is the business's: the country of phone numbers and the
    zone of times written without one. Dates have parts: `now.weekday`. `customer.x` is `x`.
    """

    fields: Mapping[str, Field]
    untyped: frozenset[str] = frozenset()
    locale: Locale = field(default_factory=Locale)

    def find(self, name: str) -> Known | None:
        """What a name means; None if it means nothing."""
        name = name.removeprefix("customer.")
        if name in self.fields:
            return Known(name, self.fields[name])
        if name in self.untyped or name.partition(".")[0] in self.untyped:
            return Known(name, None)
        if name in _SLOTS:
            return Known(name, _SLOTS[name])
        return self._part(name) or self._extra(name)

    def _part(self, name: str) -> Known | None:
        whole, _, word = name.rpartition(".")
        known = self.find(whole) if word in PARTS else None
        if known is None or known.field is None or known.part is not None:
            return None
        if known.field.type not in OPERATORS[Op(word)].types:
            return None
        return Known(known.name, known.field, PARTS[word])

    def _extra(self, name: str) -> Known | None:
        if not _EXTRA_NAME.fullmatch(name):
            return None
        key = name.removeprefix(_EXTRA)
        declared = self.fields.get(key)
        if declared is not None and declared.extra:
            return Known(key, declared)
        return Known(name, Field(key=key, type=FieldType.TEXT, label=Text.plain(key), extra=True))

    def cure(self, name: str) -> str:
        """What was probably meant by a name that means nothing: a field, or a lookup on one."""
        field, _, lookup = name.rpartition("__")
        if field in self.fields:
            return did_you_mean(lookup, LOOKUPS) or _comparisons(self.fields[field])
        return did_you_mean(name, self.fields) or "Declare it under 'fields' in crm.yaml."


def _comparisons(field: Field) -> str:
    """The operators there are for a field, where what was written is like none of them."""
    there = [op.value for op, operator in OPERATORS.items() if field.type in operator.types]
    return f"A {field.type} takes {', '.join(there)}."
