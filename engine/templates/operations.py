"""What the signs of a template do: attributes, arithmetic, comparison, printing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TypeVar

from engine.fields.places import base_language
from engine.fields.show import plain, show_number
from engine.fields.types import Field, FieldType
from engine.templates.bounds import NUMBERS, ZERO, TemplateFailed, bounded
from engine.templates.values import UNDEFINED, Choice, Record, Scope, enter, items, kind_of
from engine.texts import Text

Moment = TypeVar("Moment", bound=date | time)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_NO_FIELD = Field(key="", type=FieldType.TEXT, label=Text.plain(""))
"""What is shown by its kind alone needs no field to be known."""

_DATE_PARTS = frozenset({"year", "month", "day"})
_TIME_PARTS = frozenset({"hour", "minute", "second"})


def attribute(value: object, key: str, scope: Scope) -> object:
    """`value.key`: a key of a group, a part of a date or time, the value or label of a choice.

    Dates have year, month, day (Gregorian, as criteria count them) and weekday (mon ... sun);
    moments, in the reader's zone, these and date, time, hour, minute, second. Anything else is
    undefined.
    """
    if isinstance(value, Record):
        return value.get(key)
    if isinstance(value, Mapping):
        return enter(value.get(key))
    if isinstance(value, Choice):
        return {"value": value.value, "label": value.label}.get(key, UNDEFINED)
    if isinstance(value, date | time):
        return _part(local(value, scope), key)
    return UNDEFINED


def _part(value: date | time, key: str) -> object:
    if isinstance(value, datetime) and key in ("date", "time"):
        return value.date() if key == "date" else value.time()
    if isinstance(value, date) and key == "weekday":
        return WEEKDAYS[value.weekday()]
    if isinstance(value, date) and key in _DATE_PARTS:
        return Decimal(getattr(value, key))
    if isinstance(value, datetime | time) and key in _TIME_PARTS:
        return Decimal(getattr(value, key))
    return UNDEFINED


def local(value: Moment, scope: Scope) -> Moment:
    """A moment in the reader's zone (one without a zone is taken as it is); the rest unchanged."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(scope.zone)
    return value


def element(value: object, index: int) -> object:
    """`value[index]`; undefined beyond the end of a list and for what is not one."""
    if isinstance(value, list | tuple) and -len(value) <= index < len(value):
        return enter(value[index])
    return UNDEFINED


def text(value: object) -> str:
    """The text of a text or choice, '' for undefined. Raises TemplateFailed for the rest."""
    if isinstance(value, str):
        return value
    if isinstance(value, Choice):
        return value.label
    if value is UNDEFINED:
        return ""
    raise TemplateFailed(f"{kind_of(value)} where a text is needed")


def number(value: object) -> Decimal:
    """The number, 0 for undefined. Raises TemplateFailed for the rest."""
    if isinstance(value, Decimal):
        return value
    if value is UNDEFINED:
        return ZERO
    raise TemplateFailed(f"{kind_of(value)} where a number is needed")


def add(left: object, right: object) -> object:
    """Two numbers added, or two texts joined."""
    if isinstance(left, str | Choice) or isinstance(right, str | Choice):
        return bounded(text(left) + text(right))
    return NUMBERS.add(number(left), number(right))


def subtract(left: object, right: object) -> Decimal:
    return NUMBERS.subtract(number(left), number(right))


def multiply(left: object, right: object) -> Decimal:
    return NUMBERS.multiply(number(left), number(right))


def divide(left: object, right: object) -> Decimal:
    return NUMBERS.divide(number(left), _divisor(right))


def divide_whole(left: object, right: object) -> Decimal:
    """Rounded down, as in Jinja: -7 // 2 is -4."""
    return _floored(left, right)[0]


def modulo(left: object, right: object) -> Decimal:
    """What `//` leaves; it has the sign of the divisor."""
    return _floored(left, right)[1]


