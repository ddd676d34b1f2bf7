"""`{entity: company, rules: [{field: industry, operator: equals, value: Hotels}]}`.

match_type: all (the default) or any of the rules. A company is whoever is not an individual; a
contact is anybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.criteria.ast import All, Any, Compare, Criterion, Key, Path
from engine.criteria.forms import canonical
from engine.criteria.operators import Op
from engine.criteria.report import Report
from engine.suggest import meant

_KEYS = ("entity", "match_type", "rules")
_JOINS: Mapping[str, type[All | Any]] = {"all": All, "any": Any}
_ENTITIES = ("contact", "company")


def recognises(mapping: Mapping[str, object]) -> bool:
    return any(key in mapping for key in _KEYS)


def read(mapping: Mapping[str, object], path: Path, report: Report) -> Iterator[Criterion]:
    for key in mapping:
        if key not in _KEYS:
            report((*path, Key(key)), f"'{key}' has no place beside rules", "Write it under all:.")
    if _word("entity", mapping, _ENTITIES, path, report) == "company":
        at = (*path, "entity")
        yield Compare("customer_type", Op.NOT_EQUALS, "individual", path=at, name_path=at)
    join = _JOINS[_word("match_type", mapping, tuple(_JOINS), path, report)]
    items = tuple(_rules(mapping.get("rules", []), (*path, "rules"), report))
    if len(items) == 1:
        yield items[0]
    elif items:
        yield join(items)


def _word(
    key: str, mapping: Mapping[str, object], known: tuple[str, ...], path: Path, report: Report
) -> str:
    """The word under a key, the first of `known` where there is none or another one."""
    word = mapping.get(key, known[0])
    if isinstance(word, str) and word in known:
        return word
    report((*path, key), f"'{key}' is {' or '.join(known)}", meant(str(word), known))
    return known[0]


def _rules(rules: object, path: Path, report: Report) -> Iterator[Criterion]:
    if not isinstance(rules, list):
        report(path, "'rules' takes a list", "Write each as {field, operator, value}.")
        return
    for place, rule in enumerate(rules):
        if isinstance(rule, Mapping):
            yield from canonical.read(rule, (*path, place), report)
        else:
            report((*path, place), "a rule is {field, operator, value}", "Write it so.")
