"""`split`: send customers different ways, by weight, each always the same way."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from engine.fields.types import Field, FieldType
from engine.node import Go, Next, Node
from engine.passage import Passage
from engine.shapes import NODE_REF, SAVE_REF, MapOf, Option, Reader, WholeNumber

_WEIGHT = WholeNumber(0, 1_000_000, wanted="a weight such as 50")


class Arm(Struct, frozen=True):
    """A way with its share of all weights; nobody takes one of weight 0."""

    goto: str
    weight: int


class Split(Node, frozen=True, kw_only=True):
    """arms: at least one of them has a weight. save_to: where the way taken is kept, '' nowhere."""

    KIND: ClassVar[str] = "split"
    HELP: ClassVar[str] = "Sends each customer one of several ways, by weight, always the same one."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "split": Option(
            MapOf(NODE_REF, _WEIGHT), "node ids and their weights", "{a: 50, b: 50}", required=True
        ),
        "save_to": Option(
            SAVE_REF, "where the id taken is kept; who has one there keeps to it", "var.arm"
        ),
    }

    arms: tuple[Arm, ...]
    save_to: str = ""

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Split:
        arms = tuple(Arm(name, weight) for name, weight in options["split"].items())
        save_to = options.get("save_to", "")
        if not any(arm.weight for arm in arms):
            reader.error(
                reader.at("split"),
                "E340",
                "`split` needs a way with a weight above 0",
                "Give one of them a weight.",
            )
        if any(common.get(way) for way in ("goto", "end", "end_all")):
            message = "`split` says where it goes: no other exit"
            reader.error(reader.at("split"), "E113", message, "Delete the other exit.")
        _check_saved(reader.field(save_to), arms, reader)
        return cls(**common, arms=arms, save_to=save_to)

    def exits(self) -> Iterator[tuple[str, str]]:
        for arm in self.arms:
            yield arm.goto, arm.goto

    @property
    def falls_through(self) -> bool:
        return False

    def enter(self, at: Passage) -> Next:
        arm = self._kept(at) or self._drawn(at)
        if self.save_to:
            at.write(self.save_to, arm)
        return Go(arm)

    def _kept(self, at: Passage) -> str | None:
        """The way this customer took before, as long as it is still open."""
        kept = at.read(self.save_to) if self.save_to else None
        return next((arm.goto for arm in self.arms if arm.weight and arm.goto == kept), None)

    def _drawn(self, at: Passage) -> str:
        """The way of the best lot. Each way draws its own, so that one whose weight rises takes
        people from the others, and nobody changes between those: weighted rendezvous hashing."""
        who = f"{at.facts.business.key}/{at.flow.key}/{self.id}/{at.facts.customer_id}"
        return max((arm for arm in self.arms if arm.weight), key=lambda arm: _lot(arm, who)).goto


def _lot(arm: Arm, who: str) -> float:
    """A number that is the highest of all lots as often as the weight is of all weights."""
    drawn = hashlib.sha256(f"{who}/{arm.goto}".encode()).digest()
    # 52 bits and a half: never 0, and never so near to 1 that a float would be 1.
    chance = ((int.from_bytes(drawn[:8], "big") >> 12) + 0.5) / 2**52
    return -arm.weight / math.log(chance)


def _check_saved(field: Field | None, arms: tuple[Arm, ...], reader: Reader) -> None:
    if field is None:
        return
    if field.type not in (FieldType.TEXT, FieldType.SELECT):
        message = f"'{field.key}' keeps a {field.type}, and the id of a node is a text"
        reader.error(
            reader.at("save_to"),
            "E401",
            message,
            "Save to a text field, or to one whose options are the ways.",
        )
    known = {option.value for option in field.options}
    for arm in arms:
        if known and arm.goto not in known:
            message = f"'{arm.goto}' is no value of '{field.key}'"
            reader.error(reader.at("save_to"), "E402", message, f"It has {', '.join(known)}.")
