"""Folding makes alike what people mean alike."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fields.fold import FOLD_FROM, FOLD_TO, fold, fold_phrase, latin_digits


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("VIP", "vip"),
        ("ÀÉÎ", "àéî"),
        ("ΣΟΦΙΑ", "σοφια"),
        ("ЖЁЛТЫЙ", "жёлтый"),
        ("İstanbul", "istanbul"),
        ("علي", "علی"),
        ("كتاب", "کتاب"),
        ("فاطمة", "فاطمه"),
        ("می‌روم", "می روم"),
        ("۱۲۳ ١٢٣", "123 123"),
    ],
)
def test_case_letter_forms_digits_and_the_non_joiner_fold(written: str, folded: str) -> None:
    assert fold(written) == folded


def test_the_table_for_the_database_pairs_single_characters() -> None:
    assert len(FOLD_FROM) == len(FOLD_TO) == len(set(FOLD_FROM))


@given(st.text())
def test_folding_is_what_a_translation_by_the_table_does_and_keeps_the_length(text: str) -> None:
    table = dict(zip(FOLD_FROM, FOLD_TO, strict=True))
    assert fold(text) == "".join(table.get(character, character) for character in text)
    assert len(fold(text)) == len(text)


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold_phrase(fold_phrase(text)) == fold_phrase(text)


@pytest.mark.parametrize(
    ("typed", "phrase"),
    [
        ("  Hello,   WORLD!! ", "hello world"),
        ("don’t", "dont"),
        ("«سلام»؟", "سلام"),
        ("سَلام", "سلام"),
        ("ســـلام", "سلام"),
        ("نمی‌دانم", "نمی دانم"),
        ("👍🏽", "👍"),
        ("✔️", "✔"),
        ("?", "?"),
        ("...", "..."),
        ("", ""),
    ],
)
def test_a_phrase_is_its_words(typed: str, phrase: str) -> None:
    assert fold_phrase(typed) == phrase


def test_composed_and_decomposed_letters_make_one_phrase() -> None:
    assert fold_phrase(unicodedata.normalize("NFD", "Café")) == fold_phrase("café")


def test_digits_of_three_scripts_become_latin_ones() -> None:
    assert latin_digits("۱۲٣4") == "1234"
