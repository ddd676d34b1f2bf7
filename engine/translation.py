"""Texts to translate: what stands in the files in one language, and what in another.

A unit is one text for one channel. Its context says where it stands by names, not by lines, so
that it is found again when the file has been edited: `lead_capture/birthday/retry/text`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from engine import source as tree
from engine.problems import Position, Problems
from engine.shapes.plurals import COUNT
from engine.shapes.reader import WrittenText
from engine.source import Source, read_documents
from engine.templates.names import FORMS

Words = str | Mapping[str, str]
"""A text, or its plural forms."""

_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)

_NAMED_BY = ("id", "value", "save_to", "key")
"""What names an item of a list better than its number."""


class Unit(Struct, frozen=True):
    """channel: None for a text that is the same on all. source: in `source_language`. target: what
    is there in the language asked for, None where nothing is."""

    context: str
    text: WrittenText
    channel: str | None
    source_language: str
    source: Words
    target: Words | None

    @property
    def position(self) -> Position:
        return self.text.source.position

    @property
    def is_fixed(self) -> bool:
        """Whether nothing is put in: `{{` is two letters there."""
        return self.text.fixed


def units_of(
    texts: Sequence[WrittenText], files: Mapping[str, str], language: str
) -> tuple[Unit, ...]:
    """The texts of a project that may be said in `language` and are written in another one, in
    the order of their places. Those that are only signs and what is put in need no translation.

    files: what the texts were read from, by path.
    """
    ordered = sorted(texts, key=lambda text: text.source.position)
    names: dict[Position, str] = {}
    for file in dict.fromkeys(text.source.position.file for text in ordered):
        names |= _names(file, files[file])
    found = (
        unit
        for text in ordered
        if language in text.languages
        for unit in _units(text, names[text.source.position], language)
    )
    return tuple(unit for unit in found if _has_letters(unit.source))


def _units(text: WrittenText, name: str, language: str) -> Iterator[Unit]:
    written = _by_language(text)
    ours = written.pop(language, {})
    source_language = text.language if text.language in written else next(iter(written), "")
    theirs = written.get(source_language)
    if theirs is None or (ours and language == text.language):
        return
    for channel in _channels(ours) or _channels(theirs) or (None,):
        yield Unit(
            context=name if channel is None else f"{name}@{channel}",
            text=text,
            channel=channel,
            source_language=source_language,
            source=_words(_for_channel(theirs, channel)),
            target=_words(_for_channel(ours, channel)) if ours else None,
        )


def _by_language(text: WrittenText) -> dict[str, dict[str | None, Source]]:
    written: dict[str, dict[str | None, Source]] = {}
    for language, channel, leaf in text.variants:
        written.setdefault(language or text.language, {})[channel] = leaf
    return written


def _channels(written: Mapping[str | None, Source]) -> tuple[str | None, ...]:
    """The channels it tells apart; none where one text stands for any of them."""
    return () if None in written else tuple(written)


def _for_channel(written: Mapping[str | None, Source], channel: str | None) -> Source:
    for key in (channel, None):
        if key in written:
            return written[key]
    return next(iter(written.values()))


def _words(leaf: Source) -> Words:
    if isinstance(leaf, tree.Scalar):
        return leaf.text
    assert isinstance(leaf, tree.Mapping), "a variant is a text, or the mapping of its forms"
    return {
        entry.key.text: entry.value.text
        for entry in leaf.entries
        if entry.key.text in FORMS and isinstance(entry.value, tree.Scalar)
    }


def count_of(text: WrittenText) -> str:
    """The number that its plural forms go by, as it is written; '' where it has none."""
    found = (_count_in(leaf) for leaf in (text.source, *(leaf for _, _, leaf in text.variants)))
    return next(filter(None, found), "")


def _count_in(leaf: Source) -> str:
    count = leaf.get(COUNT) if isinstance(leaf, tree.Mapping) else None
    return count.text if isinstance(count, tree.Scalar) else ""


def _has_letters(words: Words) -> bool:
    pieces = (words,) if isinstance(words, str) else words.values()
    return any(map(str.isalpha, "".join(_TEMPLATE.sub("", piece) for piece in pieces)))


# -- names of places


def _names(file: str, text: str) -> dict[Position, str]:
    """The name of each value's place in a file, by its position."""
    names: dict[Position, str] = {}
    for document in read_documents(text, file, Problems()):
        root = document.root
        flow = root.get("flow") if isinstance(root, tree.Mapping) else None
        stem = flow.text if isinstance(flow, tree.Scalar) else file.removesuffix(".yaml")
        _name(root, stem, names)
    return names


def _name(source: Source, name: str, names: dict[Position, str]) -> None:
    names.setdefault(source.position, name)
    if isinstance(source, tree.Mapping):
        for entry in source.entries:
            key = entry.key.text
            _name(entry.value, name if key == "nodes" else f"{name}/{key}", names)
    elif isinstance(source, tree.Sequence):
        for number, item in enumerate(source.items, start=1):
            _name(item, f"{name}/{_item_name(item, number)}", names)


def _item_name(item: Source, number: int) -> str:
    keys = item if isinstance(item, tree.Mapping) else None
    named = (keys.get(key) for key in _NAMED_BY) if keys else ()
    return next((one.text for one in named if isinstance(one, tree.Scalar)), str(number))
