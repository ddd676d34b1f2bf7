"""Values as plain JSON, as people and other programs read them: no type tags.

Dates are `YYYY-MM-DD`, moments ISO 8601 in UTC with Z, numbers JSON numbers in shortest form, a
select its value. What reads it back needs the field's type (`engine.fields` coerces by it).
"""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

_PLAIN = (str, bool, int, float)


def to_plain(value: Any) -> Any:
    """JSON of a value; lists and mappings item by item. Raises TypeError for anything else."""
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    raise TypeError(f"{type(value).__name__} has no plain form")


def _number(value: Decimal) -> int | float | str:
    """An integer or a float where that is exact; text where a float would lose digits."""
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else format(value.normalize(), "f")
