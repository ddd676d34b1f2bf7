"""Reading what happens in a test beside what is said: `event: {on: purchase, amount: 99}`."""

from __future__ import annotations

from typing import Any

from engine import source as tree
from engine.events import EVENTS, LATER, Event, types_of
from engine.fields.plain import to_plain
from engine.happenings import Happened
from engine.shapes import CONSTANT, FIELD_REF, SEGMENT_REF, TAG_REF, Reader, Shape, plain
from engine.source import Source
from engine.triggers import unknown_event

_BY_PEOPLE = frozenset(
    ("message", "command", "referral", "button", "story_reply", "story_mention", "comment",
     "customer_created")
)  # fmt: skip
_BY_TIME = frozenset(
    ("date", "birthday", "birthday_approaching", "inactive", "inactive_for_days", "schedule", "at",
     "task_overdue", "window_closing")
)  # fmt: skip

RECORDED = frozenset(("field_updated", "purchase"))
"""What is recorded when it happens in a test: its values stay letters, read by their fields."""

_REFERENCES = {"field": FIELD_REF, "tag": TAG_REF, "segment": SEGMENT_REF}
_ABOUT = {
    "field_updated": "field", "tag_added": "tag", "tag_removed": "tag",
    "segment_entered": "segment", "segment_left": "segment",
}  # fmt: skip
"""What an event must say it is about."""


class HappensShape(Shape[Happened]):
    """The name of an event, or a mapping of `on` and what `event.x` reads of it."""

    wanted = "an event such as {on: purchase, amount: 99}"

    def read(self, source: Source, reader: Reader) -> Happened | None:
        on = source.get("on") if isinstance(source, tree.Mapping) else source
        if not isinstance(on, tree.Scalar) or on.empty:
            self.refuse(source, reader)
            return None
        event = EVENTS.get(on.text)
        if not _can_happen(on, event, reader):
            return None
        type_ = _type_of(on.text, source)
        data = _data(source, type_, reader) if isinstance(source, tree.Mapping) else {}
        about = _ABOUT.get(type_)
        if about is not None and about not in data:
            cure = f"Write '{about}' too."
            reader.error(source.position, "E109", f"'on: {on.text}' needs '{about}' here", cure)
            return None
        return Happened(type_, data)

    def schema(self) -> dict[str, Any]:
        names = {"enum": [name for name in EVENTS if name not in _BY_PEOPLE | _BY_TIME]}
        mapping = {"type": "object", "properties": {"on": names}, "required": ["on"]}
        return {"anyOf": [names, mapping]}


def _can_happen(on: tree.Scalar, event: Event | None, reader: Reader) -> bool:
    name = on.text
    if name in _BY_PEOPLE:
        message = f"'{name}' is what a person does, and is written so in a test"
        reader.error(on.position, "E811", message, "Write 'user: TEXT' or 'press: BUTTON'.")
    elif name in _BY_TIME:
        message = f"'{name}' comes by itself when its time has come"
        reader.error(on.position, "E811", message, "Let time pass: 'advance: 2d'.")
    elif event is None or name in LATER:
        unknown_event(on, reader)
    else:
        return True
    return False


def _type_of(on: str, source: Source) -> str:
    """The type of event; an alias of two is the one that its direction says."""
    first, *others = types_of(on)
    said = source.get("direction") if isinstance(source, tree.Mapping) else None
    if others and isinstance(said, tree.Scalar):
        return next((one for one in (first, *others) if one.endswith(f"_{said.text}")), first)
    return first


def _data(source: tree.Mapping, type_: str, reader: Reader) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for entry in source.entries:
        name = entry.key.text
        if name == "on" or name.startswith("x_"):
            continue
        if name in _REFERENCES:
            value = _REFERENCES[name].read(entry.value, reader)
        elif type_ in RECORDED:
            value = plain(entry.value)
        else:
            value = to_plain(CONSTANT.read(entry.value, reader))
        data[name] = value
    return data


HAPPENS = HappensShape()
