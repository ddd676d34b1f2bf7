"""A value is shown in its shortest form, and reads back as itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.fields.base import BASE_FIELDS
from engine.fields.decimals import LARGEST
from engine.fields.moments import spell
from engine.fields.places import Locale
from engine.fields.readings import Read
from engine.fields.reply import read_reply
from engine.fields.show import plain, show, show_number
from engine.fields.types import PLAIN, Field, FieldType, Value
from engine.texts import Text
from tests.engine.fields.support import NOW, TEHRAN

ENGLISH = Locale(timezone="Asia/Tehran")
JALALI = Locale(language="fa", calendar="jalali", country="IR", timezone="Asia/Tehran")


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
    assert spell(date(1990, 4, 3), Locale(language="en-GB")) == "3 April 1990"
    assert spell(date(1990, 4, 3), TEHRAN) == "۳ آوریل ۱۹۹۰"
    assert spell(date(1990, 4, 3), JALALI) == "۱۴ فروردین ۱۳۶۹"
    assert spell(date(1990, 4, 3), Locale(calendar="jalali")) == "14 Farvardin 1369"


def test_a_spelled_moment_names_its_time_where_the_customer_is() -> None:
    moment = datetime(2026, 5, 15, 14, tzinfo=UTC)
    assert spell(moment, ENGLISH) == "15 May 2026, 17:30"
    assert spell(moment, JALALI) == "۲۵ اردیبهشت ۱۴۰۵، ۱۷:۳۰"
    assert spell(time(17), JALALI) == "۱۷:۰۰"


def test_a_persian_reader_sees_persian_digits_and_commas() -> None:
    persian = Locale(language="fa", timezone="Asia/Tehran")
    many = Field(key="hours", type=FieldType.LIST, label=Text.plain("hours"))
    assert show(Decimal("12.5"), PLAIN[FieldType.NUMBER], persian) == "۱۲٫۵"
    assert show(time(17, 30), PLAIN[FieldType.TIME], persian) == "۱۷:۳۰"
    assert show(date(1990, 5, 15), PLAIN[FieldType.DATE], persian) == "۱۹۹۰-۰۵-۱۵"
    assert show(("a", "b"), many, persian) == "a، b"
    assert plain(Decimal("12.5"), PLAIN[FieldType.NUMBER], persian) == "12.5"


def test_a_date_is_shown_in_the_customers_calendar() -> None:
    assert show(date(1990, 5, 15), PLAIN[FieldType.DATE], JALALI) == "۱۳۶۹/۰۲/۲۵"
    english = Locale(calendar="jalali", timezone="Asia/Tehran")
    assert show(date(1990, 5, 15), PLAIN[FieldType.DATE], english) == "1369/02/25"
    moment = datetime(2026, 5, 15, 14, tzinfo=UTC)
    assert show(moment, PLAIN[FieldType.DATETIME], JALALI) == "۱۴۰۵/۰۲/۲۵ ۱۷:۳۰"
    assert show(date(1850, 5, 15), PLAIN[FieldType.DATE], JALALI) == "۱۸۵۰-۰۵-۱۵"
    assert plain(date(1990, 5, 15), PLAIN[FieldType.DATE], JALALI) == "1990-05-15"


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


LOCALES = st.builds(
    Locale,
    language=st.sampled_from(["en", "fa", "ar", "de", "tr"]),
    calendar=st.sampled_from(["gregorian", "jalali"]),
    date_order=st.sampled_from([None, "dmy", "mdy"]),
    timezone=st.just("Asia/Tehran"),
    country=st.just("IR"),
)


@settings(deadline=None)  # the first moment reads its time zone
@given(VALUES, LOCALES, st.sampled_from([show, plain]))
def test_showing_and_reading_gives_the_value_back(
    typed: tuple[FieldType, Value],
    locale: Locale,
    shown: Callable[[Value, Field, Locale], str],
) -> None:
    type_, value = typed
    field = BASE_FIELDS["source"] if type_ is FieldType.SELECT else PLAIN[type_]
    assert read_reply(shown(value, field, locale), field, locale, NOW) == Read(value)


@settings(deadline=None)
@given(
    # Kabul has kept its clocks still since 1945.
    st.integers(946_684_800 // 60, 4_102_358_400 // 60).map(
        lambda minutes: datetime.fromtimestamp(60 * minutes, ZoneInfo("Asia/Kabul"))
    ),
    LOCALES,
)
def test_what_a_button_spells_reads_back_as_itself(moment: datetime, locale: Locale) -> None:
    kabul = replace(locale, timezone="Asia/Kabul")
    for value, type_ in (
        (moment.astimezone(UTC), FieldType.DATETIME),
        (moment.date(), FieldType.DATE),
        (moment.time(), FieldType.TIME),
    ):
        assert read_reply(spell(value, kabul), PLAIN[type_], kabul, NOW) == Read(value)


@given(st.decimals(-LARGEST, LARGEST, places=2))
def test_a_shown_number_has_no_exponent_and_no_trailing_zero(value: Decimal) -> None:
    shown = show_number(value)
    assert Decimal(shown) == value
    assert "E" not in shown
    assert not ("." in shown and shown.endswith(("0", ".")))
