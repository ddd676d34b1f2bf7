"""The filters and tests that are plain functions of their value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any
from urllib.parse import quote

from engine.templates.bounds import MAX_TEXT, NUMBERS, ZERO, TemplateFailed, finite
from engine.templates.operations import add, element, number, shown, text
from engine.templates.values import UNDEFINED, Choice, Scope, items, kind_of

_ROUNDINGS = {"common": ROUND_HALF_UP, "ceil": ROUND_CEILING, "floor": ROUND_FLOOR}

_ORDERED: frozenset[type] = frozenset({str, Decimal, date, datetime, time})


def default(scope: Scope, value: object, fallback: object = "", boolean: object = False) -> object:
    """The value, or `fallback` where there is none; with true also for '', 0, false and []."""
    missing = value is UNDEFINED or (boolean and not value)
    return fallback if missing else value


def upper(scope: Scope, value: object) -> str:
    """The text in capitals."""
    return text(value).upper()


def lower(scope: Scope, value: object) -> str:
    """The text in small letters."""
    return text(value).lower()


def title(scope: Scope, value: object) -> str:
    """Each word with a capital first letter, the rest small."""
    return " ".join(map(str.capitalize, text(value).split(" ")))


def capitalize(scope: Scope, value: object) -> str:
    """The first letter a capital, the rest small."""
    return text(value).capitalize()


def trim(scope: Scope, value: object) -> str:
    """Without blanks at its ends."""
    return text(value).strip()


def length(scope: Scope, value: object) -> Decimal:
    """Characters of a text, items of a list or group, 0 for undefined."""
    if isinstance(value, list | tuple | Mapping):
        return Decimal(len(value))
    return Decimal(len(text(value)))


def first(scope: Scope, value: object) -> object:
    """The first item of a list or letter of a text."""
    return text(value)[:1] if isinstance(value, str | Choice) else element(value, 0)


def last(scope: Scope, value: object) -> object:
    """The last item of a list or letter of a text."""
    return text(value)[-1:] if isinstance(value, str | Choice) else element(value, -1)


def join(scope: Scope, value: object, separator: object = "") -> str:
    """The items of a list as one text, with `separator` between them."""
    between = text(separator)
    parts = [shown(item, scope) for item in items(value)]
    if sum(map(len, parts)) + len(between) * len(parts) > MAX_TEXT + len(between):
        raise TemplateFailed(f"a text of more than {MAX_TEXT:,} characters")
    return between.join(parts)


def replace(scope: Scope, value: object, old: object, new: object) -> str:
    """Each `old` in the text as `new`. Raises TemplateFailed for an empty `old`."""
    whole, before_, after = text(value), text(old), text(new)
    if not before_:
        raise TemplateFailed("replace of an empty text")
    if len(whole) + whole.count(before_) * (len(after) - len(before_)) > MAX_TEXT:
        raise TemplateFailed(f"a text of more than {MAX_TEXT:,} characters")
    return whole.replace(before_, after)


def truncate(scope: Scope, value: object, length: object = Decimal(255), end: object = "…") -> str:
    """At most `length` characters, `end` included, cut between words where there is a blank."""
    whole, most, ending = text(value), int(number(length)), text(end)
    if len(whole) <= most:
        return whole
    kept = whole[: max(0, most - len(ending))]
    return (kept.rpartition(" ")[0] or kept) + ending


def url(scope: Scope, value: object) -> str:
    """The printed value with everything percent-encoded that could end a part of a URL."""
    return quote(shown(value, scope), safe="", errors="replace")


def round_(
    scope: Scope, value: object, precision: object = ZERO, method: object = "common"
) -> Decimal:
    """To `precision` decimal places (-20 to 20): half up, or by `ceil` or `floor`."""
    places = int(number(precision))
    rounding = _ROUNDINGS.get(text(method))
    if rounding is None or not -20 <= places <= 20:
        raise TemplateFailed("round with an unknown method or precision")
    unit = Decimal((0, (1,), -places))
    return number(value).quantize(unit, rounding=rounding, context=NUMBERS)


def abs_(scope: Scope, value: object) -> Decimal:
    """A number without its sign."""
    return NUMBERS.abs(number(value))


def float_(scope: Scope, value: object, default: object = ZERO) -> object:
    """A number as it is, a text that writes one as that number, anything else as `default`."""
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str | Choice):
        return default
    try:
        return finite(NUMBERS.create_decimal(text(value).strip()))
    except (ArithmeticError, TemplateFailed):
        return default


def int_(scope: Scope, value: object, default: object = ZERO) -> object:
    """As `float`, without the digits after the point."""
    found = float_(scope, value, default)
    return found.to_integral_value(ROUND_DOWN, NUMBERS) if isinstance(found, Decimal) else found


def sum_(scope: Scope, value: object) -> object:
    """The items of a list added up; 0 for none."""
    total: object = ZERO
    for item in items(value):
        total = add(number(total), number(item))
    return total


def sort(scope: Scope, value: object, reverse: object = False) -> list[object]:
    """Without what is undefined; texts by code point, as everywhere.

    Raises TemplateFailed for items that are not all texts, all numbers, or all of one kind of date.
    """
    found = [item for item in items(value) if item is not UNDEFINED]
    kinds = {type(_order(item)) for item in found}
    if len(kinds) > 1 or not kinds <= _ORDERED:
        raise TemplateFailed("a list whose items have no order")
    return sorted(found, key=_order, reverse=bool(reverse))


def _order(value: object) -> Any:
    return value.value if isinstance(value, Choice) else value


def min_(scope: Scope, value: object) -> object:
    """The least item of a list, by the order of `sort`."""
    return element(sort(scope, value), 0)


def max_(scope: Scope, value: object) -> object:
    """The greatest item of a list, by the order of `sort`."""
    return element(sort(scope, value), -1)


FILTERS: dict[str, Callable[..., object]] = {
    "abs": abs_,
    "capitalize": capitalize,
    "d": default,
    "default": default,
    "first": first,
    "float": float_,
    "int": int_,
    "join": join,
    "last": last,
    "length": length,
    "lower": lower,
    "max": max_,
    "min": min_,
    "replace": replace,
    "round": round_,
    "sort": sort,
    "sum": sum_,
    "title": title,
    "trim": trim,
    "truncate": truncate,
    "upper": upper,
    "url": url,
}

TAKE_UNDEFINED = frozenset({"d", "default", "float", "int", "join", "length", "sum"})
"""The filters that are asked about an undefined value; the others leave it undefined."""


LIGHT = frozenset(
    {"abs", "d", "default", "first", "float", "int", "last", "length", "round", "trim"}
)
"""The filters whose cost does not grow with a text or a list."""


def divisible(value: object, by: object) -> bool:
    divisor = number(by)
    return bool(divisor) and not NUMBERS.remainder(number(value), divisor)


def _is_even(value: object) -> bool:
    return divisible(value, Decimal(2))


def _is_odd(value: object) -> bool:
    return divisible(NUMBERS.add(number(value), Decimal(1)), Decimal(2))


def _is_empty(value: object) -> bool:
    return value is UNDEFINED or value in ("", [], ())


TESTS: dict[str, Callable[..., bool]] = {
    "boolean": lambda value: isinstance(value, bool),
    "defined": lambda value: value is not UNDEFINED,
    "divisibleby": divisible,
    "empty": _is_empty,
    "even": _is_even,
    "none": lambda value: value is UNDEFINED,
    "number": lambda value: isinstance(value, Decimal),
    "odd": _is_odd,
    "string": lambda value: kind_of(value) == "a text",
    "undefined": lambda value: value is UNDEFINED,
}
