"""What a person may write to name one customer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.services.references import (
    ByAccount,
    ByEmail,
    ById,
    ByPhone,
    Reference,
    phone_numbers,
    read_reference,
)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("7", ById(7)),
        (" id:7 ", ById(7)),
        ("۷", ById(7)),
        ("id:1234567890123", ById(1234567890123)),
        ("telegram:777", ByAccount("telegram", "777")),
        ("Instagram:17841", ByAccount("instagram", "17841")),
        ("chat:Sara Ahmadi", ByAccount("chat", "Sara Ahmadi")),
        ("Sara@Example.com", ByEmail("sara@example.com")),
        ("sara@localhost", ByEmail("sara@localhost")),
        ("telegram:", None),
        ("viber:7", None),
        ("Sara", None),
        ("", None),
    ],
)
def test_a_reference_is_read_by_its_form(text: str, read: Reference | None) -> None:
    assert read_reference(text, "IR") == read


@pytest.mark.parametrize(
    "text",
    [
        "+989123456789",
        "+98 912 345 6789",
        "0912 345 6789",
        "(0912) 345-67-89",
        "۰۹۱۲۳۴۵۶۷۸۹",
        "00989123456789",
        "989123456789",
        "9123456789",
    ],
)
def test_a_phone_number_in_any_writing_is_the_same_number(text: str) -> None:
    read = read_reference(text, "IR")
    assert isinstance(read, ByPhone)
    assert read.numbers[0] == "+989123456789"


def test_a_number_nobody_could_dial_is_still_looked_for_as_it_stands() -> None:
    assert read_reference("0000000000", "IR") == ByPhone(("0000000000",))
    assert phone_numbers("0912", "IR") == ()


def test_a_local_number_without_a_country_is_looked_for_as_it_stands() -> None:
    assert read_reference("09123456789", "") == ByPhone(("09123456789",))


@given(st.text(max_size=40))
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    read_reference(text, "IR")
