"""The values inside a template, and the scope they are read from.

Inside are only: str, Decimal, bool, date, datetime, time, Choice, lists, mappings, and UNDEFINED
for what has no value. Nothing else of Python can be reached: an attribute is a key of a mapping or
a part of a date, never an attribute of an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, tzinfo
from decimal import Decimal

from msgspec import Struct

from engine.fields.places import Locale
from engine.templates.bounds import MAX_ITEMS, MAX_TEXT, TemplateFailed, bounded, finite

Result = (
    str | Decimal | bool | date | time | datetime | tuple[object, ...] | Mapping[str, object] | None
)
"""What `Template.evaluate` gives: a field's value, or a list or mapping out of JSON."""


class Undefined:
    """The value of what has none: prints nothing, counts 0, is false, equals nothing."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNDEFINED"


UNDEFINED = Undefined()


class Choice(Struct, frozen=True):
    """A value of a select: prints its label, equals its value."""

    value: str
    label: str


class Record:
    """Named values seen from a template: `customer.first_name` reads `values["first_name"]`.

    Nothing is copied. An absent key and None are undefined. `labels` gives, for each select
    among the keys, the label of each value in the reader's language.
    """

    __slots__ = ("labels", "values")

    def __init__(
        self,
        values: Mapping[str, object],
        labels: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.values = values
        self.labels = labels

    def get(self, key: str) -> object:
        """The value of `key` as a template sees it."""
        raw = self.values.get(key)
        value = raw if type(raw) is str and len(raw) <= MAX_TEXT else enter(raw)
        if self.labels is not None and key in self.labels:
            return _labelled(value, self.labels[key])
        return value


def _labelled(value: object, labels: Mapping[str, str]) -> object:
    if isinstance(value, str):
        return Choice(value, labels.get(value, value))
    if isinstance(value, list | tuple):
        return tuple(_labelled(item, labels) for item in items(value))
    return value


_NO_HISTORY: Mapping[str, Sequence[object]] = {}


class Scope:
    """Everything one render may read.

    `names` holds what stands first in a path (customer, var, event ...): a Record, a mapping or
    a plain value. `locale` and `zone` are the reader's; `zone` belongs to `locale.timezone`.
    `now` is aware. `history` lists earlier values by field, newest first; a template goes through
    at most 100 of them. `item` and `loop` are those of the `for` that is being run. `tells`: what
    is rendered is for a person to read (engine.bidi).
    """

    __slots__ = ("history", "item", "locale", "loop", "names", "now", "tells", "zone")

    def __init__(
        self,
        names: Mapping[str, object],
        locale: Locale,
        zone: tzinfo,
        now: datetime,
        history: Mapping[str, Sequence[object]] = _NO_HISTORY,
    ) -> None:
        self.names = names
        self.locale = locale
        self.zone = zone
        self.now = now
        self.history = history
        self.item: object = UNDEFINED
        self.loop: object = UNDEFINED
        self.tells = False

    def within(self, item: object, loop: Mapping[str, object]) -> Scope:
        """The same scope in one round of a `for`."""
        inner = Scope(self.names, self.locale, self.zone, self.now, self.history)
        inner.item = item
        inner.loop = loop
        inner.tells = self.tells
        return inner


def enter(raw: object) -> object:
    """A value from outside as one of the kinds a template knows.

    Raises TemplateFailed for a text over the limit, a number that is not finite, and any other
    kind of object.
    """
    if type(raw) is str:
        return bounded(raw)
    known = _ENTRIES.get(type(raw))
    return known(raw) if known else _enter_unusual(raw)


def leave(value: object) -> Result:
    """A value as the world outside knows it: None for undefined, a choice by its value."""
    if value is UNDEFINED:
        return None
    if isinstance(value, Choice):
        return value.value
    if isinstance(value, Record):
        return value.values
    if isinstance(value, list | tuple):
        return tuple(leave(enter(item)) if _is_plain(item) else item for item in value)
    return value  # type: ignore[return-value]  # the kinds that are left are those of Result


def items(value: object) -> list[object]:
    """The items of a list, none of an undefined value.

    Raises TemplateFailed for a list of more than MAX_ITEMS and for what is not a list.
    """
    if value is UNDEFINED:
        return []
    if not isinstance(value, list | tuple):
        raise TemplateFailed(f"{kind_of(value)} where a list is needed")
    if len(value) > MAX_ITEMS:
        raise TemplateFailed(f"a list of more than {MAX_ITEMS} items")
    return [enter(item) for item in value]


def kind_of(value: object) -> str:
    """What a value is, in an author's words."""
    for kinds, words in _KINDS:
        if isinstance(value, kinds):
            return words
    return "a value"


def _is_plain(item: object) -> bool:
    return not isinstance(item, list | tuple | Mapping)


def _same(raw: object) -> object:
    return raw


def _enter_number(raw: object) -> object:
    # Through text: 0.1 means 0.1, not the double next to it.
    return finite(Decimal(repr(raw)))


def _enter_whole(raw: object) -> object:
    if not -(10**28) < raw < 10**28:  # type: ignore[operator]  # only an int comes here
        raise TemplateFailed("a number of more than 28 digits")
    return Decimal(raw)  # type: ignore[arg-type]  # only an int comes here


def _enter_decimal(raw: object) -> object:
    return finite(raw)  # type: ignore[arg-type]  # only a Decimal comes here


def _enter_none(_: object) -> object:
    return UNDEFINED


def _enter_set(raw: object) -> object:
    return tuple(sorted(raw))  # type: ignore[call-overload]  # only a set of texts comes here


def _enter_unusual(raw: object) -> object:
    if isinstance(raw, Mapping):
        return raw
    if isinstance(raw, str):
        return bounded(str.__str__(raw))
    raise TemplateFailed(f"a value of the kind {type(raw).__name__}")


_ENTRIES: dict[type, Callable[[object], object]] = {
    type(None): _enter_none,
    Decimal: _enter_decimal,
    int: _enter_whole,
    float: _enter_number,
    frozenset: _enter_set,
    set: _enter_set,
    **dict.fromkeys(
        (bool, date, datetime, time, list, tuple, dict, Record, Choice, Undefined), _same
    ),
}

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (Undefined, "nothing"),
    ((str, Choice), "a text"),
    (bool, "a yes or no"),
    (Decimal, "a number"),
    (datetime, "a moment"),
    (date, "a date"),
    (time, "a time"),
    ((list, tuple), "a list"),
    ((Mapping, Record), "a group of values"),
)
