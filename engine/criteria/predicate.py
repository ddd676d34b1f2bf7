"""A criterion as a function of one customer's facts."""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping, Sized
from datetime import date, datetime, time
from decimal import Decimal

from engine.criteria.ast import All, Any, Compare, Criterion, Not
from engine.criteria.check import readings
from engine.criteria.leaf import Bound, Leaf, Test, leaf_of
from engine.criteria.moment import Moment, anniversaries, is_fixed, part_of, resolver
from engine.criteria.operands import Part, Single
from engine.criteria.operators import TEXTS, Op
from engine.fields.fold import fold
from engine.fields.types import FieldType

Get = Callable[[str], object]
"""The value of a name: engine.fields.types.Value; of `tags` and `segment` a frozenset of names."""

Predicate = Callable[[Get, Moment], bool]

_Check = Callable[[typing.Any, Moment], bool]
"""A test of a present value of the right class."""

_CLASSES: Mapping[FieldType, tuple[type, ...]] = {
    FieldType.TEXT: (str,),
    FieldType.EMAIL: (str,),
    FieldType.PHONE: (str,),
    FieldType.URL: (str,),
    FieldType.SELECT: (str,),
    FieldType.NUMBER: (Decimal, int),
    FieldType.BOOLEAN: (bool,),
    FieldType.DATE: (date,),
    FieldType.DATETIME: (datetime,),
    FieldType.TIME: (time,),
    FieldType.LIST: (tuple, frozenset),
}
"""The exact classes of a type's values; a value of another class counts as absent."""


def compile_predicate(criterion: Criterion) -> Predicate:
    """A function of a checked criterion: `(get, moment) -> whether it holds`. It never raises.

    Everything that does not depend on the moment is worked out here, once.
    """
    match criterion:
        case All(items):
            return _all([compile_predicate(item) for item in items])
        case Any(items):
            return _any([compile_predicate(item) for item in items])
        case Not(item):
            return _not(compile_predicate(item))
        case Compare():
            return _compare(criterion)


def _all(predicates: list[Predicate]) -> Predicate:
    def holds(get: Get, moment: Moment) -> bool:
        for predicate in predicates:  # noqa: SIM110  # all() would make a generator each time
            if not predicate(get, moment):
                return False
        return True

    return holds


def _any(predicates: list[Predicate]) -> Predicate:
    def holds(get: Get, moment: Moment) -> bool:
        for predicate in predicates:  # noqa: SIM110  # as above
            if predicate(get, moment):
                return True
        return False

    return holds


def _not(predicate: Predicate) -> Predicate:
    return lambda get, moment: not predicate(get, moment)


def _compare(compare: Compare) -> Predicate:
    """An untyped name is tested as the class of its value asks, and no class fits an absent one."""
    if compare.type is None and compare.op in _PRESENCE:
        return _untyped_presence(compare.field, _PRESENCE[compare.op])
    leaves = [leaf_of(reading) for reading in readings(compare)]
    checks = {class_: _check(leaf) for leaf, _ in leaves for class_ in _CLASSES[leaf.field_type]}
    denied = leaves[0][1]
    holds = _of_class(compare.field, checks)
    return _not(holds) if denied else holds


def _of_class(name: str, checks: Mapping[type, _Check]) -> Predicate:
    check_of = checks.get

    def holds(get: Get, moment: Moment) -> bool:
        value = get(name)
        check = check_of(value.__class__)
        return check is not None and check(value, moment)

    return holds


_PRESENCE = {Op.IS_NOT_EMPTY: True, Op.IS_EMPTY: False}


def _untyped_presence(name: str, wanted: bool) -> Predicate:
    """A mapping or list out of JSON, which no field can hold, is present if anything is in it."""

    def holds(get: Get, _moment: Moment) -> bool:
        value = get(name)
        present = bool(value) if isinstance(value, Sized) else value is not None
        return present is wanted

    return holds


