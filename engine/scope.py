"""The names that templates and criteria read: customer, var, reply, answer, event, business, now.

Nothing is copied: a scope looks at the working state of a step, so what one node changes the
next one sees. It is built once for a step and reads only what is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.business import Business
from engine.criteria.moment import Moment, part_of
from engine.criteria.operands import PARTS
from engine.facts import Facts
from engine.fields.places import Locale
from engine.fields.types import Value
from engine.messages import Message
from engine.referrals import referral_code
from engine.templates.values import Record
from engine.templates.values import Scope as TemplateScope


class Condition(Protocol):
    """A criterion ready to be asked: `get` gives a value by its name, None where there is none."""

    @property
    def holds(self) -> Callable[[Callable[[str], object], Moment], bool]: ...


class Source(Protocol):
    """Where the names come from: a passage, or a message that no run has taken yet."""

    @property
    def facts(self) -> Facts: ...
    @property
    def now(self) -> datetime: ...
    @property
    def values(self) -> Mapping[str, Value]: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...
    @property
    def tags(self) -> AbstractSet[str]: ...
    @property
    def segments(self) -> AbstractSet[str]: ...
    @property
    def vars(self) -> Mapping[str, Any]: ...
    @property
    def answer(self) -> Mapping[str, Any]: ...
    @property
    def event(self) -> Mapping[str, Any]: ...
    @property
    def reply(self) -> Message | None: ...
    @property
    def reply_value(self) -> Value: ...
    @property
    def locale(self) -> Locale: ...


class Scope(TemplateScope):
    """A template's scope that also answers for criteria."""

    __slots__ = ("named",)

    def __init__(self, source: Source, locale: Locale | None = None) -> None:
        """locale: of who reads, where that is not the customer."""
        facts, locale = source.facts, locale or source.locale
        self.named = Names(source, locale.language)
        zone = known_zone(locale.timezone, facts.business.timezone)
        super().__init__(self.named, locale, zone, source.now, facts.history)

    @property
    def moment(self) -> Moment:
        """When criteria are asked: days and parts are those of the business's zone."""
        return Moment(self.now, known_zone(self.named.business.timezone))

    def get(self, name: str) -> Any:
        """A value by the name criteria use: `x` or `customer.x`, `var.x`, `event.json.email`.

        None where there is none; `tags` and `segment` are frozensets. `extra.KEY` is what is
        stored under a key that no field declares: JSON.
        """
        root, dot, path = name.partition(".")
        if not dot:
            return self.named.plain(root)
        if root == "customer":
            return self.named.customer.get(path)
        found = self.named.customer.get(root) if root == "extra" else self.named.get(root)
        return self._walk(found, path)

    def _walk(self, value: Any, path: str) -> Any:
        for word in path.split("."):
            if isinstance(value, date) and word in PARTS:  # var.visit.time, as of a field
                part = part_of(value, PARTS[word], self.moment.zone)
                value = Decimal(part) if isinstance(part, int) else part
            elif isinstance(value, Mapping):
                value = value.get(word)
            else:
                return None
        return value


class Names(Mapping[str, object]):
    """The first words of dotted names, each looked up when it is read."""

    __slots__ = ("_language", "_source")

    def __init__(self, source: Source, language: str) -> None:
        self._source = source
        self._language = language

    @property
    def business(self) -> Business:
        return self._source.facts.business

    @property
    def customer(self) -> Customer:
        return Customer(self._source)

    def plain(self, name: str) -> object:
        """A name without a dot, as criteria mean it: a field of the customer, if not one of
        `now`, `channel`, `segment` and `tags`.
        """
        special = _SPECIAL.get(name)
        return special(self._source) if special else self.customer.get(name)

    def get(self, name: str, default: Any = None) -> Any:
        read = _ROOTS.get(name)
        return read(self._source, self._language) if read else default

    def __getitem__(self, name: str) -> object:
        return _ROOTS[name](self._source, self._language)

    def __iter__(self) -> Iterator[str]:
        return iter(_ROOTS)

    def __len__(self) -> int:
        return len(_ROOTS)


class Customer(Mapping[str, object]):
    """What a customer has: fields, then extras, and `id`, `tags`, `segments`, `extra`,
    `referral_code`."""

    __slots__ = ("_source",)

    def __init__(self, source: Source) -> None:
        self._source = source

    def get(self, name: str, default: Any = None) -> Any:
        source = self._source
        value = source.values.get(name)
        if value is not None:
            return value
        if name in _OWN:
            return _OWN[name](source)
        slots = source.facts.business.slots
        if name in slots:
            return source.values.get(slots[name], default)
        return source.extra.get(name, default)

    def __getitem__(self, name: str) -> object:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*_OWN, *self._source.values, *self._source.extra)))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def scope_of(source: Source) -> Scope:
    """The names as they stand now and as they will stand when they are read."""
    return Scope(source)


@lru_cache(maxsize=1024)
def known_zone(name: str, otherwise: str = "UTC") -> ZoneInfo:
    """The zone of an IANA name; of `otherwise`, then UTC, where there is no such zone."""
    for candidate in (name, otherwise):
        try:
            return ZoneInfo(candidate)
        except (ZoneInfoNotFoundError, ValueError, OSError):  # a directory's name: OSError
            continue
    return ZoneInfo("UTC")


def _customer(source: Source, language: str) -> object:
    return Record(Customer(source), source.facts.business.labels(language))


def _reply(source: Source) -> object:
    text = source.reply.text if source.reply else None
    return {"text": text, "value": source.reply_value}


def _business(business: Business) -> Mapping[str, object]:
    return {
        "key": business.key,
        "name": business.name,
        "language": business.language,
        "timezone": business.timezone,
        "country": business.country,
        "currency": business.currency,
        "calendar": business.calendar,
        "industry": business.industry,
    }


BUSINESS_NAMES = tuple(_business(Business(key="", name="")))
"""What stands after `business.`."""

_ROOTS: Mapping[str, Callable[[Source, str], object]] = {
    "customer": _customer,
    "var": lambda source, _: source.vars,
    "reply": lambda source, _: _reply(source),
    "answer": lambda source, _: source.answer,
    "event": lambda source, _: source.event,
    "business": lambda source, _: _business(source.facts.business),
    "now": lambda source, _: source.now,
    "channel": lambda source, _: source.facts.channel,
}

ROOTS = tuple(_ROOTS)
"""Every name that may stand first in a template."""

_OWN: Mapping[str, Callable[[Source], object]] = {
    "id": lambda source: source.facts.customer_id,
    "referral_code": lambda source: referral_code(source.facts.customer_id),
    "tags": lambda source: frozenset(source.tags),
    "segments": lambda source: frozenset(source.segments),
    "extra": lambda source: source.extra,
}

_SPECIAL: Mapping[str, Callable[[Source], object]] = {
    "now": lambda source: source.now,
    "channel": lambda source: source.facts.channel,
    "segment": lambda source: frozenset(source.segments),
    "tags": lambda source: frozenset(source.tags),
}
