"""Translations put into the files of a project: comments, order and layout stay as they are.

As in engine.editing letters are put in at the places that the parser names. Where a text has no
language yet, what stands there becomes the entry of its own: `say: Hi` is then
`say: {en: Hi, fa: سلام}`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from engine.shapes.plurals import COUNT
from engine.shapes.reader import WrittenText
from engine.source import UNPRINTABLE
from engine.templates.names import FORMS
from engine.translation import Words, count_of
from engine.yaml_parts import Part, insert_line, line_break, line_end, parts, put

ByChannel = Mapping[str | None, Words]
"""What is said on each channel; under None on any that is not named."""


class Rewording(Struct, frozen=True):
    """What a text is to say in `language`."""

    text: WrittenText
    language: str
    words: ByChannel


class _Place(Struct, frozen=True):
    """A value and what it stands in: the column of the key or dash before it, counted from 0.

    bracketed: inside of a value that is written with brackets. item: it stands in a list.
    """

    part: Part
    owner: int = 0
    bracketed: bool = False
    item: bool = False

    @property
    def in_flow(self) -> bool:
        return self.bracketed or self.part.flow


class _Edit(Struct, frozen=True, order=True):
    """`words` for what stands from `start` to `end`; a line of its own at `start` if `line`."""

    start: int
    end: int
    words: str
    line: bool = False


def reword(text: str, changes: Sequence[Rewording]) -> str:
    """The text of a file with these changes, each of a text that was read from it."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    text = text.removeprefix(mark)
    places = {(one.part.line + 1, one.part.column + 1): one for one in _places_of(text)}
    edits: list[_Edit] = []
    for change in changes:
        position = change.text.source.position
        place = places[position.line, position.column]
        edits += _Rewriter(text, change).edits(place)
    for edit in sorted(edits, reverse=True):
        if edit.line:
            text = insert_line(text, edit.start, edit.words)
        else:
            text = put(text, edit.start, edit.end, edit.words)
    return mark + text


def _places_of(text: str) -> Iterator[_Place]:
    for part in parts(text):
        yield from _inside(_Place(part))


def _inside(place: _Place) -> Iterator[_Place]:
    yield place
    for key, value in place.part.entries:
        is_item = key is value
        owner = place.part.column if is_item else key.column
        yield from _inside(_Place(value, owner, place.in_flow, is_item))


