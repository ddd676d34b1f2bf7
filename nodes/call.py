"""`call`: run another flow and come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import field

from engine.node import Enter, Next, Node
from engine.passage import Passage
from engine.shapes import FLOW_REF, NAME, VALUE, MapOf, Option, Reader


class Call(Node, frozen=True, kw_only=True):
    """The called flow has variables of its own; at its end they are read here as `answer.x`."""

    KIND: ClassVar[str] = "call"
    HELP: ClassVar[str] = "Runs another flow and comes back; brings answer.x and answer.outcome."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "call": Option(FLOW_REF, "the flow", "shoe_size", required=True),
        "with": Option(MapOf(NAME, VALUE), "variables it begins with", "{size: 40}"),
    }

    flow: str
    variables: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Call:
        return cls(**common, flow=options["call"], variables=options.get("with", {}))

    def enter(self, at: Passage) -> Next:
        given = {name: at.evaluate(value) for name, value in self.variables.items()}
        return Enter(self.flow, given)