def _floored(left: object, right: object) -> tuple[Decimal, Decimal]:
    divisor = _divisor(right)
    quotient, rest = NUMBERS.divmod(number(left), divisor)
    if rest and (rest < 0) != (divisor < 0):
        return NUMBERS.subtract(quotient, Decimal(1)), NUMBERS.add(rest, divisor)
    return quotient, rest


def _divisor(value: object) -> Decimal:
    divisor = number(value)
    if not divisor:
        raise TemplateFailed("division by zero")
    return divisor


def equal(left: object, right: object, scope: Scope) -> bool:
    """Whether two values of one kind are the same. What is undefined equals nothing."""
    left, right = _alike(left, right, scope)
    if left is UNDEFINED or right is UNDEFINED:
        return False
    if isinstance(left, bool) is not isinstance(right, bool):
        return False
    return left == right


def before(left: object, right: object, scope: Scope) -> bool:
    """`left < right`: false where one is undefined.

    Raises TemplateFailed for two kinds that have no order between them.
    """
    if left is UNDEFINED or right is UNDEFINED:
        return False
    one, other = _alike(left, right, scope)
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        return one < other
    if isinstance(one, str) and isinstance(other, str):
        return one < other
    if isinstance(one, date | time) and type(one) is type(other):
        return one < other  # type: ignore[operator]  # both are of the same one of three types
    raise TemplateFailed(f"{kind_of(left)} compared with {kind_of(right)}")


def at_most(left: object, right: object, scope: Scope) -> bool:
    """`left <= right`, as `before`."""
    return before(left, right, scope) or equal(left, right, scope)


def contains(container: object, value: object, scope: Scope) -> bool:
    """`value in container`: a part of a text, or an item of a list."""
    if value is UNDEFINED or container is UNDEFINED:
        return False
    if isinstance(container, str | Choice):
        return text(_stored(value)) in text(_stored(container))
    return any(equal(item, value, scope) for item in items(container))


def _stored(value: object) -> object:
    return value.value if isinstance(value, Choice) else value


def _alike(left: object, right: object, scope: Scope) -> tuple[object, object]:
    """Both as one kind where there is a plain way: choices by value, dates written in ISO."""
    left, right = _stored(left), _stored(right)
    if isinstance(left, date | time) or isinstance(right, date | time):
        left, right = _dated(left, right, scope), _dated(right, left, scope)
        if isinstance(left, datetime) is not isinstance(right, datetime):
            return _day(left), _day(right)
    return left, right


def _dated(value: object, other: object, scope: Scope) -> object:
    if isinstance(value, str) and isinstance(other, date | time):
        value = read_iso(value, type(other))
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=scope.zone)
    return local(value, scope) if isinstance(value, date | time) else value


def _day(value: object) -> object:
    return value.date() if isinstance(value, datetime) else value


def read_iso(written: str, kind: type[date | time]) -> object:
    """A text as a date, moment or time in ISO form; the text itself if it is not one."""
    try:
        return kind.fromisoformat(written)
    except ValueError:
        return written


def shown(value: object, scope: Scope) -> str:
    """A value as it prints: as `fields.show.plain` does, a select by its label, '' for undefined.

    A moment is told in the reader's zone to the minute, a list by its items. Raises
    TemplateFailed for a group of values, and for a list in a list.
    """
    if isinstance(value, list | tuple):
        separator = "، " if base_language(scope.locale.language) == "fa" else ", "
        return bounded(separator.join([_shown_one(item, scope) for item in items(value)]))
    return _shown_one(value, scope)


def _shown_one(value: object, scope: Scope) -> str:
    if isinstance(value, Decimal):
        return show_number(NUMBERS.plus(value))
    if isinstance(value, datetime):
        return local(value, scope).isoformat(" ", "minutes")[:16]
    if isinstance(value, bool | date | time):
        return plain(value, _NO_FIELD, scope.locale)
    return text(value)
