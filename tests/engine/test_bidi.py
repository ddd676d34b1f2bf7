"""What is put into a sentence of another direction is shown in its own order, and only that."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.bidi import isolated, out_of_links, runs_right, unmarked
from engine.templates import compile_template
from tests.engine.templates.scopes import ENGLISH, PERSIAN, scope


def told(source: str, **names: object) -> str:
    """A message, with its marks written as < and >."""
    text = compile_template(source).tell(scope(PERSIAN, var=names))
    return text.replace("\u2068", "<").replace("\u2069", ">")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Sara", "<Sara>"),
        ("1990-05-15", "<1990-05-15>"),
        ("۱۳۶۹-۰۲-۲۵", "<۱۳۶۹-۰۲-۲۵>"),
        ("+98 912 345 6789", "<+98 912 345 6789>"),
        ("-5", "<-5>"),
        ("50%", "<50%>"),
        ("W-0042", "<W-0042>"),
        ("sara@example.com", "<sara@example.com>"),
        ("شرکت ABC", "<شرکت ABC>"),
        ("Sara\nAhmadi", "<Sara>\n<Ahmadi>"),
        ("سارا", "سارا"),
        ("سارا (Sara) احمدی", "سارا (Sara) احمدی"),
        ("20", "20"),
        ("۱۲٬۵۰۰", "۱۲٬۵۰۰"),
        ("1369/02/25", "1369/02/25"),
        ("17:30", "17:30"),
        ("👋", "👋"),
        ("https://lotus.ir/a-b", "https://lotus.ir/a-b"),
    ],
)
def test_in_a_persian_sentence_what_would_be_turned_is_isolated(value: str, expected: str) -> None:
    assert told("سلام {{ var.x }} جان", x=value) == f"سلام {expected} جان"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("سارا", "<سارا>"), ("٢٠", "<٢٠>"), ("Sara", "Sara"), ("1990-05-15", "1990-05-15"),
     ("Sara (سارا) Ahmadi", "Sara (سارا) Ahmadi"), ("Zoë", "Zoë")],
)  # fmt: skip
def test_in_an_english_sentence_what_runs_from_the_right_is(value: str, expected: str) -> None:
    assert told("Hi {{ var.x }}, 5 items", x=value) == f"Hi {expected}, 5 items"


def test_a_sentence_that_begins_with_a_name_still_runs_from_the_right() -> None:
    text = compile_template("{{ customer.first_name }} عزیز").tell(scope(PERSIAN))
    assert text == "\u2068Sara\u2069 عزیز"
    assert runs_right(text.partition("\u2069")[2])


@pytest.mark.parametrize(
    "source",
    [
        "ببینید: https://lotus.ir/p/{{ var.x }}",
        "ببینید: https://lotus.ir/{% if var.x %}{{ var.x }}{{ var.x }}{% endif %}/ok",
        "ببینید: {{ var.x }}/path",
        "ببینید: lotus.ir/?a={{ var.x }}&b={{ var.x }}",
        "کانال ما @{{ var.x }}",
        "بنویسید /start_{{ var.x }} همین",
        "{{ var.x }}.lotus.ir را ببینید",
    ],
)
def test_nothing_stands_inside_of_a_link_a_name_or_a_command(source: str) -> None:
    assert "<" not in told(source, x="W-1")


def test_beside_a_sign_it_is_isolated_all_the_same() -> None:
    assert told("کد:{{ var.x }}، ({{ var.x }})", x="W-1") == "کد:<W-1>، (<W-1>)"


def test_a_text_without_letters_and_a_value_alone_have_no_marks() -> None:
    assert told("{{ var.x }} - {{ var.y }}", x="Sara", y="سارا") == "Sara - سارا"
    assert told("{{ var.x }}", x="Sara") == "Sara"


def test_each_form_of_a_plural_and_each_round_of_a_loop_is_isolated() -> None:
    looped = "کدها: {% for x in var.x %}{{ x }} {% endfor %}"
    assert told(looped, x=["A-1", "سلام"]) == "کدها: <A-1> سلام "


def test_what_is_computed_or_stored_has_no_marks() -> None:
    template = compile_template("کد W-{{ customer.id }} {{ customer.first_name }}")
    assert unmarked(template.tell(scope(PERSIAN))) == template.render(scope(PERSIAN))
    assert "\u2068" not in template.render(scope(PERSIAN))
    assert "\u2068" not in str(template.evaluate(scope(ENGLISH)))


def test_a_value_cannot_turn_what_stands_after_it() -> None:
    assert told("سلام {{ var.x }} جان", x="a\u202egnp.exe\u2069") == "سلام <agnp.exe> جان"


@given(st.text(), st.sampled_from([True, False, None]))
def test_a_mark_that_opens_is_closed_on_its_line(value: str, right: bool | None) -> None:
    for line in isolated(value, right).split("\n"):
        if right is not None:
            assert line.count("\u2068") == line.count("\u2069")
        assert out_of_links(line).count("\u2068") == out_of_links(line).count("\u2069")
