"""Texts that people see: one string, or one for each language, channel or both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

from engine.limits import CHANNELS, Limit, measure
from engine.shapes.reader import Reader, inside_text
from engine.shapes.shape import Shape, cut_off
from engine.source import Entry, Mapping, Scalar, Source
from engine.suggest import did_you_mean
from engine.templates import Template, TemplateError, compile_template
from engine.texts import Text

CHANNEL_NAMES = ("telegram", "instagram", "chat")

Role = Literal["message", "button", "other"]
"""What a text becomes, which decides the limit of a channel it has to keep to."""

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")

Leaf = TypeVar("Leaf", str, Template)


class _Place(Struct, frozen=True):
    """Where a variant stands: under which language and channel."""

    language: str | None = None
    channel: str | None = None


class TextShape(Shape[Text[Leaf]], Struct, Generic[Leaf], frozen=True):
    """`leaf` is str, or Template for a text in which `{{ }}` is put in."""

    leaf: type[Leaf]
    role: Role = "message"
    wanted: str = "a text, or a mapping of texts by language or channel,"
    cure: str = "A text that begins with { or [ wants quotes."

    def read(self, source: Source, reader: Reader) -> Text[Leaf] | None:
        scalars = list(_scalars(source, _Place(), reader, self))
        read = [(place, self.read_leaf(scalar, place, reader)) for place, scalar in scalars]
        variants = tuple(
            (place.language, place.channel, leaf) for place, leaf in read if leaf is not None
        )
        if not variants or len(variants) < len(read):
            return None
        if len({variant[:2] for variant in variants}) < len(variants):
            reader.error(source.position, "E205", "a language has two texts for one channel")
            return None
        _warn_of_missing(variants, source, reader)
        return Text(variants)

    def read_leaf(self, scalar: Scalar, place: _Place, reader: Reader) -> Leaf | None:
        if scalar.empty:
            reader.error(scalar.position, "E202", "nothing is written where a text belongs")
            return None
        if self.leaf is str:
            self.check_limits(scalar.text, scalar, place, reader)
            return scalar.text
        template = read_template(scalar, reader)
        if template is not None and template.is_constant:
            self.check_limits(template.source, scalar, place, reader)
        return template  # type: ignore[return-value]  # mypy does not narrow Leaf

    def check_limits(self, text: str, scalar: Scalar, place: _Place, reader: Reader) -> None:
        """Text with values put in is measured when it is sent."""
        for channel in (place.channel,) if place.channel else reader.channels:
            limit = _limit(channel, self.role)
            length = measure(text, limit.unit) if limit else 0
            if limit and length > limit.value:
                code, what = ("E605", "button") if self.role == "button" else ("E604", "text")
                reader.error(
                    scalar.position,
                    code,
                    f"the {what} has {length} {_UNITS[limit.unit]}, {channel} takes {limit.value}",
                    f"Give {channel} a shorter one: {{{channel}: ...}}.",
                )

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/text"}


_UNITS = {"utf16": "characters (UTF-16)", "bytes": "bytes", "characters": "characters"}


def _limit(channel: str, role: Role) -> Limit | None:
    limits = CHANNELS.get(channel)
    if limits is None or role == "other":
        return None
    return limits.button_label if role == "button" else limits.text


def _scalars(
    source: Source, place: _Place, reader: Reader, shape: Shape[Any]
) -> Iterator[tuple[_Place, Scalar]]:
    """The variants of a text; unknown languages and the like are reported and left out."""
    if isinstance(source, Scalar):
        yield place, source
    elif isinstance(source, Mapping) and source.entries:
        for entry in source.entries:
            inner = _inside(place, entry, reader)
            if inner is not None:
                yield from _scalars(entry.value, inner, reader, shape)
    else:
        shape.refuse(source, reader)


def _inside(place: _Place, entry: Entry, reader: Reader) -> _Place | None:
    key = entry.key
    if key.text in CHANNEL_NAMES and place.channel is None:
        return _Place(place.language, key.text)
    if key.text in reader.languages and place.language is None:
        return _Place(key.text, place.channel)
    spoken = ", ".join(reader.languages)
    what = "a language of the business" if _LANGUAGE.fullmatch(key.text) else "a language"
    reader.error(
        key.position,
        "E205",
        f"'{key.text}' is not {what} ({spoken}) or a channel",
        cut_off(entry)
        or did_you_mean(key.text, (*reader.languages, *CHANNEL_NAMES))
        or "Add it to 'languages' if it is one.",
    )
    return None


def _warn_of_missing(variants: tuple[Any, ...], source: Source, reader: Reader) -> None:
    written = {language for language, _, _ in variants}
    missing = [language for language in reader.languages if language not in written]
    if None not in written and missing:
        shown = next(iter(language for language, _, _ in variants))
        reader.warning(
            source.position,
            "W501",
            f"no translation in {', '.join(missing)}",
            f"Until there is one, people read it in {shown}.",
        )


def read_template(scalar: Scalar, reader: Reader) -> Template | None:
    """The compiled template of a text; None, its problems reported, if it is not one."""
    try:
        template = compile_template(scalar.text)
    except TemplateError as error:
        for problem in error.problems:
            place = inside_text(scalar.content, scalar.position, problem.line, problem.column)
            reader.error(place, "E501", problem.message, problem.suggestion)
        return None
    reader.use_template(template, scalar.content, scalar.position)
    return template


TEXT: TextShape[Template] = TextShape(Template)
BUTTON: TextShape[Template] = TextShape(Template, "button")
LABEL: TextShape[str] = TextShape(str, "other")
BUTTON_LABEL: TextShape[str] = TextShape(str, "button")
QUESTION: TextShape[str] = TextShape(str, "message")
