"""A criterion as a condition on the customer table.

It means what `engine.criteria.compile_predicate` means, row by row; a property test holds the
two equal on both databases. What is relative is resolved when it is compiled, so the condition
is good for one moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.types import TypeEngine

from crm.criteria_stores import SQL_TYPES, STORES, Expression, Store, date_part
from crm.tables import customer, customer_tag, segment, segment_member, tag
from engine.criteria import All, Compare, Criterion, Moment, Not
from engine.criteria import Any as AnyOf
from engine.criteria.leaf import Bound, Leaf, Test, leaf_of
from engine.criteria.moment import anniversaries, resolve
from engine.criteria.operands import WEEKDAYS, Part
from engine.fields.fold import fold
from engine.fields.types import FieldType

Condition = ColumnElement[bool]

LISTS = frozenset({"tags", "segment"})
"""The lists that are rows of tables."""


def compile_sql(
    criterion: Criterion,
    columns: Mapping[str, str],
    moment: Moment,
    business_id: int,
    dialect: str,
    driver: str | None = None,
) -> Condition:
    """A condition for the WHERE of a query over `customer`, in a dialect (its SQLAlchemy name).

    criterion: checked. columns: the stored column of each field, its slot or its own name; a
    field that is not in it lives in `custom_fields_extra`. Tags and segments are those of
    `business_id`; to keep to its customers is the query's part. A row for which the criterion
    does not hold gives false or NULL. driver: the column, or one of LISTS, whose index alone may
    be used (crm.services.drivers); None leaves the choice to the database. Raises ValueError for a
    name whose type only a run tells (`var.x`).
    """
    compiler = _Compiler(columns, moment, business_id, STORES[dialect], driver)
    return compiler.condition(criterion, denied=False)


@dataclass(frozen=True, slots=True)
class _Compiler:
    columns: Mapping[str, str]
    moment: Moment
    business_id: int
    store: Store
    driver: str | None

    def condition(self, criterion: Criterion, *, denied: bool) -> Condition:
        """Negation is carried down to the comparisons, where it meets the absent values."""
        match criterion:
            case Not(item):
                return self.condition(item, denied=not denied)
            case All(items) | AnyOf(items):
                conditions = [self.condition(item, denied=denied) for item in items]
                together = isinstance(criterion, All) is not denied
                return and_(true(), *conditions) if together else or_(false(), *conditions)
            case Compare():
                return self._compare(criterion, denied=denied)

    def _compare(self, compare: Compare, *, denied: bool) -> Condition:
        if compare.type is None:
            raise ValueError(f"'{compare.field}' has no type before a run gives it one")
        leaf, negative = leaf_of(compare)
        denied = denied is not negative
        if leaf.field_type is FieldType.LIST:
            condition = self._list(leaf)
            return not_(condition) if denied else condition
        value = self._value(leaf)
        if leaf.test is Test.PRESENT:
            return value.is_(None) if denied else value.is_not(None)
        condition = _TESTS[leaf.test](self, leaf, self._seen(leaf, value))
        return or_(value.is_(None), not_(condition)) if denied else condition

    def _value(self, leaf: Leaf) -> Expression:
        column = self.columns.get(leaf.field)
        if column is None and leaf.field in self.columns.values():
            column = leaf.field  # a slot by its own name, where a field is in it
        if column is not None:
            found = customer.c[column]
            led = self.driver is None or self.driver == column
            return found if led else self.store.without_index(found)
        return self.store.extra_value(leaf.field.removeprefix("extra."), leaf.field_type)

    def _seen(self, leaf: Leaf, value: Expression) -> Expression:
        return value if leaf.part is None else self._part(leaf.field_type, value, leaf.part)

    def _part(self, type_: FieldType, value: Expression, part: Part) -> Expression:
        if type_ is FieldType.DATETIME:
            return self.store.local_part(value, part, self.moment.zone)
        return date_part(value, part)

    # -- the tests; each is NULL or false where its value is absent

    def one_of(self, leaf: Leaf, value: Expression) -> Condition:
        if leaf.type is FieldType.DATETIME:
            spans = [resolve(operand, leaf.type, self.moment) for operand in leaf.operands]
            type_ = SQL_TYPES[FieldType.DATETIME]
            return or_(
                *(
                    and_(value >= literal(span.first, type_), value <= literal(span.last, type_))
                    for span in spans
                )
            )
        operands = [resolve(operand, leaf.type, self.moment).first for operand in leaf.operands]
        return _among(value, operands, leaf)

    def folded(self, leaf: Leaf, value: Expression) -> Condition:
        return self.store.folded(value) == _letters(leaf)

    def contains(self, leaf: Leaf, value: Expression) -> Condition:
        return self.store.place(self.store.folded(value), _letters(leaf)) > 0

    def starts(self, leaf: Leaf, value: Expression) -> Condition:
        letters = _letters(leaf)
        return func.substr(self.store.folded(value), 1, len(letters)) == letters

    def ends(self, leaf: Leaf, value: Expression) -> Condition:
        letters, text = _letters(leaf), self.store.folded(value)
        return func.substr(text, func.length(text) - len(letters) + 1) == letters

    def range(self, leaf: Leaf, value: Expression) -> Condition:
        if leaf.type is FieldType.TEXT:
            value = self.store.by_code_point(value)
        bounds = []
        if leaf.low is not None:
            bounds.append(self._above(value, leaf.low, leaf))
        if leaf.high is not None:
            bounds.append(self._below(value, leaf.high, leaf))
        return or_(*bounds) if leaf.wraps else and_(*bounds)

    def _above(self, value: Expression, bound: Bound, leaf: Leaf) -> Condition:
        first, last = resolve(bound.operand, leaf.type, self.moment)
        type_ = _type_of(value, leaf)
        if isinstance(type_, Integer):
            return value >= literal(_least_integer(first, inclusive=bound.inclusive), type_)
        return value >= literal(first, type_) if bound.inclusive else value > literal(last, type_)

    def _below(self, value: Expression, bound: Bound, leaf: Leaf) -> Condition:
        first, last = resolve(bound.operand, leaf.type, self.moment)
        type_ = _type_of(value, leaf)
        if isinstance(type_, Integer):
            return value <= literal(-_least_integer(-last, inclusive=bound.inclusive), type_)
        return value <= literal(last, type_) if bound.inclusive else value < literal(first, type_)

    def anniversary(self, leaf: Leaf, value: Expression) -> Condition:
        month, day = (self._part(leaf.field_type, value, part) for part in (Part.MONTH, Part.DAY))
        pairs = anniversaries(self.moment.today)
        return or_(*(and_(month == at_month, day == at_day) for at_month, at_day in pairs))

    def _list(self, leaf: Leaf) -> Condition:
        """Whether a list has the names asked for; never NULL."""
        names = cast("tuple[str, ...]", leaf.operands)
        match leaf.test:
            case Test.PRESENT:
                return self._has(leaf.field, None)
            case Test.HAS_ANY:
                return self._has(leaf.field, names)
            case _:
                return and_(*(self._has(leaf.field, (name,)) for name in names))

    def _has(self, field: str, names: tuple[str, ...] | None) -> Condition:
        if field == "tags":
            return self._has_tag(names)
        if field == "segment":
            return self._in_segment(names)
        return self.store.extra_has(field.removeprefix("extra."), names)

    def _has_tag(self, names: tuple[str, ...] | None) -> Condition:
        ids = select(tag.c.id).where(tag.c.business_id == self.business_id)
        if names is not None:
            ids = ids.where(tag.c.name.in_(names))
        return self._member("tags", customer_tag.c.customer_id, customer_tag.c.tag_id, ids)

    def _in_segment(self, keys: tuple[str, ...] | None) -> Condition:
        ids = select(segment.c.id).where(segment.c.business_id == self.business_id)
        if keys is not None:
            ids = ids.where(segment.c.key.in_(keys))
        whose = segment_member.c
        return self._member("segment", whose.customer_id, whose.segment_id, ids)

    def _member(self, name: str, whose: Expression, of: Expression, ids: Select[Any]) -> Condition:
        """Looked up customer by customer, or the other way round where this leads. The ids are
        the business's own, so their rows are: naming it again would have SQLite walk all of them.
        """
        if self.driver == name:
            return customer.c.id.in_(select(whose).where(of.in_(ids)))
        return exists().where(whose == customer.c.id, of.in_(ids))


_TESTS: Mapping[Test, Callable[[_Compiler, Leaf, Expression], Condition]] = {
    Test.ONE_OF: _Compiler.one_of,
    Test.FOLDED: _Compiler.folded,
    Test.CONTAINS: _Compiler.contains,
    Test.STARTS: _Compiler.starts,
    Test.ENDS: _Compiler.ends,
    Test.RANGE: _Compiler.range,
    Test.ANNIVERSARY: _Compiler.anniversary,
}


def _letters(leaf: Leaf) -> str:
    return fold(cast("str", leaf.operands[0]))


def _type_of(value: Expression, leaf: Leaf) -> TypeEngine[Any]:
    """What operands are given as: counters and parts of dates are integers, not hundredths."""
    if isinstance(value.type, Integer):
        return BigInteger()
    return SQL_TYPES[leaf.type]


def _among(value: Expression, operands: list[Any], leaf: Leaf) -> Condition:
    type_ = _type_of(value, leaf)
    if isinstance(type_, Integer):
        operands = [int(operand) for operand in map(_number, operands) if operand == int(operand)]
    if not operands:
        return false()
    if len(operands) == 1:
        return value == literal(operands[0], type_)
    return value.in_([literal(operand, type_) for operand in operands])


def _number(operand: Any) -> Decimal | int:
    """Weekdays are numbered from Sunday, as both databases do."""
    return (WEEKDAYS.index(operand) + 1) % 7 if isinstance(operand, str) else operand


def _least_integer(bound: Decimal | int, *, inclusive: bool) -> int:
    """The least integer on the right side of a lower bound."""
    return math.ceil(bound) if inclusive else math.floor(bound) + 1
