"""A field's declaration as the JSON kept in the database, to see whether it has changed."""

from __future__ import annotations

from typing import Any

from engine.fields.types import NO_RULES, Field, Rules
from engine.jsonable import to_json
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
