"""A YAML text as values with their places, and letters put in at those: nothing is written anew."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from msgspec import Struct, field

from engine.yaml_events import end_of, events, start_of


class Part(Struct):
    """A value with its place: `start` and `end` are indices into the text, `line` and `column`
    count from 0.

    flow: written with brackets. style: of a scalar, its sign (`"`, `'`, `|`, `>`), '' for a plain
    one. shared: an alias, or what an alias stands for, so that a change would change other places
    too. The entries of a list have each item twice.
    """

    start: int
    end: int
    line: int
    column: int
    text: str = ""
    flow: bool = False
    style: str = ""
    shared: bool = False
    is_mapping: bool = False
    entries: list[tuple[Part, Part]] = field(default_factory=list)

    def find(self, key: str) -> tuple[Part, Part] | None:
        return next((entry for entry in self.entries if entry[0].text == key), None)

    @property
    def last(self) -> int:
        """Where its last letter ends; a block ends, for the parser, at what follows it."""
        return self.entries[-1][1].last if self.entries and not self.flow else self.end


def parts(text: str) -> Iterator[Part]:
    """The value of each document. Raises YamlError."""
    stream = events(text)
    for event in stream:
        if isinstance(event, yaml.NodeEvent):
            yield part_of(event, stream)


def part_of(event: yaml.NodeEvent, stream: Iterator[yaml.Event]) -> Part:
    """The value that an event begins; what belongs to it is taken from the stream."""
    start = start_of(event)
    part = Part(start.index, end_of(event).index, start.line, start.column)
    part.shared = isinstance(event, yaml.AliasEvent) or event.anchor is not None
    if isinstance(event, yaml.ScalarEvent):
        part.text, part.style = event.value, event.style or ""
    elif isinstance(event, yaml.MappingStartEvent):
        part.is_mapping, part.flow = True, bool(event.flow_style)
        while not isinstance(key := next(stream), yaml.MappingEndEvent):
            name = part_of(_node(key), stream)
            part.entries.append((name, part_of(_node(next(stream)), stream)))
        part.end = end_of(key).index
    elif isinstance(event, yaml.SequenceStartEvent):
        part.flow = bool(event.flow_style)
        while not isinstance(item := next(stream), yaml.SequenceEndEvent):
            inner = part_of(_node(item), stream)
            part.entries.append((inner, inner))
        part.end = end_of(item).index
    return part


def _node(event: yaml.Event) -> yaml.NodeEvent:
    assert isinstance(event, yaml.NodeEvent)
    return event


# -- letters


def put(text: str, start: int, end: int, words: str) -> str:
    """The text with `words` from `start` to `end`."""
    return text[:start] + words + text[end:]


def insert_line(text: str, at: int, line: str) -> str:
    """`at`: a line's beginning, or the end of a text whose last line has no end."""
    end = line_break(text)
    begin = "" if at == 0 or text[at - 1] in "\r\n" else end
    return f"{text[:at]}{begin}{line}{end}{text[at:]}"


def line_break(text: str) -> str:
    """How its lines end."""
    return "\r\n" if "\r\n" in text else "\n"


def line_start(text: str, at: int) -> int:
    """Where the line of the letter `at` begins."""
    return text.rfind("\n", 0, at) + 1


def line_end(text: str, at: int) -> int:
    """After the line break of the line that holds the letter before `at`."""
    if at > 0 and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1
