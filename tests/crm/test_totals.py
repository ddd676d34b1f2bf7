"""Totals are what the rows say, whatever was recorded, changed and refunded before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from crm.errors import CrmError
from crm.services.customers import create_customer, update_customer
from crm.services.interactions import (
    complete_follow_up,
    edit_interaction,
    list_interactions,
    record_interaction,
    set_follow_up,
)
from crm.services.purchases import change_status, list_purchases, record_purchase, refund
from crm.services.totals import TOTALS, recount
from crm.tables import customer
from tests.crm.businesses import CAUSE, NOW, applied, business

PROJECT = business()
ZONE = ZoneInfo("Asia/Tehran")

amounts = st.decimals(min_value=0, max_value=10_000, places=2)
hours = st.integers(0, 24 * 40)
days = st.integers(-40, 0)
acts = st.one_of(
    st.tuples(
        st.just("buy"), amounts, st.sampled_from(["IRT", "EUR", None]),
        st.sampled_from(["draft", "paid", "refunded", "void"]), st.none() | days,
        st.sampled_from([None, "A", "B", "C"]),
    ),
    st.tuples(st.just("status"), st.integers(0, 5), st.sampled_from(["paid", "refunded", "void"])),
    st.tuples(st.just("refund"), st.integers(0, 5), amounts),
    st.tuples(
        st.just("meet"), st.sampled_from(["call", "visit"]), hours, st.none() | st.integers(0, 30)
    ),
    st.tuples(st.just("kind"), st.integers(0, 5), st.sampled_from(["call", "visit"])),
    st.tuples(st.just("done"), st.integers(0, 5)),
    st.tuples(st.just("by hand"), st.none() | days),
    st.tuples(st.just("currency"), st.sampled_from(["IRT", "EUR"])),
)  # fmt: skip


class Shop:
    def __init__(self, db: Connection) -> None:
        self.db = db
        self.id = applied(db, PROJECT)
        self.ann = create_customer(db, self.id, PROJECT, {"first_name": "Ann"}, CAUSE, NOW)

    def act(self, what: str, *how: Any) -> None:
        """One thing that happens; what is not allowed changes nothing."""
        with suppress(CrmError, IndexError):
            getattr(self, f"_{what.replace(' ', '_')}")(*how)

    def _buy(
        self,
        amount: Decimal,
        currency: str | None,
        status: str,
        day: int | None,
        number: str | None,
    ) -> None:
        date = None if day is None else NOW.date() + timedelta(days=day)
        given = {
            "amount": amount, "currency": currency, "status": status, "number": number, "date": date
        }  # fmt: skip
        record_purchase(self.db, self.id, PROJECT, self.ann, given, CAUSE, NOW)

    def _status(self, place: int, status: str) -> None:
        one = list_purchases(self.db, self.id, self.ann)[place]
        change_status(self.db, self.id, PROJECT, one.id, status, CAUSE, NOW)

    def _refund(self, place: int, amount: Decimal) -> None:
        one = list_purchases(self.db, self.id, self.ann)[place]
        refund(self.db, self.id, PROJECT, one.id, amount, CAUSE, NOW)

    def _meet(self, kind: str, ago: int, follow_up: int | None) -> None:
        given: dict[str, Any] = {"kind": kind, "at": NOW - timedelta(hours=ago)}
        if follow_up is not None:
            given["follow_up_date"] = NOW.date() + timedelta(days=follow_up)
        record_interaction(self.db, self.id, PROJECT, self.ann, given, CAUSE, NOW)

    def _kind(self, place: int, kind: str) -> None:
        one = list_interactions(self.db, self.id, self.ann)[place]
        edit_interaction(self.db, self.id, PROJECT, one.id, {"kind": kind}, CAUSE, NOW)

    def _done(self, place: int) -> None:
        one = list_interactions(self.db, self.id, self.ann)[place]
        complete_follow_up(self.db, self.id, PROJECT, one.id, CAUSE, NOW)

    def _by_hand(self, day: int | None) -> None:
        at = None if day is None else NOW + timedelta(days=day)
        set_follow_up(self.db, self.id, PROJECT, self.ann, at, CAUSE, NOW)
        self.by_hand = at

    by_hand: datetime | None = None

    def _currency(self, currency: str) -> None:
        given = {"currency": currency}
        update_customer(self.db, self.id, PROJECT, self.ann, given, CAUSE, NOW)

    def stored(self) -> dict[str, Any]:
        columns = [customer.c[name] for name in (*TOTALS, "currency")]
        row = self.db.execute(select(*columns).where(customer.c.id == self.ann)).mappings().one()
        return dict(row)


def counted(shop: Shop, currency: str) -> dict[str, Any]:
    """The same by hand, one row after another."""
    bought = list_purchases(shop.db, shop.id, shop.ann)
    met = list_interactions(shop.db, shop.id, shop.ann)
    there = [one for one in bought if one.status in ("paid", "refunded")]
    visits = {one.at.astimezone(ZONE).date() for one in met if one.kind == "visit"}
    open_ = [one for one in met if one.follow_up_required and one.follow_up_done_at is None]
    due = [one.follow_up_date for one in open_ if one.follow_up_date is not None]
    midnight = min((datetime(d.year, d.month, d.day, tzinfo=ZONE) for d in due), default=None)
    return {
        "total_interactions": len(met),
        "total_visits": len(visits | {one.date for one in there}),
        "total_purchases": sum(one.status == "paid" for one in bought),
        "total_invoices": sum(one.status != "void" for one in bought),
        "total_spent": sum(
            (one.amount - one.refunded for one in there if one.currency == currency), Decimal(0)
        ),
        "total_revenue": sum(
            (one.amount - one.refunded for one in there if one.currency == "IRT"), Decimal(0)
        ),
        "next_follow_up_at": shop.by_hand or (midnight and midnight.astimezone(UTC)),
    }


@contextmanager
def shop_of(store: Engine) -> Iterator[Shop]:
    """A shop that nobody has acted in, and that is gone afterwards."""
    with store.connect() as db, db.begin() as transaction:
        yield Shop(db)
        transaction.rollback()


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(acts, max_size=14))
def test_totals_are_those_of_a_simple_recount(store: Engine, happenings: list[Any]) -> None:
    with shop_of(store) as shop:
        for what in happenings:
            shop.act(*what)
        stored = shop.stored()
        wanted = counted(shop, stored["currency"])
        assert {name: stored[name] for name in wanted} == wanted
        assert all(value >= 0 for value in stored.values() if isinstance(value, int | Decimal))
        assert recount(shop.db, shop.id, PROJECT, [shop.ann]) == {}
        assert (stored["first_visit_at"] is None) is (stored["total_visits"] == 0)


def test_two_visits_of_a_local_day_are_one(db: Connection) -> None:
    shop = Shop(db)
    for hour in (20, 21):  # half past eleven and half past midnight in Tehran
        at = datetime(2026, 2, 10, hour, 0, tzinfo=UTC)
        for minutes in (0, 10):
            given = {"kind": "visit", "at": at + timedelta(minutes=minutes)}
            record_interaction(db, shop.id, PROJECT, shop.ann, given, CAUSE, NOW)
    assert shop.stored()["total_visits"] == 2
    assert shop.stored()["first_visit_at"] == datetime(2026, 2, 10, 20, 0, tzinfo=UTC)


def test_what_was_long_ago_does_not_move_the_last_contact_back(db: Connection) -> None:
    shop = Shop(db)
    for ago in (1, 50, 3):
        given = {"kind": "call", "at": NOW - timedelta(days=ago)}
        record_interaction(db, shop.id, PROJECT, shop.ann, given, CAUSE, NOW)
    assert shop.stored()["last_contacted_at"] == NOW - timedelta(days=1)


def test_the_largest_purchases_still_add_up(db: Connection) -> None:
    shop = Shop(db)
    for _ in range(3):
        given = {"amount": Decimal("9999999999999.99")}
        record_purchase(db, shop.id, PROJECT, shop.ann, given, CAUSE, NOW)
    assert shop.stored()["total_spent"] == Decimal("29999999999999.97")


@pytest.mark.parametrize("size", [0, 1, 700])
def test_any_number_of_customers_is_counted_in_pieces(db: Connection, size: int) -> None:
    shop = Shop(db)
    nobody = range(shop.ann + 1, shop.ann + size)
    assert recount(db, shop.id, PROJECT, [*nobody][: size - 1] if size else []) == {}
