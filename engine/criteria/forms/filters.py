"""`{crm_score: {min: 0, max: 100}, last_contacted: {days: 30}, custom_fields: {is_vip: true}}`.

What is asked of a field is a mapping: min and max, both inclusive; days, within the last so many;
or any operator or lookup. What the business declares may stand under custom_fields.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.criteria.ast import Compare, Key, Path
from engine.criteria.operators import LOOKUPS, Op
from engine.criteria.report import Report
from engine.suggest import meant

INSIDE = "custom_fields"
"""The key under which filters of the business's own fields may stand."""

ALIASES: Mapping[str, str] = {"last_contacted": "last_contacted_at"}

_WORDS: Mapping[str, Op] = {
    "min": Op.GREATER_THAN_OR_EQUAL,
    "max": Op.LESS_THAN_OR_EQUAL,
    "days": Op.WITHIN_DAYS,
    **LOOKUPS,
}


def read(key: str, value: object, path: Path, report: Report) -> Iterator[Compare]:
    """What one filter asks, in the mapping at `path`."""
    field, at = ALIASES.get(key, key), (*path, key)
    if not isinstance(value, Mapping) or not value:
        report(at, f"'{key}' takes a mapping", "Write it like {min: 1, max: 5} or {days: 30}.")
        return
    for word, operand in named(value, at, report).items():
        op = _WORDS.get(word)
        if op is None:
            report((*at, Key(word)), f"'{word}' asks nothing", meant(word, _WORDS))
        else:
            yield Compare(field, op, operand, path=(*at, word), name_path=(*path, Key(key)))


def named(mapping: Mapping[object, object], path: Path, report: Report) -> dict[str, object]:
    """What of a mapping stands under a name; the rest is reported."""
    for key in mapping:
        if not isinstance(key, str):
            report(path, f"the key {key!r} is not a name", "Write the name of a field.")
    return {key: value for key, value in mapping.items() if isinstance(key, str)}
