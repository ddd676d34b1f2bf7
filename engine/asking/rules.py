"""The rules of one question, beside those of the field it fills."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec.structs import replace

from engine.fields.patterns import compile_pattern
from engine.fields.types import NO_RULES, Field, FieldType
from engine.shapes import BOOLEAN, LITERAL, WORD, Option, Reader, Record, WholeNumber, typed
from engine.suggest import PATTERN_CURE
from engine.templates import Template

WrittenRules = dict[str, Any]
"""Rules as read; `min` and `max` get their type once the field is known."""

_ORDERED = frozenset({FieldType.NUMBER, FieldType.DATE, FieldType.TIME, FieldType.DATETIME})
_DATED = frozenset({FieldType.DATE, FieldType.DATETIME})

_APPLIES: Mapping[str, frozenset[FieldType]] = {
    **dict.fromkeys(("min", "max"), _ORDERED),
    **dict.fromkeys(("past", "future"), _DATED),
    **dict.fromkeys(
        ("min_length", "max_length", "pattern"),
        frozenset(FieldType) - _ORDERED - {FieldType.BOOLEAN},
    ),
}
"""The types whose values a rule can be kept by."""

_STRICTER: Mapping[str, Callable[[Any, Any], Any]] = {
    "min": max,
    "min_length": max,
    "max": min,
    "max_length": min,
}
"""Of two limits, the one that counts."""


def _as_written(options: dict[str, Any], reader: Reader) -> WrittenRules:
    kept = dict(options)
    try:
        compile_pattern(kept.get("pattern", ""))
    except ValueError as error:
        del kept["pattern"]
        reader.error(
            reader.at("pattern"), "E405", f"a pattern that cannot be used: {error}", PATTERN_CURE
        )
    return kept


RULES = Record(
    {
        "min": Option(LITERAL, "the smallest number or the earliest date, time or moment", "1"),
        "max": Option(LITERAL, "the largest or the latest", "100"),
        "min_length": Option(WholeNumber(min=0), "the fewest characters", "2"),
        "max_length": Option(WholeNumber(min=1), "the most characters", "40"),
        "pattern": Option(WORD, "an RE2 expression that the whole text must match", "[A-Z]{2}"),
        "past": Option(BOOLEAN, "only dates before today"),
        "future": Option(BOOLEAN, "only dates after today"),
    },
    _as_written,
    "rules",
)


def with_rules(field: Field, written: WrittenRules, reader: Reader) -> Field:
    """The field with its own rules and these; of two limits the stricter counts."""
    rules = field.rules
    for name, rule in written.items():
        value = _usable(name, rule, field, reader)
        if value is not None:
            rules = replace(rules, **{name: _both(name, getattr(rules, name), value)})
    return replace(field, rules=rules)


def _usable(name: str, rule: Any, field: Field, reader: Reader) -> Any:
    """The rule's value in the type of the field; None, reported, where it cannot be kept."""
    if field.type not in _APPLIES[name]:
        reader.error(
            reader.at("rules"),
            "E112",
            f"`{name}` is no rule of a {field.type}",
            "Delete it, or read the reply as a type that has it.",
        )
        return None
    if name == "pattern" and field.rules.pattern not in (None, rule):
        reader.error(
            reader.at("rules"),
            "E112",
            f"'{field.key}' has a pattern of its own already",
            "Keep one of the two patterns.",
        )
        return None
    if name not in ("min", "max"):
        return rule
    value = typed(rule, replace(field, rules=NO_RULES), reader)
    if isinstance(value, Template):
        reader.error(
            reader.at("rules"),
            "E112",
            f"`{name}` is a value, not a template",
            "Write the value itself.",
        )
        return None
    return value


def _both(name: str, own: Any, asked: Any) -> Any:
    """Of a rule that the field has already, the stricter one."""
    if own is None or name not in _STRICTER:
        return asked or own
    return _STRICTER[name](own, asked)
