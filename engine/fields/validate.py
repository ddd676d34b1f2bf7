"""The rules of a field, checked on a value that already has its type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal

from engine.fields.faults import Fault, FaultCode
from engine.fields.numbers import LARGEST
from engine.fields.patterns import compile_pattern
from engine.fields.places import Locale, today_in
from engine.fields.types import NO_RULES, Bound, Field, Rules, Value


def validate(value: Value, field: Field, locale: Locale, now: datetime | None) -> Fault | None:
    """The first rule of `field` that `value`, already of the field's type, breaks; None if none.

    None breaks only `required`. `now` (aware) is needed by `past` and `future` alone: without
    it, as for a literal in a file, they are not looked at. `unique` is the database's.
    """
    if value is None:
        return Fault(FaultCode.REQUIRED) if field.required else None
    return next(_faults(value, field, locale, now), None)


def _faults(value: Value, field: Field, locale: Locale, now: datetime | None) -> Iterator[Fault]:
    if isinstance(value, str):
        yield from _text_faults(value, field)
    elif isinstance(value, tuple):
        yield from _list_faults(value, field)
    elif isinstance(value, Decimal) and value.copy_abs() > LARGEST:
        yield Fault(FaultCode.NUMBER_TOO_LARGE, {"limit": LARGEST})
    if field.rules is not NO_RULES and isinstance(value, Decimal | date | time):
        yield from _bound_faults(value, field.rules)
        if now is not None and isinstance(value, date):
            yield from _side_faults(value, field.rules, locale, now)


def _text_faults(text: str, field: Field) -> Iterator[Fault]:
    rules = field.rules
    for limit in (field.size, rules.max_length):
        if limit is not None and len(text) > limit:
            yield Fault(FaultCode.TOO_LONG, {"limit": limit})
    if rules.min_length is not None and len(text) < rules.min_length:
        yield Fault(FaultCode.TOO_SHORT, {"limit": rules.min_length})
    if rules.pattern is not None and not compile_pattern(rules.pattern).fullmatch(text):
        yield Fault(FaultCode.PATTERN)
    if field.options and text not in field.values:
        yield Fault(FaultCode.NOT_OPTION)


def _list_faults(items: tuple[str, ...], field: Field) -> Iterator[Fault]:
    rules = field.rules
    if rules.min_length is not None and len(items) < rules.min_length:
        yield Fault(FaultCode.TOO_FEW, {"limit": rules.min_length})
    if rules.max_length is not None and len(items) > rules.max_length:
        yield Fault(FaultCode.TOO_MANY, {"limit": rules.max_length})
    if field.options and not field.values.issuperset(items):
        yield Fault(FaultCode.NOT_OPTION)


def _bound_faults(value: Bound, rules: Rules) -> Iterator[Fault]:
    """A bound has the type of its field, so that the two compare."""
    is_number = isinstance(value, Decimal)
    if rules.min is not None and value < rules.min:  # type: ignore[operator]  # see the docstring
        yield Fault(FaultCode.TOO_SMALL if is_number else FaultCode.TOO_EARLY, {"limit": rules.min})
    if rules.max is not None and value > rules.max:  # type: ignore[operator]  # see the docstring
        yield Fault(FaultCode.TOO_GREAT if is_number else FaultCode.TOO_LATE, {"limit": rules.max})


def _side_faults(value: date, rules: Rules, locale: Locale, now: datetime) -> Iterator[Fault]:
    if not (rules.past or rules.future):
        return
    present = now if isinstance(value, datetime) else today_in(locale, now)
    if rules.past and value >= present:
        yield Fault(FaultCode.NOT_PAST)
    if rules.future and value <= present:
        yield Fault(FaultCode.NOT_FUTURE)
