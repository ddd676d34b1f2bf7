"""`set`: give customer fields and variables new values, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from engine.fields.coerce import coerce, normalise
from engine.fields.faults import fault_text
from engine.fields.readings import Refused
from engine.fields.types import PLAIN, FieldType
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import ASSIGNMENTS, Option, Reader

_TEXT = PLAIN[FieldType.TEXT]


class Set(Node, frozen=True, kw_only=True):
    """A value that its field refuses is not written; the timeline says why."""

    KIND: ClassVar[str] = "set"
    HELP: ClassVar[str] = "Gives customer fields and variables new values, top to bottom."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "set": Option(
            ASSIGNMENTS,
            "names and values",
            '{points: "{{ customer.points + 10 }}", var.n: 0}',
            required=True,
        ),
    }

    values: tuple[tuple[str, Any], ...]

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Set:
        return cls(**common, values=options["set"])

    def enter(self, at: Passage) -> Next:
        for name, written in self.values:
            _assign(at, name, at.evaluate(written))
        return Exit()


def _assign(at: Passage, name: str, value: Any) -> None:
    """Store a computed value; in a customer's field only as one that the field takes."""
    if name.startswith("var."):
        at.write(name, value)
        return
    if value is None:
        at.write(name, None)
        return
    field = at.field(name)
    kept = coerce(normalise(value), field or _TEXT, at.locale, at.now)
    if isinstance(kept, Refused):
        at.problem(f"'{name}' was not set: {fault_text(kept.fault, 'en')}")
        return
    at.write(name, kept.value)
