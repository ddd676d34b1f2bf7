"""`end`: end the flow with an outcome."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import Option


class End(Node, frozen=True, kw_only=True):
    """A node of nothing but `end:` or `end_all:`, which every node may have."""

    KIND: ClassVar[str] = "end"
    HELP: ClassVar[str] = "Ends the flow with an outcome; `end_all` ends its callers too."
    OPTIONS: ClassVar[Mapping[str, Option]] = {}

    def enter(self, _: Passage) -> Next:
        return Exit()
