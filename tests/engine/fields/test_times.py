"""Times of day and moments are read the way people write them."""

from __future__ import annotations

from datetime import UTC, datetime, time

import pytest

from engine.fields.faults import FaultCode
from engine.fields.places import Locale
from engine.fields.readings import Ambiguous, Candidate, Read, Refused
from engine.fields.types import Field, FieldType, Rules
from engine.texts import Text
from tests.engine.fields.support import read


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10:00", time(10)),
        ("۱۰:۳۰", time(10, 30)),
        ("٩:٠٥", time(9, 5)),
        ("10.30", time(10, 30)),
        ("10:30:15", time(10, 30, 15)),
        ("5pm", time(17)),
        ("at 5 PM", time(17)),
        ("5:30 p.m.", time(17, 30)),
        ("8 in the morning", time(8)),
        ("12am", time(0)),
        ("12 pm", time(12)),
        ("17:30 pm", time(17, 30)),
        ("noon", time(12)),
        ("midnight", time(0)),
        ("۸ صبح", time(8)),
        ("۵ عصر", time(17)),
        ("ساعت ۵ بعد از ظهر", time(17)),
        ("۱ ظهر", time(13)),
        ("۱۱ ظهر", time(11)),
        ("۱۰ شب", time(22)),
        ("۱۲ شب", time(0)),
        ("۲ شب", time(2)),
        ("نیمه‌شب", time(0)),
        ("۵ و نیم عصر", time(17, 30)),
        ("۹ و ربع صبح", time(9, 15)),
        ("17", time(17)),
        ("ساعت ۱۷", time(17)),
        ("20 o'clock", time(20)),
        ("٥ مساءً", time(17)),
    ],
)
def test_a_time_of_day_is_read(written: str, meant: time) -> None:
    assert read(written, "time") == Read(meant)


@pytest.mark.parametrize(
    "written",
    ["24", "banana", "25:00", "10:60", "13 am", "0 pm", "5 شب", "10:30:61", "10:00 11:00"],
)
def test_what_no_clock_shows_is_refused(written: str) -> None:
    refused = read(written, "time")
    assert isinstance(refused, Refused)
    assert refused.fault.code is FaultCode.NOT_TIME


@pytest.mark.parametrize("written", ["5", "at 5", "ساعت ۵", "5 o'clock", "الساعة ٥"])
def test_an_hour_alone_may_be_of_the_morning_or_the_evening(written: str) -> None:
    assert read(written, "time") == Ambiguous((Candidate(time(5)), Candidate(time(17))))


def test_an_hour_alone_is_the_one_that_the_rules_leave() -> None:
    evening = Field(
        key="at", type=FieldType.TIME, label=Text.plain("At"), rules=Rules(min=time(12))
    )
    assert read("5", evening) == Read(time(17))
    assert read("ساعت ۵ و نیم", evening) == Read(time(17, 30))


@pytest.mark.parametrize("written", ["tomorrow at 5", "فردا ساعت ۵", "5 o'clock tomorrow"])
def test_a_day_with_an_hour_alone_is_asked_with_both_moments(written: str) -> None:
    assert read(written, "datetime") == Ambiguous(
        (
            Candidate(datetime(2026, 3, 2, 1, 30, tzinfo=UTC)),
            Candidate(datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
        )
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-05-15 17:30", datetime(2026, 5, 15, 14, 0, tzinfo=UTC)),
        ("2026-05-15T17:30", datetime(2026, 5, 15, 14, 0, tzinfo=UTC)),
        ("2026-05-15T17:30:00Z", datetime(2026, 5, 15, 17, 30, tzinfo=UTC)),
        ("2026-05-15T17:30:00+02:00", datetime(2026, 5, 15, 15, 30, tzinfo=UTC)),
        ("tomorrow 10:00", datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
        ("10:00, tomorrow", datetime(2026, 3, 2, 6, 30, tzinfo=UTC)),
        ("فردا ساعت ۵ عصر", datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
        ("Monday noon", datetime(2026, 3, 2, 8, 30, tzinfo=UTC)),
        ("in 2 hours", datetime(2026, 3, 1, 9, 0, tzinfo=UTC)),
        ("۳۰ دقیقه دیگر", datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
        ("tomorrow at 5pm", datetime(2026, 3, 2, 13, 30, tzinfo=UTC)),
        ("in 3 days at 17:00", datetime(2026, 3, 4, 13, 30, tzinfo=UTC)),
        ("جمعه هفته بعد ساعت ۱۷", datetime(2026, 3, 6, 13, 30, tzinfo=UTC)),
        ("۱۴۰۵/۰۲/۲۵ ۱۷:۳۰", datetime(2026, 5, 15, 14, 0, tzinfo=UTC)),
    ],
)
def test_a_date_with_a_time_is_a_moment_where_the_customer_is(
    written: str, meant: datetime
) -> None:
    moment = read(written, "datetime")
    assert moment == Read(meant)
    assert isinstance(moment, Read)
    assert isinstance(moment.value, datetime)
    assert moment.value.tzinfo is UTC


def test_an_ambiguous_date_makes_an_ambiguous_moment() -> None:
    assert read("03/04/2027 10:00", "datetime") == Ambiguous(
        (
            Candidate(datetime(2027, 4, 3, 6, 30, tzinfo=UTC), "dmy"),
            Candidate(datetime(2027, 3, 4, 6, 30, tzinfo=UTC), "mdy"),
        )
    )


def test_where_clocks_go_back_the_first_of_the_two_moments_is_meant() -> None:
    berlin = Locale(timezone="Europe/Berlin")
    assert read("2026-10-25 02:30", "datetime", berlin) == Read(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("5pm", FaultCode.NOT_DATETIME),
        ("2026-05-15", FaultCode.TIME_MISSING),
        ("tomorrow", FaultCode.TIME_MISSING),
        ("tomorrow 5", FaultCode.NOT_DATETIME),
        ("tomorrow at 24", FaultCode.NOT_DATETIME),
        ("2026-05-15 25:00", FaultCode.NOT_DATETIME),
        ("2026-13-15T17:30:00Z", FaultCode.NOT_DATETIME),
        ("10:00 11:00 tomorrow", FaultCode.NOT_DATETIME),
        ("31/02/2027 10:00", FaultCode.NO_SUCH_DATE),
        ("banana 10:00", FaultCode.NOT_DATE),
    ],
)
def test_what_lacks_a_date_or_a_time_is_refused(written: str, code: FaultCode) -> None:
    refused = read(written, "datetime")
    assert isinstance(refused, Refused)
    assert refused.fault.code is code
