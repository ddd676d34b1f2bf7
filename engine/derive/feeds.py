"""Which names feed which others: what a node waits for, and where rules go round in a circle."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec import Struct

from engine.derive.rules import Rule
from engine.problems import NOWHERE, Position

TOTALS = frozenset(
    (
        "total_interactions", "total_visits", "total_purchases", "total_spent", "total_revenue",
        "total_invoices", "first_visit_at", "last_visit_at", "last_contacted_at",
        "next_follow_up_at",
    )
)  # fmt: skip
"""What follows from the records kept of a customer; the turn works it out when it stores one."""

FOLLOWING = frozenset(
    ("crm_score", "health", "lifetime_value", "lifecycle_stage", "journey_stage", "segment",
     "segments", "tags", *TOTALS)
)  # fmt: skip
"""Names whose value may follow from others."""


class Feed(Struct, frozen=True):
    """Something that reads names and changes others: a rule, or a flow that rules start.

    said: what people call it. position: where it is declared.
    """

    said: str
    reads: frozenset[str]
    changes: frozenset[str]
    position: Position = NOWHERE

    @classmethod
    def of(cls, rule: Rule, position: Position = NOWHERE) -> Feed:
        said = {"segment": f"segment {rule.name}", "tag": f"smart tag {rule.name}"}
        called = said.get(rule.kind, rule.name)
        return cls(called, rule.reads, frozenset(rule.changes), position)


class Feeds:
    """The rules of a business by what they change."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)
        self._known: dict[frozenset[str], frozenset[str]] = {}

    def inputs_of(self, names: frozenset[str]) -> frozenset[str]:
        """Every name that may change what these names are worth, `TOTALS` among themselves."""
        known = self._known.get(names)
        if known is None:
            known = self._known[names] = self._inputs_of(names)
        return known

    def _inputs_of(self, names: Collection[str]) -> frozenset[str]:
        inputs = {name for name in names if name in TOTALS}
        wanted = ["segment" if name == "segments" else name for name in names]
        for name in wanted:
            for rule in self._rules:
                if name in rule.changes:
                    fresh = rule.reads - inputs
                    inputs |= fresh
                    wanted += fresh
        return frozenset(inputs)


def circles_of(feeds: Iterable[Feed]) -> list[tuple[Feed, ...]]:
    """Where feeds set one another off: one shortest circle through each that is in any, each
    circle once, beginning with the first of its feeds."""
    items = list(feeds)
    after = {
        place: [other for other, one in enumerate(items) if items[place].changes & one.reads]
        for place in range(len(items))
    }
    found: dict[frozenset[int], tuple[int, ...]] = {}
    for place in range(len(items)):
        circle = _circle(place, after)
        if circle is not None:
            found.setdefault(frozenset(circle), circle)
    return [tuple(items[place] for place in circle) for circle in found.values()]


def _circle(start: int, after: Mapping[int, Collection[int]]) -> tuple[int, ...] | None:
    """A shortest way from a place back to itself."""
    ways: list[tuple[int, ...]] = [(start,)]
    seen: set[int] = set()
    for way in ways:
        for other in after[way[-1]]:
            if other == start:
                return way
            if other not in seen:
                seen.add(other)
                ways.append((*way, other))
    return None
