"""Changing a crm.yaml as its author would: comments, order and layout stay.

The text is not written anew: a few letters are put in, or taken out, at the places that the YAML
parser names. Whoever changes a file this way reads it again and looks whether it says what it
should; what the layout makes doubtful is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from engine.yaml_events import events
from engine.yaml_parts import Part, insert_line, line_break, line_end, line_start, part_of, put

OFF = "active: false"


class CannotEdit(Exception):
    """The file is written in a way that is for its author to change; the text says where."""


def declared_keys(text: str) -> tuple[str, ...]:
    """The fields that crm.yaml itself names, in use or not; those of the industry are not there."""
    _, fields = _section(text, _FIELDS)
    return tuple(name.text for name, _ in fields.entries) if fields else ()


def add_field(text: str, key: str, declaration: Mapping[str, Any]) -> str:
    """crm.yaml with one field more, the last one. Raises CannotEdit."""
    return add_entry(text, _FIELDS, key, declaration)


def add_entry(text: str, section: str, key: str, declaration: Mapping[str, Any]) -> str:
    """crm.yaml with one entry more at the end of a section, `segments` or another mapping, which
    is made where there is none. Raises CannotEdit."""
    return _add(text, section, key, _flow(declaration))


def switch_off(text: str, key: str) -> str:
    """crm.yaml with `active: false` in a field; one of the industry gets an entry for that."""
    _, fields = _section(text, _FIELDS)
    found = fields.find(key) if fields else None
    if found is None:
        return _add(text, _FIELDS, key, f"{{{OFF}}}")
    value = _own(text, found[1])
    if (active := value.find("active")) is not None:
        return put(text, active[1].start, active[1].end, "false")
    if not value.is_mapping:
        return put(text, value.start, value.end, f" {{{OFF}}}")
    return _append(text, value, OFF)


def switch_on(text: str, key: str) -> str:
    """crm.yaml without the `active: false` of a field. Raises CannotEdit where there is none."""
    _, fields = _section(text, _FIELDS)
    found = fields.find(key) if fields else None
    value = _own(text, found[1]) if found else None
    keys = [name.text for name, _ in value.entries] if value else []
    if value is None or "active" not in keys:
        raise CannotEdit(f"crm.yaml does not say that '{key}' is not active")
    place = keys.index("active")
    name, said = value.entries[place]
    if value.flow and place > 0:
        return put(text, value.entries[place - 1][1].last, said.end, "")
    if value.flow and len(value.entries) > 1:
        return put(text, name.start, value.entries[1][0].start, "")
    if value.flow:
        return put(text, name.start, said.end, "")
    if len(value.entries) == 1:
        return put(text, said.start, said.end, "true")
    return put(text, line_start(text, name.start), line_end(text, said.end), "")


def set_order(text: str, key: str, place: int) -> str:
    """crm.yaml with the place of a field among the others. Raises CannotEdit."""
    said = f"order: {place}"
    _, fields = _section(text, _FIELDS)
    found = fields.find(key) if fields else None
    if found is None:
        return _add(text, _FIELDS, key, f"{{{said}}}")
    value = _own(text, found[1])
    if (order := value.find("order")) is not None:
        return put(text, order[1].start, order[1].end, str(place))
    if not value.is_mapping:
        return put(text, value.start, value.end, f" {{{said}}}")
    return _append(text, value, said)


def name_industry(text: str, industry: str) -> str:
    """crm.yaml, which names no industry, with one."""
    root, _ = _section(text, _FIELDS)
    return _append(text, root, f"industry: {industry}")


def _add(text: str, section: str, key: str, declaration: str) -> str:
    entry = f"{key}: {declaration}"
    root, found = _section(text, section)
    if found is None:
        whole = f"{section}: {{{entry}}}" if root.flow else f"{section}:{line_break(text)}  {entry}"
        return _append(text, root, whole)
    if found.is_mapping:
        return _append(text, _own(text, found), entry)
    (name, _) = root.find(section) or (root, root)
    if root.flow:
        return put(text, found.start, found.end, f" {{{entry}}}")
    indent = " " * (name.column + 2)
    at = line_end(text, found.end)
    return insert_line(text, at, f"{indent}{entry}")


def _append(text: str, mapping: Part, entry: str) -> str:
    """The mapping with an entry more at its end, written as the others are."""
    if not mapping.flow:
        at = line_end(text, mapping.last)
        return insert_line(text, at, " " * mapping.entries[0][0].column + entry)
    if mapping.entries:
        return put(text, mapping.entries[-1][1].last, mapping.entries[-1][1].last, f", {entry}")
    return put(text, mapping.start + 1, mapping.start + 1, entry)


def _own(text: str, part: Part) -> Part:
    if part.shared:
        line = text.splitlines()[part.line].strip()
        raise CannotEdit(f"line {part.line + 1} of crm.yaml, '{line}', is shared by an alias")
    return part


def _flow(declaration: Mapping[str, Any]) -> str:
    written = yaml.safe_dump(
        dict(declaration), default_flow_style=True, width=10**9, allow_unicode=True, sort_keys=False
    )
    return str(written).strip()


# -- reading


_FIELDS = "fields"


def _section(text: str, section: str) -> tuple[Part, Part | None]:
    """The whole mapping of crm.yaml, and what stands under one of its keys."""
    stream = events(text)
    for event in stream:
        if isinstance(event, yaml.NodeEvent):
            root = part_of(event, stream)
            found = root.find(section)
            return root, found[1] if found else None
    raise CannotEdit("crm.yaml is empty")
