"""The templates of the industries: the fields that a business begins with."""

from __future__ import annotations

import pytest

from engine.fields.types import Field
from engine.loader import load_project
from engine.loader.industries import INDUSTRIES, TEMPLATE_LANGUAGES
from engine.texts import Text
from nodes import KINDS
from rapport.project import industries, industry_template

ENOUGH = 5


def fields_of(industry: str) -> list[Field]:
    """What a business of an industry has without a word of its own; no problem in it."""
    crm = f"business: {{name: Lotus, languages: [en, fa]}}\nindustry: {industry}\n"
    loaded = load_project({"crm.yaml": crm}, KINDS, industry_template)
    assert [str(problem) for problem in loaded.problems] == []
    assert loaded.business is not None
    return list(loaded.business.fields.values())


def says(text: Text[str]) -> set[str | None]:
    """The languages that a text speaks."""
    return {language for language, _, _ in text.variants}


def test_every_industry_has_a_template_and_every_template_an_industry() -> None:
    assert sorted(industries()) == sorted(INDUSTRIES)


@pytest.mark.parametrize("industry", INDUSTRIES)
def test_a_template_has_five_fields_or_more(industry: str) -> None:
    assert sum(field.is_system for field in fields_of(industry)) >= ENOUGH


@pytest.mark.parametrize("industry", INDUSTRIES)
def test_a_template_speaks_english_and_persian_to_the_last_option(industry: str) -> None:
    for field in (field for field in fields_of(industry) if field.is_system):
        texts = [field.label, *(option.label for option in field.options)]
        texts += [field.ask] if field.ask is not None else []
        for text in texts:
            assert says(text) == set(TEMPLATE_LANGUAGES), f"{industry}: {field.key}: {text}"
