"""When a task comes again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.recurrence import next_time, read_rule

TEHRAN = ZoneInfo("Asia/Tehran")
BERLIN = ZoneInfo("Europe/Berlin")
FIRST = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("weekly", "FREQ=WEEKLY"),
        ("RRULE:freq=weekly;byday=mo,th;", "FREQ=WEEKLY;BYDAY=MO,TH"),
        ("FREQ=MONTHLY;BYDAY=-1FR", "FREQ=MONTHLY;BYDAY=-1FR"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"),
        ("FREQ=DAILY;UNTIL=20300101T000000Z", "FREQ=DAILY;UNTIL=20300101T000000Z"),
    ],
)
def test_a_rule_is_stored_as_rfc_5545_writes_it(written: str, stored: str) -> None:
    assert read_rule(written) == stored


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("", "is no repetition"),
        ("every week", "write daily, weekly"),
        ("FREQ=HOURLY", "write daily, weekly"),
        ("FREQ=DAILY;FREQ=WEEKLY", "write daily, weekly"),
        ("FREQ=DAILY\nDTSTART=20260101", "write daily, weekly"),
        ("FREQ=DAILY;BYHOUR=9", "BYHOUR does not go with FREQ=DAILY"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL is a number"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=TU", "every 7 days takes no BYDAY"),
        ("FREQ=WEEKLY;BYDAY=XX", "invalid 'BYDAY'"),
        ("FREQ=DAILY;COUNT=0", "never comes"),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never comes"),
        ("FREQ=DAILY;COUNT=3;UNTIL=20300101", "not by both"),
        ("FREQ=DAILY;UNTIL=20301350", "does not match"),
        ("FREQ=DAILY;" + "BYDAY=MO," * 40 + "TU", "is no repetition"),
    ],
)
def test_what_is_no_rule_or_never_comes_is_refused(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=why.replace("'", ".")):
        read_rule(written)


def test_times_keep_the_clock_of_the_zone() -> None:
    first = datetime(2026, 3, 27, 8, tzinfo=UTC)  # nine o'clock in Berlin, two days before summer
    again = next_time("FREQ=WEEKLY", first, first, BERLIN)
    assert again == datetime(2026, 4, 3, 7, tzinfo=UTC)


def test_a_month_without_the_day_is_passed_over() -> None:
    assert next_time("FREQ=MONTHLY", FIRST, FIRST, TEHRAN) == datetime(
        2026, 3, 31, 8, 30, tzinfo=UTC
    )


def test_a_rule_counts_from_the_first_time() -> None:
    second = next_time("FREQ=DAILY;COUNT=2", FIRST, FIRST, TEHRAN)
    assert second == FIRST + timedelta(days=1)
    assert next_time("FREQ=DAILY;COUNT=2", FIRST, second, TEHRAN) is None


def test_the_day_of_until_is_the_last_and_whole() -> None:
    assert next_time("FREQ=DAILY;UNTIL=20260201", FIRST, FIRST, TEHRAN) == FIRST + timedelta(days=1)
    assert next_time("FREQ=DAILY;UNTIL=20260131", FIRST, FIRST, TEHRAN) is None
