"""Typed values from files and programs are taken in their exact forms only."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fields.coerce import coerce, normalise
from engine.fields.faults import FaultCode
from engine.fields.readings import Read, Refused
from engine.fields.types import PLAIN, Field, FieldType, Option, Rules, Value
from engine.texts import Text
from tests.engine.fields.support import NOW, TEHRAN


@pytest.mark.parametrize(
    ("raw", "type_", "value"),
    [
        ("  Sara ", "text", "Sara"),
        ("", "text", None),
        (None, "number", None),
        ("004512", "text", "004512"),
        ("80", "number", Decimal(80)),
        ("12.50", "number", Decimal("12.5")),
        ("1e3", "number", Decimal(1000)),
        (80, "number", Decimal(80)),
        (0.1, "number", Decimal("0.1")),
        (Decimal("-3.25"), "number", Decimal("-3.25")),
        ("no", "boolean", False),
        ("On", "boolean", True),
        (True, "boolean", True),
        ("1990-05-15", "date", date(1990, 5, 15)),
        (date(1990, 5, 15), "date", date(1990, 5, 15)),
        ("9:05", "time", time(9, 5)),
        ("10:00:30", "time", time(10, 0, 30)),
        (time(10), "time", time(10)),
        ("2026-03-01T10:00:00+03:30", "datetime", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        ("2026-03-01 10:00", "datetime", datetime(2026, 3, 1, 6, 30, tzinfo=UTC)),
        (
            datetime(2026, 3, 1, 10, tzinfo=timezone(timedelta(hours=1))),
            "datetime",
            datetime(2026, 3, 1, 9, tzinfo=UTC),
        ),
        ("Sara@Example.com", "email", "sara@example.com"),
        ("09123456789", "phone", "+989123456789"),
        ("example.com", "url", "https://example.com"),
        (["a", " b ", "a"], "list", ("a", "b")),
    ],
)
def test_an_exact_form_is_taken(raw: object, type_: str, value: Value) -> None:
    assert coerce(raw, PLAIN[FieldType(type_)], TEHRAN) == Read(value)


@pytest.mark.parametrize(
    ("raw", "type_", "code"),
    [
        (12, "text", FaultCode.NOT_TEXT),
        ("a\x00", "text", FaultCode.CONTROL_CHARACTERS),
        ("80 kg", "number", FaultCode.NOT_NUMBER),
        ("1,250", "number", FaultCode.NOT_NUMBER),
        (True, "number", FaultCode.NOT_NUMBER),
        (float("nan"), "number", FaultCode.NOT_NUMBER),
        (float("inf"), "number", FaultCode.NOT_NUMBER),
        ("12.345", "number", FaultCode.TOO_MANY_PLACES),
        (10**400, "number", FaultCode.NUMBER_TOO_LARGE),
        ("1e999", "number", FaultCode.NUMBER_TOO_LARGE),
        (1, "boolean", FaultCode.NOT_BOOLEAN),
        ("maybe", "boolean", FaultCode.NOT_BOOLEAN),
        ("15.5.1990", "date", FaultCode.NOT_DATE),
        (datetime(2026, 3, 1, tzinfo=UTC), "date", FaultCode.NOT_DATE),
        ("1990-02-30", "date", FaultCode.NO_SUCH_DATE),
        ("5pm", "time", FaultCode.NOT_TIME),
        ("25:00", "time", FaultCode.NOT_TIME),
        (10, "time", FaultCode.NOT_TIME),
        ("2026-03-01", "datetime", FaultCode.NOT_DATETIME),
        ("2026-02-30T10:00", "datetime", FaultCode.NO_SUCH_DATE),
        ("0001-01-01T00:00", "datetime", FaultCode.NO_SUCH_DATE),
        (7, "email", FaultCode.NOT_EMAIL),
        (7, "phone", FaultCode.NOT_PHONE),
        (7, "url", FaultCode.NOT_URL),
        (7, "select", FaultCode.NOT_OPTION),
        ("a", "list", FaultCode.NOT_LIST),
        (["a", 7], "list", FaultCode.NOT_LIST),
        ([""], "list", FaultCode.NOT_LIST),
    ],
)
def test_any_other_form_is_refused(raw: object, type_: str, code: FaultCode) -> None:
    refused = coerce(raw, PLAIN[FieldType(type_)], TEHRAN)
    assert isinstance(refused, Refused)
    assert refused.fault.code is code


def test_an_option_is_named_by_its_value_not_its_label() -> None:
    field = Field(
        key="category",
        type=FieldType.SELECT,
        label=Text.plain("Category"),
        options=(Option("shoes", Text.plain("Fine shoes")),),
    )
    assert coerce("shoes", field, TEHRAN) == Read("shoes")
    refused = coerce("Fine shoes", field, TEHRAN)
    assert isinstance(refused, Refused)
    assert refused.fault.code is FaultCode.NOT_OPTION


def test_the_rules_of_the_field_hold_here_too() -> None:
    field = Field(
        key="age",
        type=FieldType.NUMBER,
        label=Text.plain("Age"),
        required=True,
        rules=Rules(min=Decimal(18)),
    )
    for raw, code in ((17, FaultCode.TOO_SMALL), (None, FaultCode.REQUIRED)):
        refused = coerce(raw, field, TEHRAN, NOW)
        assert isinstance(refused, Refused)
        assert refused.fault.code is code


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(-60, 60))
def test_a_computed_number_is_rounded_and_then_taken_or_too_large(
    value: Decimal, exponent: int
) -> None:
    number = Decimal((*value.as_tuple()[:2], exponent))
    coerced = coerce(normalise(number), PLAIN[FieldType.NUMBER], TEHRAN)
    if isinstance(coerced, Refused):
        assert coerced.fault.code is FaultCode.NUMBER_TOO_LARGE
    else:
        assert isinstance(coerced.value, Decimal)
        assert abs(coerced.value - number) <= Decimal("0.005")


@pytest.mark.parametrize(
    ("exact", "rounded"), [("0.125", "0.13"), ("-0.125", "-0.13"), ("20", "20")]
)
def test_a_computed_number_is_rounded_half_up(exact: str, rounded: str) -> None:
    assert normalise(Decimal(exact)) == Decimal(rounded)


def test_what_is_no_number_is_left_alone() -> None:
    for value in ("x", None, True, date(2026, 1, 1), Decimal("NaN"), Decimal("Infinity")):
        assert normalise(value) is value


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@settings(deadline=None)  # the first phone number imports its library
@given(_JSON, st.sampled_from(list(FieldType)))
def test_nothing_from_a_file_raises(raw: object, type_: FieldType) -> None:
    assert isinstance(coerce(raw, PLAIN[type_], TEHRAN, NOW), Read | Refused)
