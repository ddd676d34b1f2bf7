"""A text picks the variant for its reader's language and channel."""

from __future__ import annotations

import pytest

from engine.texts import Text


@pytest.fixture
def greeting() -> Text[str]:
    return Text(
        (
            ("en", None, "Hi"),
            ("fa", "telegram", "سلام"),
            ("fa", "instagram", "درود"),
        )
    )


def test_a_plain_text_is_the_same_for_everyone() -> None:
    text = Text.plain("Hi")
    assert {text.pick("en", "telegram"), text.pick("fa", "chat"), text.pick(None)} == {"Hi"}


def test_the_readers_language_and_channel_choose_the_variant(greeting: Text[str]) -> None:
    assert greeting.pick("fa", "instagram") == "درود"


def test_a_variant_for_every_channel_serves_each_of_them(greeting: Text[str]) -> None:
    assert greeting.pick("en", "telegram") == "Hi"


def test_a_language_counts_more_than_a_channel(greeting: Text[str]) -> None:
    assert greeting.pick("fa", "chat") == "سلام"


def test_a_regional_language_reads_its_base_language(greeting: Text[str]) -> None:
    assert greeting.pick("fa-IR", "instagram") == "درود"
    assert greeting.pick("en_GB", "telegram") == "Hi"


@pytest.mark.parametrize(
    ("fallbacks", "expected"),
    [
        (["fa", "en"], "درود"),
        (["en", "fa"], "Hi"),
        (["de", "fa"], "درود"),
        ([], "Hi"),
        (["tr"], "Hi"),
    ],
)
def test_a_missing_language_falls_back_in_order_then_to_the_first_written(
    greeting: Text[str], fallbacks: list[str], expected: str
) -> None:
    assert greeting.pick("de", "instagram", fallbacks) == expected


def test_a_text_by_channel_alone_needs_no_language() -> None:
    text = Text(((None, "telegram", "tap"), (None, "instagram", "click")))
    assert text.pick("fa", "instagram") == "click"
    assert text.pick("fa", "chat") == "tap"


def test_an_unknown_reader_gets_the_first_fallback(greeting: Text[str]) -> None:
    assert greeting.pick(None, "telegram", ["fa"]) == "سلام"


def test_texts_with_the_same_variants_are_equal_and_hash_alike(greeting: Text[str]) -> None:
    twin = Text(greeting.variants)
    assert twin == greeting
    assert hash(twin) == hash(greeting)
    assert twin != Text.plain("Hi")


def test_every_variant_can_be_changed_into_something_else(greeting: Text[str]) -> None:
    lengths = greeting.map(len)
    assert lengths.pick("en", "telegram") == 2
    assert lengths.pick("fa", "telegram") == 4


@pytest.mark.parametrize("variants", [(), (("en", None, "a"), ("en", None, "b"))])
def test_no_variant_or_two_for_one_reader_is_an_error(
    variants: tuple[tuple[str, None, str], ...],
) -> None:
    with pytest.raises(ValueError, match="exactly one variant"):
        Text(variants)
