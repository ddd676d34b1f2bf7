"""From what a file or a request says to a criterion, in any written form.

Nothing is typed here: a plain word of YAML arrives as the letters typed, JSON as its values,
and `check` reads both by the field they stand beside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from engine.criteria.ast import All, Any, Criterion, Not, Path
from engine.criteria.forms import FORMS
from engine.criteria.report import Counting, Report

MAX_DEPTH = 50
"""Levels of all, any and not inside each other; closures and SQL nest as deep as criteria."""


def parse(value: object, report: Report) -> Criterion | None:
    """The criterion that `value` writes; None if anything was reported.

    `value` is a mapping in any written form; keys of one mapping are joined by all.
    """
    counting = Counting(report)
    criterion = parse_readable(value, counting)
    return None if counting.used else criterion


def parse_readable(value: object, report: Report) -> Criterion | None:
    """What can be read of `value`, so that checking it finds the rest of the problems.

    None if that is nothing. Where something was reported the result must not be evaluated.
    """
    return _read(value, (), 0, report)


def _read(value: object, path: Path, depth: int, report: Report) -> Criterion | None:
    if not isinstance(value, Mapping):
        cure = "Write all: or any: above it." if isinstance(value, list) else ""
        report(path, "a criterion is a mapping, such as {crm_score__gte: 80}", cure)
        return None
    if depth > MAX_DEPTH:
        report(path, f"criteria go {MAX_DEPTH} levels deep at most", "Divide it.")
        return None
    if not value:
        report(path, "the criterion is empty", "Write {FIELD: VALUE}.")
        return None
    return _joined(All, list(_items(value, path, depth, report)))


def _items(
    mapping: Mapping[object, object], path: Path, depth: int, report: Report
) -> Iterator[Criterion]:
    rest: dict[str, object] = {}
    for key, value in mapping.items():
        if not isinstance(key, str):
            report(path, f"the key {key!r} is not a name", "")
        elif key in _WORDS:
            criterion = _WORDS[key](value, (*path, key), depth + 1, report)
            if criterion is not None:
                yield criterion
        else:
            rest[key] = value
    if rest:
        form = next(form for form in FORMS if form.recognises(rest))
        yield from form.read(rest, path, report)


def _joined(join: type[All | Any], items: list[Criterion]) -> Criterion | None:
    if len(items) < 2:
        return items[0] if items else None
    return join(tuple(items))


def _read_each(
    join: type[All | Any], value: object, path: Path, depth: int, report: Report
) -> Criterion | None:
    if isinstance(value, Mapping):
        return _read(value, path, depth, report)
    if not isinstance(value, list) or not value:
        report(path, f"'{path[-1]}' takes a list of criteria", "Write [{FIELD: VALUE}, ...].")
        return None
    read = (_read(item, (*path, place), depth, report) for place, item in enumerate(value))
    return _joined(join, [item for item in read if item is not None])


def _read_all(value: object, path: Path, depth: int, report: Report) -> Criterion | None:
    return _read_each(All, value, path, depth, report)


def _read_any(value: object, path: Path, depth: int, report: Report) -> Criterion | None:
    return _read_each(Any, value, path, depth, report)


def _read_not(value: object, path: Path, depth: int, report: Report) -> Criterion | None:
    item = _read(value, path, depth, report)
    return None if item is None else Not(item)


_WORDS: Mapping[str, Callable[[object, Path, int, Report], Criterion | None]] = {
    "all": _read_all,
    "any": _read_any,
    "not": _read_not,
}
