"""`{min_visits: 5, max_days_since_visit: 90, tags_include: [VIP]}`: how good a customer is.

min and max are inclusive. Days since a visit are whole days of the business; somebody who never
came has none, so neither asks for them. tags_include wants all of the tags, tags_exclude none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.criteria.ast import Compare, Key, Path
from engine.criteria.operators import Op
from engine.criteria.report import Report

_LONGEST = 200 * 366
"""Days that criteria count at most (engine.criteria.literals)."""

MEASURES: Mapping[str, tuple[str, Op]] = {
    "min_visits": ("total_visits", Op.GREATER_THAN_OR_EQUAL),
    "max_visits": ("total_visits", Op.LESS_THAN_OR_EQUAL),
    "min_spent": ("total_spent", Op.GREATER_THAN_OR_EQUAL),
    "max_spent": ("total_spent", Op.LESS_THAN_OR_EQUAL),
    "min_days_since_visit": ("last_visit_at", Op.OLDER_THAN_DAYS),
    "max_days_since_visit": ("last_visit_at", Op.WITHIN_DAYS),
    "tags_include": ("tags", Op.HAS_ALL),
    "tags_exclude": ("tags", Op.HAS_NONE),
}
"""The field and the operator of each measure."""


def read(key: str, value: object, path: Path, report: Report) -> Iterator[Compare]:
    """What one measure asks, in the mapping at `path`."""
    field, op = MEASURES[key]
    at, named = (*path, key), (*path, Key(key))
    if op is not Op.OLDER_THAN_DAYS:
        yield Compare(field, op, value, path=at, name_path=named)
        return
    days = _days(value)
    if days is None:
        wrong = f"'{key}' takes a whole number of days from 0 to {_LONGEST}"
        report(at, wrong, "Write it like 90.")
    elif days:
        yield Compare(field, op, days - 1, path=at, name_path=named)
    else:
        yield Compare(field, Op.LESS_THAN_OR_EQUAL, "today", path=at, name_path=named)


def _days(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = str(value)
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(_LONGEST))):
        return None
    return int(text) if int(text) <= _LONGEST else None
