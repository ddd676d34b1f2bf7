"""Reading what is written beside an operator, as the type of the field it is compared with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import date, datetime

from msgspec import Struct

from engine.criteria.operands import WEEKDAYS, Day, Neighbour, Part, Relative, Single, Unit
from engine.fields.coerce import coerce
from engine.fields.faults import FaultCode, fault_text
from engine.fields.places import Locale
from engine.fields.readings import Refused
from engine.fields.types import PLAIN, FieldType
from engine.suggest import meant

LONGEST = {
    Unit.YEARS: 200,
    Unit.MONTHS: 200 * 12,
    Unit.WEEKS: 200 * 53,
    Unit.DAYS: 200 * 366,
    Unit.HOURS: 200 * 366 * 24,
    Unit.MINUTES: 200 * 366 * 24 * 60,
}
"""How far from now a relative time may lie: about 200 years, so that no sum leaves the calendar."""


class LiteralError(Exception):
    """A literal is not of the type it must be. Shown to authors, never raised out of `check`."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure


class OperatorError(LiteralError):
    """The type does not have the operator, whatever stands beside it."""


class Target(Struct, frozen=True):
    """What a literal must be: a value of `type`, of `options` if there are any, or a `part`."""

    type: FieldType
    options: tuple[str, ...] = ()
    part: Part | None = None


def read(raw: object, target: Target, locale: Locale) -> Single:
    """Raises LiteralError. What an earlier check typed is read as itself."""
    if target.part is not None:
        return _PART_READERS[target.part](raw)
    value = _VALUE_READERS[target.type](raw, locale)
    if target.options and value not in target.options:
        kind = "option" if target.type is FieldType.SELECT else "name"
        raise LiteralError(f"there is no {kind} '{value}'", meant(str(value), target.options))
    return value


def text(raw: object) -> str:
    """A text that is not empty, cleaned as stored text is."""
    value = _value(FieldType.TEXT, raw, Locale())
    assert isinstance(value, str)
    return value


def whole(raw: object, lowest: int, highest: int) -> int:
    """A whole number within bounds, from JSON or as typed."""
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= 9:
        raw = int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and lowest <= raw <= highest:
        return raw
    raise LiteralError(
        f"{_shown(raw)} is not a whole number from {lowest} to {highest}", "Write such a number."
    )


def yes(raw: object) -> bool:
    """What stands beside an operator that needs nothing: absent or true, or false."""
    return raw is None or _value(FieldType.BOOLEAN, raw, Locale()) is True


def _shown(raw: object) -> str:
    if isinstance(raw, (list, tuple)):
        return "a list"
    if isinstance(raw, Mapping):
        return "a mapping"
    return repr(raw) if isinstance(raw, str) else str(raw).lower()


_DESCRIBED: Mapping[FieldType, tuple[str, str]] = {
    FieldType.TEXT: ("a text", "Write it in quotes."),
    FieldType.NUMBER: ("a number", "Write it like 20 or 12.5."),
    FieldType.DATE: ("a date", "Write it like 1990-05-15, 30 days ago or today."),
    FieldType.BOOLEAN: ("true or false", ""),
    FieldType.EMAIL: ("an email address", ""),
    FieldType.PHONE: ("a phone number", "Write it like +98 912 345 6789."),
    FieldType.URL: ("a web address", ""),
    FieldType.SELECT: ("an option", ""),
    FieldType.TIME: ("a time of day", "Write it like 09:00."),
    FieldType.DATETIME: (
        "a moment",
        "Write it like 2026-03-01, 2026-03-01T10:00, 3 hours ago or today.",
    ),
    FieldType.LIST: ("a name", "Write it in quotes."),
}


def _value(type_: FieldType, raw: object, locale: Locale) -> Single:
    """A value as any file or program gives it, and never an absent one."""
    # An item of a list is a text. A literal may lie outside a field's rules.
    read_as = FieldType.TEXT if type_ is FieldType.LIST else type_
    described, cure = _DESCRIBED[type_]
    if isinstance(raw, (list, tuple, Mapping)):
        raise LiteralError(f"{_shown(raw)} is not {described}", cure)
    coerced = coerce(raw, PLAIN[read_as], locale)
    if isinstance(coerced, Refused):
        exact = coerced.fault.code in (FaultCode.TOO_MANY_PLACES, FaultCode.NUMBER_TOO_LARGE)
        reason = fault_text(coerced.fault, "en") if exact else cure
        raise LiteralError(f"{_shown(raw)} is not {described}", reason)
    if coerced.value is None or isinstance(coerced.value, tuple):
        raise LiteralError("the value is empty", "Ask with is_empty or is_not_empty.")
    return coerced.value


