"""Numbers are read the way people write them, and never as something else."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fields.decimals import LARGEST
from engine.fields.faults import FaultCode
from engine.fields.numbers import DECIMAL_COMMA, read_number
from engine.fields.places import Locale
from engine.fields.readings import Read, Refused
from tests.engine.fields.support import read


def number(text: str) -> Read:
    return Read(Decimal(text))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("20", "20"),
        ("۲۰", "20"),
        ("٢٠", "20"),
        ("-5", "-5"),
        ("−5", "-5"),
        ("+5", "5"),
        ("-0", "0"),
        (".5", "0.5"),
        (",5", "0.5"),
        ("12.5", "12.5"),
        ("0,500", "0.5"),
        ("1250,75", "1250.75"),
        ("۱۲٫۵", "12.5"),
        ("۱٬۲۵۰٫۵", "1250.5"),
        ("1.250,5", "1250.5"),
        ("1,250.5", "1250.5"),
        ("1 250", "1250"),
        ("1 250 000,50", "1250000.5"),
        ("1'250", "1250"),
        ("1,250,000", "1250000"),
        ("1.250.000", "1250000"),
        ("80 kg", "80"),
        ("۱۲ تومان", "12"),
        ("24ans", "24"),
        ("$20", "20"),
        ("5%", "5"),
        ("80 m2", "80"),
        ("about 80 kg please", "80"),
        ("20 ... 20!", "20"),
        ("80k", "80000"),
        ("2.5 million", "2500000"),
        ("۵ هزار تومان", "5000"),
        ("۲‌میلیون", "2000000"),
        ("12.345", "12.35"),
        ("-12.345", "-12.35"),
        ("9999999999999999.994", "9999999999999999.99"),
    ],
)
def test_a_number_is_read_with_its_marks_and_unit(written: str, meant: str) -> None:
    assert read(written, "number") == number(meant)


@pytest.mark.parametrize(
    ("written", "language", "meant"),
    [
        ("1,250", "en", "1250"),
        ("1.250", "en", "1.25"),
        ("1,250", "fa", "1250"),
        ("1.250", "fa", "1.25"),
        ("1,250", "de-AT", "1.25"),
        ("1.250", "de-AT", "1250"),
        ("1.25", "de", "1.25"),
        ("1,25", "en", "1.25"),
    ],
)
def test_one_mark_before_three_digits_follows_the_language(
    written: str, language: str, meant: str
) -> None:
    assert read(written, "number", Locale(language=language)) == number(meant)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("banana", FaultCode.NOT_NUMBER),
        ("m2", FaultCode.NOT_NUMBER),
        ("-", FaultCode.NOT_NUMBER),
        ("½", FaultCode.NOT_NUMBER),
        ("1,2,3", FaultCode.NOT_NUMBER),
        ("1.5.2", FaultCode.NOT_NUMBER),
        ("1e5", FaultCode.NOT_NUMBER),
        ("< 50", FaultCode.NOT_NUMBER),
        ("-$20", FaultCode.NOT_NUMBER),
        ("I think it would have been about 80", FaultCode.NOT_NUMBER),
        ("10 20", FaultCode.SEVERAL_NUMBERS),
        ("5-10", FaultCode.SEVERAL_NUMBERS),
        ("1/2", FaultCode.SEVERAL_NUMBERS),
        ("10:30", FaultCode.SEVERAL_NUMBERS),
        ("2 million 500 thousand", FaultCode.SEVERAL_NUMBERS),
        ("9" * 400, FaultCode.NUMBER_TOO_LARGE),
        ("-" + "9" * 400, FaultCode.NUMBER_TOO_LARGE),
        ("9999999999999999.995", FaultCode.NUMBER_TOO_LARGE),
        ("99999999999999999 million", FaultCode.NUMBER_TOO_LARGE),
    ],
)
def test_what_is_not_one_number_is_refused(written: str, code: FaultCode) -> None:
    refused = read(written, "number")
    assert isinstance(refused, Refused)
    assert refused.fault.code is code


def test_the_refusal_of_a_large_number_names_the_largest() -> None:
    refused = read("9" * 400, "number")
    assert isinstance(refused, Refused)
    assert refused.fault.params == {"limit": LARGEST}


@given(st.decimals(-LARGEST, LARGEST, places=2))
def test_any_number_that_can_be_stored_reads_as_itself_in_every_language(value: Decimal) -> None:
    for language in ("en", "fa", "de"):
        assert read_number(f"{value:f}", language) == Read(value)


@given(st.decimals(0, LARGEST, places=2))
def test_digits_of_three_scripts_read_alike(value: Decimal) -> None:
    latin = f"{value:,f}"
    persian = latin.translate(str.maketrans("0123456789,.", "۰۱۲۳۴۵۶۷۸۹٬٫"))
    arabic = latin.translate(str.maketrans("0123456789,.", "٠١٢٣٤٥٦٧٨٩٬٫"))
    assert read_number(latin, "en") == read_number(persian, "fa") == read_number(arabic, "ar")


def test_the_languages_with_a_decimal_comma_are_those_of_cldr() -> None:
    from babel import Locale as Cldr
    from babel.core import UnknownLocaleError
    from babel.numbers import get_decimal_symbol

    for language in sorted(DECIMAL_COMMA):
        try:
            symbol = get_decimal_symbol(Cldr.parse(language))
        except UnknownLocaleError:
            continue
        assert symbol == ",", language
    for language in ("en", "fa", "ar", "he", "hi", "ja", "ko", "th", "zh", "ur", "bn"):
        assert language not in DECIMAL_COMMA
        assert get_decimal_symbol(Cldr.parse(language)) != ",", language
