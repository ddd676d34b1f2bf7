"""A value keeps to the rules of its field, wherever it comes from."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from engine.fields.base import BASE_FIELDS
from engine.fields.faults import Fault, FaultCode
from engine.fields.patterns import compile_pattern
from engine.fields.readings import Read, Refused
from engine.fields.reply import read_reply
from engine.fields.types import Field, FieldType, Option, Rules, Value
from engine.fields.validate import validate
from engine.texts import Text
from tests.engine.fields.support import NOW, TEHRAN, read


def field(type_: str, *, required: bool = False, size: int | None = None, **rules: object) -> Field:
    return Field(
        key="field",
        type=FieldType(type_),
        label=Text.plain("Field"),
        required=required,
        size=size,
        rules=Rules(**rules),  # type: ignore[arg-type]  # each test gives rules of its own type
    )


MORNING = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "of", "fault"),
    [
        ("abc", field("text", size=2), Fault(FaultCode.TOO_LONG, {"limit": 2})),
        ("abc", field("text", max_length=2), Fault(FaultCode.TOO_LONG, {"limit": 2})),
        ("abc", field("text", min_length=4), Fault(FaultCode.TOO_SHORT, {"limit": 4})),
        ("abc", field("text", pattern="[a-b]+"), Fault(FaultCode.PATTERN)),
        ("abc", field("text", pattern="[a-c]+", min_length=3, max_length=3, size=3), None),
        (Decimal(19), field("number", min=Decimal(20)), Fault(FaultCode.TOO_SMALL, {"limit": 20})),
        (Decimal(51), field("number", max=Decimal(50)), Fault(FaultCode.TOO_GREAT, {"limit": 50})),
        (Decimal(50), field("number", min=Decimal(50), max=Decimal(50)), None),
        (Decimal(0), field("number", required=True), None),
        (False, field("boolean", required=True), None),
        (date(2026, 3, 1), field("date", past=True), Fault(FaultCode.NOT_PAST)),
        (date(2026, 2, 28), field("date", past=True), None),
        (date(2026, 3, 1), field("date", future=True), Fault(FaultCode.NOT_FUTURE)),
        (date(2026, 3, 2), field("date", future=True), None),
        (MORNING, field("datetime", past=True), None),
        (MORNING, field("datetime", future=True), Fault(FaultCode.NOT_FUTURE)),
        (
            date(2026, 3, 1),
            field("date", min=date(2026, 3, 2)),
            Fault(FaultCode.TOO_EARLY, {"limit": date(2026, 3, 2)}),
        ),
        (time(19), field("time", max=time(18)), Fault(FaultCode.TOO_LATE, {"limit": time(18)})),
        (("a",), field("list", min_length=2), Fault(FaultCode.TOO_FEW, {"limit": 2})),
        (("a", "b"), field("list", max_length=1), Fault(FaultCode.TOO_MANY, {"limit": 1})),
        (None, field("text", required=True), Fault(FaultCode.REQUIRED)),
        (None, field("text"), None),
    ],
)
def test_a_rule_names_the_fault_with_its_limit(
    value: Value, of: Field, fault: Fault | None
) -> None:
    assert validate(value, of, TEHRAN, NOW) == fault


def test_a_value_that_is_no_option_is_refused() -> None:
    options = (Option("a", Text.plain("A")),)
    select = Field(key="s", type=FieldType.SELECT, label=Text.plain("S"), options=options)
    several = Field(key="l", type=FieldType.LIST, label=Text.plain("L"), options=options)
    assert validate("b", select, TEHRAN, NOW) == Fault(FaultCode.NOT_OPTION)
    assert validate(("a", "b"), several, TEHRAN, NOW) == Fault(FaultCode.NOT_OPTION)
    assert validate("a", select, TEHRAN, NOW) is None
    assert validate(("a",), several, TEHRAN, NOW) is None


def test_past_and_future_are_not_asked_of_a_value_without_a_now() -> None:
    assert validate(date(2099, 1, 1), field("date", past=True), TEHRAN, None) is None


def test_today_is_the_customers_day() -> None:
    midnight_in_tehran = datetime(2026, 2, 28, 20, 30, tzinfo=UTC)
    yesterday = date(2026, 2, 28)
    assert validate(yesterday, field("date", past=True), TEHRAN, midnight_in_tehran) is None


def test_a_reply_is_refused_by_the_rule_it_breaks() -> None:
    refused = read("x" * 101, BASE_FIELDS["first_name"])
    assert refused == Refused(Fault(FaultCode.TOO_LONG, {"limit": 100}))


@pytest.mark.parametrize("pattern", ["(", "(?<=a)b", r"(a)\1", "a{2000}", "\ud800"])
def test_what_the_linear_engine_cannot_compile_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        compile_pattern(pattern)


def test_a_pattern_that_would_explode_elsewhere_answers_at_once() -> None:
    assert compile_pattern("(a+)+$").fullmatch("a" * 4000 + "!") is None
    assert compile_pattern("(a+)+").search("b" * 4000 + "a") is not None


def test_a_code_is_kept_in_the_digits_that_its_pattern_asks_for() -> None:
    code = field("text", pattern="[0-9]{3}")
    assert read_reply("۱۲۳", code, TEHRAN, MORNING) == Read("123")
    assert read_reply("۱۲", code, TEHRAN, MORNING) == Refused(Fault(FaultCode.PATTERN))
    assert read_reply("۱۲۳", field("text", pattern="[۰-۹]{3}"), TEHRAN, MORNING) == Read("۱۲۳")
    assert read_reply("پلاک ۱۲", field("text", max_length=9), TEHRAN, MORNING) == Read("پلاک ۱۲")
