"""What is worth doing, and the business in numbers."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, insert, update

from crm.services.customers import archive_customer, create_customer
from crm.services.insights import list_insights
from crm.services.purchases import record_purchase
from crm.services.reports import business_report
from crm.tables import activity, customer
from tests.crm.businesses import CAUSE, NOW, SEGMENTS, applied, business

PROJECT = business(segments=SEGMENTS)
DAY = timedelta(days=1)


class Shop:
    def __init__(self, db: Connection) -> None:
        self.db = db
        self.id = applied(db, PROJECT)
        self.at = (db, self.id, PROJECT)

    def make(self, name: str = "Ann", **columns: Any) -> int:
        made = create_customer(*self.at, {"first_name": name}, CAUSE, NOW)
        if columns:
            mine = update(customer).where(customer.c.id == made)
            self.db.execute(mine.values(columns))
        return int(made)

    def writes(self, who: int, *days: int) -> None:
        for back in days:
            at = NOW - back * DAY
            self.db.execute(
                insert(activity).values(
                    business_id=self.id, customer_id=who, at=at, type="message_received",
                    description="x", data={"channel": "telegram"}, by="customer",
                )
            )  # fmt: skip
        newest = update(customer).where(customer.c.id == who)
        self.db.execute(newest.values(last_message_at=NOW - min(days) * DAY))

    def told(self, **how: Any) -> list[tuple[int, str, str]]:
        found = list_insights(*self.at, NOW, **how)
        return [(one.customer_id, one.kind, one.reason) for one in found]


@pytest.fixture
def shop(db: Connection) -> Shop:
    return Shop(db)


def test_birthdays_of_the_next_five_days_are_told_a_leap_day_too(shop: Shop) -> None:
    today = shop.make(custom_date_1=date(1990, 3, 1))
    soon = shop.make(custom_date_1=date(1985, 3, 6))
    shop.make(custom_date_1=date(1985, 3, 7))
    assert shop.told() == [
        (today, "birthday_soon", "birthday today"), (soon, "birthday_soon", "birthday in 5 days"),
    ]  # fmt: skip
    leap = shop.make(custom_date_1=date(1988, 2, 29))
    found = list_insights(*shop.at, NOW - 2 * DAY, customer_id=leap)
    assert [one.reason for one in found] == ["birthday tomorrow"]


def test_a_high_score_without_a_purchase_and_a_long_silence_are_told(shop: Shop) -> None:
    hot = shop.make(crm_score=80)
    shop.make(crm_score=90, total_purchases=1)
    gone = shop.make(last_visit_at=NOW - 91 * DAY, total_visits=3)
    shop.make(last_visit_at=NOW - 90 * DAY, total_visits=3)
    archive_customer(*shop.at, shop.make(crm_score=99), CAUSE, NOW)
    assert shop.told() == [
        (hot, "high_value_opportunity", "score 80 and no purchase yet"),
        (gone, "churn_risk", "3 visits, the last 91 days ago"),
    ]
    assert shop.told(kinds=("churn_risk",))[0][0] == gone
    assert shop.told(customer_id=hot)[0][0] == hot


def test_half_as_many_messages_or_half_more_are_a_trend(shop: Shop) -> None:
    quieter, louder, same, rare = (shop.make(name) for name in "abcd")
    shop.writes(quieter, 1, 2, 40, 41, 42, 43)
    shop.writes(louder, 1, 2, 3, 4, 5, 6, 40, 41, 42, 43)
    shop.writes(same, 1, 2, 3, 4, 40, 41, 42)
    shop.writes(rare, 1, 2, 40)
    assert shop.told(kinds=("engagement_trend",)) == [
        (quieter, "engagement_trend", "2 messages in 30 days, 4 in the 30 before (-50 %)"),
        (louder, "engagement_trend", "6 messages in 30 days, 4 in the 30 before (+50 %)"),
    ]


def test_a_business_without_anybody_has_a_report_of_nothing(shop: Shop) -> None:
    told = business_report(*shop.at, NOW)
    assert (told.customers, told.average_score, told.growth) == (0, 0, None)
    assert told.revenue == Decimal(0)
    assert sum(map(sum, told.heat)) == 0
    assert len(told.trend) == 30


def test_the_numbers_are_those_of_who_is_there(shop: Shop) -> None:
    ann = shop.make(source="telegram", assigned_to="Ali", journey_stage="purchase")
    bob = shop.make(created_at=NOW - 20 * DAY, crm_score=85, total_visits=7)
    archive_customer(*shop.at, shop.make(), CAUSE, NOW)
    record_purchase(*shop.at, ann, {"amount": 100}, CAUSE, NOW)
    shop.writes(bob, 0, 1)
    told = business_report(*shop.at, NOW)
    assert (told.customers, told.new_this_month, told.growth) == (2, 1, 0)
    assert told.active_this_month == 2
    assert (told.revenue, told.average_spent) == (Decimal(100), Decimal(50))
    assert told.average_lifetime_value * 2 == told.lifetime_value == Decimal(300)
    assert told.by_visits == {"0": 0, "1": 1, "2-5": 0, "6-10": 1, "11+": 0}
    assert told.by_score["80-100"] == 1
    assert told.by_source == {"other": 1, "telegram": 1}
    assert told.by_staff == {"nobody": 1, "Ali": 1}
    assert told.by_channel == {"telegram": 2}
    assert told.funnel["awareness"] == 2
    assert told.funnel["purchase"] == 1
    assert dict(told.trend)["2026-03-01"] == 1
    assert told.heat[6][13] == 1  # a Sunday, 13:00 in Tehran
