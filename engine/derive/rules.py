"""All that follows by itself of a customer: score, stages, dynamic segments, smart tags.

Each is a rule: the names it reads, the names it changes, and what it makes of a person. When
something has changed only the rules that read it are asked; what they change asks the next ones,
round by round. Names are fields, and of lists each item by itself: `tags:VIP`, `segment:regulars`;
`tags` and `segment` alone stand for any of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from msgspec import Struct

from engine.business import Business, Segment
from engine.criteria import Criterion, Moment, Predicate, compile_predicate
from engine.criteria.ast import compares
from engine.derive.scores import health_of, model_of
from engine.derive.scoring import COUNTS_FIELDS, INPUTS
from engine.derive.stages import JOURNEY, VIP_SEGMENT, journey_of, lifecycle_of
from engine.fields.decimals import LARGEST
from engine.fields.types import Value
from engine.flow import Reads
from engine.shapes.conditions import customer_catalogue

ROUNDS = 8
"""So often may rules set one another off; then they are stopped, and the timeline says so."""

RULE = "rule:"
"""What begins the name of a writer that is a rule; of a smart tag its tag follows."""

Kind = Literal["score", "value", "stage", "segment", "tag", "stopped"]


class Person(Protocol):
    """A working copy of one customer, which rules change.

    ruled: those of the tags that a rule put on. filled, asked, answered: see
    engine.derive.scores. extra: the stored JSON.
    """

    customer_id: int
    values: dict[str, Value]
    extra: dict[str, Any]
    tags: frozenset[str]
    ruled: frozenset[str]
    segments: frozenset[str]
    filled: int
    asked: int
    answered: int


class Derived(Struct, frozen=True):
    """One thing that followed. name: the field, segment key or tag. columns: what the customer's
    row gets. parts: of a score. depth: how many things lie between it and what set it off."""

    kind: Kind
    name: str
    old: Any = None
    new: Any = None
    depth: int = 0
    columns: Mapping[str, Any] = {}
    parts: Mapping[str, float] | None = None


Get = Callable[[str], object]


class Rule(Struct, frozen=True):
    """`apply` asks it of a person and changes them. criteria: whom it holds for, any of them.
    removes: whether a smart tag is taken away where none holds."""

    kind: Kind
    name: str
    reads: frozenset[str]
    changes: tuple[str, ...]
    apply: Callable[[Person, Get, Moment, int], Derived | None]
    criteria: tuple[Criterion, ...] = ()
    removes: bool = False


class Rules:
    """The rules of a business, in the order in which they are asked.

    `business.segments` and `business.smart_tags` say which there are; of the segments only those
    that are active and dynamic.
    """

    def __init__(self, business: Business) -> None:
        self.business = business
        self.scoring = business.scoring
        self.lifecycle = lifecycle_of(
            business.stages, customer_catalogue(business), business.segments
        )
        self.slots = tuple(
            key for key, field in business.fields.items() if not (field.base or field.extra)
        )
        self.rules: tuple[Rule, ...] = (
            self._score(),
            self._value(),
            *(self._segment(item) for item in business.segments.values() if item.follows),
            *self._smart_tags(),
            self._lifecycle(),
            self._journey(),
        )
        self.own = tuple(rule for rule in self.rules if rule.kind not in ("segment", "tag"))
        self.needs_rates = self.scoring.model == "weighted"
        self.counts_fields = self.scoring.model in COUNTS_FIELDS
        self.reads = self._reads()
        self._by_name: dict[str, list[Rule]] = {}
        for rule in self.rules:
            for name in rule.reads:
                self._by_name.setdefault(name, []).append(rule)

    def settle(
        self, person: Person, changed: Iterable[str], moment: Moment, depth: int = 0
    ) -> list[Derived]:
        """Change `person` as the rules ask now that `changed` have; what followed, in order.

        depth: of what set it off.
        """
        found: list[Derived] = []
        get, by_name, names = get_of(person), self._by_name, changed
        for deeper in range(1, ROUNDS + 1):
            asked = {id(rule): rule for name in names for rule in by_name.get(name, ())}
            if not asked:
                return found
            fresh: list[str] = []
            for rule in asked.values():
                derived = rule.apply(person, get, moment, depth + deeper)
                if derived is not None:
                    found.append(derived)
                    fresh += rule.changes
            names = fresh
        if any(name in by_name for name in names):
            found.append(Derived("stopped", ", ".join(dict.fromkeys(names)), depth=depth + ROUNDS))
        return found

    @property
    def names(self) -> Collection[str]:
        """Every name that some rule reads."""
        return self._by_name.keys()

    def settle_all(self, person: Person, moment: Moment, depth: int = 0) -> list[Derived]:
        """As `settle`, as if everything had changed: what time alone has changed is found too."""
        return self.settle(person, self._by_name, moment, depth)

    # -- the rules

    def _score(self) -> Rule:
        scoring, slots = self.scoring, self.slots
        reckon = model_of(scoring, len(slots))

        def apply(person: Person, _: Get, moment: Moment, depth: int) -> Derived | None:
            score, values = reckon(person, moment.now), person.values
            old, health = values.get("crm_score") or 0, health_of(score.value, scoring)
            if old == score.value and values.get("health", health) == health:
                return None
            values["crm_score"], values["health"] = score.value, health  # type: ignore[assignment]  # a whole number
            columns = {"crm_score": score.value, "health": health, "score_parts": score.parts}
            return Derived("score", "crm_score", old, score.value, depth, columns, score.parts)

        counted = slots if scoring.model in COUNTS_FIELDS else ()
        reads = frozenset((*INPUTS[scoring.model], *counted))
        return Rule("score", "crm_score", reads, ("crm_score", "health"), apply)

    def _value(self) -> Rule:
        years = self.scoring.years

        def apply(person: Person, _: Get, __: Moment, depth: int) -> Derived | None:
            spent, old = person.values.get("total_spent"), person.values.get("lifetime_value")
            new = min(spent * years, LARGEST) if isinstance(spent, Decimal) else Decimal()
            if new == (old or 0):
                return None
            person.values["lifetime_value"] = new
            columns = {"lifetime_value": new}
            return Derived("value", "lifetime_value", old, new, depth, columns)

        return Rule(
            "value", "lifetime_value", frozenset(("total_spent",)), ("lifetime_value",), apply
        )

    def _segment(self, segment: Segment) -> Rule:
        key, holds = segment.key, compile_predicate(segment.criterion)

        def apply(person: Person, get: Get, moment: Moment, depth: int) -> Derived | None:
            is_in, belongs = key in person.segments, holds(get, moment)
            if is_in is belongs:
                return None
            person.segments = person.segments | {key} if belongs else person.segments - {key}
            return Derived("segment", key, is_in, belongs, depth)

        changes = (f"segment:{key}", "segment")
        criteria = (segment.criterion,)
        return Rule("segment", key, names_of(criteria), changes, apply, criteria)

    def _smart_tags(self) -> Iterable[Rule]:
        """One rule for each tag: it is put on where any of its criteria holds."""
        for name in dict.fromkeys(one.tag for one in self.business.smart_tags):
            mine = [one for one in self.business.smart_tags if one.tag == name]
            criteria = tuple(one.criterion for one in mine)
            removes = all(one.remove_when_false for one in mine)
            yield _smart_tag(name, criteria, removes=removes)

    def _lifecycle(self) -> Rule:
        stages = [(name, compile_predicate(one)) for name, one in self.lifecycle.items()]

        def apply(person: Person, get: Get, moment: Moment, depth: int) -> Derived | None:
            new = _first(stages, get, moment)
            return _stage(person, "lifecycle", new, moment.now, depth)

        criteria = tuple(self.lifecycle.values())
        return Rule(
            "stage", "lifecycle_stage", names_of(criteria), ("lifecycle_stage",), apply, criteria
        )

    def _journey(self) -> Rule:
        def apply(person: Person, _: Get, moment: Moment, depth: int) -> Derived | None:
            values = person.values
            new = journey_of(
                str(values.get("journey_stage") or JOURNEY[0]),
                int(values.get("total_interactions") or 0),  # type: ignore[arg-type]  # a number
                int(values.get("total_purchases") or 0),  # type: ignore[arg-type]  # a number
                is_vip=values.get("lifecycle_stage") == "vip" or VIP_SEGMENT in person.segments,
                has_referred=bool(values.get(HAS_REFERRED)),
            )
            return _stage(person, "journey", new, moment.now, depth)

        reads = {"total_interactions", "total_purchases", "lifecycle_stage", HAS_REFERRED}
        if VIP_SEGMENT in self.business.segments:
            reads.add(f"segment:{VIP_SEGMENT}")
        return Rule("stage", "journey_stage", frozenset(reads), ("journey_stage",), apply)

    def _reads(self) -> Reads:
        """What must be loaded of a customer for the rules to be asked."""
        names = {name for rule in self.rules for name in rule.reads} | _STORED
        fields = self.business.fields
        # How many mapped fields are filled is counted where they lie.
        counted = self.rules[0].reads - frozenset().union(*(one.reads for one in self.rules[1:]))
        names -= {name for name in counted if name in self.slots}
        return Reads(
            fields=frozenset(name for name in names if name in fields),
            tags=bool(self.business.smart_tags) or any(map(_of_tags, names)),
            segments=any(rule.kind == "segment" for rule in self.rules)
            or any(map(_of_segments, names)),
            extra=any(fields[name].extra for name in names if name in fields),
        )


HAS_REFERRED = "has_referred"
"""Whether somebody came by this customer: told to the rules when it becomes so."""

_STORED = frozenset(("crm_score", "lifetime_value", "lifecycle_stage", "journey_stage"))


def _of_tags(name: str) -> bool:
    return name.partition(":")[0] == "tags"


def _of_segments(name: str) -> bool:
    return name.partition(":")[0] == "segment"


def _smart_tag(name: str, criteria: tuple[Criterion, ...], *, removes: bool) -> Rule:
    predicates = [compile_predicate(one) for one in criteria]

    def apply(person: Person, get: Get, moment: Moment, depth: int) -> Derived | None:
        wanted = any(holds(get, moment) for holds in predicates)
        has = name in person.tags
        if wanted and not has:
            person.tags, person.ruled = person.tags | {name}, person.ruled | {name}
        elif removes and not wanted and name in person.ruled:
            person.tags, person.ruled = person.tags - {name}, person.ruled - {name}
        else:
            return None
        return Derived("tag", name, has, not has, depth)

    changes = (f"tags:{name}", "tags")
    return Rule("tag", name, names_of(criteria), changes, apply, criteria, removes)


def _first(stages: Sequence[tuple[str, Predicate]], get: Get, moment: Moment) -> str:
    for name, holds in stages:
        if holds(get, moment):
            return name
    return "lead"


def _stage(person: Person, which: str, new: str, now: datetime, depth: int) -> Derived | None:
    name = f"{which}_stage"
    old = person.values.get(name)
    if old == new:
        return None
    person.values[name] = new
    person.values[f"{which}_at"] = now
    return Derived("stage", name, old, new, depth, {name: new, f"{which}_at": now})


def names_of(criteria: Iterable[Criterion]) -> frozenset[str]:
    """The names that criteria read, of tags and segments each by itself where they are named."""
    names: set[str] = set()
    for criterion in criteria:
        for one in compares(criterion):
            if one.field in ("tags", "segment") and one.value is not None:
                items = one.value if isinstance(one.value, tuple) else (one.value,)
                names.update(f"{one.field}:{item}" for item in items)
            else:
                names.add(one.field)
    return frozenset(names)


def get_of(person: Person) -> Get:
    """The value of a name of criteria about a customer; None where there is none."""

    def get(name: str) -> object:
        value = person.values.get(name)
        if value is not None:
            return value
        if name == "tags":
            return person.tags
        if name == "segment":
            return person.segments
        if name == "id":
            return person.customer_id
        if name.startswith("extra."):
            return person.extra.get(name[6:]) or None
        return None

    return get
