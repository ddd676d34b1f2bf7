"""`segment`: make the customer a member of static segments, or no more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import MEMBERS_REF, ListOf, Option, Reader, Record


class SegmentChange(Struct, frozen=True):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def _change(options: dict[str, Any], reader: Reader) -> SegmentChange:
    change = SegmentChange(**options)
    if not change.add and not change.remove:
        cure = "Write the keys of static segments: `{add: [ambassadors]}`."
        reader.error(reader.at(), "E112", "`segment` needs `add` or `remove`", cure)
    for key in sorted(set(change.add) & set(change.remove)):
        message = f"the segment '{key}' is joined and left at once"
        reader.error(reader.at("remove"), "E112", message, "Leave it in one of the two.")
    return change


_CHANGE = Record(
    {
        "add": Option(ListOf(MEMBERS_REF), "static segments the customer joins", "[ambassadors]"),
        "remove": Option(ListOf(MEMBERS_REF), "static segments the customer leaves"),
    },
    _change,
    "segment",
)


class Segment(Node, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "segment"
    HELP: ClassVar[str] = "Makes the customer a member of static segments, or no more."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "segment": Option(_CHANGE, "what changes", "{add: [ambassadors]}", required=True)
    }

    change: SegmentChange

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Segment:
        return cls(**common, change=options["segment"])

    def enter(self, at: Passage) -> Next:
        for key in self.change.add:
            at.join_segment(key)
        for key in self.change.remove:
            at.quit_segment(key)
        return Exit()
