"""Checking a criterion against the names it may use, and typing what it compares with."""

from __future__ import annotations

from msgspec.structs import replace

from engine.criteria import literals
from engine.criteria.ast import All, Any, Compare, Criterion, Not
from engine.criteria.catalogue import Catalogue, Known
from engine.criteria.leaf import PART_TYPES
from engine.criteria.literals import LiteralError, OperatorError, Target
from engine.criteria.operands import Day, Neighbour, Operand, Part, Relative, Single, Unit
from engine.criteria.operators import ON_LISTS, OPERATORS, Op, Shape
from engine.criteria.parse import parse_readable
from engine.criteria.report import Counting, Report
from engine.fields.places import Locale
from engine.fields.types import PLAIN, Field, FieldType


def read_criterion(value: object, catalogue: Catalogue, report: Report) -> Criterion | None:
    """Parse and check in one pass, so that every problem is reported; None if there was one."""
    counting = Counting(report)
    criterion = parse_readable(value, counting)
    checked = None if criterion is None else _check(criterion, catalogue, counting)
    return None if counting.used else checked


def check(criterion: Criterion, catalogue: Catalogue, report: Report) -> Criterion | None:
    """The criterion typed, ready to compile; None if anything was reported.

    Reported are unknown names, operators that a type does not have, and literals that are not of
    the type. Checking a checked criterion changes nothing.
    """
    counting = Counting(report)
    checked = _check(criterion, catalogue, counting)
    return None if counting.used else checked


def _check(criterion: Criterion, catalogue: Catalogue, report: Report) -> Criterion:
    """What could not be checked is left as it was, and reported."""
    match criterion:
        case All(items):
            return All(tuple(_check(item, catalogue, report) for item in items))
        case Any(items):
            return Any(tuple(_check(item, catalogue, report) for item in items))
        case Not(item):
            return Not(_check(item, catalogue, report))
        case Compare():
            return _check_compare(criterion, catalogue, report)


def _check_compare(compare: Compare, catalogue: Catalogue, report: Report) -> Criterion:
    name = compare.name
    known = catalogue.find(name)
    if known is None:
        report(compare.name_path, f"there is no field '{name}'", catalogue.cure(name))
        return compare
    try:
        plain, denied = _without_flag(compare)
        typed = _typed(plain, known, catalogue.locale)
        return Not(typed) if denied else typed
    except OperatorError as problem:
        report(compare.name_path, f"'{name}': {problem.message}", problem.cure)
    except LiteralError as problem:
        report(compare.path, f"'{name}': {problem.message}", problem.cure)
    return compare


def _without_flag(compare: Compare) -> tuple[Compare, bool]:
    """`is_empty: no` asks for the opposite; equality with null asks whether it is empty."""
    asked = {Op.EQUALS: Op.IS_EMPTY, Op.NOT_EQUALS: Op.IS_NOT_EMPTY}.get(compare.op)
    if asked is not None and compare.value is None:
        return replace(compare, op=asked), False
    if OPERATORS[compare.op].shape is Shape.NOTHING:
        return replace(compare, value=None), not literals.yes(compare.value)
    return compare, False


def _typed(compare: Compare, known: Known, locale: Locale) -> Compare:
    """Raises LiteralError."""
    if known.field is None:
        return _untyped(compare, known)
    return _typed_by(known.field, compare, known, locale)


def _typed_by(field: Field, compare: Compare, known: Known, locale: Locale) -> Compare:
    type_ = field.type if known.part is None else PART_TYPES[known.part]
    op = ON_LISTS.get(compare.op, compare.op) if type_ is FieldType.LIST else compare.op
    operator = OPERATORS[op]
    if type_ not in operator.types or (known.part and operator.shape is Shape.LETTERS):
        raise OperatorError(f"'{op}' does not apply to a {type_}", _operators_of(type_))
    target = Target(type_, tuple(option.value for option in field.options), known.part)
    value = _operand(compare.value, op, target, locale)
    return replace(compare, field=known.name, op=op, value=value, type=field.type, part=known.part)


def _operators_of(type_: FieldType) -> str:
    return f"It has {', '.join(op for op, known in OPERATORS.items() if type_ in known.types)}."


def _operand(raw: object, op: Op, target: Target, locale: Locale) -> Operand:
    match OPERATORS[op].shape:
        case Shape.NOTHING:
            return None
        case Shape.ONE:
            return literals.read(raw, target, locale)
        case Shape.TWO:
            return _two(raw, target, locale)
        case Shape.MANY:
            return _many(raw, target, locale)
        case Shape.LETTERS:
            return literals.text(raw)
        case Shape.DAYS:
            return literals.whole(raw, 0, literals.LONGEST[Unit.DAYS])
        case Shape.PART:
            part = Target(target.type, part=Part(op.value))
            if isinstance(raw, (list, tuple)):
                return _many(raw, part, locale)
            return literals.read(raw, part, locale)


def _many(raw: object, target: Target, locale: Locale) -> tuple[Single, ...]:
    items = raw if isinstance(raw, (list, tuple)) else (raw,)
    if not items:
        raise LiteralError("the list is empty")
    return tuple(literals.read(item, target, locale) for item in items)


_LOWEST_FIRST = "Write them as [lowest, highest]."


def _two(raw: object, target: Target, locale: Locale) -> tuple[Single, ...]:
    if not isinstance(raw, (list, tuple)) or len(raw) != 2:
        raise LiteralError("between takes two values", _LOWEST_FIRST)
    low, high = _many(raw, target, locale)
    if target.type is not FieldType.TIME and _is_over(low, high):
        raise LiteralError(
            "the first of the two is the greater", "Write them as [lowest, highest]."
        )
    return low, high


def _is_over(low: Single, high: Single) -> bool:
    """Whether nothing can ever lie between; relative values may change places as time passes."""
    if type(low) is not type(high) or isinstance(low, (Relative, Day, Neighbour)):
        return False
    return low > high  # type: ignore[operator]  # of one type, and each left here has an order


def _untyped(compare: Compare, known: Known) -> Compare:
    raw = tuple(compare.value) if isinstance(compare.value, list) else compare.value
    untyped = replace(compare, field=known.name, value=raw)
    if not readings(untyped):
        raise LiteralError(f"no value of any type can be compared so by '{compare.op}'")
    return untyped


def readings(compare: Compare) -> tuple[Compare, ...]:
    """A checked comparison under each type its field may turn out to have.

    Of an untyped name that is every type which has the operator and of which the literal is a
    value: `var.points: 80` compares with the number 80 and with the text '80'.
    """
    if compare.type is not None:
        return (compare,)
    found = []
    for field in map(PLAIN.__getitem__, _DISTINCT):
        try:
            found.append(_typed_by(field, compare, Known(compare.field, field), Locale()))
        except LiteralError:
            continue
    return tuple(found)


_DISTINCT = (
    FieldType.TEXT,
    FieldType.NUMBER,
    FieldType.BOOLEAN,
    FieldType.DATE,
    FieldType.DATETIME,
    FieldType.TIME,
    FieldType.LIST,
)
"""Types that Python tells apart; email, phone, url and select are texts like any other."""
