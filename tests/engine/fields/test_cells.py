"""Cells of files, as people and spreadsheets write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.fields.cells import Formula, read_cell
from engine.fields.faults import FaultCode
from engine.fields.places import Locale
from engine.fields.readings import Read, Refused
from engine.fields.types import Field, FieldType, Option, Rules
from engine.texts import Text

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
IRAN = Locale("fa", ("fa", "en"), "IR", "Asia/Tehran", "jalali")


def read(raw: object, type_: str, locale: Locale = IRAN, **options: Any) -> Any:
    """The value of a cell, or the rule that it breaks."""
    field = Field(key="x", type=FieldType(type_), label=Text.plain("x"), **options)
    found = read_cell(raw, field, locale, NOW)
    return found.fault.code if isinstance(found, Refused) else found.value


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("9.123456789E+09", "+989123456789"),
        ("۹٫۱۲۳۴۵۶۷۸۹E+09", "+989123456789"),
        (9123456789.0, "+989123456789"),
        (9123456789, "+989123456789"),
        ("9123456789.0", "+989123456789"),
        ("989123456789", "+989123456789"),
        ("۰۹۱۲ ۳۴۵ ۶۷۸۹", "+989123456789"),
    ],
)
def test_a_phone_that_a_spreadsheet_took_for_a_number_is_a_phone(raw: object, number: str) -> None:
    assert read(raw, "phone") == number


@pytest.mark.parametrize("raw", ["9.12E+09", "9.12346E+09", "9,1E+9"])
def test_a_phone_whose_last_digits_a_spreadsheet_has_dropped_is_refused(raw: str) -> None:
    assert read(raw, "phone") is FaultCode.DIGITS_LOST


@pytest.mark.parametrize(
    ("raw", "day"),
    [
        (45292, date(2024, 1, 1)),
        (45292.0, date(2024, 1, 1)),
        ("45292", date(2024, 1, 1)),
        ("1369/02/25", date(1990, 5, 15)),
        ("۱۳۶۹/۲/۲۵", date(1990, 5, 15)),
        ("25/12/1990", date(1990, 12, 25)),
        ("1990-05-15 00:00:00", date(1990, 5, 15)),
        (datetime(2024, 1, 1), date(2024, 1, 1)),  # noqa: DTZ001  # a cell has no zone
        (date(2024, 1, 1), date(2024, 1, 1)),
    ],
)
def test_days_of_spreadsheets_and_of_both_calendars_are_days(raw: object, day: date) -> None:
    assert read(raw, "date") == day


def test_a_day_that_may_be_two_is_refused_unless_the_order_is_known() -> None:
    assert read("03/04/1990", "date") is FaultCode.DATE_AMBIGUOUS
    order = Locale("en", ("en",), "US", date_order="mdy")
    assert read("03/04/1990", "date", order) == date(1990, 3, 4)


def test_rules_are_kept_in_cells_too() -> None:
    assert read("2990-01-01", "date", rules=Rules(past=True)) is FaultCode.NOT_PAST
    assert read("x" * 11, "text", size=10) is FaultCode.TOO_LONG


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("1,250.50", Decimal("1250.50")),
        ("۱٬۲۵۰", Decimal(1250)),
        ("80 kg", Decimal(80)),
        (0.1 + 0.2, Decimal("0.3")),
        (Decimal("7.25"), Decimal("7.25")),
        ("12.345", FaultCode.TOO_MANY_PLACES),
        (12.345, FaultCode.TOO_MANY_PLACES),
        (float("nan"), FaultCode.NOT_NUMBER),
        (True, FaultCode.NOT_NUMBER),
        (10**30, FaultCode.NUMBER_TOO_LARGE),
        ("9" * 30, FaultCode.NUMBER_TOO_LARGE),
    ],
)
def test_numbers_are_exact_and_never_rounded(raw: object, value: object) -> None:
    assert read(raw, "number") == value


def test_moments_and_times_are_of_the_business_where_they_name_no_zone() -> None:
    noon = datetime(2024, 1, 1, 8, 30, tzinfo=UTC)
    assert [read(raw, "datetime") for raw in (45292.5, "45292.5", "2024-01-01 12:00")] == [noon] * 3
    assert read("2024-01-01T05:00:00Z", "datetime") == datetime(2024, 1, 1, 5, tzinfo=UTC)
    assert read("2024-01-01", "datetime") == datetime(2023, 12, 31, 20, 30, tzinfo=UTC)
    half_past_five = [read(raw, "time") for raw in ("17:30", 17.5 / 24, timedelta(hours=17.5))]
    assert half_past_five == [time(17, 30)] * 3


def test_texts_that_became_numbers_are_texts_again() -> None:
    assert [read(raw, "text") for raw in (5, 5.0, 1234567890123.0)] == ["5", "5", "1234567890123"]


def test_an_option_is_meant_by_its_value_or_label_and_not_by_its_place() -> None:
    label = Text.by_language({"en": "Clothes", "fa": "لباس"})
    options = (Option("clothes", label), Option("shoes", Text.plain("Shoes")))
    for raw in ("clothes", "CLOTHES", "لباس"):
        assert read(raw, "select", options=options) == "clothes"
    for place in ("2", 2):
        assert read(place, "select", options=options) is FaultCode.NOT_OPTION


@pytest.mark.parametrize(("raw", "value"), [("بله", True), (0, False), ("1.0", True), ("n", False)])
def test_yes_and_no_are_read_in_every_language_and_as_one_and_zero(
    raw: object, value: bool
) -> None:
    assert read(raw, "boolean") is value


@pytest.mark.parametrize("type_", [item.value for item in FieldType])
def test_a_formula_is_no_value_of_any_type(type_: str) -> None:
    assert read(Formula("=A1"), type_) is FaultCode.FORMULA


@pytest.mark.parametrize("type_", [item.value for item in FieldType])
@pytest.mark.parametrize("raw", [None, "", "  ", "\u200c"])
def test_blank_cells_say_nothing(raw: object, type_: str) -> None:
    assert read(raw, type_, required=True) is None


@pytest.mark.parametrize("type_", [item.value for item in FieldType])
@pytest.mark.parametrize(
    "raw",
    [[1, [2]], {"a": 1}, b"x", "\x00", "\ud800", "a" * 1_000_000, -1, 1e308, object(), "=1+1"],
)
def test_whatever_stands_in_a_cell_is_read_or_refused(raw: object, type_: str) -> None:
    field = Field(key="x", type=FieldType(type_), label=Text.plain("x"))
    assert isinstance(read_cell(raw, field, IRAN, NOW), Read | Refused)
