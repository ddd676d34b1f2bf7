"""A small business's names, and reading criteria against them."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.criteria import Catalogue, Criterion, read_criterion
from engine.fields.places import Locale
from engine.fields.types import Field, FieldType, Option
from engine.texts import Text

Problem = tuple[tuple[str | int, ...], str, str]
"""Path, message, cure."""


def declared(key: str, type_: FieldType, *options: str, extra: bool = False) -> Field:
    choices = tuple(Option(value, Text.plain(value)) for value in options)
    return Field(key=key, type=type_, label=Text.plain(key), options=choices, extra=extra)


_FIELDS = (
    declared("crm_score", FieldType.NUMBER),
    declared("total_purchases", FieldType.NUMBER),
    declared("total_visits", FieldType.NUMBER),
    declared("total_spent", FieldType.NUMBER),
    declared("last_visit_at", FieldType.DATETIME),
    declared("customer_type", FieldType.SELECT, "individual", "company"),
    declared("first_name", FieldType.TEXT),
    declared("email", FieldType.EMAIL),
    declared("phone_number", FieldType.PHONE),
    declared("website", FieldType.URL),
    declared("status", FieldType.SELECT, "lead", "active"),
    declared("is_vip", FieldType.BOOLEAN),
    declared("birth_date", FieldType.DATE),
    declared("last_contacted_at", FieldType.DATETIME),
    declared("opens", FieldType.TIME, extra=True),
    declared("interests", FieldType.LIST, extra=True),
    declared("odd__name", FieldType.TEXT),
    declared("now", FieldType.DATETIME),
    declared("tags", FieldType.LIST, "VIP", "Sneakers"),
    declared("segment", FieldType.LIST, "vip_customers"),
)

CATALOGUE = Catalogue(
    {one.key: one for one in _FIELDS},
    untyped=frozenset({"var", "answer", "reply.value"}),
    locale=Locale(country="IR", timezone="Asia/Tehran"),
)


@dataclass
class Reading:
    """What reading a criterion gave, and every problem."""

    criterion: Criterion | None = None
    problems: list[Problem] = field(default_factory=list)

    def report(self, path: tuple[str | int, ...], message: str, suggestion: str) -> None:
        self.problems.append((path, message, suggestion))


def read(value: object) -> Reading:
    reading = Reading()
    reading.criterion = read_criterion(value, CATALOGUE, reading.report)
    return reading


def criterion_of(value: object) -> Criterion:
    """A criterion that has no problem."""
    reading = read(value)
    assert reading.criterion is not None, reading.problems
    return reading.criterion
