"""Reading events: what starts a flow, written alike wherever an event is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from engine import source as tree
from engine.fields.fold import fold_phrase
from engine.flow import Trigger
from engine.shapes import (
    BOOLEAN,
    CHANNEL_NAMES,
    CRITERIA,
    INTEGER,
    NAME,
    WORD,
    ListOf,
    OneOf,
    Option,
    Reader,
    Shape,
)
from engine.shapes.shape import ScalarShape
from engine.shapes.structures import places_of, read_options, record_schema
from engine.source import Source
from engine.suggest import LEAVE_OUT, meant


class Phrase(ScalarShape[str]):
    """Words compared with what people type; folded."""

    wanted = "a word or phrase that people type"

    def parse(self, text: str) -> str:
        phrase = fold_phrase(text)
        if not phrase:
            raise ValueError("nothing is left of this once blanks and signs are taken away")
        return phrase

    def schema(self) -> dict[str, Any]:
        return WORD.schema()


class Command(ScalarShape[str]):
    wanted = "a command such as start"

    def parse(self, text: str) -> str:
        command = text.removeprefix("/").lower()
        # Telegram's own limits: core.telegram.org/bots/features#commands, read 2026-11-20.
        if not (0 < len(command) <= 32 and command.replace("_", "a").isalnum()):
            raise ValueError(
                f"'{text}' cannot be a command: up to 32 letters, digits and _, as in start"
            )
        if not command.isascii():
            raise ValueError(f"'{text}' cannot be a command: only English letters can")
        return command


PHRASES = ListOf(Phrase(), "a list of words")

COMMON: Mapping[str, Option] = {
    "id": Option(NAME, "A name that keeps the trigger the same when its options change"),
    "only": Option(CRITERIA, "Fires only where these criteria hold", "{tags: [VIP]}"),
    "priority": Option(INTEGER, "Of two that could start, the greater one does"),
    "channel": Option(OneOf(*CHANNEL_NAMES), "Only on this channel"),
}

LATER_OPTIONS = ("once", "if_busy", "catch_up", "backfill", "include_imported", "pattern")
"""Options of the language that this version does not have yet."""


class Event(Struct, frozen=True):
    """One kind of event. needs: at least one of these options; ('',) for none.

    The options are what makes an occurrence, so the identity of a trigger is made of them.
    """

    help: str
    options: Mapping[str, Option]
    needs: tuple[str, ...] = ()


EVENTS: Mapping[str, Event] = {
    "message": Event(
        "The person writes something",
        {
            "keywords": Option(PHRASES, "The whole message is one of these", "[hi, hello]"),
            "contains": Option(PHRASES, "One of these is among its words", "[price]"),
            "any": Option(BOOLEAN, "Any message that nothing else claims"),
        },
        ("keywords", "contains", "any"),
    ),
    "command": Event(
        "The person sends a command, or opens a deep link of it",
        {"command": Option(Command(), "The command, without /", "start", required=True)},
    ),
    "referral": Event(
        "The person comes by a link with a reference",
        {"ref": Option(WORD, "Only with this reference", "spring_24")},
    ),
    "customer_created": Event(
        "A customer is new",
        {},
    ),
}

LATER = (
    *("birthday", "birthday_approaching", "button", "comment", "custom_field_updated"),
    *("customer_score_changed", "customer_segment_changed", "date", "field_updated", "inactive"),
    *("inactive_for_days", "purchase", "schedule", "score_changed", "segment_entered"),
    *("segment_left", "stage_changed", "story_mention", "story_reply", "tag_added", "tag_removed"),
    *("task_completed", "task_overdue", "webhook", "window_closing", "at"),
)
"""Events of the language that this version does not have yet."""

_OWN_PLACE = ("on", "only", "id")
"""What a Trigger has a field for."""


class TriggerShape(Shape[Trigger]):
    wanted = "an event such as {on: command, command: start}"

    def read(self, source: Source, reader: Reader) -> Trigger | None:
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
        known = {"on": Option(WORD, ""), **later, **event.options, **COMMON}
        values, complete = read_options(source, known, reader, f"'on: {on.text}'")
        for name in values.keys() & later.keys():
            reader.error(
                places_of(source)[name], "E901", f"'{name}' is not available yet", LEAVE_OUT
            )
        return self.built(on, source, values, reader) if complete else None

    def built(
        self, on: tree.Scalar, source: Source, values: dict[str, Any], reader: Reader
    ) -> Trigger | None:
        event = EVENTS.get(on.text)
        if event is None:
            unknown_event(on, reader)
            return None
        if event.needs and not any(values.get(name) for name in event.needs):
            message = f"'on: {on.text}' needs one of {', '.join(event.needs)}"
            reader.error(source.position, "E109", message, "Write one of them.")
            return None
        options = {
            name: value for name, value in values.items() if name not in ("on", "only", "id")
        }
        name = values.get("id") or _identity(on.text, event, options)
        id_ = f"{reader.flow}/{name}"
        return Trigger(id_, reader.flow, on.text, options, values.get("only"), source.position)

    def schema(self) -> dict[str, Any]:
        kinds = [_event_schema(name, event) for name, event in EVENTS.items()]
        return {"anyOf": [{"enum": list(EVENTS)}, *kinds]}


def _identity(on: str, event: Event, options: Mapping[str, Any]) -> str:
    made_of = [f"{name}={_words(options[name])}" for name in event.options if name in options]
    return " ".join((on, *made_of))


def _words(value: Any) -> str:
    return ",".join(sorted(value)) if isinstance(value, tuple) else str(value)


def unknown_event(on: tree.Scalar, reader: Reader) -> None:
    if on.text in LATER:
        reader.error(on.position, "E901", f"the event '{on.text}' is not available yet", LEAVE_OUT)
        return
    cure = meant(on.text, EVENTS)
    reader.error(on.position, "E601", f"unknown event '{on.text}'", cure)


def _event_schema(name: str, event: Event) -> dict[str, Any]:
    schema = record_schema({**event.options, **COMMON})
    properties = {"on": {"const": name, "description": event.help}, **schema["properties"]}
    return schema | {"properties": properties, "required": ["on", *schema.get("required", ())]}


TRIGGER = TriggerShape()
