"""`{field: crm_score, op: greater_than_or_equal, value: 80}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.criteria.ast import Compare, Key, Path
from engine.criteria.operators import LOOKUPS, OPS, Op
from engine.criteria.report import Report
from engine.suggest import meant

_KEYS = ("field", "op", "value")


def recognises(mapping: Mapping[str, object]) -> bool:
    return "field" in mapping or "op" in mapping


def read(mapping: Mapping[str, object], path: Path, report: Report) -> Iterator[Compare]:
    for key in mapping:
        if key not in _KEYS:
            report(
                (*path, Key(key)), f"'{key}' has no place beside field, op and value", "Delete it."
            )
    field, word = mapping.get("field"), mapping.get("op")
    if not isinstance(field, str) or not isinstance(word, str):
        missing = "op" if isinstance(field, str) else "field"
        report(path, f"a comparison needs '{missing}', a name", f"Write '{missing}: ...' too.")
        return
    op = _operator(word, (*path, "op"), report)
    if op is not None:
        value_path, name_path = (*path, "value"), (*path, "field")
        yield Compare(field, op, mapping.get("value"), path=value_path, name_path=name_path)


def _operator(word: str, path: Path, report: Report) -> Op | None:
    if word in OPS:
        return OPS[word]
    nearest = LOOKUPS.get(word)
    cure = f"Did you mean '{nearest}'?" if nearest else meant(word, OPS)
    report(path, f"'{word}' is not an operator", cure)
    return None
