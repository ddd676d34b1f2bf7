"""YAML text to a tree that knows where everything stands, and nothing of what it means.

Built from the parser's events, so no value is ever resolved, tagged or made an object, and the
guards apply while the text is read: libyaml's own tree builder recurses and can be crashed by
deep nesting, its event stream cannot. Texts read alike with libyaml and without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml
from msgspec import Struct, field

from engine.problems import Position, Problems
from engine.yaml_cures import CUT, blamed
from engine.yaml_events import YamlError, end_of, events, start_of

MAX_SIZE = 1024 * 1024
"""Bytes of UTF-8 in one file."""

MAX_DEPTH = 50
"""Lists and mappings inside one another, aliases followed."""

MAX_NODES = 100_000
"""Scalars, lists and mappings of one document, aliases followed."""


class Scalar(Struct, frozen=True):
    """One value, as the letters typed.

    quoted: written in quotes or as a block, so it is text and nothing else. content: where the
    first letter of `text` stands, for finding a place inside it; None where lines were joined
    and places inside are lost.
    """

    text: str
    quoted: bool
    position: Position
    content: Position | None = None

    @property
    def empty(self) -> bool:
        """True where nothing was written at all."""
        return not self.text and not self.quoted


class Sequence(Struct, frozen=True):
    items: tuple[Source, ...]
    position: Position


class Entry(Struct, frozen=True):
    key: Scalar
    value: Source


class Mapping(Struct, frozen=True):
    """Entries in the order written, each key once; those merged by `<<` come after.

    broken: some of it could not be read, which was reported.
    """

    entries: tuple[Entry, ...]
    position: Position
    broken: bool = False

    def entry(self, key: str) -> Entry | None:
        for entry in self.entries:
            if entry.key.text == key:
                return entry
        return None

    def get(self, key: str) -> Source | None:
        entry = self.entry(key)
        return entry.value if entry else None


Source = Scalar | Sequence | Mapping


class Document(Struct, frozen=True):
    """One document of a file: its tree, and its part of the file's text (all, if alone)."""

    root: Source
    text: str

    @property
    def empty(self) -> bool:
        return isinstance(self.root, Scalar) and self.root.empty


def read_documents(
    text: str, file: str, problems: Problems, parser: type[Any] | None = None
) -> list[Document]:
    """The documents of one file, in order; empty ones (comments alone) are left out.

    After a problem that ends the reading, the documents complete before it are still given.
    parser: one of engine.yaml_events; None for the fastest there is.
    """
    text = text.removeprefix("\ufeff")
    if _refused(text, file, problems):
        return []
    builder = _Builder(text, file, problems, parser)
    documents: list[Document] = []
    try:
        documents.extend(builder.documents())  # what came before a problem is kept
    except YamlError as error:
        noticed = builder.place(error.line, error.column)
        position, cure = blamed(builder.all_lines(), noticed)
        problems.error(position, "E001", f"this is not YAML: {error}", cure)
    except _Refused:
        pass
    documents = [document for document in documents if not document.empty]
    return [Document(documents[0].root, builder.text)] if len(documents) == 1 else documents


# What YAML 1.1 (5.1) does not count as printable, which libyaml and PyYAML refuse in other words,
# and U+FEFF, a byte order mark that belongs before the text. Named one by one: as the complement
# of what is allowed the pattern would take ten times as long to compile, at every start.
UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def _refused(text: str, file: str, problems: Problems) -> bool:
    bad = UNPRINTABLE.search(text)
    if bad:
        before = _LINE_BREAK.split(text[: bad.start()])
        position = Position(file, len(before), len(before[-1]) + 1)
        name = f"U+{ord(bad.group()):04X}"
        problems.error(
            position,
            "E009",
            f"the character {name} cannot be shown and is not allowed",
            f'Delete it, or write "\\u{ord(bad.group()):04x}" in double quotes.',
        )
        return True
    if len(text) > MAX_SIZE // 4 and len(text.encode()) > MAX_SIZE:
        problems.error(
            Position(file, 1, 1),
            "E002",
            f"the file is larger than {MAX_SIZE} bytes",
            "Divide it: a project may have any number of files.",
        )
        return True
    return False


