"""`set`: give customer fields and variables new values, top to bottom."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from engine.assigning import assign
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import ASSIGNMENTS, Option, Reader


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
            assign(at, name, at.evaluate(written))
        return Exit()
