"""What a field of a customer is: its type, its rules, its options."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from engine.fields.fold import fold, fold_phrase
from engine.texts import Text

Value = str | Decimal | date | bool | time | datetime | tuple[str, ...] | None
"""A field's value. `datetime` is aware and in UTC; `tuple` is a list of texts; None is absent."""

Bound = Decimal | date | time | datetime
"""A limit of a rule, of the type of its field."""


class FieldType(StrEnum):
    """The type of a field. The first eight have slots; the rest are stored among the extras."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    EMAIL = "email"
    PHONE = "phone"
    URL = "url"
    SELECT = "select"
    TIME = "time"
    DATETIME = "datetime"
    LIST = "list"

    # Enum's own hash is a Python function, and every reply looks its type up.
    __hash__ = str.__hash__


class Option(Struct, frozen=True):
    """One choice of a select: the value stored and the label people see."""

    value: str
    label: Text[str]


class Rules(Struct, frozen=True, kw_only=True):
    """What a value must keep to beyond its type. None and False mean: no such rule.

    `min` and `max` are inclusive. Lengths count characters, or the items of a list. `pattern`
    is an RE2 expression that must match the whole text. `past` and `future` exclude today.
    `unique` is kept by the database, not here.
    """

    min: Bound | None = None
    max: Bound | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    past: bool = False
    future: bool = False
    unique: bool = False


NO_RULES = Rules()


class Field(Struct, frozen=True, kw_only=True, dict=True):
    """One field of a customer: a base column, or one that the business declared.

    `slot` is the typed column that holds it; an `extra` one is stored in the JSON of extras; a
    `base` one is the column of its own name. `size` is the most characters it may have (None:
    no limit of its own). A `read_only` field is derived from other rows: flows read it and
    never write it.
    """

    key: str
    type: FieldType
    label: Text[str]
    slot: str | None = None
    extra: bool = False
    base: bool = False
    read_only: bool = False
    options: tuple[Option, ...] = ()
    rules: Rules = NO_RULES
    required: bool = False
    filterable: bool = False
    sensitive: bool = False
    self_service: bool = False
    track: bool = False
    order: int = 0
    ask: Text[str] | None = None
    help_text: Text[str] | None = None
    placeholder: Text[str] | None = None
    is_system: bool = False
    size: int | None = None

    @cached_property
    def choices(self) -> dict[str, str]:
        """What a person may type for each option, folded, to the option's value."""
        return _choices(self.options)

    @cached_property
    def values(self) -> frozenset[str]:
        """The values of the options."""
        return frozenset(option.value for option in self.options)


def _choices(options: tuple[Option, ...]) -> dict[str, str]:
    """Values win over labels, labels over what they reduce to, and the first option over later."""
    choices: dict[str, str] = {}
    for option in options:
        choices.setdefault(fold(option.value), option.value)
    written = [
        (text, option.value)
        for option in options
        for text in (*(leaf for _, _, leaf in option.label.variants), option.value)
    ]
    for text, value in written:
        choices.setdefault(fold(text), value)
    for text, value in written:
        choices.setdefault(fold_phrase(text), value)
    return choices


PLAIN: dict[FieldType, Field] = {
    type_: Field(key=type_.value, type=type_, label=Text.plain(type_.value)) for type_ in FieldType
}
"""A field of each type without rules, for a reply that no field of the customer takes."""
