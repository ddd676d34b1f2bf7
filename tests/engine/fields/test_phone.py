"""Our short way to a mobile number agrees with phonenumbers, which knows all numbering plans."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from engine.fields.contacts import _plain_mobile, _read_any_phone, read_phone

COUNTRIES = ("IR", "DE", "GB", "US", "TR", "AE", "AF", "IQ", "FR", "IN", "GG", "IT", "RU", "BR")


@pytest.mark.parametrize("country", COUNTRIES)
def test_a_number_is_read_as_the_library_reads_it(country: str) -> None:
    example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None
    mobile = phonenumbers.national_significant_number(example)
    code = f"+{phonenumbers.country_code_for_region(country)}"
    chance = random.Random(country)
    for _ in range(25):
        digits = list(mobile)
        for place in chance.sample(range(len(digits)), chance.randrange(5)):
            digits[place] = chance.choice("0123456789")
        number = "".join(digits)
        parted = f"{number[:3]} {number[3:6]}-{number[6:]}"
        for written in (number, f"0{number}", code + number, code[1:] + number, parted):
            assert read_phone(written, country) == _read_any_phone(written, country), written


def test_the_short_way_is_taken_where_it_is_meant_to_be() -> None:
    plain = _plain_mobile("IR")
    assert plain is not None
    assert plain[1].fullmatch("09123456789")
    assert _plain_mobile("BR") is None