class _Refused(Exception):
    """A guard has spoken (its problem is recorded); the rest of the file is not read."""


_TOO_DEEP = f"more than {MAX_DEPTH} levels inside one another", "Close the brackets before."
_WRITE_OUT = "Write the value itself instead of the alias."


class _Anchored(Struct):
    """What an alias stands for: its values, aliases followed, and the levels inside it."""

    source: Source
    size: int
    height: int


class _Builder(Struct):
    text: str
    file: str
    problems: Problems
    parser: type[Any] | None
    size: int = 0
    deepest: int = 0
    anchors: dict[str, _Anchored | None] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def place(self, line: int, column: int) -> Position:
        return Position(self.file, line + 1, column + 1)

    def documents(self) -> Iterator[Document]:
        stream = events(self.text, self.parser)
        for event in stream:
            if isinstance(event, yaml.DocumentStartEvent):
                if event.version or event.tags:
                    message = "a line that begins with % is not used here"
                    self.refuse(event, "E001", message, "Delete it.")
                self.size = 0
                self.anchors.clear()
                root = self.node(next(stream), stream, 1)
                end = end_of(next(stream)).index
                yield Document(root, self.text[start_of(event).index : end])

    def node(self, event: yaml.Event, stream: Iterator[yaml.Event], depth: int) -> Source:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        assert isinstance(event, yaml.NodeEvent)
        self.grow(event, 1)
        if isinstance(event, yaml.ScalarEvent) and not (event.tag or event.anchor):
            return self.scalar(event)  # nearly all there is
        tag = getattr(event, "tag", None)
        if tag:
            message = f"the tag '{tag}' is not used here"
            self.error(event, "E006", message, "Delete it: values need none.")
        if not event.anchor:
            return self.value(event, stream, depth)
        return self.anchored(event, event.anchor, stream, depth)

    def anchored(
        self, event: yaml.Event, name: str, stream: Iterator[yaml.Event], depth: int
    ) -> Source:
        self.anchors[name] = None
        size, deepest, self.deepest = self.size, self.deepest, depth - 1
        source = self.value(event, stream, depth)
        height = self.deepest - (depth - 1)
        self.anchors[name] = _Anchored(source, 1 + self.size - size, height)
        self.deepest = max(deepest, self.deepest)
        return source

    def value(self, event: yaml.Event, stream: Iterator[yaml.Event], depth: int) -> Source:
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if depth > MAX_DEPTH:
            self.refuse(event, "E003", *_TOO_DEEP)
        self.deepest = max(self.deepest, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, stream, depth)
        return self.mapping(event, stream, depth)

    def alias(self, event: yaml.AliasEvent, depth: int) -> Source:
        name = event.anchor or ""
        if name not in self.anchors:
            message = f"this is not YAML: there is no anchor '&{name}'"
            self.refuse(event, "E001", message, _WRITE_OUT)
        anchored = self.anchors[name]
        if anchored is None:
            self.refuse(event, "E004", f"'*{name}' stands inside its own anchor", _WRITE_OUT)
        if depth - 1 + anchored.height > MAX_DEPTH:
            self.refuse(event, "E003", *_TOO_DEEP)
        self.deepest = max(self.deepest, depth - 1 + anchored.height)
        self.grow(event, anchored.size)
        return anchored.source

    def sequence(self, start: yaml.Event, stream: Iterator[yaml.Event], depth: int) -> Sequence:
        items: list[Source] = []
        for event in stream:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self.node(event, stream, depth + 1))
        return Sequence(tuple(items), self.start(start))

    def mapping(self, start: yaml.Event, stream: Iterator[yaml.Event], depth: int) -> Mapping:
        entries: dict[str, Entry] = {}
        merged: list[Entry] = []
        broken = False
        for event in stream:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self.node(event, stream, depth + 1)
            beside = next(stream)
            value = self.node(beside, stream, depth + 1)
            if isinstance(key, Scalar) and key.text == "<<" and not key.quoted:
                merged += self.merged(value, self.start(beside))
            else:
                broken |= not isinstance(key, Scalar)
                self.add(entries, key, value)
        for entry in merged:
            entries.setdefault(entry.key.text, entry)
        return Mapping(tuple(entries.values()), self.start(start), broken)

    def merged(self, source: Source, at: Position) -> list[Entry]:
        """What `<<: *a` or `<<: [*a, *b]`, written `at`, adds; of two with one key the first
        counts."""
        if isinstance(source, Mapping):
            return list(source.entries)
        if isinstance(source, Sequence):
            return [entry for item in source.items for entry in self.merged(item, at)]
        self.problems.error(
            at,
            "E010",
            "'<<' takes a mapping, usually an alias",
            "Write what it adds, or its '*name'.",
        )
        return []

    def add(self, entries: dict[str, Entry], key: Source, value: Source) -> None:
        if not isinstance(key, Scalar):
            self.problems.error(
                key.position,
                "E010",
                "a key is a word, not a list or mapping",
                "A value that begins with { or [ wants quotes.",
            )
        elif key.empty:
            message = "a key is missing before ':'"
            self.problems.error(key.position, "E010", message, "Write it, or delete the ':'.")
        elif key.text in entries:
            first = entries[key.text].key.position.line
            self.problems.error(
                key.position,
                "E007",
                f"the key '{key.text}' is already on line {first}",
                "Delete one of the two.",
            )
        else:
            entries[key.text] = Entry(key, _placed(value, key.position))

    def scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start = self.start(event)
        one_line = start.line == end_of(event).line + 1
        style = event.style
        if not style:
            self.check_cut(event)
            return Scalar(event.value, False, start, start if one_line else None)
        if "\0" in event.value:  # only an escape in quotes can write it
            message = "a text with the character U+0000, which cannot be stored"
            self.error(event, "E009", message, "Delete it.")
        if style in "|>":
            return Scalar(event.value.removesuffix("\n"), True, start, self.block(event, style))
        content = Position(self.file, start.line, start.column + 1) if one_line else None
        return Scalar(event.value, True, start, content)

    def block(self, event: yaml.ScalarEvent, style: str) -> Position | None:
        """Where the content of a literal block begins; a folded one joins its lines."""
        if style == ">":
            return None
        first = start_of(event).line + 1
        for line in self.all_lines()[first:]:
            if line.strip():
                return self.place(first, len(line) - len(line.lstrip(" ")))
        return None

    def check_cut(self, event: yaml.ScalarEvent) -> None:
        """An unquoted `Order #12` is `Order` and a comment to YAML, and never meant so."""
        end = end_of(event)
        if not self.text.startswith((" ", "\t"), end.index):
            return
        cut = CUT.match(self.text, end.index)
        if cut is None:
            return
        line = _LINE_BREAK.split(self.text[end.index : end.index + 200], maxsplit=1)[0]
        self.problems.error(
            self.place(end.line, end.column + cut.end() - 1 - end.index),
            "E008",
            f"YAML would take '{line.strip()}' for a comment and cut it off",
            "Put the value in quotes, or a blank after # if it is a comment.",
        )

    def all_lines(self) -> list[str]:
        if not self.lines:
            self.lines = _LINE_BREAK.split(self.text)
        return self.lines

    def grow(self, event: yaml.Event, count: int) -> None:
        self.size += count
        if self.size > MAX_NODES:
            self.refuse(
                event, "E005", f"more than {MAX_NODES} values, aliases followed", _WRITE_OUT
            )

    def start(self, event: yaml.Event) -> Position:
        mark = start_of(event)
        return Position(self.file, mark.line + 1, mark.column + 1)

    def error(self, event: yaml.Event, code: str, message: str, suggestion: str = "") -> None:
        self.problems.error(self.start(event), code, message, suggestion)

    def refuse(self, event: yaml.Event, code: str, message: str, suggestion: str) -> NoReturn:
        self.error(event, code, message, suggestion)
        raise _Refused


def _placed(value: Source, key: Position) -> Source:
    """A value that is missing stands at its key: there is nowhere better to point."""
    if isinstance(value, Scalar) and value.empty:
        return Scalar("", False, key)
    return value
