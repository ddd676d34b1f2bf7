"""Markdown tables, and the options of a shape as rows of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from engine.shapes import Either, ListOf, MapOf, OneOf, Option, Record, Shape


class Row(NamedTuple):
    """One option: `name` with the way to it, as in `timeout.remind[].after`; Markdown, unescaped.

    The way to it is by dots; `[]` stands for each item of a list, `NAME` for a key of one's own.
    """

    name: str
    takes: str
    does: str
    example: str


HEADS = ("option", "takes", "meaning", "example")

_DEEPEST = 4
"""Levels of options inside options that a page shows; no language has more."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; a `|` in a cell is escaped, a line break becomes a blank."""
    names = list(heads)
    lines = [names, ["---"] * len(names), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def code(text: str) -> str:
    """Markdown that shows `text` as it is; nothing for nothing."""
    if not text:
        return ""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def options_table(options: Mapping[str, Option]) -> str:
    return table(HEADS, option_rows(options))


def option_rows(options: Mapping[str, Option], way: str = "") -> Iterator[Row]:
    """Every option, each followed by the options of its value."""
    for name, option in options.items():
        needed = " **Required.**" if option.required else ""
        place = way + name
        does = option.told[:1].upper() + option.told[1:] + "." + needed
        yield Row(code(place), takes(option.shape), does, code(option.example))
        if way.count(".") < _DEEPEST:
            yield from _inside(option.shape, place)


def takes(shape: Shape[Any]) -> str:
    """What stands there, in words."""
    match shape:
        case OneOf(words=words):
            return ", ".join(map(code, words))
        case ListOf(item=Record()):
            return "a list of mappings"
        case ListOf(item=ListOf(item=item)):
            return "a list of lists" + (" of mappings" if isinstance(item, Record) else "")
        case ListOf(item=item):
            return f"{takes(item)}; or a list"
        case MapOf(value=value):
            return f"a mapping of names to: {takes(value)}"
        case Either():
            return " or ".join(takes(inner) for inner in shape.shapes())
        case Record():
            return "a mapping"
        case _ if shape.wanted == Shape.wanted:
            return _kind(shape.schema())
        case _:
            return shape.wanted.rstrip(",")


def _inside(shape: Shape[Any], place: str) -> Iterator[Row]:
    match shape:
        case Record(options=options):
            yield from option_rows(options, f"{place}.")
        case ListOf(item=item):
            yield from _inside(item, f"{place}[]")
        case MapOf(value=value):
            yield from _inside(value, f"{place}.NAME")
        case Either():
            for inner in shape.shapes():
                yield from _inside(inner, place)
        case _:
            yield from _described(shape.schema(), place)


def _described(schema: Mapping[str, Any], place: str) -> Iterator[Row]:
    """The options that only the JSON Schema of a shape tells of."""
    variants = schema.get("anyOf", ())
    lists = [inner["items"] for inner in variants if "items" in inner]
    if sum("properties" in inner for inner in variants) > 1:
        return  # forms to choose among: they have a page of their own
    for inner in variants:
        if inner not in lists:  # one item that stands for a list of one is told of there
            yield from _described(inner, place)
    if "items" in schema:
        yield from _described(schema["items"], f"{place}[]")
    if isinstance(schema.get("additionalProperties"), Mapping):
        yield from _described(schema["additionalProperties"], f"{place}.NAME")
    required = schema.get("required", ())
    for name, inner in schema.get("properties", {}).items():
        if "description" not in inner:
            continue
        needed = " **Required.**" if name in required else ""
        help_ = inner["description"]
        example = "".join(inner.get("examples", ()))
        does = help_[:1].upper() + help_[1:] + "." + needed
        yield Row(code(f"{place}.{name}"), _kind(inner), does, code(example))
        yield from _described(inner, f"{place}.{name}")


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        words = [item for item in schema["enum"] if isinstance(item, str)]
        return "true or false" if True in schema["enum"] else ", ".join(map(code, words))
    ref = schema.get("$ref", "")
    return {"#/$defs/text": "a text", "#/$defs/criteria": "criteria"}.get(ref, _form(schema))


def _form(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return _form(schema["anyOf"][0])
    forms = schema.get("type", "")
    if isinstance(forms, list):
        return "a list or a value" if "array" in forms else "a value"
    names = {"object": "a mapping", "array": "a list", "integer": "a whole number"}
    return names.get(forms, "a value")
