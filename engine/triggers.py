"""Reading events: written alike in `triggers`, `wait_for`, `stop_on` and tests."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

from msgspec import Struct, field

from engine import source as tree
from engine.clocked import check_clocked
from engine.events import COMMON, EVENTS, LATER, LATER_OPTIONS, OF_ALL, STOP, Event, own_name
from engine.fields.plain import to_plain
from engine.flow import Stop, Trigger
from engine.local_time import Cron
from engine.shapes import WORD, Literal, Option, Reader, Shape, typed
from engine.shapes.structures import places_of, read_options, record_schema
from engine.source import Source
from engine.suggest import LEAVE_OUT, meant
from engine.templates import Template

_OWN_PLACE = ("on", "only", "id", "outcome", "goto")
"""What a Trigger or a Stop has a field for."""


class EventShape(Shape[Trigger], Struct, frozen=True):
    """An event, with the options that its place has besides its own."""

    beside: Mapping[str, Option] = field(default_factory=lambda: OF_ALL)
    wanted: str = "an event such as {on: command, command: start}"

    def read(self, source: Source, reader: Reader) -> Trigger | None:
        read = self.parts(source, reader)
        return None if read is None else read[0]

    def parts(self, source: Source, reader: Reader) -> tuple[Trigger, dict[str, Any]] | None:
        """The event, and every option that was written."""
        if isinstance(source, tree.Scalar) and not source.empty:
            return self.built(source, source, {}, reader)
        if not isinstance(source, tree.Mapping):
            self.refuse(source, reader)
            return None
        on = source.get("on")
        if not isinstance(on, tree.Scalar):
            reader.error(
                source.position,
                "E109",
                "a trigger needs 'on', the name of an event",
                "Write 'on: EVENT'.",
            )
            return None
        event = EVENTS.get(on.text)
        if event is None:
            unknown_event(on, reader)
            return None
        later = {name: Option(WORD, "") for name in LATER_OPTIONS}
        known = {"on": Option(WORD, ""), **later, **event.options, **self.beside}
        values, complete = read_options(source, known, reader, f"'on: {on.text}'")
        for name in values.keys() & later.keys():
            reader.error(
                places_of(source)[name], "E901", f"'{name}' is not available yet", LEAVE_OUT
            )
        return self.built(on, source, values, reader) if complete else None

    def built(
        self, on: tree.Scalar, source: Source, values: dict[str, Any], reader: Reader
    ) -> tuple[Trigger, dict[str, Any]] | None:
        event = EVENTS.get(on.text)
        if event is None:
            unknown_event(on, reader)
            return None
        missing = [name for name, option in event.options.items() if option.required]
        if any(name not in values for name in missing):
            message = f"'on: {on.text}' needs {', '.join(missing)}"
            reader.error(source.position, "E109", message, "Add it.")
            return None
        written = places_of(source) if isinstance(source, tree.Mapping) else {}
        unread = written.keys() - values.keys()
        if event.needs and not any(values.get(name) or name in unread for name in event.needs):
            message = f"'on: {on.text}' needs one of {', '.join(event.needs)}"
            reader.error(source.position, "E109", message, "Write one of them.")
            return None
        options = {name: value for name, value in values.items() if name not in _OWN_PLACE}
        options = _with_values(options, reader)
        if event.scheduled:
            if self.beside is not COMMON:
                cure = "Wait by `delay: {until: ...}`, or let a flow of its own begin by it."
                message = f"'{on.text}' begins flows; nothing waits or stops for it"
                reader.error(on.position, "E610", message, cure)
                return None
            with reader.inside(source.position, written):
                options = check_clocked(own_name(on.text), options, reader)
        id_ = f"{reader.flow}/{values.get('id') or _identity(on.text, event, options)}"
        only = values.get("only")
        return Trigger(id_, reader.flow, on.text, options, only, source.position), values

    def schema(self) -> dict[str, Any]:
        events = {
            name: event
            for name, event in EVENTS.items()
            if self.beside is COMMON or not event.scheduled
        }
        kinds = [_event_schema(name, event, self.beside) for name, event in events.items()]
        return {"anyOf": [{"enum": list(events)}, *kinds]}


class StopShape(Shape[Stop]):
    """One of `stop_on`: an event, and how the run then ends or where it goes."""

    wanted = "an event such as purchase, or {on: tag_added, tag: VIP, goto: thanks}"

    def read(self, source: Source, reader: Reader) -> Stop | None:
        read = _STOPPING.parts(source, reader)
        if read is None:
            return None
        event, values = read
        if "outcome" in values and "goto" in values:
            message = "a run that stops ends with `outcome` or goes on by `goto`, not both"
            reader.error(source.position, "E113", message, "Take one of them away.")
        return Stop(event, values.get("outcome", "stopped"), values.get("goto", ""))

    def schema(self) -> dict[str, Any]:
        return _STOPPING.schema()


def _with_values(options: dict[str, Any], reader: Reader) -> dict[str, Any]:
    """The options with `from` and `to` of a field as events have them: plain, typed."""
    declared = reader.field(options["field"]) if "field" in options else None
    for name in ("from", "to"):
        literal = options.get(name)
        if not isinstance(literal, Literal):
            continue
        position = literal.scalar.position
        value = typed(literal, declared, reader)
        if isinstance(value, Template):
            cure = "Ask for it by `only`."
            reader.error(position, "E203", f"`{name}` is a value, not a template", cure)
            value = None
        elif declared is not None and declared.sensitive:
            message = f"events do not say the values of '{declared.key}', which is sensitive"
            reader.error(position, "E310", message, f"Leave `{name}` out.")
        options[name] = to_plain(value)
    return options


_LONGEST_NAME = 80
"""Of a trigger's name: with its flow and what else is written before it, 200 letters."""


def _identity(on: str, event: Event, options: Mapping[str, Any]) -> str:
    made_of = [
        f"{name}={_words(options[name])}"
        for name in event.options
        if name in options and name not in event.apart
    ]
    name = " ".join((own_name(on), *made_of))
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:60]}~{blake2b(name.encode(), digest_size=8).hexdigest()}"


def _words(value: Any) -> str:
    if isinstance(value, Cron):
        return value.line
    return ",".join(map(str, sorted(value))) if isinstance(value, tuple) else str(value)


def unknown_event(on: tree.Scalar, reader: Reader) -> None:
    if on.text in LATER:
        reader.error(on.position, "E901", f"the event '{on.text}' is not available yet", LEAVE_OUT)
        return
    cure = meant(on.text, EVENTS)
    reader.error(on.position, "E601", f"unknown event '{on.text}'", cure)


def _event_schema(name: str, event: Event, beside: Mapping[str, Option]) -> dict[str, Any]:
    schema = record_schema({**event.options, **beside})
    properties = {"on": {"const": name, "description": event.help}, **schema["properties"]}
    return schema | {"properties": properties, "required": ["on", *schema.get("required", ())]}


TRIGGER = EventShape(COMMON)
EVENT = EventShape()
STOP_ON = StopShape()
_STOPPING = EventShape(STOP)
