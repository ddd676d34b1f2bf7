"""A value is shown in its shortest form, and reads back as itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fields.base import BASE_FIELDS
from engine.fields.decimals import LARGEST
from engine.fields.places import Locale
from engine.fields.readings import Read
from engine.fields.reply import read_reply
from engine.fields.show import show, show_number, spell_date
from engine.fields.types import PLAIN, FieldType, Value
from tests.engine.fields.support import NOW, TEHRAN

ENGLISH = Locale(timezone="Asia/Tehran")


@pytest.mark.parametrize(
    ("value", "type_", "shown"),
    [
        (None, "text", ""),
        ("Sara", "text", "Sara"),
        (Decimal("20.00"), "number", "20"),
        (Decimal("12.50"), "number", "12.5"),
        (Decimal(100), "number", "100"),
        (Decimal("1E+3"), "number", "1000"),
        (Decimal("0.00"), "number", "0"),
        (True, "boolean", "Yes"),
        (False, "boolean", "No"),
        (date(1990, 5, 15), "date", "1990-05-15"),
        (time(17, 30), "time", "17:30"),
        (time(17, 30, 5), "time", "17:30:05"),
        (datetime(2026, 5, 15, 14, tzinfo=UTC), "datetime", "2026-05-15 17:30"),
        (("a", "b"), "list", "a, b"),
    ],
)
def test_a_value_is_shown_short(value: Value, type_: str, shown: str) -> None:
    assert show(value, PLAIN[FieldType(type_)], ENGLISH) == shown


def test_yes_no_and_options_follow_the_language() -> None:
    assert show(True, PLAIN[FieldType.BOOLEAN], TEHRAN) == "بله"
    assert show(False, PLAIN[FieldType.BOOLEAN], TEHRAN) == "خیر"
    assert show("active", BASE_FIELDS["status"], TEHRAN) == "فعال"
    assert show("active", BASE_FIELDS["status"], ENGLISH) == "Active"
    assert show("active", BASE_FIELDS["status"], Locale(language="tr", languages=("fa",))) == "فعال"
    assert show("gone", BASE_FIELDS["status"], ENGLISH) == "gone"


def test_a_spelled_date_names_its_month() -> None:
    assert spell_date(date(1990, 4, 3), "en-GB") == "3 April 1990"
    assert spell_date(date(1990, 4, 3), "fa") == "۳ آوریل ۱۹۹۰"


def test_a_spelled_date_reads_back_as_itself() -> None:
    for month in range(1, 13):
        for language in ("en", "fa"):
            day = date(1990, month, 3)
            written = spell_date(day, language)
            assert read_reply(written, PLAIN[FieldType.DATE], TEHRAN, NOW) == Read(day)


VALUES = st.one_of(
    st.tuples(st.just(FieldType.NUMBER), st.decimals(-LARGEST, LARGEST, places=2)),
    st.tuples(st.just(FieldType.BOOLEAN), st.booleans()),
    st.tuples(st.just(FieldType.DATE), st.dates(date(1500, 1, 1), date(2999, 12, 31))),
    st.tuples(
        st.just(FieldType.TIME), st.times().map(lambda at: at.replace(microsecond=0, fold=0))
    ),
    st.tuples(st.just(FieldType.SELECT), st.sampled_from(sorted(BASE_FIELDS["source"].values))),
    st.tuples(
        st.just(FieldType.DATETIME),
        # Tehran has kept its clocks still since September 2022.
        st.integers(1_700_000_000, 29_000_000_000).map(lambda at: datetime.fromtimestamp(at, UTC)),
    ),
)


@settings(deadline=None)  # the first moment reads its time zone
@given(VALUES, st.sampled_from(["en", "fa"]))
def test_showing_and_reading_gives_the_value_back(
    typed: tuple[FieldType, Value], language: str
) -> None:
    type_, value = typed
    field = BASE_FIELDS["source"] if type_ is FieldType.SELECT else PLAIN[type_]
    locale = Locale(language=language, timezone="Asia/Tehran", country="IR")
    assert read_reply(show(value, field, locale), field, locale, NOW) == Read(value)


@given(st.decimals(-LARGEST, LARGEST, places=2))
def test_a_shown_number_has_no_exponent_and_no_trailing_zero(value: Decimal) -> None:
    shown = show_number(value)
    assert Decimal(shown) == value
    assert "E" not in shown
    assert not ("." in shown and shown.endswith(("0", ".")))
