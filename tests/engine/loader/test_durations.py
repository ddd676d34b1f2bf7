"""Durations are read as people write them, and days keep the customer's clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.durations import EARLIEST, LATEST, Duration

BERLIN = ZoneInfo("Europe/Berlin")
TEHRAN = ZoneInfo("Asia/Tehran")


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30s", Duration(0, 30)),
        ("15m", Duration(0, 900)),
        ("2h", Duration(0, 7200)),
        ("3d", Duration(3)),
        ("1w", Duration(7)),
        ("1h30m", Duration(0, 5400)),
        ("1w2d3h", Duration(9, 10800)),
        ("-3d", Duration(-3)),
        ("-1h30m", Duration(0, -5400)),
        ("+2h", Duration(0, 7200)),
        ("0d", Duration()),
    ],
)
def test_units_are_added_up(text: str, duration: Duration) -> None:
    assert Duration.parse(text) == duration


@pytest.mark.parametrize(
    ("text", "cure"),
    [
        ("30", "30m"),
        ("", "2h"),
        ("1.5h", "1h30m"),
        ("30m1h", "largest first"),
        ("1h1h", "once"),
        ("2 hours", "2h"),
        ("۲h", "2h"),
        ("99999d", "36500d"),
        ("9" * 400 + "d", "2h"),
    ],
)
def test_what_is_no_duration_says_what_to_write(text: str, cure: str) -> None:
    with pytest.raises(ValueError, match=cure):
        Duration.parse(text)


@given(st.integers(-30_000, 30_000), st.integers(0, 86_399))
def test_a_duration_is_read_back_as_it_is_shown(days: int, seconds: int) -> None:
    duration = Duration(days, -seconds if days < 0 else seconds)
    assert Duration.parse(str(duration)) == duration
    assert Duration.parse(str(-duration)) == -duration


@pytest.mark.parametrize(
    ("moment", "days", "later"),
    [
        ("2026-03-28T12:00", 1, "2026-03-29T10:00"),  # summer time begins: 23 hours
        ("2026-10-24T12:00", 1, "2026-10-25T11:00"),  # it ends: 25 hours
        ("2026-03-28T02:30", 1, "2026-03-29T01:30"),  # 02:30 is skipped: 03:30 instead
        ("2026-10-24T02:30", 1, "2026-10-25T00:30"),  # comes twice: as it was the day before
        ("2026-10-26T02:30", -1, "2026-10-25T01:30"),  # comes twice: as it is the day after
        ("2026-03-30T02:30", -1, "2026-03-29T01:30"),
    ],
)
def test_a_day_keeps_the_clock(moment: str, days: int, later: str) -> None:
    begin = datetime.fromisoformat(moment).replace(tzinfo=BERLIN)
    assert Duration(days).after(begin, BERLIN) == datetime.fromisoformat(later).replace(tzinfo=UTC)


def test_hours_are_hours_whatever_the_clocks_do() -> None:
    begin = datetime(2026, 3, 29, 0, 30, tzinfo=BERLIN)
    assert Duration.parse("24h").after(begin, BERLIN).astimezone(BERLIN).hour == 1


@given(
    st.datetimes(timezones=st.just(UTC)),
    st.integers(-36_500, 36_500),
    st.integers(0, 10**9),
)
def test_after_is_aware_in_utc_and_never_raises(moment: datetime, days: int, seconds: int) -> None:
    later = Duration(days, -seconds if days < 0 else seconds).after(moment, TEHRAN)
    assert later.tzinfo is UTC


def test_beyond_the_calendar_is_its_last_moment() -> None:
    assert Duration(36_500 * 365).after(LATEST, BERLIN) == LATEST
    assert Duration(-36_500 * 365).after(EARLIEST, BERLIN) == EARLIEST
