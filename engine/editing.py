"""Changing the fields of a crm.yaml as its author would: comments, order and layout stay.

The text is not written anew: a few letters are put in, or taken out, at the places that the YAML
parser names. Whoever changes a file this way reads it again and looks whether it says what it
should; what the layout makes doubtful is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from msgspec import Struct, field

from engine.yaml_events import end_of, events, start_of

OFF = "active: false"


class CannotEdit(Exception):
    """The file is written in a way that is for its author to change; the text says where."""


class _Part(Struct):
    """A value with its place: `start` and `end` are indices into the text.

    flow: written with brackets. shared: an alias, or what an alias stands for, so that a change
    would change other places too.
    """

    start: int
    end: int
    line: int
    column: int
    text: str = ""
    flow: bool = False
    shared: bool = False
    is_mapping: bool = False
    entries: list[tuple[_Part, _Part]] = field(default_factory=list)

    def find(self, key: str) -> tuple[_Part, _Part] | None:
        return next((entry for entry in self.entries if entry[0].text == key), None)

    @property
    def last(self) -> int:
        """Where its last letter ends; a block ends, for the parser, at what follows it."""
        return self.entries[-1][1].last if self.entries and not self.flow else self.end


def declared_keys(text: str) -> tuple[str, ...]:
    """The fields that crm.yaml itself names, in use or not; those of the industry are not there."""
    _, fields = _fields(text)
    return tuple(name.text for name, _ in fields.entries) if fields else ()


def add_field(text: str, key: str, declaration: Mapping[str, Any]) -> str:
    """crm.yaml with one field more, the last one. Raises CannotEdit."""
    return _add(text, key, _flow(declaration))


def switch_off(text: str, key: str) -> str:
    """crm.yaml with `active: false` in a field; one of the industry gets an entry for that."""
    _, fields = _fields(text)
    found = fields.find(key) if fields else None
    if found is None:
        return _add(text, key, f"{{{OFF}}}")
    value = _own(text, found[1])
    if (active := value.find("active")) is not None:
        return _put(text, active[1].start, active[1].end, "false")
    if not value.is_mapping:
        return _put(text, value.start, value.end, f" {{{OFF}}}")
    return _append(text, value, OFF)


def switch_on(text: str, key: str) -> str:
    """crm.yaml without the `active: false` of a field. Raises CannotEdit where there is none."""
    _, fields = _fields(text)
    found = fields.find(key) if fields else None
    value = _own(text, found[1]) if found else None
    keys = [name.text for name, _ in value.entries] if value else []
    if value is None or "active" not in keys:
        raise CannotEdit(f"crm.yaml does not say that '{key}' is not active")
    place = keys.index("active")
    name, said = value.entries[place]
    if value.flow and place > 0:
        return _put(text, value.entries[place - 1][1].last, said.end, "")
    if value.flow and len(value.entries) > 1:
        return _put(text, name.start, value.entries[1][0].start, "")
    if value.flow:
        return _put(text, name.start, said.end, "")
    if len(value.entries) == 1:
        return _put(text, said.start, said.end, "true")
    return _put(text, _line_start(text, name.start), _line_end(text, said.end), "")


def _add(text: str, key: str, declaration: str) -> str:
    entry = f"{key}: {declaration}"
    root, fields = _fields(text)
    if fields is None:
        section = f"fields: {{{entry}}}" if root.flow else f"fields:{_break(text)}  {entry}"
        return _append(text, root, section)
    if fields.is_mapping:
        return _append(text, _own(text, fields), entry)
    (name, _) = root.find("fields") or (root, root)
    if root.flow:
        return _put(text, fields.start, fields.end, f" {{{entry}}}")
    indent = " " * (name.column + 2)
    at = _line_end(text, fields.end)
    return _insert_line(text, at, f"{indent}{entry}")


def _append(text: str, mapping: _Part, entry: str) -> str:
    """The mapping with an entry more at its end, written as the others are."""
    if not mapping.flow:
        at = _line_end(text, mapping.last)
        return _insert_line(text, at, " " * mapping.entries[0][0].column + entry)
    if mapping.entries:
        return _put(text, mapping.entries[-1][1].last, mapping.entries[-1][1].last, f", {entry}")
    return _put(text, mapping.start + 1, mapping.start + 1, entry)


def _own(text: str, part: _Part) -> _Part:
    if part.shared:
        line = text.splitlines()[part.line].strip()
        raise CannotEdit(f"line {part.line + 1} of crm.yaml, '{line}', is shared by an alias")
    return part


def _flow(declaration: Mapping[str, Any]) -> str:
    written = yaml.safe_dump(
        dict(declaration), default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return str(written).strip()


# -- letters


def _put(text: str, start: int, end: int, words: str) -> str:
    return text[:start] + words + text[end:]


def _insert_line(text: str, at: int, line: str) -> str:
    """`at`: a line's beginning, or the end of a text whose last line has no end."""
    end = _break(text)
    begin = "" if at == 0 or text[at - 1] in "\r\n" else end
    return f"{text[:at]}{begin}{line}{end}{text[at:]}"


def _break(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    """After the line break of the line that holds the letter before `at`."""
    if at > 0 and text[at - 1] == "\n":
        return at
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


# -- reading


def _fields(text: str) -> tuple[_Part, _Part | None]:
    """The whole mapping of crm.yaml, and what stands under `fields`."""
    stream = events(text)
    for event in stream:
        if isinstance(event, yaml.NodeEvent):
            root = _part(event, stream)
            found = root.find("fields")
            return root, found[1] if found else None
    raise CannotEdit("crm.yaml is empty")


def _part(event: yaml.NodeEvent, stream: Iterator[yaml.Event]) -> _Part:
    start = start_of(event)
    part = _Part(start.index, end_of(event).index, start.line, start.column)
    part.shared = isinstance(event, yaml.AliasEvent) or event.anchor is not None
    if isinstance(event, yaml.ScalarEvent):
        part.text = event.value
    elif isinstance(event, yaml.MappingStartEvent):
        part.is_mapping, part.flow = True, bool(event.flow_style)
        while not isinstance(key := next(stream), yaml.MappingEndEvent):
            name = _part(_node(key), stream)
            part.entries.append((name, _part(_node(next(stream)), stream)))
        part.end = end_of(key).index
    elif isinstance(event, yaml.SequenceStartEvent):
        part.flow = bool(event.flow_style)
        while not isinstance(item := next(stream), yaml.SequenceEndEvent):
            inner = _part(_node(item), stream)
            part.entries.append((inner, inner))
        part.end = end_of(item).index
    return part


def _node(event: yaml.Event) -> yaml.NodeEvent:
    assert isinstance(event, yaml.NodeEvent)
    return event
