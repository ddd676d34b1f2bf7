"""Texts, yes and no, contacts and choices; and no reply, however odd, raises."""

from __future__ import annotations

import unicodedata
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fields.faults import Fault, FaultCode, fault_text
from engine.fields.places import Locale
from engine.fields.readings import Ambiguous, Read, Refused
from engine.fields.reply import read_reply
from engine.fields.types import PLAIN, Field, FieldType, Option
from engine.texts import Text
from tests.engine.fields.support import NOW, TEHRAN, read

CATEGORY = Field(
    key="favorite_category",
    type=FieldType.SELECT,
    label=Text.plain("Favourite category"),
    options=(
        Option("clothes", Text.by_language({"en": "Clothes", "fa": "لباس"})),
        Option("shoes", Text.by_language({"en": "Shoes & boots", "fa": "کفش"})),
        Option("1", Text.plain("One")),
    ),
)


def code_of(reading: object) -> FaultCode:
    assert isinstance(reading, Refused)
    return reading.fault.code


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("  Sara \n", "Sara"),
        ("e\u0301", "é"),
        ("\u200fسارا\u200f", "سارا"),
        ("می‌روم", "می‌روم"),
        ("two\r\nlines\twith a tab", "two\nlines\twith a tab"),
        ("❤️", "❤️"),
        ("😀" * 4096, "😀" * 4096),
    ],
)
def test_a_text_is_stored_trimmed_and_composed(written: str, stored: str) -> None:
    assert read(written, "text") == Read(stored)


@pytest.mark.parametrize(
    "written", ["", "   ", "\u200b\u200c\u200d", "\u200f\ufeff\n", "\ufe0f", "ㅤ"]
)
@pytest.mark.parametrize("type_", list(FieldType))
def test_a_reply_of_which_nothing_is_seen_is_empty(written: str, type_: FieldType) -> None:
    assert code_of(read(written, type_.value)) is FaultCode.EMPTY


@pytest.mark.parametrize("written", ["a\x00b", "a\x1bb", "a\x7f", "a\x85b", "\ud83d", "a\rb"])
def test_control_characters_and_lone_surrogates_are_refused(written: str) -> None:
    assert code_of(read(written, "text")) is FaultCode.CONTROL_CHARACTERS


@pytest.mark.parametrize("type_", list(FieldType))
def test_a_reply_over_4096_characters_is_refused_with_the_limit(type_: FieldType) -> None:
    refused = read("9" * 4097, type_.value)
    assert code_of(refused) is FaultCode.TOO_LONG
    assert isinstance(refused, Refused)
    assert refused.fault.params == {"limit": 4096}


@pytest.mark.parametrize(
    "written",
    [
        *("yes", "Yes!", "YES PLEASE", "y", "ok", "true", "1", "of course", "Evet"),
        *("۱", "بله", "آره", "اره", "نعم", "👍", "👍🏽", "✅", "✔️"),
    ],
)
def test_people_say_yes_in_many_ways(written: str) -> None:
    assert read(written, "boolean") == Read(True)


@pytest.mark.parametrize(
    "written",
    [
        "no",
        "No.",
        "n",
        "no, thanks",
        "false",
        "0",
        "۰",
        "نه",
        "خیر",
        "لا",
        "Hayır",
        "HAYIR",
        "👎",
        "❌",
    ],
)
def test_people_say_no_in_many_ways(written: str) -> None:
    assert read(written, "boolean") == Read(False)


@pytest.mark.parametrize("written", ["maybe", "no idea", "yes and no", "2", "-1", "؟"])
def test_neither_yes_nor_no_is_refused(written: str) -> None:
    assert code_of(read(written, "boolean")) is FaultCode.NOT_BOOLEAN


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Sara@Example.COM", "sara@example.com"),
        (" sara+shop@mail.example.org ", "sara+shop@mail.example.org"),
        ("sara۱@example.com", "sara1@example.com"),
        ("mailto:sara@example.com", "sara@example.com"),
    ],
)
def test_an_email_address_is_stored_in_small_letters(written: str, stored: str) -> None:
    assert read(written, "email") == Read(stored)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("sara @example.com", FaultCode.EMAIL_SPACES),
        ("sara@exam ple.com", FaultCode.EMAIL_SPACES),
        ("I have none", FaultCode.NOT_EMAIL),
        ("sara", FaultCode.NOT_EMAIL),
        ("sara@localhost", FaultCode.NOT_EMAIL),
        ("sara@@example.com", FaultCode.NOT_EMAIL),
        ("a" * 250 + "@example.com", FaultCode.TOO_LONG),
    ],
)
def test_what_is_no_email_address_is_refused(written: str, code: FaultCode) -> None:
    assert code_of(read(written, "email")) is code


@pytest.mark.parametrize(
    "written",
    ["09123456789", "9123456789", "۰۹۱۲ ۳۴۵ ۶۷۸۹", "+98 912 345 6789", "0098-912-345-6789"],
)
def test_a_phone_number_is_stored_in_its_international_form(written: str) -> None:
    assert read(written, "phone") == Read("+989123456789")


