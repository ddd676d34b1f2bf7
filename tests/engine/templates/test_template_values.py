"""What values do in a template: how they print, compare, count, and what undefined means."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from engine.templates import TemplateFailed, compile_template
from tests.engine.templates.scopes import NOW, PERSIAN, evaluate, render, scope


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hi {{ customer.first_name | default('there') }} 👋", "Hi Sara 👋"),
        ("Hi {{ customer.last_name | default('there') }}", "Hi there"),
        ("[{{ customer.last_name }}][{{ nobody.at.all }}]", "[][]"),
        ("[{{ customer.last_name | upper | trim }}]", "[]"),
        ("{{ customer.last_name + 5 }}", "5"),
        ("{{ customer.last_name ~ '!' }}", "!"),
        ("{{ 0.1 + 0.2 }}", "0.3"),
        ("{{ customer.points }}", "20"),
        ("{{ customer.points / 8 }}", "2.5"),
        ("{{ var.ratio * 2 }}", "3"),
        ("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 // 2 }}", "-4 2 3"),
        ("{{ -0.0 * 5 }} {{ 1e3 }} {{ 1_000 }}", "0 1000 1000"),
        ("{{ 'a' + 'b' ~ 1 }}", "ab1"),
        ("{{ customer.category }} {{ customer.category.value }}", "Running shoes shoes"),
        ("{{ customer.likes }}", "Running shoes, Hats"),
        (
            "{{ customer.birth_date }} {{ now }} {{ now.time }}",
            "1990-05-15 2026-03-01 10:00 10:00:25",
        ),
        ("{{ now.weekday }} {{ now.hour }}:{{ now.minute }} {{ now.date.day }}", "sun 10:0 1"),
        ("{{ customer.birth_date.year }}/{{ customer.birth_date.month }}", "1990/5"),
        ("{{ history('weight')[0] - history('weight') | last }}", "-2"),
        ("{{ history('height') | length }}", "0"),
        ("{{ event.json['two words'].list[1].x }}", "5"),
        ("{{ 'VIP' in customer.tags }} {{ 'Old' not in customer.tags }}", "Yes Yes"),
        ("{{ 'ar' in customer.first_name }} {{ 'shoes' in customer.likes }}", "Yes Yes"),
        ("{{ 1 < 2 <= 2 != 3 }} {{ 3 > 2 >= 3 }}", "Yes No"),
        ("{{ customer.points if customer.is_vip else 0 }}{{ 1 if false }}", "20"),
        ("{{ customer.last_name or channel }} {{ not customer.last_name }}", "telegram Yes"),
        ("{% if var.n > 5 %}a{% elif var.n == 3 %}b{% else %}c{% endif %}", "b"),
        ("{% for n in var.list if n > 1 %}{{ loop.index }}:{{ n }} {% endfor %}", "1:3 2:2 "),
        ("{% for n in var.none %}x{% else %}empty{% endfor %}", "empty"),
        ("{% for n in var.list %}{{ n }}{{ ',' if not loop.last }}{% endfor %}", "3,1,2"),
        ("a {#- said aside -#} b{{- 1 -}} c", "ab1c"),
        (r"{{ 'a\_b\\c\'d\x41\7' }}", r"a\_b\c'dA\7"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)
def test_a_value_prints_as_an_author_expects(source: str, text: str) -> None:
    assert render(source, event={"json": {"two words": {"list": [0, {"x": 5}]}}}) == text


def test_a_boolean_prints_in_the_language_of_the_reader() -> None:
    assert render("{{ customer.is_vip }} {{ false }}", PERSIAN) == "بله خیر"
    assert render("{{ customer.is_vip }} {{ false }}") == "Yes No"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ customer.points + 10 }}", Decimal(30)),
        ("{{ customer.birth_date }}", date(1990, 5, 15)),
        ("{{ now }}", NOW),
        ("{{ now.time }}", time(10, 0, 25)),
        ("{{ customer.is_vip }}", True),
        ("{{ customer.last_name }}", None),
        ("{{ customer.category }}", "shoes"),
        ("{{ customer.likes }}", ("shoes", "hats")),
        ("{{ var.list }}", (Decimal(3), Decimal(1), Decimal(2))),
        ("{{ var.n }}", Decimal(3)),
        ("{{ '007' }}", "007"),
        ("{{ event.json }}", {"a": [1]}),
        (" {{ var.n }}", " 3"),
        ("{{ var.n }}{{ var.n }}", "33"),
        ("plain", "plain"),
    ],
)
def test_one_whole_expression_keeps_its_type_and_a_mixture_is_text(
    source: str, value: object
) -> None:
    found = evaluate(source, event={"json": {"a": [1]}})

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("{{ customer.last_name == customer.nothing }}", False),
        ("{{ customer.last_name != 'x' }}", True),
        ("{{ customer.last_name < 5 }}", False),
        ("{{ customer.last_name >= 0 }}", False),
        ("{{ customer.last_name == none }}", True),
        ("{{ customer.first_name != none }}", True),
        ("{{ customer.last_name is none }}", True),
        ("{{ customer.last_name is defined }}", False),
        ("{{ customer.last_name in ['x'] }}", False),
        ("{{ 'x' not in customer.last_name }}", True),
        ("{{ customer.category == 'shoes' }}", True),
        ("{{ customer.category == 'Running shoes' }}", False),
        ("{{ customer.category in ['shoes', 'hats'] }}", True),
        ("{{ customer.is_vip == 1 }}", False),
        ("{{ customer.points == '20' }}", False),
        ("{{ customer.birth_date == '1990-05-15' }}", True),
        ("{{ customer.birth_date < '1990-05-16' }}", True),
        ("{{ now.time < '18:00' }}", True),
        ("{{ now.date == now }}", True),
        ("{{ now > '2026-03-01T09:59:00' }}", True),
        ("{{ var.n is odd }}", True),
        ("{{ var.n is even }}", False),
        ("{{ 6 is divisibleby 3 }}", True),
        ("{{ var.n is number and 'x' is string and true is boolean }}", True),
        ("{{ '' is empty and var.nothing is empty and [] is empty }}", True),
        ("{{ var.n is empty }}", False),
    ],
)
def test_a_comparison_holds_or_does_not(source: str, holds: bool) -> None:
    assert evaluate(source) is holds


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ 1 % customer.last_name }}", "division by zero"),
        ("{{ customer.first_name * 3 }}", "a text where a number is needed"),
        ("{{ customer.first_name < 3 }}", "a text compared with a number"),
        ("{{ customer.birth_date < 'soon' }}", "a date compared with a text"),
        ("{{ customer.birth_date + 1 }}", "a date where a number is needed"),
        ("{{ customer | upper }}", "a group of values where a text is needed"),
        ("{{ 1e20 * 1e20 }}", "a number or date that is too large"),
        ("{{ var.object }}", "a value of the kind object"),
        ("{{ var.endless }}", "a number that is not finite"),
        ("{{ var.huge }}", "a number of more than 28 digits"),
        ("{{ var.list | sort | first + 'x' | round }}", "a text where a number is needed"),
        ("{{ ['a', 1] | max }}", "a list whose items have no order"),
        ("{{ [true, false] | min }}", "a list whose items have no order"),
        ("{{ [[1], [2]] }}", "a list where a text is needed"),
        ("{% for x in channel %}{% endfor %}", "a text where a list is needed"),
        ("{{ 'a' | replace('', 'b') }}", "replace of an empty text"),
        ("{{ 1 | round(50) }}", "round with an unknown method or precision"),
        ("{{ last | when }}", "a number or date that is too large"),
    ],
)
def test_what_values_make_impossible_fails_with_a_reason_that_tells_none_of_them(
    source: str, reason: str
) -> None:
    template = compile_template(source)
    names = {"object": object(), "endless": float("inf"), "huge": 10**40, "list": [1]}
    last = datetime.max.replace(tzinfo=UTC)

    with pytest.raises(TemplateFailed) as failure:
        template.render(scope(var=names, last=last))

    assert failure.value.reason == reason


def test_evaluating_fails_with_the_same_reasons_as_rendering() -> None:
    with pytest.raises(TemplateFailed, match="too large"):
        evaluate("{{ 1e20 * 1e20 }}")


def test_the_loop_variable_hides_a_name_inside_the_loop_only() -> None:
    source = "{% for channel in var.list %}{{ channel }}{% endfor %}{{ channel }}"

    assert render(source) == "312telegram"


def test_an_item_of_a_list_may_be_a_group() -> None:
    source = "{% for p in event.json.items %}{{ p.name }}={{ p['price'] }};{% endfor %}"
    items = [{"name": "Hat", "price": 12.5}, {"name": "Cap"}]

    assert render(source, event={"json": {"items": items}}) == "Hat=12.5;Cap=;"


def test_two_templates_of_one_source_are_equal() -> None:
    assert compile_template("{{ a }}") == compile_template("{{ a }}") != compile_template("{{ b }}")
    assert len({compile_template("{{ a }}"), compile_template("{{ a }}")}) == 1
