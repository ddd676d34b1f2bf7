"""What a criterion means, said with one customer's facts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from engine.criteria import Moment, Not, compile_predicate
from tests.support.criteria import criterion_of

TEHRAN = ZoneInfo("Asia/Tehran")
NEW_YORK = ZoneInfo("America/New_York")
NOON = Moment(datetime(2026, 3, 10, 8, 30, tzinfo=UTC), TEHRAN)  # Tuesday, 12:00 in Tehran


def holds(written: object, facts: Mapping[str, object], moment: Moment = NOON) -> bool:
    """Whether it holds; and its negation is always the opposite."""
    criterion = criterion_of(written)
    holds = compile_predicate(criterion)(facts.get, moment)
    assert compile_predicate(Not(criterion))(facts.get, moment) is not holds
    return holds


ABSENT = [
    ({"crm_score__gte": 0}, False),
    ({"crm_score__lt": 0}, False),
    ({"crm_score": 0}, False),
    ({"crm_score__ne": 0}, True),
    ({"not": {"crm_score": 0}}, True),
    ({"status__not_in_list": ["lead"]}, True),
    ({"first_name__not_contains": "a"}, True),
    ({"first_name__contains": "a"}, False),
    ({"birth_date__month": "this"}, False),
    ({"birth_date__on_this_day": "yes"}, False),
    ({"birth_date__older_than_days": 0}, False),
    ({"interests": "a"}, False),
    ({"interests__has_none": ["a"]}, True),
    ({"interests__isnull": "yes"}, True),
    ({"birth_date__is_not_empty": "yes"}, False),
    ({"birth_date__is_not_empty": "no"}, True),
]


@pytest.mark.parametrize(("written", "expected"), ABSENT, ids=[str(case[0]) for case in ABSENT])
@pytest.mark.parametrize("nothing", [{}, {"first_name": 5, "crm_score": "5", "birth_date": "x"}])
def test_comparing_an_absent_or_wrong_typed_value_is_false_and_its_denial_true(
    written: object, expected: bool, nothing: dict[str, object]
) -> None:
    assert holds(written, nothing) is expected


PRESENT = [
    ({"crm_score__gte": 80}, {"crm_score": Decimal(80)}, True),
    ({"crm_score__gt": 80}, {"crm_score": 80}, False),
    ({"crm_score__gt": "79.99"}, {"crm_score": 80}, True),
    ({"crm_score": 0}, {"crm_score": Decimal("0.00")}, True),
    ({"crm_score__in": [1, "2"]}, {"crm_score": Decimal(2)}, True),
    ({"crm_score__range": [1, 2]}, {"crm_score": Decimal(2)}, True),
    ({"crm_score__isnull": "yes"}, {"crm_score": Decimal(0)}, False),
    ({"is_vip": "no"}, {"is_vip": False}, True),
    ({"is_vip__isnull": "no"}, {"is_vip": False}, True),
    ({"first_name": "sara"}, {"first_name": "Sara"}, False),
    ({"first_name__iexact": "SARA"}, {"first_name": "sara"}, True),
    ({"first_name__iexact": "علي"}, {"first_name": "علی"}, True),
    ({"first_name__contains": "۱۲"}, {"first_name": "No 123"}, True),
    ({"first_name__contains": "می خواهم"}, {"first_name": "نمی\u200cخواهم"}, True),
    ({"first_name__istartswith": "ÉL"}, {"first_name": "élodie"}, True),
    ({"first_name__endswith": "ДА"}, {"first_name": "вода"}, True),
    ({"first_name__contains": "%"}, {"first_name": "a_b"}, False),
    ({"first_name__lt": "b"}, {"first_name": "Z"}, True),  # by code point
    ({"status": ["lead", "active"]}, {"status": "active"}, True),
    ({"interests": ["a", "b"]}, {"interests": ("b", "c")}, True),
    ({"interests__has_all": ["a", "b"]}, {"interests": ("b", "c")}, False),
    ({"interests__isnull": "yes"}, {"interests": ()}, True),
    ({"tags__has_all": ["VIP", "Sneakers"]}, {"tags": frozenset({"VIP", "Sneakers"})}, True),
    ({"tags": "VIP"}, {"tags": frozenset[str]()}, False),
    ({"segment": "vip_customers"}, {"segment": frozenset({"vip_customers"})}, True),
    ({"opens__range": ["22:00", "08:00"]}, {"opens": time(23)}, True),
    ({"opens__range": ["22:00", "08:00"]}, {"opens": time(8)}, True),
    ({"opens__range": ["22:00", "08:00"]}, {"opens": time(12)}, False),
    ({"birth_date": "1990-05-15"}, {"birth_date": date(1990, 5, 15)}, True),
    ({"birth_date__month": 5}, {"birth_date": date(1990, 5, 15)}, True),
    ({"birth_date__month": [5, 6]}, {"birth_date": date(1990, 6, 15)}, True),
    ({"birth_date__month__gte": 6}, {"birth_date": date(1990, 5, 15)}, False),
    ({"birth_date__month": "this"}, {"birth_date": date(1990, 3, 1)}, True),
    ({"birth_date__month": "next"}, {"birth_date": date(1990, 4, 1)}, True),
    ({"birth_date__day": "last"}, {"birth_date": date(1990, 4, 9)}, True),
    ({"birth_date__year": "last"}, {"birth_date": date(2025, 4, 9)}, True),
    ({"birth_date__weekday": "tue"}, {"birth_date": date(1990, 5, 15)}, True),
    ({"birth_date__on_this_day": "yes"}, {"birth_date": date(1990, 3, 10)}, True),
    ({"birth_date__within_days": 10}, {"birth_date": date(2026, 2, 28)}, True),
    ({"birth_date__within_days": 9}, {"birth_date": date(2026, 2, 28)}, False),
    ({"birth_date__within_days": 9}, {"birth_date": date(2026, 3, 11)}, False),
    ({"birth_date__older_than_days": 10}, {"birth_date": date(2026, 2, 28)}, False),
    ({"birth_date__older_than_days": 9}, {"birth_date": date(2026, 2, 28)}, True),
    ({"birth_date__in_next_days": 1}, {"birth_date": date(2026, 3, 11)}, True),
    ({"birth_date__in_next_days": 1}, {"birth_date": date(2026, 3, 9)}, False),
    ({"birth_date": "today"}, {"birth_date": date(2026, 3, 10)}, True),
    ({"birth_date": "1 month ago"}, {"birth_date": date(2026, 2, 10)}, True),
    ({"now.time__range": ["09:00", "12:00"]}, {"now": NOON.now}, True),
    ({"now.weekday__in": ["sat", "sun"]}, {"now": NOON.now}, False),
]


@pytest.mark.parametrize(
    ("written", "facts", "expected"),
    PRESENT,
    ids=[f"{case[0]}-{place}" for place, case in enumerate(PRESENT)],
)
def test_a_present_value_is_compared_by_its_type(
    written: object, facts: dict[str, object], expected: bool
) -> None:
    assert holds(written, facts) is expected


def at(text: str) -> dict[str, object]:
    return {"last_contacted_at": datetime.fromisoformat(text).astimezone(UTC)}


MOMENTS = [
    # It is noon in Tehran on 10 March 2026 (UTC+3:30).
    ({"last_contacted_at__lt": "30 days ago"}, at("2026-02-08T11:59:59+03:30"), True),
    ({"last_contacted_at__lt": "30 days ago"}, at("2026-02-08T12:00:00+03:30"), False),
    ({"last_contacted_at__gt": "90 minutes ago"}, at("2026-03-10T10:30:01+03:30"), True),
    ({"last_contacted_at__gte": "1 month ago"}, at("2026-02-10T12:00:00+03:30"), True),
    ({"last_contacted_at": "today"}, at("2026-03-10T00:00:00+03:30"), True),
    ({"last_contacted_at": "today"}, at("2026-03-09T23:59:59+03:30"), False),
    ({"last_contacted_at__lt": "today"}, at("2026-03-09T23:59:59+03:30"), True),
    ({"last_contacted_at__gt": "today"}, at("2026-03-10T23:59:59.999999+03:30"), False),
    ({"last_contacted_at__gt": "today"}, at("2026-03-11T00:00:00+03:30"), True),
    ({"last_contacted_at__lte": "2026-03-10"}, at("2026-03-10T23:59:59+03:30"), True),
    ({"last_contacted_at__lt": "now"}, at("2026-03-10T11:59:59+03:30"), True),
    ({"last_contacted_at__within_days": 1}, at("2026-03-09T00:00:00+03:30"), True),
    ({"last_contacted_at__older_than_days": 1}, at("2026-03-08T23:59:59+03:30"), True),
    ({"last_contacted_at__day": 11}, at("2026-03-10T20:30:00+00:00"), True),
    ({"last_contacted_at__weekday": "wed"}, at("2026-03-10T20:30:00+00:00"), True),
    ({"last_contacted_at__time": "00:00"}, at("2026-03-10T20:30:59+00:00"), True),
    ({"last_contacted_at__on_this_day": "yes"}, at("1999-03-09T20:30:00+00:00"), True),
    (
        {"last_contacted_at__in": ["yesterday", "2026-03-10T12:00:00"]},
        at("2026-03-10T12:00:00+03:30"),
        True,
    ),
]


@pytest.mark.parametrize(
    ("written", "facts", "expected"), MOMENTS, ids=[str(case[:2]) for case in MOMENTS]
)
def test_moments_are_compared_exactly_or_with_whole_days_of_the_business(
    written: object, facts: dict[str, object], expected: bool
) -> None:
    assert holds(written, facts) is expected


def test_a_birthday_of_29_february_is_kept_on_the_28th_of_common_years() -> None:
    born = {"birth_date": date(2000, 2, 29)}
    birthday = {"birth_date__on_this_day": "yes"}

    def on(day: datetime) -> bool:
        return holds(birthday, born, Moment(day.replace(tzinfo=UTC), ZoneInfo("UTC")))

    assert on(datetime(2026, 2, 28))  # noqa: DTZ001  # `on` gives it the zone
    assert not on(datetime(2028, 2, 28))  # noqa: DTZ001
    assert on(datetime(2028, 2, 29))  # noqa: DTZ001
    assert not on(datetime(2026, 3, 1))  # noqa: DTZ001


def test_a_day_of_23_hours_is_a_whole_day_and_the_one_after_begins_on_time() -> None:
    # The clocks of New York went forward on 8 March 2026.
    moment = Moment(datetime(2026, 3, 8, 12, tzinfo=UTC), NEW_YORK)

    assert holds({"last_contacted_at": "today"}, at("2026-03-08T05:00:00+00:00"), moment)
    assert holds({"last_contacted_at": "today"}, at("2026-03-09T03:59:59+00:00"), moment)
    assert holds({"last_contacted_at": "tomorrow"}, at("2026-03-09T04:00:00+00:00"), moment)


def test_months_ago_end_at_the_last_day_of_a_shorter_month() -> None:
    moment = Moment(datetime(2026, 3, 31, 12, tzinfo=UTC), ZoneInfo("UTC"))

    assert holds({"birth_date": "1 month ago"}, {"birth_date": date(2026, 2, 28)}, moment)
    assert holds({"birth_date": "in 11 months"}, {"birth_date": date(2027, 2, 28)}, moment)


UNTYPED = [
    ({"var.x": "80"}, Decimal("80.00"), True),
    ({"var.x": "80"}, "80", True),
    ({"var.x": "80"}, True, False),
    ({"var.x": "true"}, True, True),
    ({"var.x__gt": "today"}, date(2026, 3, 11), True),
    ({"var.x__gt": "today"}, datetime(2026, 3, 11, tzinfo=UTC), True),
    ({"var.x__gt": "10"}, "9", True),  # texts, by code point
    ({"var.x__gt": "10"}, Decimal(9), False),
    ({"var.x__contains": "B"}, "abc", True),
    ({"var.x": "a"}, ("a", "b"), True),
    ({"var.x": "a"}, ({"a": 1},), False),
    ({"var.x__ne": "a"}, None, True),
    ({"var.x__isnull": "yes"}, None, True),
    ({"var.x__isnull": "yes"}, {"a": 1}, False),
    ({"var.x__isnull": "yes"}, {}, True),
    ({"var.x__isnull": "yes"}, Decimal(0), False),
    ({"var.x__is_not_empty": "yes"}, "a", True),
]


@pytest.mark.parametrize(
    ("written", "value", "expected"), UNTYPED, ids=[str(case[:2]) for case in UNTYPED]
)
def test_an_untyped_name_is_compared_as_the_type_of_the_value_at_hand(
    written: object, value: object, expected: bool
) -> None:
    assert holds(written, {"var.x": value}) is expected


def test_all_and_any_hold_as_their_words_say() -> None:
    facts: dict[str, object] = {"crm_score": Decimal(80), "is_vip": True}

    assert holds({"crm_score": 80, "is_vip": "yes"}, facts)
    assert not holds({"crm_score": 80, "is_vip": "no"}, facts)
    assert holds({"any": [{"crm_score": 1}, {"is_vip": "yes"}]}, facts)
    assert not holds({"any": [{"crm_score": 1}, {"is_vip": "no"}]}, facts)


def test_a_moment_at_the_end_of_the_calendar_has_parts_too() -> None:
    last = {"last_contacted_at": datetime.max.replace(tzinfo=UTC)}

    assert holds({"last_contacted_at__year": 9999}, last)
