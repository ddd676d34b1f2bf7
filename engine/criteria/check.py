"""Checking a criterion against the names it may use, and typing what it compares with."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.criteria import literals
from engine.criteria.ast import All, Any, Compare, Criterion, Not
from engine.criteria.leaf import PART_TYPES
from engine.criteria.literals import LiteralError, Target
from engine.criteria.operands import PARTS, Day, Neighbour, Operand, Part, Relative, Single, Unit
from engine.criteria.operators import LOOKUPS, ON_LISTS, OPERATORS, Op, Shape
from engine.criteria.parse import parse_readable
from engine.criteria.report import Counting, Report
from engine.fields.places import Locale
from engine.fields.types import PLAIN, Field, FieldType
from engine.suggest import did_you_mean
from engine.texts import Text


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The names a criterion may use.

    fields: by name; of `tags`, `segment` and lists the options are the names there are (none:
    any). `untyped`: names of which only the value at hand tells the type, `reply.value`, or
    first words that allow all names below them: `var` allows `var.x`.
    Besides these, `extra.KEY` is any key among a customer's extras: of the type of its field, or
    text where none is declared. `locale` is the business's: the country of phone numbers and the
    zone of times written without one. Dates have parts: `now.weekday`. `customer.x` is `x`.
    """

    fields: Mapping[str, Field]
    untyped: frozenset[str] = frozenset()
    locale: Locale = dataclasses.field(default_factory=Locale)

    def find(self, name: str) -> Field | None:
        """The field of a name without a part; None if it is untyped or unknown."""
        field = self.fields.get(name)
        if field is None and _EXTRA_NAME.fullmatch(name):
            key = name.removeprefix(_EXTRA)
            return Field(key=key, type=FieldType.TEXT, label=Text.plain(key), extra=True)
        return field

    def is_untyped(self, name: str) -> bool:
        return name in self.untyped or name.partition(".")[0] in self.untyped


_EXTRA = "extra."
_EXTRA_NAME = re.compile(r"extra\.[a-z][a-z0-9_]{0,99}")


@dataclass(frozen=True, slots=True)
class Known:
    """A name found: `field` is None where it is untyped."""

    name: str
    field: Field | None
    part: Part | None = None


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
    known = find_name(compare.name, catalogue)
    if known is None:
        report(compare.path, f"there is no field '{compare.name}'", _cure(compare.name, catalogue))
        return compare
    try:
        plain, denied = _without_flag(compare)
        typed = _typed(plain, known, catalogue.locale)
        return Not(typed) if denied else typed
    except LiteralError as problem:
        report(compare.path, f"'{compare.name}': {problem.message}", problem.cure)
        return compare


def find_name(name: str, catalogue: Catalogue) -> Known | None:
    """The field and part that a name means; None if it means nothing."""
    name = name.removeprefix("customer.")
    field = _mapped_extra(name, catalogue) or catalogue.fields.get(name)
    if field is not None:
        return Known(name if name in catalogue.fields else field.key, field)
    if catalogue.is_untyped(name):
        return Known(name, None)
    whole, _, part = name.rpartition(".")
    of = find_name(whole, catalogue) if part in PARTS else None
    if of is not None and of.field is not None and of.part is None:
        if of.field.type in OPERATORS[Op(part)].types:
            return Known(of.name, of.field, PARTS[part])
    field = catalogue.find(name)
    return None if field is None else Known(name, field)


def _mapped_extra(name: str, catalogue: Catalogue) -> Field | None:
    field = catalogue.fields.get(name.removeprefix(_EXTRA)) if name.startswith(_EXTRA) else None
    return field if field is not None and field.extra else None


def _cure(name: str, catalogue: Catalogue) -> str:
    field, _, lookup = name.rpartition("__")
    if field in catalogue.fields:
        return did_you_mean(lookup, LOOKUPS)
    return did_you_mean(name, catalogue.fields)


def _without_flag(compare: Compare) -> tuple[Compare, bool]:
    """`is_empty: no` asks for the opposite; equality with null asks whether it is empty."""
    asked = {Op.EQUALS: Op.IS_EMPTY, Op.NOT_EQUALS: Op.IS_NOT_EMPTY}.get(compare.op)
    if asked is not None and compare.value is None:
        return dataclasses.replace(compare, op=asked), False
    if OPERATORS[compare.op].shape is Shape.NOTHING:
        return dataclasses.replace(compare, value=None), not literals.yes(compare.value)
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
        raise LiteralError(f"'{op}' does not apply to a {type_}", _operators_of(type_))
    target = Target(type_, tuple(option.value for option in field.options), known.part)
    value = _operand(compare.value, op, target, locale)
    return Compare(known.name, op, value, field.type, known.part, compare.path)


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
    untyped = Compare(known.name, compare.op, raw, path=compare.path)
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