@pytest.mark.parametrize("written", ["123", "banana", "09123456789 ext 5", "+98 1", "2026-05-15"])
def test_what_cannot_be_dialled_is_refused(written: str) -> None:
    assert code_of(read(written, "phone")) is FaultCode.NOT_PHONE


def test_without_a_country_a_phone_number_needs_its_code() -> None:
    nowhere = Locale()
    assert code_of(read("09123456789", "phone", nowhere)) is FaultCode.NOT_PHONE
    assert read("0049 30 901820", "phone", nowhere) == Read("+4930901820")


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("example.com", "https://example.com"),
        ("HTTP://Example.com/Path?q=1#x", "http://example.com/Path?q=1#x"),
        ("example.com:8080/x", "https://example.com:8080/x"),
        ("مثال.ایران", "https://مثال.ایران"),
        ("https://xn--mgbh0fb.xn--kgbechtv", "https://xn--mgbh0fb.xn--kgbechtv"),
    ],
)
def test_a_web_address_gets_its_scheme(written: str, stored: str) -> None:
    assert read(written, "url") == Read(stored)


@pytest.mark.parametrize(
    "written",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://example.com",
        "mailto:a@example.com",
        "a@example.com",
        "https://user:secret@example.com",
        "localhost",
        "http://[::1]/",
        "http://[::1",
        "192.168.0.1",
        "1.5",
        "example..com",
        "exam ple.com",
        "https://example.com\\@evil.com",
        "http://example.com:99999",
        "https://",
    ],
)
def test_what_is_no_web_address_is_refused(written: str) -> None:
    assert code_of(read(written, "url")) is FaultCode.NOT_URL


@pytest.mark.parametrize(
    ("written", "chosen"),
    [
        ("clothes", "clothes"),
        ("CLOTHES!", "clothes"),
        ("لباس", "clothes"),
        ("كفش", "shoes"),
        ("shoes boots", "shoes"),
        ("2", "shoes"),
        ("۲.", "shoes"),
        ("One", "1"),
    ],
)
def test_an_option_is_chosen_by_value_label_or_number(written: str, chosen: str) -> None:
    assert read(written, CATEGORY) == Read(chosen)


def test_a_typed_option_beats_its_number() -> None:
    assert read("1", CATEGORY) == Read("1")


@pytest.mark.parametrize("written", ["4", "0", "hats", "-1", "9" * 4096])
def test_what_is_no_option_is_refused(written: str) -> None:
    assert code_of(read(written, CATEGORY)) is FaultCode.NOT_OPTION


def test_a_list_is_its_items_each_once() -> None:
    assert read("milk, bread،milk\n eggs;", "list") == Read(("milk", "bread", "eggs"))
    assert code_of(read(", ،", "list")) is FaultCode.NOT_LIST


def test_a_list_with_options_takes_only_those() -> None:
    several = Field(
        key="categories",
        type=FieldType.LIST,
        label=Text.plain("Categories"),
        options=CATEGORY.options,
    )
    assert read("لباس, Shoes & boots", several) == Read(("clothes", "shoes"))
    assert code_of(read("clothes, hats", several)) is FaultCode.NOT_OPTION


ODD = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("0123456789۰۱۲٣٫٬.,:/-+ \u200c\u200f\x00@apmT"),
    ),
    max_size=40,
)


@settings(deadline=None)  # the first phone number imports its library
@given(ODD, st.sampled_from(list(FieldType)), st.sampled_from(["en", "fa", "de"]))
def test_no_reply_raises_whatever_it_is(text: str, type_: FieldType, language: str) -> None:
    locale = Locale(language=language, country="IR", timezone="Asia/Tehran", calendar="jalali")
    reading = read_reply(text, PLAIN[type_], locale, NOW)
    assert isinstance(reading, Read | Ambiguous | Refused)


@given(st.text())
def test_reading_a_stored_text_again_changes_nothing(text: str) -> None:
    reading = read_reply(text, PLAIN[FieldType.TEXT], TEHRAN, NOW)
    if isinstance(reading, Read):
        assert isinstance(reading.value, str)
        assert unicodedata.is_normalized("NFC", reading.value)
        assert read_reply(reading.value, PLAIN[FieldType.TEXT], TEHRAN, NOW) == reading


def test_a_naive_moment_is_never_read() -> None:
    reading = read("2026-05-15 17:30", "datetime")
    assert isinstance(reading, Read)
    assert isinstance(reading.value, datetime)
    assert reading.value.utcoffset() is not None


@pytest.mark.parametrize("language", ["en", "fa"])
def test_the_number_shown_to_whom_gave_none_can_be_read_without_a_country(language: str) -> None:
    text = fault_text(Fault(FaultCode.NOT_PHONE), language)
    shown = text[text.index("+") :].rstrip(" .بنویسد")
    reading = read(shown, "phone", Locale())
    assert isinstance(reading, Read), shown