def _date(raw: object, locale: Locale) -> Single:
    relative = _relative(raw)
    if isinstance(relative, Relative) and relative.unit in (Unit.MINUTES, Unit.HOURS):
        cure = "Count days, or write today, yesterday or tomorrow."
        raise LiteralError(f"a date has no {relative.unit}", cure)
    return relative or _in_calendar(_value(FieldType.DATE, raw, locale))


def _moment(raw: object, locale: Locale) -> Single:
    """A day stays a day: beside a moment it means all of it."""
    relative = _relative(raw)
    if relative is not None:
        return relative
    is_day = isinstance(raw, str) and len(raw.strip()) == len("2026-03-01")
    if is_day or (isinstance(raw, date) and not isinstance(raw, datetime)):
        return _in_calendar(_value(FieldType.DATE, raw, locale))
    return _in_calendar(_value(FieldType.DATETIME, raw, locale))


def _in_calendar(day: Single) -> Single:
    """Refuses the first and the last year: the days beside a day exist as well, in every zone."""
    assert isinstance(day, date)
    if date.min.year < day.year < date.max.year:
        return day
    raise LiteralError(f"{day.isoformat()} is at the end of the calendar")


def _relative(raw: object) -> Day | Relative | None:
    if isinstance(raw, (Day, Relative)):
        return raw
    if not isinstance(raw, str):
        return None
    words = raw.lower().split()
    match words:
        case [word] if word in _WORDS:
            return _WORDS[word]
        case [count, unit, "ago"]:
            return _counted(-1, count, unit)
        case ["in", count, unit]:
            return _counted(1, count, unit)
        case _:
            return None


_WORDS: Mapping[str, Day | Relative] = {
    "yesterday": Day(-1),
    "today": Day(0),
    "tomorrow": Day(1),
    "now": Relative(0, Unit.MINUTES),
}


def _counted(sign: int, count: str, unit: str) -> Relative:
    plural = unit if unit.endswith("s") else f"{unit}s"
    known = {unit.value: unit for unit in Unit}
    if plural not in known:
        raise LiteralError(f"'{unit}' is not a unit of time", meant(plural, known))
    return Relative(sign * whole(count, 0, LONGEST[known[plural]]), known[plural])


def _numbered(part: Part, lowest: int, highest: int) -> Callable[[object], Single]:
    words = {"last": -1, "this": 0, "next": 1}

    def read_number(raw: object) -> Single:
        if isinstance(raw, Neighbour):
            return raw
        if isinstance(raw, str) and raw.lower() in words:
            return Neighbour(words[raw.lower()], part)
        try:
            return whole(raw, lowest, highest)
        except LiteralError as problem:
            raise LiteralError(f"{problem.message}, nor this, next or last") from None

    return read_number


def _weekday(raw: object) -> str:
    if isinstance(raw, str) and raw.lower() in WEEKDAYS:
        return raw.lower()
    raise LiteralError(f"{_shown(raw)} is not a day of the week", f"One of {', '.join(WEEKDAYS)}.")


_PART_READERS: Mapping[Part, Callable[[object], Single]] = {
    Part.MONTH: _numbered(Part.MONTH, 1, 12),
    Part.DAY: _numbered(Part.DAY, 1, 31),
    Part.YEAR: _numbered(Part.YEAR, 1, 9999),
    Part.WEEKDAY: _weekday,
    Part.TIME: functools.partial(_value, FieldType.TIME, locale=Locale()),
}

_VALUE_READERS: Mapping[FieldType, Callable[[object, Locale], Single]] = {
    **{type_: functools.partial(_value, type_) for type_ in FieldType},
    FieldType.DATE: _date,
    FieldType.DATETIME: _moment,
}
