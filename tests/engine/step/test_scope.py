"""The names that templates and criteria read."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from engine.business import Business
from engine.facts import Facts
from engine.fields.types import Field, FieldType, Option, Value
from engine.messages import Message
from engine.passage import Passage
from engine.run import Frame, Run
from engine.scope import BUSINESS_NAMES, ROOTS, known_zone
from engine.templates import compile_template
from engine.texts import Text
from tests.engine.step.talk import NOON, load

LOADED = load("flow: f\nnodes: [{say: Hi}]\n")


def passage(**values: Value) -> Passage:
    facts = Facts(
        7,
        LOADED.business,
        "chat",
        values={"first_name": "Sara", "favorite_category": "shoes", **values},
        extra={"nickname": "Sasa"},
        tags=frozenset({"VIP"}),
        segments=frozenset({"vips"}),
        history={"points": (Decimal(3), Decimal(2))},
    )
    event = {"ref": "spring", "json": {"a": {"b": "deep"}}}
    run = Run(1, (Frame("f", 0, vars={"n": Decimal(2)}),), event=event)
    return Passage({("f", 0): LOADED.flows["f"]}, run, facts, NOON)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("first_name", "Sara"),
        ("customer.first_name", "Sara"),
        ("customer.nickname", "Sasa"),
        ("extra.nickname", "Sasa"),
        ("extra.nothing", None),
        ("customer.id", 7),
        ("last_name", None),
        ("tags", frozenset({"VIP"})),
        ("segment", frozenset({"vips"})),
        ("var.n", Decimal(2)),
        ("var.m", None),
        ("event.ref", "spring"),
        ("event.json.a.b", "deep"),
        ("event.ref.x", None),
        ("business.name", "Lotus"),
        ("channel", "chat"),
        ("now", NOON),
        ("reply.text", None),
        ("nothing.at.all", None),
    ],
)
def test_criteria_read_values_by_dotted_names(name: str, value: Any) -> None:
    assert passage().scope.get(name) == value


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ customer.first_name }} {{ customer.last_name }}.", "Sara ."),
        ("{{ customer.favorite_category }}", "Shoes"),
        ("{{ customer.favorite_category.value }}", "shoes"),
        ("{{ customer.nickname }}", "Sasa"),
        ("{{ customer.extra.nickname }}", "Sasa"),
        ("{{ customer.tags | join('+') }}", "VIP"),
        ("{{ var.n + 1 }} {{ event.json.a.b }}", "3 deep"),
        ("{{ business.name }} {{ channel }}", "Lotus chat"),
        ("{{ now.year }}", "2026"),
        ("{{ history('points') | join(',') }}", "3,2"),
    ],
)
def test_templates_read_the_same_names(template: str, text: str) -> None:
    assert compile_template(template).render(passage().scope) == text


def test_a_select_prints_its_label_in_the_persons_language() -> None:
    at = passage(language="fa")
    assert compile_template("{{ customer.favorite_category }}").render(at.scope) == "کفش"


def test_what_one_node_changes_the_next_one_reads() -> None:
    at = passage()
    scope = at.scope
    at.write("first_name", "Zahra")
    at.write("var.n", Decimal(9))
    at.add_tag("Sneakers")
    at.reply, at.reply_value = Message(text="۴۲"), Decimal(42)
    assert scope.get("first_name") == "Zahra"
    assert scope.get("var.n") == Decimal(9)
    assert scope.get("tags") == {"VIP", "Sneakers"}
    assert (scope.get("reply.text"), scope.get("reply.value")) == ("۴۲", Decimal(42))


def test_a_new_language_or_zone_counts_at_once() -> None:
    at = passage()
    assert at.scope.locale.language == "en"
    at.write("language", "fa")
    at.write("timezone", "Asia/Tehran")
    assert at.scope.locale.language == "fa"
    assert at.zone.key == "Asia/Tehran"


def test_views_are_mappings_of_what_they_show() -> None:
    scope = passage().scope
    assert set(scope.named) == set(ROOTS)
    assert len(scope.named) == len(ROOTS)
    assert scope.named["channel"] == "chat"
    customer = scope.named.customer
    assert {"first_name", "nickname", "id", "tags"} <= set(customer)
    assert len(customer) == len(list(customer))
    assert customer["first_name"] == "Sara"
    with pytest.raises(KeyError):
        customer["last_name"]
    labels = scope.named["customer"].labels  # type: ignore[attr-defined]  # a Record
    assert labels["gender"] == {"female": "female", "male": "male"}
    assert "first_name" not in labels
    assert {"gender", "favorite_category"} <= set(labels)
    assert len(labels) == len(list(labels))
    assert "timezone" in BUSINESS_NAMES


@pytest.mark.parametrize("name", ["", "Nowhere/City", "../etc/passwd", "America", "a\x00b"])
def test_a_zone_that_is_none_is_the_business_s(name: str) -> None:
    assert known_zone(name, "Asia/Tehran").key == "Asia/Tehran"
    assert known_zone(name, "Nowhere").key == "UTC"


@pytest.mark.parametrize(
    ("language", "spoken"),
    [("fa", "fa"), ("fa-IR", "fa"), ("en_GB", "en"), ("de", "en"), (None, "en")],
)
def test_a_person_is_spoken_to_in_a_language_of_the_business(
    language: str | None, spoken: str
) -> None:
    assert passage(language=language).language == spoken


def test_a_date_is_compared_as_a_date() -> None:
    at = passage(birth_date=date(1990, 5, 15))
    template = compile_template("{{ 'y' if customer.birth_date.month == 5 else 'n' }}")
    assert template.render(at.scope) == "y"


def test_a_label_without_the_readers_language_is_that_of_the_businesss_languages_in_order() -> None:
    text = Text.by_language({"de": "Schuhe", "fa": "کفش"})
    category = Field(
        key="category", type=FieldType.SELECT, label=text, options=(Option("shoes", text),)
    )
    business = Business(key="b", name="B", languages=("en", "fa"), fields={"category": category})
    assert business.labels("en") == {"category": {"shoes": "کفش"}}
    assert business.labels("de") == {"category": {"shoes": "Schuhe"}}
    assert business.labels("en") is business.labels("en")
