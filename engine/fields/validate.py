"""The rules of a field, checked on a value that already has its type."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

from engine.fields.decimals import LARGEST
from engine.fields.faults import Fault, FaultCode
from engine.fields.patterns import compile_pattern
from engine.fields.places import Locale, today_in
from engine.fields.types import NO_RULES, Field, Rules, Value


def validate(value: Value, field: Field, locale: Locale, now: datetime | None) -> Fault | None:
    """The first rule of `field` that `value`, already of the field's type, breaks; None if none.

    None breaks only `required`. `now` (aware) is needed by `past` and `future` alone: without
    it, as for a literal in a file, they are not looked at. `unique` is the database's.
    """
    if value is None:
        return Fault(FaultCode.REQUIRED) if field.required else None
    if isinstance(value, str):
        return _text_fault(value, field)
    if isinstance(value, tuple):
        return _list_fault(value, field)
    if isinstance(value, Decimal):
        return _number_fault(value, field.rules)
    rules = field.rules
    if rules is NO_RULES or isinstance(value, bool):
        return None
    fault = _period_fault(value, rules)
    if fault is None and isinstance(value, date):
        fault = _side_fault(value, rules, locale, now)
    return fault


def _text_fault(text: str, field: Field) -> Fault | None:
    size = field.size
    if size is not None and len(text) > size:
        return Fault(FaultCode.TOO_LONG, {"limit": size})
    if field.options and text not in field.values:
        return Fault(FaultCode.NOT_OPTION)
    return None if field.rules is NO_RULES else _text_rule_fault(text, field.rules)


def _text_rule_fault(text: str, rules: Rules) -> Fault | None:
    if rules.max_length is not None and len(text) > rules.max_length:
        return Fault(FaultCode.TOO_LONG, {"limit": rules.max_length})
    if rules.min_length is not None and len(text) < rules.min_length:
        return Fault(FaultCode.TOO_SHORT, {"limit": rules.min_length})
    if rules.pattern is not None and not compile_pattern(rules.pattern).fullmatch(text):
        return Fault(FaultCode.PATTERN)
    return None


def _list_fault(items: tuple[str, ...], field: Field) -> Fault | None:
    rules = field.rules
    if rules.min_length is not None and len(items) < rules.min_length:
        return Fault(FaultCode.TOO_FEW, {"limit": rules.min_length})
    if rules.max_length is not None and len(items) > rules.max_length:
        return Fault(FaultCode.TOO_MANY, {"limit": rules.max_length})
    if field.options and not field.values.issuperset(items):
        return Fault(FaultCode.NOT_OPTION)
    return None


def _number_fault(number: Decimal, rules: Rules) -> Fault | None:
    if number.copy_abs() > LARGEST:
        return Fault(FaultCode.NUMBER_TOO_LARGE, {"limit": LARGEST})
    if isinstance(rules.min, Decimal) and number < rules.min:
        return Fault(FaultCode.TOO_SMALL, {"limit": rules.min})
    if isinstance(rules.max, Decimal) and number > rules.max:
        return Fault(FaultCode.TOO_GREAT, {"limit": rules.max})
    return None


def _period_fault(value: date | time, rules: Rules) -> Fault | None:
    """`rules.min` and `rules.max` have the field's type, as `Rules` says, so that they compare."""
    if rules.min is not None and value < rules.min:  # type: ignore[operator]  # see above
        return Fault(FaultCode.TOO_EARLY, {"limit": rules.min})
    if rules.max is not None and value > rules.max:  # type: ignore[operator]  # see above
        return Fault(FaultCode.TOO_LATE, {"limit": rules.max})
    return None


def _side_fault(value: date, rules: Rules, locale: Locale, now: datetime | None) -> Fault | None:
    if now is None or not (rules.past or rules.future):
        return None
    present = now if isinstance(value, datetime) else today_in(locale, now)
    if rules.past and value >= present:
        return Fault(FaultCode.NOT_PAST)
    if rules.future and value <= present:
        return Fault(FaultCode.NOT_FUTURE)
    return None