class _Rewriter:
    """The edits that one change makes in a file."""

    def __init__(self, text: str, change: Rewording) -> None:
        self.text = text
        self.change = change
        self.count = count_of(change.text)

    def edits(self, place: _Place) -> Iterator[_Edit]:
        """Those of the whole text, or of what one channel says in any language."""
        yield from self._put(place, self.change.words)

    def _put(self, place: _Place, words: ByChannel) -> Iterator[_Edit]:
        part = place.part
        if not part.is_mapping or _is_plural(part):
            yield (
                self._nested(place, words)
                if _on_one_line(part)
                else self._nested_block(place, words)
            )
            return
        found = part.find(self.change.language)
        if found is not None:
            yield from self._replaced(_below(place, found), words)
        elif any(key.text in self.change.text.languages for key, _ in part.entries):
            yield self._appended(place, self.change.language, words)
        else:
            for key, value in part.entries:
                said = words.get(key.text, words.get(None))
                if key.text != COUNT and said is not None:
                    yield from self._put(_below(place, (key, value)), {None: said})

    # -- what has no language yet

    def _nested(self, place: _Place, words: ByChannel) -> _Edit:
        """`Hi` becomes `{en: Hi, fa: سلام}`."""
        part = place.part
        raw = self._raw(place)
        own = raw if part.flow or part.style in ("'", '"') else scalar(part.text.rstrip("\n"))
        said = self._written(words, part)
        both = f"{{{self.change.text.language}: {own}, {self.change.language}: {said}}}"
        form = self.change.text.form.replace("SCALAR", own)
        return _Edit(self._start(place), self._end(part), form.replace("TEXT", both))

    def _nested_block(self, place: _Place, words: ByChannel) -> _Edit:
        """A block under its key becomes a block under its language, two columns further in."""
        part, end = place.part, line_break(self.text)
        inner = part.column if part.is_mapping or place.item else place.owner + 2
        raw = self._raw(place)
        first, *rest = raw.splitlines()
        lines = [first, *(f"  {line}" if line.strip() else line for line in rest)]
        blank = " " * inner
        key = f"{self.change.text.language}:"
        if part.is_mapping:
            lines = [key, f"{blank}  {lines[0]}", *lines[1:]]
        else:
            lines[0] = f"{key} {lines[0]}"
        lines.append(blank + self._entry(self.change.language, words, inner, part))
        if not (part.is_mapping or place.item):
            start = len(self.text[: self._start(place)].rstrip(" "))
            return _Edit(start, self._end(part), f"{end}{blank}" + end.join(lines))
        return _Edit(self._start(place), self._end(part), end.join(lines))

    # -- what has one

    def _replaced(self, place: _Place, words: ByChannel) -> Iterator[_Edit]:
        part = place.part
        if None not in words and part.is_mapping and not _is_plural(part):
            for channel, one in words.items():
                found = part.find(channel or "")
                if found is None:
                    yield self._appended(place, channel or "", {None: one})
                else:
                    yield from self._replaced(_below(place, found), {None: one})
            return
        said = words.get(None)
        if isinstance(said, Mapping) and _is_plural(part):
            yield from self._reformed(place, said)
        elif isinstance(said, str) and part.style and part.style in "|>" and "\n" in said:
            block = self._block(said, place.owner + 2)
            yield _Edit(self._start(place), self._end(part), block)
        else:
            yield _Edit(self._start(place), self._end(part), self._written(words, part))

    def _reformed(self, place: _Place, forms: Mapping[str, str]) -> Iterator[_Edit]:
        """Each form in its place; one that is no longer said is what `other` says."""
        part = place.part
        for form, said in forms.items():
            found = part.find(form)
            if found is None:
                yield self._appended(place, form, {None: said})
            elif found[1].text != said:
                yield from self._replaced(_below(place, found), {None: said})
        for key, value in part.entries:
            if key.text in FORMS and key.text not in forms and value.text != forms["other"]:
                yield from self._replaced(_below(place, (key, value)), {None: forms["other"]})

    def _appended(self, place: _Place, key: str, words: ByChannel) -> _Edit:
        """An entry more at the end of a mapping, written as the others are."""
        part = place.part
        last = part.entries[-1][1]
        if place.in_flow:
            at = self._end(last)
            return _Edit(at, at, f", {key}: {self._written(words, last)}")
        entry = self._entry(key, words, part.entries[0][0].column, last)
        at = line_end(self.text, self._end(part))
        return _Edit(at, at, " " * part.entries[0][0].column + entry, line=True)

    # -- letters

    def _entry(self, key: str, words: ByChannel, column: int, like: Part) -> str:
        """A line, or lines, of a block whose keys stand at `column`; without the first blanks."""
        said = words.get(None)
        if isinstance(said, str) and "\n" in said and like.style in ("|", ">"):
            return f"{key}: {self._block(said, column + 2)}"
        return f"{key}: {self._written(words, like)}"

    def _block(self, said: str, column: int) -> str:
        """A text of several lines as it is read; in quotes where a block would change it."""
        lines = said.split("\n")
        if said != said.strip() or UNPRINTABLE.search(said) or "\r" in said:
            return _quoted(said)
        blank = " " * column
        end = line_break(self.text)
        return "|" + "".join(f"{end}{blank}{line}" if line else end for line in lines)

    def _written(self, words: ByChannel, like: Part) -> str:
        """The value in one line."""
        if None not in words:
            said = (f"{channel}: {self._one(one, like)}" for channel, one in words.items())
            return f"{{{', '.join(said)}}}"
        return self._one(words[None], like)

    def _one(self, said: Words, like: Part) -> str:
        if isinstance(said, str):
            return scalar(said, like.style)
        forms = ", ".join(f"{form}: {scalar(one)}" for form, one in said.items())
        return f"{{{COUNT}: {scalar(self.count)}, {forms}}}"

    def _start(self, place: _Place) -> int:
        """Where the value itself begins, after its anchor."""
        part = place.part
        named = _ANCHOR.match(self.text, part.start, part.end)
        return named.end() if named else part.start

    def _end(self, part: Part) -> int:
        """After its last letter, without the blank lines that belong to a block."""
        while part.entries and not part.flow:
            part = part.entries[-1][1]
        return len(self.text[: part.end].rstrip())

    def _raw(self, place: _Place) -> str:
        return self.text[self._start(place) : self._end(place.part)]


_ANCHOR = re.compile(r"&\S+\s+")


def _below(place: _Place, entry: tuple[Part, Part]) -> _Place:
    key, value = entry
    return _Place(value, key.column, place.in_flow)


def _is_plural(part: Part) -> bool:
    return any(key.text in FORMS for key, _ in part.entries)


def _on_one_line(part: Part) -> bool:
    """Whether it may stand inside of `{ }`."""
    return part.flow or not (part.is_mapping or part.style in ("|", ">"))


def scalar(said: str, style: str = "") -> str:
    """A text as YAML in one line, in the quotes of `style` if it can be, else in others."""
    if style == "'" and not UNPRINTABLE.search(said) and not _BREAK.search(said):
        return "'" + said.replace("'", "''") + "'"
    if style != '"' and _PLAIN.fullmatch(said) and not UNPRINTABLE.search(said):
        return said
    return _quoted(said)


def _quoted(said: str) -> str:
    escaped = json.dumps(said, ensure_ascii=False)
    return _HIDDEN.sub(lambda sign: f"\\u{ord(sign[0]):04x}", escaped)


_PLAIN = re.compile(r"[^\W\d_](?:[^:#,\[\]{}&*!|>'\"%@`\\\s]|[ ](?![ ]|$))*")
"""What stands for itself without quotes, also inside of `{ }`."""

_BREAK = re.compile("[\n\r\x85\u2028\u2029]")
_HIDDEN = re.compile(f"{UNPRINTABLE.pattern}|[\x85\u2028\u2029]")