def _check(leaf: Leaf) -> _Check:
    whole = _TESTS[leaf.test](leaf)
    if leaf.part is None or leaf.test is Test.PRESENT:
        return whole
    part = leaf.part
    return lambda value, moment: whole(part_of(value, part, moment.zone), moment)


def _present(leaf: Leaf) -> _Check:
    if leaf.type is FieldType.LIST or leaf.type in TEXTS:
        return lambda value, _moment: bool(value)
    return lambda _value, _moment: True


def _one_of(leaf: Leaf) -> _Check:
    if all(is_fixed(operand, leaf.type) for operand in leaf.operands):
        return _one_of_fixed(leaf.operands)
    spans = [resolver(operand, leaf.type) for operand in leaf.operands]

    def check(value: typing.Any, moment: Moment) -> bool:
        return any(first <= value <= last for first, last in (span(moment) for span in spans))

    return check


def _one_of_fixed(operands: tuple[Single, ...]) -> _Check:
    if len(operands) == 1:
        only = operands[0]
        return lambda value, _moment: value == only
    members = frozenset(operands)
    return lambda value, _moment: value in members


def _folded(leaf: Leaf) -> _Check:
    letters = _letters(leaf)
    return lambda value, _moment: fold(value) == letters


def _contains(leaf: Leaf) -> _Check:
    letters = _letters(leaf)
    return lambda value, _moment: letters in fold(value)


def _starts(leaf: Leaf) -> _Check:
    letters = _letters(leaf)
    return lambda value, _moment: fold(value).startswith(letters)


def _ends(leaf: Leaf) -> _Check:
    letters = _letters(leaf)
    return lambda value, _moment: fold(value).endswith(letters)


def _letters(leaf: Leaf) -> str:
    return fold(typing.cast("str", leaf.operands[0]))


def _range(leaf: Leaf) -> _Check:
    low, high = leaf.low, leaf.high
    above = None if low is None else _above(low, leaf.type)
    below = None if high is None else _below(high, leaf.type)
    if above is None or below is None:
        return typing.cast("_Check", above or below)
    if leaf.wraps:
        return lambda value, moment: above(value, moment) or below(value, moment)
    return lambda value, moment: above(value, moment) and below(value, moment)


def _above(bound: Bound, type_: FieldType) -> _Check:
    operand: typing.Any = bound.operand
    if not is_fixed(operand, type_):
        span = resolver(operand, type_)
        if bound.inclusive:
            return lambda value, moment: value >= span(moment).first
        return lambda value, moment: value > span(moment).last
    if bound.inclusive:
        return lambda value, _moment: value >= operand
    return lambda value, _moment: value > operand


def _below(bound: Bound, type_: FieldType) -> _Check:
    operand: typing.Any = bound.operand
    if not is_fixed(operand, type_):
        span = resolver(operand, type_)
        if bound.inclusive:
            return lambda value, moment: value <= span(moment).last
        return lambda value, moment: value < span(moment).first
    if bound.inclusive:
        return lambda value, _moment: value <= operand
    return lambda value, _moment: value < operand


def _anniversary(_leaf: Leaf) -> _Check:
    def check(value: typing.Any, moment: Moment) -> bool:
        pair = (part_of(value, Part.MONTH, moment.zone), part_of(value, Part.DAY, moment.zone))
        return pair in anniversaries(moment.today)

    return check


def _has_any(leaf: Leaf) -> _Check:
    return lambda value, _moment: any(name in value for name in leaf.operands)


def _has_all(leaf: Leaf) -> _Check:
    return lambda value, _moment: all(name in value for name in leaf.operands)


_TESTS: Mapping[Test, Callable[[Leaf], _Check]] = {
    Test.PRESENT: _present,
    Test.ONE_OF: _one_of,
    Test.FOLDED: _folded,
    Test.CONTAINS: _contains,
    Test.STARTS: _starts,
    Test.ENDS: _ends,
    Test.RANGE: _range,
    Test.ANNIVERSARY: _anniversary,
    Test.HAS_ANY: _has_any,
    Test.HAS_ALL: _has_all,
}
