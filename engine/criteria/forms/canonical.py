"""`{field: crm_score, op: greater_than_or_equal, value: 80}`; `operator` is read for `op` too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.criteria.ast import Compare, Key, Path
from engine.criteria.operators import LOOKUPS, OPS, Op
from engine.criteria.report import Report
from engine.suggest import meant


def recognises(mapping: Mapping[str, object]) -> bool:
    return "field" in mapping or "op" in mapping


def read(mapping: Mapping[str, object], path: Path, report: Report) -> Iterator[Compare]:
    """One comparison, or none where it cannot be read."""
    word_key = "operator" if "operator" in mapping else "op"
    for key in mapping:
        if key not in ("field", word_key, "value"):
            wrong = f"'{key}' has no place beside field, {word_key} and value"
            report((*path, Key(key)), wrong, "Delete it.")
    field, word = mapping.get("field"), mapping.get(word_key)
    if not isinstance(field, str) or not isinstance(word, str):
        missing = word_key if isinstance(field, str) else "field"
        report(path, f"a comparison needs '{missing}', a name", f"Write '{missing}: ...' too.")
        return
    op = _operator(word, (*path, word_key), report)
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
