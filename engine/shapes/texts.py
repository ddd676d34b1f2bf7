"""Texts that people see: one string, or one for each language, channel or both; and where a
number decides how they are worded, one for each form of its plural.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from engine.limits import CHANNELS, Limit, measure
from engine.shapes.plurals import COUNT, FORMS_CURE, plural_of
from engine.shapes.reader import Reader, WrittenText
from engine.shapes.shape import Shape, cut_off
from engine.shapes.templates import read_template
from engine.source import Entry, Mapping, Scalar, Source
from engine.suggest import did_you_mean
from engine.templates import Template
from engine.templates.names import FORMS
from engine.texts import Text

CHANNEL_NAMES = ("telegram", "instagram", "web", "chat")

Role = Literal["message", "button", "other"]
"""What a text becomes, which decides the limit of a channel it has to keep to."""

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")

Leaf = TypeVar("Leaf", str, Template)


class _Place(Struct, frozen=True):
    """Where a variant stands: under which language and channel, beside which `count`."""

    language: str | None = None
    channel: str | None = None
    count: Source | None = None


class TextShape(Shape[Text[Leaf]], Struct, Generic[Leaf], frozen=True):
    """`leaf` is str, or Template for a text in which `{{ }}` is put in. form: of WrittenText."""

    leaf: type[Leaf]
    role: Role = "message"
    form: str = "TEXT"
    wanted: str = "a text, or a mapping of texts by language or channel,"
    cure: str = "A text that begins with { or [ wants quotes."

    def read(self, source: Source, reader: Reader) -> Text[Leaf] | None:
        found = list(_leaves(source, _Place(), reader, self))
        read = [(place, self.read_variant(leaf, place, reader)) for place, leaf in found]
        variants = tuple(
            (place.language, place.channel, leaf) for place, leaf in read if leaf is not None
        )
        if not variants or len(variants) < len(read):
            return None
        if len({variant[:2] for variant in variants}) < len(variants):
            reader.error(
                source.position,
                "E205",
                "a language has two texts for one channel",
                "Delete one of the two.",
            )
            return None
        _warn_of_missing(variants, source, reader)
        written = tuple((place.language, place.channel, leaf) for place, leaf in found)
        reader.texts.append(
            WrittenText(
                source, written, reader.language, reader.languages, self.form, self.leaf is str
            )
        )
        return Text(variants)

    def read_variant(self, leaf: Source, place: _Place, reader: Reader) -> Leaf | None:
        if isinstance(leaf, Scalar):
            return self.read_leaf(leaf, place, reader)
        assert isinstance(leaf, Mapping), "_leaves gives nothing else"
        if self.leaf is str:
            message = "this text is the same for every number"
            reader.error(leaf.position, "E508", message, "Write one text without forms.")
            return None
        forms = {
            entry.key.text: self.read_leaf(entry.value, place, reader)
            for entry in leaf.entries
            if entry.key.text in FORMS and isinstance(entry.value, Scalar)
        }
        language = place.language or reader.language
        return plural_of(leaf, forms, place.count, language, reader)  # type: ignore[return-value]  # as below

    def read_leaf(self, scalar: Scalar, place: _Place, reader: Reader) -> Leaf | None:
        if scalar.empty:
            reader.error(
                scalar.position,
                "E202",
                "nothing is written where a text belongs",
                "Write the text, or delete the key.",
            )
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


def _leaves(
    source: Source, place: _Place, reader: Reader, shape: Shape[Any]
) -> Iterator[tuple[_Place, Source]]:
    """The variants of a text, each a scalar or the mapping of its plural forms; unknown languages
    and the like are reported and left out."""
    if isinstance(source, Scalar):
        yield place, source
        return
    if not isinstance(source, Mapping) or not source.entries:
        shape.refuse(source, reader)
        return
    count = source.get(COUNT)
    place = place if count is None else replace(place, count=count)
    if any(entry.key.text in FORMS for entry in source.entries):
        yield place, source
        return
    if count is not None and len(source.entries) == 1:
        reader.error(source.position, "E506", "`count` stands here without a text", FORMS_CURE)
    for entry in source.entries:
        inner = None if entry.key.text == COUNT else _inside(place, entry, reader)
        if inner is not None:
            yield from _leaves(entry.value, inner, reader, shape)


def _inside(place: _Place, entry: Entry, reader: Reader) -> _Place | None:
    key = entry.key
    if key.text in CHANNEL_NAMES and place.channel is None:
        return replace(place, channel=key.text)
    if key.text in reader.languages and place.language is None:
        return replace(place, language=key.text)
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


TEXT: TextShape[Template] = TextShape(Template)
BUTTON: TextShape[Template] = TextShape(Template, "button")
LABEL: TextShape[str] = TextShape(str, "other")
BUTTON_LABEL: TextShape[str] = TextShape(str, "button")
PLAIN_OPTION: TextShape[str] = TextShape(str, "button", "{value: SCALAR, label: TEXT}")
QUESTION: TextShape[str] = TextShape(str, "message")
