"""A mapping of names to what is asked of them: lookups, measures and filters, mixed as one likes.

Which of the three a key belongs to, it tells by itself: measures have names that no field has,
and what stands beside a filter is a mapping.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.criteria.ast import Compare, Path
from engine.criteria.forms import filters, lookups, measures
from engine.criteria.report import Report


def recognises(_mapping: Mapping[str, object]) -> bool:
    return True


def read(mapping: Mapping[str, object], path: Path, report: Report) -> Iterator[Compare]:
    for key, value in mapping.items():
        if key in measures.MEASURES:
            yield from measures.read(key, value, path, report)
        elif key == filters.INSIDE and isinstance(value, Mapping):
            yield from read(filters.named(value, (*path, key), report), (*path, key), report)
        elif key in filters.ALIASES or isinstance(value, Mapping):
            yield from filters.read(key, value, path, report)
        else:
            yield lookups.read(key, value, path)
