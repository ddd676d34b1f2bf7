"""Values of one word: names, choices, numbers, durations, times."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any

from msgspec import Struct

from engine.durations import Duration
from engine.shapes.reader import Reader, Ref
from engine.shapes.shape import SCALAR_TYPES, ScalarShape
from engine.source import Source
from engine.suggest import meant

JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?")
"""RFC 8259, section 6, short enough to be a number somebody means."""

_YES = frozenset(("true", "yes", "on"))
_NO = frozenset(("false", "no", "off"))


def unfit(text: str) -> str:
    """What is said of a value in another form than its place asks for; the cure names the form."""
    return f"'{text}' does not belong here"


class Word(ScalarShape[str], Struct, frozen=True):
    """A word or text as it is written, without template or translation."""

    wanted: str = "a word"

    def parse(self, text: str) -> str:
        return text


class Name(ScalarShape[str], Struct, frozen=True):
    """A name that becomes part of keys, ids and addresses."""

    wanted: str = "a name such as lead_capture"

    def parse(self, text: str) -> str:
        if not re.fullmatch(r"[^\W\d][\w-]{0,99}", text):
            raise ValueError(
                f"'{text}' cannot be a name: letters, digits, _ and -, first a letter, at most 100"
            )
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class Boolean(ScalarShape[bool]):
    wanted = "true or false"

    def parse(self, text: str) -> bool:
        word = text.lower()
        if word not in _YES | _NO:
            raise ValueError(unfit(text))
        return word in _YES

    def schema(self) -> dict[str, Any]:
        return {"enum": [True, False, "yes", "no", "on", "off"]}


class WholeNumber(ScalarShape[int], Struct, frozen=True):
    """A whole number; `min` and `max` are allowed themselves."""

    min: int | None = None
    max: int | None = None
    wanted: str = "a whole number"

    def parse(self, text: str) -> int:
        if not re.fullmatch(r"-?(0|[1-9][0-9]{0,15})", text):
            raise ValueError(unfit(text))
        number = int(text)
        if self.min is not None and number < self.min:
            raise ValueError(f"{text} is too small: at least {self.min}")
        if self.max is not None and number > self.max:
            raise ValueError(f"{text} is too large: at most {self.max}")
        return number

    def schema(self) -> dict[str, Any]:
        bounds = {"minimum": self.min, "maximum": self.max}
        return {"type": "integer"} | {key: at for key, at in bounds.items() if at is not None}


class DurationShape(ScalarShape[Duration]):
    wanted = "a duration such as 30m, 2h or 3d"

    def parse(self, text: str) -> Duration:
        duration = Duration.parse(text)
        if duration < Duration():
            raise ValueError("a duration that lies ahead belongs here, without a minus sign")
        return duration

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^([0-9]+[wdhms])+$"}


class OffsetShape(ScalarShape[Duration]):
    wanted = "an offset such as -3d, 0d or 2h"

    def parse(self, text: str) -> Duration:
        return Duration.parse(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^[+-]?([0-9]+[wdhms])+$"}


class TimeShape(ScalarShape[time]):
    wanted = "a time of day such as 18:30"

    def parse(self, text: str) -> time:
        if not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?", text):
            raise ValueError(unfit(text))
        hour, minute, second = (*map(int, text.split(":")), 0)[:3]
        return time(hour, minute, second)


class MomentShape(ScalarShape[date]):
    """A date, or a datetime: aware where an offset or Z is written, else of the place's zone."""

    wanted = "a moment such as 2026-03-21 or 2026-03-21T10:00"

    def parse(self, text: str) -> date:
        try:
            if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
                return date.fromisoformat(text)
            if re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", text, re.ASCII):
                return datetime.fromisoformat(text)
        except ValueError:
            pass
        raise ValueError(unfit(text))


class OneOf(ScalarShape[str]):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    @property
    def wanted(self) -> str:  # type: ignore[override]  # made from the words
        return f"one of {', '.join(self.words)}"

    def read(self, source: Source, reader: Reader) -> str | None:
        word = super().read(source, reader)
        if word is None or word in self.words:
            return word
        message = f"'{word}' is not {self.wanted}"
        reader.error(source.position, "E204", message, meant(word, self.words))
        return None

    def parse(self, text: str) -> str:
        return text

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self.words)}


class Reference(ScalarShape[str], Struct, frozen=True):
    """The name of something else, looked up once everything is read."""

    kind: Ref
    wanted: str

    def read(self, source: Source, reader: Reader) -> str | None:
        name = super().read(source, reader)
        if name is not None:
            reader.refer(self.kind, name, source.position)
        return name

    def parse(self, text: str) -> str:
        # `customer.email` and `email` are one field.
        return text.removeprefix("customer.") if self.kind is Ref.SAVE else text

    def schema(self) -> dict[str, Any]:
        return {"type": SCALAR_TYPES}


WORD = Word()
NAME = Name()
BOOLEAN = Boolean()
INTEGER = WholeNumber()
DURATION = DurationShape()
OFFSET = OffsetShape()
TIME = TimeShape()
MOMENT = MomentShape()
NODE_REF = Reference(Ref.NODE, "the id of a node")
FLOW_REF = Reference(Ref.FLOW, "the name of a flow")
FIELD_REF = Reference(Ref.FIELD, "the key of a field")
TAG_REF = Reference(Ref.TAG, "the name of a tag")
SEGMENT_REF = Reference(Ref.SEGMENT, "the key of a segment")
MEMBERS_REF = Reference(Ref.MEMBERS, "the key of a static segment")
SAVE_REF = Reference(Ref.SAVE, "a field of the customer, or var.x")
KEEP_REF = Reference(Ref.KEEP, "a key such as favourite_colour")
TOLD = Reference(Ref.TOLD, "a name, role or team of crm.yaml, or `assigned`,")
WHO = Reference(Ref.WHO, "a name, role or team of crm.yaml, or `assigned`,")
