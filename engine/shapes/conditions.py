"""Criteria in files: checked against the names their place knows, and compiled."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingABC
from typing import Any

from msgspec import Struct

from engine.business import Business
from engine.criteria import (
    Catalogue,
    Criterion,
    Predicate,
    compile_predicate,
    read_criterion,
    reads,
)
from engine.criteria.ast import Key
from engine.fields.types import Field, FieldType, Option
from engine.problems import Position, Problems
from engine.shapes.reader import NameUse, Reader
from engine.shapes.shape import Shape
from engine.shapes.texts import CHANNEL_NAMES
from engine.shapes.values import locale_of, plain
from engine.source import Mapping, Sequence, Source
from engine.texts import Text

FLOW_NAMES = frozenset(("var", "reply", "answer", "event", "business"))
"""First words of names whose type only the value at hand tells, in flows."""


def _names(key: str, known: Iterable[str], type_: FieldType = FieldType.LIST) -> Field:
    options = tuple(Option(name, Text.plain(name)) for name in known)
    return Field(key=key, type=type_, label=Text.plain(key), options=options)


_OF_A_RUN: MappingABC[str, Field] = {
    "channel": _names("channel", CHANNEL_NAMES, FieldType.SELECT),
    "reply.text": _names("reply.text", (), FieldType.TEXT),
    "now": Field(key="now", type=FieldType.DATETIME, label=Text.plain("now")),
}
"""Names of a run whose type is known, beside FLOW_NAMES. Of a customer `now` says nothing: who is
in a segment does not depend on the hour at which somebody looks."""


class Criteria(Struct, frozen=True, eq=False):
    """A checked criterion and the function made of it, which does not count when two are compared.

    holds: (get, moment) -> whether it holds; `get` gives the value of a name. Never raises.
    """

    criterion: Criterion
    holds: Predicate

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Criteria) and self.criterion == other.criterion

    def __hash__(self) -> int:
        return hash(self.criterion)


_CURE = "Write it as {crm_score__gte: 80}, some of them under 'all:' or 'any:'."
"""Where criteria are wrong in a way that has no cure of its own."""


class CriteriaShape(Shape[Criteria], Struct, frozen=True):
    """in_flow: the names of a run are known besides those of the customer."""

    in_flow: bool = True
    wanted: str = "criteria such as {crm_score__gte: 80}"

    def read(self, source: Source, reader: Reader) -> Criteria | None:
        def report(path: tuple[str | int, ...], message: str, suggestion: str) -> None:
            reader.error(locate(source, path), "E404", message, suggestion or _CURE)

        if not isinstance(source, Mapping):
            self.refuse(source, reader)
            return None
        catalogue = reader.kept((self.in_flow, "catalogue"), lambda: self.catalogue(reader))
        criterion = read_criterion(plain(source), catalogue, report)
        if criterion is None:
            return None
        for name in sorted(reads(criterion)):
            reader.uses.append(NameUse(tuple(name.split(".")), source.position, False))
        return Criteria(criterion, compile_predicate(criterion))

    def catalogue(self, reader: Reader) -> Catalogue:
        return catalogue_of(reader, in_flow=self.in_flow)

    def schema(self) -> dict[str, Any]:
        return {"$ref": "#/$defs/criteria"}


def catalogue_of(reader: Reader, *, in_flow: bool) -> Catalogue:
    """The names criteria may use: those of crm.yaml, and in flows those of a run."""
    business = reader.business
    fields = {
        **business.fields,
        "tags": _names("tags", business.tags),
        "segment": _names("segment", business.segments),
    }
    if in_flow:
        return Catalogue({**fields, **_OF_A_RUN}, FLOW_NAMES, locale_of(reader))
    return Catalogue(fields, locale=locale_of(reader))


def customer_catalogue(business: Business) -> Catalogue:
    """The names that criteria about a customer may use, outside of any file."""
    return catalogue_of(Reader(Problems(), business), in_flow=False)


def locate(source: Source, path: tuple[str | int, ...]) -> Position:
    """Where the value at `path` stands, or its key where the last step is a Key; as near to it
    as the path can be followed.
    """
    for step in path:
        inner: Source | None = None
        if isinstance(source, Mapping) and isinstance(step, Key):
            entry = source.entry(step)
            inner = None if entry is None else entry.key
        elif isinstance(source, Mapping) and isinstance(step, str):
            inner = source.get(step)
        elif isinstance(source, Sequence) and isinstance(step, int) and step < len(source.items):
            inner = source.items[step]
        if inner is None:
            break
        source = inner
    return source.position


CRITERIA = CriteriaShape()
CUSTOMER_CRITERIA = CriteriaShape(in_flow=False)
