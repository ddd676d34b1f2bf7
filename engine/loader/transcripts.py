"""Reading transcript tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from engine import source as tree
from engine.fields.coerce import coerce
from engine.fields.faults import fault_text
from engine.fields.readings import Refused
from engine.loader.happened import HAPPENS
from engine.shapes import (
    CHANNEL_NAMES,
    CONSTANT,
    DURATION,
    FLOW_REF,
    MOMENT,
    NAME,
    TAG_REF,
    WORD,
    Either,
    ListOf,
    MapOf,
    OneOf,
    Option,
    Reader,
    Record,
    Shape,
    WholeNumber,
    plain,
)
from engine.shapes.structures import places_of, read_options
from engine.shapes.values import locale_of
from engine.source import Source
from engine.suggest import PATTERN_CURE, meant
from engine.transcript import (
    Advance,
    Begin,
    Bot,
    ByStaff,
    Expect,
    Happens,
    HttpReply,
    Press,
    Step,
    Told,
    Transcript,
    User,
)

EXPECTED = (
    *("node", "outcome", "tags", "segments", "tasks", "customer", "var", "answer", "event"),
    *("business", "now", "channel"),
)
"""What `expect` may ask about. A reply is there only while it is handled, and has no name here."""


class _Written(Shape[dict[str, Any]]):
    """A mapping whose values stay as the letters typed; `null` is None."""

    wanted = "a mapping"

    def read(self, source: Source, reader: Reader) -> dict[str, Any] | None:
        if not isinstance(source, tree.Mapping):
            self.refuse(source, reader)
            return None
        return {entry.key.text: _letters(entry.value) for entry in source.entries}

    def schema(self) -> dict[str, Any]:
        return {"type": "object"}


class _Expected(_Written):
    """Names with the values they should have."""

    def read(self, source: Source, reader: Reader) -> dict[str, Any] | None:
        values = super().read(source, reader)
        for entry in source.entries if isinstance(source, tree.Mapping) else ():
            if entry.key.text.partition(".")[0] not in EXPECTED:
                message = f"there is no name '{entry.key.text}' to expect anything of"
                cure = meant(entry.key.text, EXPECTED)
                reader.error(entry.key.position, "E810", message, cure)
        return values


_TAGS = ListOf(TAG_REF)


class _Customer(_Written):
    """Fields of the customer, with valid values, and `tags`."""

    def read(self, source: Source, reader: Reader) -> dict[str, Any] | None:
        values = super().read(source, reader)
        fields = reader.business.fields
        for entry in source.entries if isinstance(source, tree.Mapping) else ():
            if entry.key.text == "tags":
                _TAGS.read(entry.value, reader)
                continue
            field, place = fields.get(entry.key.text), entry.value.position
            if field is None:
                message = f"there is no field '{entry.key.text}'"
                reader.error(entry.key.position, "E812", message, meant(entry.key.text, fields))
                continue
            read = coerce(_letters(entry.value), field, locale_of(reader))
            if isinstance(read, Refused):
                message = f"not a value of '{field.key}': {fault_text(read.fault, 'en')}"
                reader.error(place, "E812", message, "Write what the customer has there.")
        return values


def _letters(source: Source) -> Any:
    if isinstance(source, tree.Scalar) and not source.quoted and source.text == "null":
        return None
    value = plain(source)
    return tuple(value) if isinstance(value, list) else value


class _Button(Shape[tuple[str, ...]]):
    """The buttons of a message in order; rows are taken one after another."""

    wanted = "a list of buttons"

    def read(self, source: Source, reader: Reader) -> tuple[str, ...] | None:
        if isinstance(source, tree.Mapping):
            self.refuse(source, reader)
            return None
        if isinstance(source, tree.Scalar):
            return (source.text,)
        rows = (self.read(item, reader) for item in source.items)
        return tuple(label for row in rows if row for label in row)

    def schema(self) -> dict[str, Any]:
        return {"type": "array"}


_PIECES = ListOf(WORD)

BOT: Mapping[str, Option] = {
    "contains": Option(_PIECES, "Pieces of the text"),
    "not_contains": Option(_PIECES, "What the text must not have"),
    "matches": Option(WORD, "An RE2 pattern found in the text"),
    "buttons": Option(_Button(), "Text or value of every button, in order"),
    "media": Option(WORD, "What is sent with it: its kind, or where it is from", "photo"),
}

_BOT = Either(
    scalar=WORD,
    mapping=Record(BOT, lambda values, reader: _bot(values, reader), "what a message holds"),
)


def _bot(values: dict[str, Any], reader: Reader) -> Bot:
    if "matches" in values:
        check_pattern(values["matches"], reader)
    return Bot(reader.at(), **values)


def check_pattern(pattern: str, reader: Reader) -> None:
    from engine.fields.patterns import compile_pattern

    try:
        compile_pattern(pattern)
    except ValueError as error:
        reader.error(
            reader.at("matches"), "E405", f"the pattern cannot be used: {error}", PATTERN_CURE
        )


_STEPS: Mapping[str, tuple[Shape[Any], str]] = {
    "user": (WORD, "The customer writes this"),
    "bot": (_BOT, "The bot sends this"),
    "staff": (_BOT, "The staff is told this"),
    "press": (WORD, "The customer presses the button with this text or value"),
    "expect": (_Expected(), "These names have these values"),
    "advance": (DURATION, "This time passes"),
    "silent": (DURATION, "This time passes and nothing is sent"),
    "start": (FLOW_REF, "This flow starts, without a word of the customer's"),
    "reply": (WORD, "Somebody of the staff writes this to the customer"),
    "release": (OneOf("bot"), "The staff gives the customer back to the bot: `release: bot`"),
    "event": (HAPPENS, "This happens outside of the conversation: an event and what it tells"),
}

_MAKE: Mapping[str, Callable[[Any, Any], Step]] = {
    "user": User,
    "bot": lambda value, at: value if isinstance(value, Bot) else Bot(at, value),
    "staff": lambda value, at: Told(value if isinstance(value, Bot) else Bot(at, value)),
    "press": Press,
    "expect": Expect,
    "advance": Advance,
    "silent": lambda value, at: Advance(value, at, silent=True),
    "start": Begin,
    "reply": ByStaff,
    "release": lambda _, at: ByStaff("", at),
    "event": Happens,
}


class _StepShape(Shape[Step]):
    wanted = "a step such as {user: Hello}"

    def read(self, source: Source, reader: Reader) -> Step | None:
        if not isinstance(source, tree.Mapping) or len(source.entries) != 1:
            message = f"a step has one of {', '.join(_STEPS)}"
            reader.error(
                source.position, "E801", message, "Write each step after '- ', as 'user: Hello'."
            )
            return None
        entry = source.entries[0]
        name = entry.key.text
        if name not in _STEPS:
            _report_unknown(name, entry.key, reader)
            return None
        value = _STEPS[name][0].read(entry.value, reader)
        return None if value is None else _MAKE[name](value, entry.value.position)

    def schema(self) -> dict[str, Any]:
        properties = {
            name: shape.schema() | {"description": does} for name, (shape, does) in _STEPS.items()
        }
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }


def _report_unknown(name: str, key: tree.Scalar, reader: Reader) -> None:
    cure = meant(name, _STEPS)
    reader.error(key.position, "E801", f"unknown step '{name}'", cure)


_REPLY = Record(
    {
        "status": Option(WholeNumber(100, 599), "The status; default 200"),
        "json": Option(CONSTANT, "A body in JSON"),
        "text": Option(WORD, "Another body"),
        "error": Option(WORD, "No answer comes, and this is why"),
    },
    lambda values, _: HttpReply(**values),
    "an answer",
)

OPTIONS: Mapping[str, Option] = {
    "test": Option(WORD, "What the test shows, as a sentence", required=True),
    "flow": Option(FLOW_REF, "The flow it is about", required=True),
    "channel": Option(OneOf(*CHANNEL_NAMES), "Where the conversation is held"),
    "customer": Option(
        _Customer(),
        "What is known of the customer: fields, and tags",
        "{first_name: Sara, tags: [VIP]}",
    ),
    "now": Option(MOMENT, "When it begins", "2026-03-01T10:00:00+03:30"),
    "vars": Option(MapOf(NAME, CONSTANT), "Variables the flow begins with"),
    "arms": Option(
        MapOf(NAME, WORD), "The way that each `split` takes, by its flow or its id", "{drip: b1}"
    ),
    "http": Option(
        MapOf(WORD, ListOf(_REPLY)),
        "What requests are answered with, by address; any other one fails the test",
        "{https://api.example.com/orders: {status: 201, json: {id: 7}}}",
    ),
    "steps": Option(ListOf(_StepShape()), "The conversation", required=True),
}
"""The keys of a test."""


def is_test(source: Source) -> bool:
    return isinstance(source, tree.Mapping) and source.entry("test") is not None


def read_transcript(source: Source, reader: Reader) -> Transcript | None:
    assert isinstance(source, tree.Mapping), "is_test was asked"
    values, complete = read_options(source, OPTIONS, reader, "a test")
    now = values.get("now")
    if now is not None and not (isinstance(now, datetime) and now.tzinfo):
        position = source.get("now") or source
        message = "'now' needs a time and an offset, as in 2026-03-01T10:00:00+03:30"
        reader.error(
            position.position, "E203", message, "Write the date, the time and its offset from UTC."
        )
    if not complete:
        return None
    return Transcript(
        name=values["test"],
        flow=values["flow"],
        position=source.position,
        channel=values.get("channel", "telegram"),
        customer=values.get("customer", {}),
        now=now if isinstance(now, datetime) else None,
        vars=values.get("vars", {}),
        arms=values.get("arms", {}),
        arms_at=places_of(arms) if isinstance(arms := source.get("arms"), tree.Mapping) else {},
        http=values.get("http", {}),
        steps=values["steps"],
    )
