"""A checked comparison without its sugar: the one place that says what operators mean.

The predicate and the SQL are both compiled from leaves, so each knows ten tests, not 28
operators.
"""

from __future__ import annotations

from datetime import time
from enum import Enum, auto
from typing import cast

from msgspec import Struct

from engine.criteria.ast import Compare
from engine.criteria.operands import Day, Operand, Part, Single
from engine.criteria.operators import NEGATION_OF, OPERATORS, Op, Shape
from engine.fields.types import FieldType


class Test(Enum):
    """What is asked of a present value. An absent one fails every test."""

    PRESENT = auto()
    ONE_OF = auto()  # equals one of the operands
    FOLDED = auto()  # equals the operand, both folded
    CONTAINS = auto()
    STARTS = auto()
    ENDS = auto()
    RANGE = auto()
    ANNIVERSARY = auto()  # the day and month of today
    HAS_ANY = auto()
    HAS_ALL = auto()


class Bound(Struct, frozen=True):
    operand: Single
    inclusive: bool = True


class Leaf(Struct, frozen=True):
    """One test of a field or of a `part` of it; None is the whole value.

    field_type: the type of the field itself. Operands and bounds are of `type`, that of the part.
    A range has `low` and `high`, the other tests have operands.
    """

    field: str
    field_type: FieldType
    part: Part | None
    test: Test
    operands: tuple[Single, ...] = ()
    low: Bound | None = None
    high: Bound | None = None

    @property
    def type(self) -> FieldType:
        return self.field_type if self.part is None else PART_TYPES[self.part]

    @property
    def wraps(self) -> bool:
        """Whether a range of times goes over midnight: from 22:00 to 08:00."""
        low, high = self.low, self.high
        if low is None or high is None or self.type is not FieldType.TIME:
            return False
        return cast("time", low.operand) > cast("time", high.operand)


PART_TYPES = {
    Part.MONTH: FieldType.NUMBER,
    Part.DAY: FieldType.NUMBER,
    Part.YEAR: FieldType.NUMBER,
    Part.WEEKDAY: FieldType.SELECT,
    Part.TIME: FieldType.TIME,
}

_TESTS = {
    Op.EQUALS: Test.ONE_OF,
    Op.IN_LIST: Test.ONE_OF,
    Op.EQUALS_IGNORE_CASE: Test.FOLDED,
    Op.CONTAINS: Test.CONTAINS,
    Op.STARTS_WITH: Test.STARTS,
    Op.ENDS_WITH: Test.ENDS,
    Op.IS_NOT_EMPTY: Test.PRESENT,
    Op.ON_THIS_DAY: Test.ANNIVERSARY,
    Op.HAS_ANY: Test.HAS_ANY,
    Op.HAS_ALL: Test.HAS_ALL,
}


def leaf_of(compare: Compare) -> tuple[Leaf, bool]:
    """The leaf of a checked comparison of known type, and whether the comparison denies it."""
    assert compare.type is not None, "the type is known, or chosen by the value at hand"
    op, denied = NEGATION_OF.get(compare.op, compare.op), compare.op in NEGATION_OF
    part, operands = compare.part, _operands(cast("Operand", compare.value))
    if OPERATORS[op].shape is Shape.PART:
        part, op = Part(op.value), Op.IN_LIST
    if op in _TESTS:
        return Leaf(compare.field, compare.type, part, _TESTS[op], operands), denied
    low, high = _range(op, operands)
    return Leaf(compare.field, compare.type, part, Test.RANGE, low=low, high=high), denied


def _operands(value: Operand) -> tuple[Single, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def _range(op: Op, operands: tuple[Single, ...]) -> tuple[Bound | None, Bound | None]:
    first = operands[0]
    match op:
        case Op.GREATER_THAN:
            return Bound(first, inclusive=False), None
        case Op.GREATER_THAN_OR_EQUAL:
            return Bound(first), None
        case Op.LESS_THAN:
            return None, Bound(first, inclusive=False)
        case Op.LESS_THAN_OR_EQUAL:
            return None, Bound(first)
        case Op.BETWEEN:
            return Bound(first), Bound(operands[1])
        case _:
            return _days(op, cast("int", first))


def _days(op: Op, days: int) -> tuple[Bound | None, Bound | None]:
    match op:
        case Op.WITHIN_DAYS:
            return Bound(Day(-days)), Bound(Day(0))
        case Op.OLDER_THAN_DAYS:
            return None, Bound(Day(-days), inclusive=False)
        case Op.IN_NEXT_DAYS:
            return Bound(Day(0)), Bound(Day(days))
        case _:
            raise AssertionError(f"{op} has no range")
