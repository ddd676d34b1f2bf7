"""Dates are read in every common form; what is open is asked, never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from persiantools import jdatetime

from engine.fields.calendars import MONTHS, date_word
from engine.fields.faults import FaultCode
from engine.fields.places import Locale
from engine.fields.readings import Ambiguous, Candidate, Read, Refused
from engine.fields.reply import read_reply
from engine.fields.types import PLAIN, Field, FieldType, Rules
from engine.texts import Text
from tests.engine.fields.support import NOW, TEHRAN, read

BIRTHDAY = Field(
    key="birth_date", type=FieldType.DATE, label=Text.plain("Birthday"), rules=Rules(past=True)
)
DELIVERY = Field(
    key="delivery", type=FieldType.DATE, label=Text.plain("Delivery"), rules=Rules(future=True)
)


@pytest.mark.parametrize(
    "written",
    [
        "1990-05-15",
        "1990/5/15",
        "1990.05.15",
        "15.5.1990",
        "15/05/1990",
        "05/15/1990",
        "15-5-90",
        "90-05-15",
        "May 15, 1990",
        "may 15th 1990",
        "15 May 1990",
        "15 May 90",
        "15th of May, 1990",
        "1990 May 15",
        "15may1990",
        "Tuesday, May 15, 1990",
        "۱۹۹۰/۰۵/۱۵",
        "١٩٩٠/٠٥/١٥",
        "۱۵ مه ۱۹۹۰",
        "15 می 1990",
        "۱۳۶۹/۰۲/۲۵",
        "1369-2-25",
        "25/02/1369",
        "۲۵ اردیبهشت ۱۳۶۹",
        "۲۵ اردیبهشت ماه ۱۳۶۹",
        "25 Ordibehesht 1369",
        "سه‌شنبه ۲۵ اردیبهشت ۱۳۶۹",
        "\u200f1990-05-15\u200f",
    ],
)
def test_a_whole_date_is_read_however_it_is_written(written: str) -> None:
    assert read(written, BIRTHDAY) == Read(date(1990, 5, 15))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("today", date(2026, 3, 1)),
        ("Tomorrow!", date(2026, 3, 2)),
        ("yesterday", date(2026, 2, 28)),
        ("امروز", date(2026, 3, 1)),
        ("فردا", date(2026, 3, 2)),
        ("دیروز", date(2026, 2, 28)),
        ("پس‌فردا", date(2026, 3, 3)),
        ("Monday", date(2026, 3, 2)),
        ("sat", date(2026, 3, 7)),
        ("سه شنبه", date(2026, 3, 3)),
        ("سه‌شنبه", date(2026, 3, 3)),
        ("جمعه", date(2026, 3, 6)),
    ],
)
def test_words_count_from_today_where_the_customer_is(written: str, meant: date) -> None:
    assert read(written, "date") == Read(meant)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("in 3 days", date(2026, 3, 4)),
        ("3 days from now", date(2026, 3, 4)),
        ("three days ago", date(2026, 2, 26)),
        ("in a week", date(2026, 3, 8)),
        ("2 weeks ago", date(2026, 2, 15)),
        ("in a month", date(2026, 4, 1)),
        ("a year ago", date(2025, 3, 1)),
        ("the day after tomorrow", date(2026, 3, 3)),
        ("day before yesterday", date(2026, 2, 27)),
        ("next Monday", date(2026, 3, 2)),
        ("this Sunday", date(2026, 3, 1)),
        ("coming Friday!", date(2026, 3, 6)),
        ("Friday next week", date(2026, 3, 6)),
        ("۳ روز دیگر", date(2026, 3, 4)),
        ("سه روز دیگه", date(2026, 3, 4)),
        ("دو هفته بعد", date(2026, 3, 15)),
        ("۳ روز پیش", date(2026, 2, 26)),
        ("دوشنبهٔ آینده", date(2026, 3, 2)),
        ("سه‌شنبه بعد", date(2026, 3, 3)),
        ("همین جمعه", date(2026, 3, 6)),
        ("جمعه هفته آینده", date(2026, 3, 6)),
        ("پس‌پریروز", date(2026, 2, 26)),
        ("اليوم", date(2026, 3, 1)),
        ("غدًا", date(2026, 3, 2)),
        ("بعد غد", date(2026, 3, 3)),
        ("بعد 3 أيام", date(2026, 3, 4)),
        ("الجمعة", date(2026, 3, 6)),
    ],
)
def test_a_day_is_told_by_its_distance(written: str, meant: date) -> None:
    assert read(written, "date") == Read(meant)


def test_next_friday_before_friday_may_be_the_coming_one_or_that_of_next_week() -> None:
    thursday = datetime(2026, 3, 5, 12, tzinfo=UTC)
    both = Ambiguous((Candidate(date(2026, 3, 6)), Candidate(date(2026, 3, 13))))
    for written in ("next Friday", "جمعه بعد"):
        assert read_reply(written, PLAIN[FieldType.DATE], TEHRAN, thursday) == both


def test_a_week_begins_on_saturday_where_the_calendar_is_jalali() -> None:
    jalali = Locale(calendar="jalali", timezone="Asia/Tehran")
    assert read("friday next week", "date", jalali) == Read(date(2026, 3, 13))


def test_months_are_counted_in_the_calendar_of_the_place_and_end_with_the_month() -> None:
    jalali = Locale(calendar="jalali", timezone="Asia/Tehran")
    end_of_shahrivar = datetime(2026, 9, 22, 12, tzinfo=UTC)  # 31 Shahrivar 1405
    for written, meant in (("in a month", date(2026, 10, 22)), ("in 7 months", date(2027, 4, 20))):
        read_there = read_reply(written, PLAIN[FieldType.DATE], jalali, end_of_shahrivar)
        assert read_there == Read(meant)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("1990", {"year": 1990}),
        ("۱۳۶۹", {"year": 1369}),
        ("May 1990", {"year": 1990, "month": 5}),
        ("اردیبهشت ۱۳۶۹", {"year": 1369, "month": 2}),
        ("May 1369", {}),
        ("15 May 3", {}),
    ],
)
def test_the_refusal_of_a_year_alone_tells_it(written: str, told: dict[str, int]) -> None:
    refused = read(written, BIRTHDAY)
    assert isinstance(refused, Refused)
    assert refused.fault.code is FaultCode.DATE_INCOMPLETE
    assert refused.fault.params == told


def test_the_weekday_of_today_means_a_week_from_now() -> None:
    assert read("Sunday", "date") == Read(date(2026, 3, 8))


def test_today_changes_at_the_customers_midnight() -> None:
    assert read("today", "date", Locale(timezone="Pacific/Pago_Pago")) == Read(date(2026, 2, 28))


def test_day_and_month_that_fit_both_ways_are_asked_with_both_dates() -> None:
    assert read("03/04/1990", BIRTHDAY) == Ambiguous(
        (Candidate(date(1990, 4, 3), "dmy"), Candidate(date(1990, 3, 4), "mdy"))
    )


@pytest.mark.parametrize(("order", "meant"), [("dmy", date(1990, 4, 3)), ("mdy", date(1990, 3, 4))])
def test_a_known_order_decides(order: Literal["dmy", "mdy"], meant: date) -> None:
    assert read("03/04/1990", BIRTHDAY, Locale(date_order=order)) == Read(meant)


@pytest.mark.parametrize("order", ["dmy", "mdy"])
def test_a_part_over_twelve_decides_against_the_known_order(order: Literal["dmy", "mdy"]) -> None:
    locale = Locale(date_order=order)
    assert read("15/04/1990", BIRTHDAY, locale) == Read(date(1990, 4, 15))
    assert read("04/15/1990", BIRTHDAY, locale) == Read(date(1990, 4, 15))


def test_the_same_day_and_month_is_not_ambiguous() -> None:
    assert read("03/03/1990", BIRTHDAY) == Read(date(1990, 3, 3))


def test_a_weekday_beside_the_date_decides() -> None:
    assert read("Tuesday 03/04/1990", BIRTHDAY) == Read(date(1990, 4, 3))


def test_a_meaning_that_the_rules_exclude_is_no_candidate() -> None:
    assert read("05/02/2026", BIRTHDAY) == Read(date(2026, 2, 5))


def test_a_date_whose_every_meaning_breaks_a_rule_is_refused_by_that_rule() -> None:
    refused = read("03/04/2030", BIRTHDAY)
    assert isinstance(refused, Refused)
    assert refused.fault.code is FaultCode.NOT_PAST


def test_a_day_without_a_year_is_the_last_or_the_next_one() -> None:
    both = Ambiguous((Candidate(date(2025, 5, 15)), Candidate(date(2026, 5, 15))))
    assert read("15 May", "date") == both
    assert read("15/05", "date") == both
    assert read("29 Feb", "date") == Ambiguous(
        (Candidate(date(2024, 2, 29)), Candidate(date(2028, 2, 29)))
    )


def test_a_day_without_a_year_is_the_next_one_where_the_rule_says_future() -> None:
    assert read("15 May", DELIVERY) == Read(date(2026, 5, 15))
    assert read("۲۵ اردیبهشت", DELIVERY) == Read(date(2026, 5, 15))


@pytest.mark.parametrize(
    ("written", "meant"),
    [("1/13/46", 1946), ("1/13/45", 2045), ("1/13/26", 2026), ("1/13/27", 2027)],
)
def test_two_digits_of_a_year_lie_within_eighty_years_back(written: str, meant: int) -> None:
    assert read(written, "date") == Read(date(meant, 1, 13))


def test_two_digits_of_a_past_year_are_its_latest() -> None:
    assert read("13 Jan 45", BIRTHDAY) == Read(date(1945, 1, 13))


def test_two_digits_of_a_year_belong_to_the_calendar_of_the_place() -> None:
    jalali = Locale(calendar="jalali")
    assert read("69/02/25", BIRTHDAY, jalali) == Read(date(1990, 5, 15))
    assert read("25/02/69", BIRTHDAY, jalali) == Read(date(1990, 5, 15))


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("banana", FaultCode.NOT_DATE),
        ("in 3 days", FaultCode.NOT_PAST),
        ("in 9999 weeks", FaultCode.NOT_PAST),
        ("in 9999 years", FaultCode.NOT_DATE),
        ("in 999 years", FaultCode.NO_SUCH_DATE),
        ("in 2 hours", FaultCode.NOT_DATE),
        ("next week", FaultCode.NOT_DATE),
        ("19900515", FaultCode.NOT_DATE),
        ("1990-05-15T10:00", FaultCode.NOT_DATE),
        ("25", FaultCode.NOT_DATE),
        ("may june 1990", FaultCode.NOT_DATE),
        ("tomorrow 1990", FaultCode.NOT_DATE),
        ("1 2 3 4", FaultCode.NOT_DATE),
        ("15 May 1990 3", FaultCode.NOT_DATE),
        ("1 1990 5", FaultCode.NOT_DATE),
        ("the", FaultCode.NOT_DATE),
        ("31/02/1990", FaultCode.NO_SUCH_DATE),
        ("31 Feb", FaultCode.NO_SUCH_DATE),
        ("1990-02-30", FaultCode.NO_SUCH_DATE),
        ("1990/15/05", FaultCode.NO_SUCH_DATE),
        ("13/13/1990", FaultCode.NO_SUCH_DATE),
        ("15/13", FaultCode.NO_SUCH_DATE),
        ("0/0/1990", FaultCode.NO_SUCH_DATE),
        ("29/02/1991", FaultCode.NO_SUCH_DATE),
        ("15/05/0090", FaultCode.NO_SUCH_DATE),
        ("0090/05/15", FaultCode.NO_SUCH_DATE),
        ("45 May 90", FaultCode.NO_SUCH_DATE),
        ("15 May 1369", FaultCode.NO_SUCH_DATE),
        ("Friday, May 15, 1990", FaultCode.NO_SUCH_DATE),
        ("۳۰ اسفند ۱۴۰۰", FaultCode.NO_SUCH_DATE),
        ("1990", FaultCode.DATE_INCOMPLETE),
        ("۱۳۶۹", FaultCode.DATE_INCOMPLETE),
        ("May", FaultCode.DATE_INCOMPLETE),
        ("May 1990", FaultCode.DATE_INCOMPLETE),
        ("05/1990", FaultCode.DATE_INCOMPLETE),
        ("03/04", FaultCode.DATE_INCOMPLETE),
        ("15 May", FaultCode.DATE_INCOMPLETE),
        ("1/2/3", FaultCode.DATE_INCOMPLETE),
        ("15 May 3", FaultCode.DATE_INCOMPLETE),
        ("2027-01-01", FaultCode.NOT_PAST),
        ("today", FaultCode.NOT_PAST),
    ],
)
def test_what_is_no_birthday_is_refused_by_its_rule(written: str, code: FaultCode) -> None:
    refused = read(written, BIRTHDAY)
    assert isinstance(refused, Refused)
    assert refused.fault.code is code


@pytest.mark.parametrize("written", ["04/02/25", "25/02"])
def test_short_jalali_dates_that_could_begin_with_the_year_are_asked_in_full(written: str) -> None:
    refused = read(written, "date", Locale(calendar="jalali"))
    assert isinstance(refused, Refused)
    assert refused.fault.code is FaultCode.DATE_INCOMPLETE


@settings(deadline=None)  # the first Jalali date imports its library
@given(st.dates(date(1921, 3, 21), date(2121, 3, 20)))
def test_a_day_reads_alike_in_both_calendars(day: date) -> None:
    jalali = jdatetime.JalaliDate(day)  # type: ignore[no-untyped-call]  # it lacks annotations
    for written in (
        f"{jalali.year}/{jalali.month:02}/{jalali.day:02}",
        jalali.strftime("%d %B %Y"),
    ):
        assert read_reply(written, PLAIN[FieldType.DATE], TEHRAN, NOW) == Read(day)


@given(st.dates(date(1500, 1, 1), date(2999, 12, 31)))
def test_digits_of_three_scripts_read_alike(day: date) -> None:
    for digits in ("0123456789", "۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩"):
        written = day.isoformat().translate(str.maketrans("0123456789", digits))
        assert read_reply(written, PLAIN[FieldType.DATE], TEHRAN, NOW) == Read(day)


def test_the_jalali_months_are_those_of_the_calendar_library() -> None:
    for names in (jdatetime.MONTH_NAMES_EN, jdatetime.MONTH_NAMES_FA):
        for number, name in enumerate(names[1:], start=1):
            assert name is not None
            assert MONTHS[date_word(name)] == ("jalali", number)
