"""Texts that differ by a number: which form is said, and what is told of wrong ones."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.loader import Loaded
from engine.templates import Template
from tests.engine.loader.loading import CRM, load, nodes, told
from tests.engine.templates.scopes import scope

RUSSIAN = CRM.replace("languages: [en, fa]", "language: ru, languages: [ru, ar, en]")


def said(loaded: Loaded, language: str, number: object) -> str:
    """What the first node says of `var.n` to a reader of `language`."""
    assert not [problem for problem in loaded.problems if problem.severity == "error"]
    text = loaded.flows["f"].nodes[0].texts[0]  # type: ignore[attr-defined]  # a `say`
    template: Template = text.pick(language, "telegram", ("en",))
    return template.render(scope(var={"n": number}))


def hats(forms: str, crm: str = CRM) -> Loaded:
    return load(f"flow: f\nvars: {{n: 1}}\nnodes:\n  - say: {forms}\n", crm=crm)


ENGLISH = '{en: {count: var.n, one: One hat, other: "{{ var.n }} hats"}, fa: "{{ var.n }} کلاه"}'


@pytest.mark.parametrize(
    ("number", "expected"),
    [(1, "One hat"), (Decimal("1.00"), "One hat"), (-1, "One hat"), (0, "0 hats"), (2, "2 hats"),
     (Decimal("1.5"), "1.5 hats"), (None, " hats")],
)  # fmt: skip
def test_english_tells_one_from_other(number: object, expected: str) -> None:
    assert said(hats(ENGLISH), "en", number) == expected


def test_a_language_without_forms_has_one_text() -> None:
    assert hats(ENGLISH).problems == ()
    assert said(hats(ENGLISH), "fa", 1) == "1 کلاه"


def test_russian_and_arabic_have_the_forms_that_cldr_gives_them() -> None:
    loaded = hats(
        "{count: var.n, ru: {one: шляпа, few: шляпы, many: шляп, other: шляпы},"
        " ar: {zero: z, one: o, two: t, few: f, many: m, other: x}, en: {one: hat, other: hats}}",
        RUSSIAN,
    )
    assert loaded.problems == ()
    assert [said(loaded, "ru", n) for n in (1, 3, 5, 11, 21)] == [
        "шляпа", "шляпы", "шляп", "шляп", "шляпа",
    ]  # fmt: skip
    assert "".join(said(loaded, "ar", n) for n in (0, 1, 2, 3, 11, 100)) == "zotfmx"


def test_forms_stand_under_a_channel_too() -> None:
    loaded = hats(
        "{en: {telegram: {count: var.n, one: 1t, other: nt}, instagram: insta}, fa: کلاه}"
    )
    assert (said(loaded, "en", 1), said(loaded, "en", 2)) == ("1t", "nt")


def test_a_form_that_is_not_written_reads_as_other_and_is_told() -> None:
    loaded = hats("{count: var.n, ru: {one: шляпа, other: шляп}, en: x, ar: y}", RUSSIAN)
    assert told(loaded.problems) == ["4:29 W502"]
    assert "few and many" in loaded.problems[0].message
    assert said(loaded, "ru", 3) == "шляп"


def test_a_number_that_is_counted_may_be_any_template() -> None:
    loaded = hats('{count: "{{ var.n | length }}", one: One hat, other: Hats}')
    assert (said(loaded, "en", "x"), said(loaded, "en", "xx")) == ("One hat", "Hats")


@pytest.mark.parametrize(
    ("forms", "place"),
    [
        ("{one: a, other: b}", "4:10 E505"),
        ("{count: var.n, one: a}", "4:10 E506"),
        ("{count: var.n}", "4:10 E506"),
        ("{count: how many, one: a, other: b}", "4:18 E507"),
        ("{count: [1], one: a, other: b}", "4:18 E507"),
        ("{count: var.m, one: a, other: b}", "4:18 E306"),
        ("{count: var.n, few: c, one: a, other: b}", "4:25 W503"),
        ("{count: var.n, one: a, other: b, fa: c}", "4:43 E205"),
        ("{count: var.n, one: [a], other: b}", "4:30 E201"),
        ('{count: var.n, one: "{{ x. }}", other: b}', "4:37 E501"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_plural_is_told_where_it_stands(forms: str, place: str) -> None:
    assert told(hats(forms).problems)[:1] == [place]


def test_a_label_is_the_same_for_every_number() -> None:
    crm = CRM.replace("nick: {type: text}", "nick: {label: {count: var.n, one: a, other: b}}")
    assert told(load(nodes("- say: Hi\n"), crm=crm).problems) == ["7:17 E508"]


def test_what_is_counted_and_what_the_forms_read_are_looked_up() -> None:
    loaded = hats('{count: var.n, one: "{{ customer.nik }}", other: b}')
    assert [problem.suggestion for problem in loaded.problems] == ["Did you mean 'nick'?"]
