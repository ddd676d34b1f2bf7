"""`start`: have another flow begin for itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import field

from engine.effects import StartFlow
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import FLOW_REF, NAME, SEGMENT_REF, VALUE, MapOf, Option, Reader


class Start(Node, frozen=True, kw_only=True):
    """It begins after this turn and goes its own way; it waits for an open question to close.

    segment: the key of one for whose members it begins, '' for the customer at hand.
    """

    KIND: ClassVar[str] = "start"
    HELP: ClassVar[str] = "Has another flow begin for itself, for this customer or for a segment."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "start": Option(FLOW_REF, "the flow", "feedback", required=True),
        "with": Option(MapOf(NAME, VALUE), "variables it begins with", "{size: 40}"),
        "for": Option(SEGMENT_REF, "a segment, for each member of which it begins", "regulars"),
    }

    flow: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    segment: str = ""

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Start:
        return cls(
            **common,
            flow=options["start"],
            variables=options.get("with", {}),
            segment=options.get("for", ""),
        )

    @property
    def starts(self) -> bool:
        return True

    def enter(self, at: Passage) -> Next:
        given = {name: at.evaluate(value) for name, value in self.variables.items()}
        at.effects.append(StartFlow(self.flow, given, self.id, self.segment))
        return Exit()
