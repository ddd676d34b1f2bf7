"""Criteria in files: checked against the names their place knows, and compiled."""

from __future__ import annotations

from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from typing import Any

from engine.criteria import (
    Catalogue,
    Criterion,
    Predicate,
    compile_predicate,
    read_criterion,
    reads,
)
from engine.fields.types import Field, FieldType, Option
from engine.problems import Position
from engine.shapes.reader import NameUse, Reader
from engine.shapes.shape import Shape
from engine.shapes.values import plain
from engine.source import Mapping, Sequence, Source
from engine.texts import Text

FLOW_NAMES = frozenset(("var", "reply", "answer", "event", "business", "channel"))
"""First words of names whose type only the value at hand tells, in flows."""


@dataclass(frozen=True, slots=True)
class Criteria:
    """A checked criterion and the function made of it.

    holds: (get, moment) -> whether it holds; `get` gives the value of a name. Never raises.
    """

    criterion: Criterion
    holds: Predicate = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class CriteriaShape(Shape[Criteria]):
    """in_flow: the names of a run are known besides those of the customer."""

    in_flow: bool = True
    wanted: str = "criteria such as {crm_score__gte: 80}"

    def read(self, source: Source, reader: Reader) -> Criteria | None:
        def report(path: tuple[str | int, ...], message: str, suggestion: str) -> None:
            reader.error(locate(source, path), "E404", message, suggestion)

        if not isinstance(source, Mapping):
            self.refuse(source, reader)
            return None
        criterion = read_criterion(plain(source), self.catalogue(reader), report)
        if criterion is None:
            return None
        for name in sorted(reads(criterion)):
            reader.uses.append(NameUse(tuple(name.split(".")), source.position, False))
        return Criteria(criterion, compile_predicate(criterion))

    def catalogue(self, reader: Reader) -> Catalogue:
        return catalogue_of(reader, FLOW_NAMES if self.in_flow else frozenset())

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/criteria"}


def catalogue_of(reader: Reader, untyped: frozenset[str]) -> Catalogue:
    """The names criteria may use: those of crm.yaml, and `untyped` ones of a run."""
    business = reader.business
    special = {
        "tags": _names("tags", business.tags),
        "segment": _names("segment", business.segments),
        "now": Field(key="now", type=FieldType.DATETIME, label=Text.plain("now")),
    }
    return Catalogue({**business.fields, **special}, untyped)


def _names(key: str, known: MappingABC[str, Any]) -> Field:
    options = tuple(Option(name, Text.plain(name)) for name in known)
    return Field(key=key, type=FieldType.LIST, label=Text.plain(key), options=options)


def locate(source: Source, path: tuple[str | int, ...]) -> Position:
    """Where the value at `path` stands; as near to it as the path can be followed."""
    for step in path:
        inner: Source | None = None
        if isinstance(source, Mapping) and isinstance(step, str):
            inner = source.get(step)
        elif isinstance(source, Sequence) and isinstance(step, int) and step < len(source.items):
            inner = source.items[step]
        if inner is None:
            break
        source = inner
    return source.position


CRITERIA = CriteriaShape()
CUSTOMER_CRITERIA = CriteriaShape(in_flow=False)
