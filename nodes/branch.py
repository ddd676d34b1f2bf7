"""`branch`: go where the first case that holds leads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from msgspec import Struct

from engine.node import Exit, Go, Next, Node
from engine.passage import Passage
from engine.scope import Condition
from engine.shapes import CRITERIA, NODE_REF, ListOf, Option, Reader, Record


class Case(Struct, frozen=True):
    when: Condition
    goto: str


def _case(options: dict[str, Any], _: Reader) -> Case:
    return Case(**options)


_CASE = Record(
    {
        "when": Option(CRITERIA, "criteria", "{crm_score__gte: 80}", required=True),
        "goto": Option(NODE_REF, "where it then goes", "vip", required=True),
    },
    _case,
    "a case",
)


class Branch(Node, frozen=True, kw_only=True):
    """otherwise: where it goes if no case holds; '' for the node's own exit."""

    KIND: ClassVar[str] = "branch"
    HELP: ClassVar[str] = "Goes where the first case that holds leads."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "branch": Option(
            ListOf(_CASE),
            "the cases, in order",
            "[{when: {is_vip: true}, goto: vip}]",
            required=True,
        ),
        "else": Option(NODE_REF, "where it goes if no case holds; without it, the node below"),
    }

    cases: tuple[Case, ...]
    otherwise: str = ""

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Branch:
        if "else" in options and (common.get("goto") or common.get("end") or common.get("end_all")):
            reader.error(
                reader.at("else"),
                "E113",
                "`else` is where a branch goes: no other exit",
                "Keep `else` alone.",
            )
        return cls(**common, cases=options["branch"], otherwise=options.get("else", ""))

    def exits(self) -> Iterator[tuple[str, str]]:
        for place, case in enumerate(self.cases, start=1):
            yield f"case {place}", case.goto
        if self.otherwise:
            yield "else", self.otherwise

    @property
    def falls_through(self) -> bool:
        return not self.otherwise

    def enter(self, at: Passage) -> Next:
        for place, case in enumerate(self.cases, start=1):
            if at.holds(case.when):
                return Go(case.goto, f"case {place}")
        return Go(self.otherwise, "else") if self.otherwise else Exit()
