"""`tag`: add tags to the customer and take them away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import Struct

from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import TAG_REF, ListOf, Option, Reader, Record


class TagChange(Struct, frozen=True):
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def _change(options: dict[str, Any], reader: Reader) -> TagChange:
    change = TagChange(**options)
    if not change.add and not change.remove:
        reader.error(
            reader.at(),
            "E112",
            "`tag` needs `add` or `remove`",
            "Write the tags: `tag: {add: [VIP]}`.",
        )
    for name in sorted(set(change.add) & set(change.remove)):
        reader.error(
            reader.at("remove"),
            "E112",
            f"the tag '{name}' is added and removed at once",
            "Delete it from one of the two.",
        )
    return change


_CHANGE = Record(
    {
        "add": Option(ListOf(TAG_REF), "the tags the customer gets", "[VIP]"),
        "remove": Option(ListOf(TAG_REF), "the tags the customer loses"),
    },
    _change,
    "tag",
)


class Tag(Node, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "tag"
    HELP: ClassVar[str] = "Adds tags to the customer and takes them away."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "tag": Option(_CHANGE, "what changes", "{add: [VIP]}", required=True)
    }

    change: TagChange

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: Reader) -> Tag:
        return cls(**common, change=options["tag"])

    def enter(self, at: Passage) -> Next:
        for name in self.change.add:
            at.add_tag(name)
        for name in self.change.remove:
            at.remove_tag(name)
        return Exit()
