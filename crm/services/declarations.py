"""A field's declaration as the JSON kept in the database, to see whether it has changed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.fields.types import NO_RULES, Field, Rules
from engine.jsonable import from_json, to_json
from engine.texts import Text

_FLAGS = ("extra", "required", "filterable", "sensitive", "self_service", "track")
_TEXTS = ("ask", "help_text", "placeholder")


def to_declaration(field: Field) -> dict[str, Any]:
    """What a file says of the field beyond its key and type; only what is not the default."""
    declaration: dict[str, Any] = {"label": text_to_json(field.label)}
    declaration |= {name: True for name in _FLAGS if getattr(field, name)}
    declaration |= {
        name: text_to_json(text) for name in _TEXTS if (text := getattr(field, name)) is not None
    }
    if field.options:
        declaration["options"] = [
            {"value": option.value, "label": text_to_json(option.label)} for option in field.options
        ]
    if field.rules != NO_RULES:
        declaration["rules"] = _rules(field.rules)
    return declaration


def in_file(type: str, declaration: Mapping[str, Any]) -> dict[str, Any]:
    """What a file says of a field, from its declaration. Raises ValueError for a text that differs
    by channel, which a line of a file cannot say."""
    # Said in any case: what is the default depends on the type.
    written: dict[str, Any] = {"type": type, "filterable": False}
    for name, value in declaration.items():
        if name in ("label", *_TEXTS):
            written[name] = _text_in_file(value)
        elif name == "options":
            written[name] = [{**one, "label": _text_in_file(one["label"])} for one in value]
        elif name == "rules":
            written[name] = {rule: _bound(from_json(bound)) for rule, bound in value.items()}
        else:
            written[name] = value
    return written


def _bound(value: Any) -> Any:
    """The limit of a rule as YAML writes it."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral() else float(value)
    return value if isinstance(value, int | str) else value.isoformat()


def _text_in_file(variants: list[list[Any]]) -> str | dict[str, str]:
    if any(channel is not None for _, channel, _ in variants):
        raise ValueError("a text differs by channel")
    if len(variants) == 1 and variants[0][0] is None:
        return str(variants[0][2])
    return {language: words for language, _, words in variants}


def text_to_json(text: Text[str]) -> list[list[str | None]]:
    """The variants of a text as `[language, channel, words]`, None for any."""
    return [list(variant) for variant in text.variants]


def text_from_json(variants: list[list[Any]]) -> Text[str]:
    return Text(tuple((language, channel, words) for language, channel, words in variants))


def _rules(rules: Rules) -> dict[str, Any]:
    return {
        name: to_json(value)
        for name in rules.__struct_fields__
        # By identity: a limit of 0 equals False and is a rule all the same.
        if (value := getattr(rules, name)) is not None and value is not False
    }
