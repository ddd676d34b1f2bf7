"""Statements of the hot path: compiled once, run on the driver, the same on both stores."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from crm.sql import GROUP, Statement, among, listed, listed_or_one
from crm.tables import business, customer
from tests.crm.businesses import NOW

ADD = Statement(
    lambda _: insert(customer).values(currency="IRT", total_spent=Decimal("1.50")),
    ("business_id", "display_name", "name_folded", "crm_score", "created_at", "updated_at"),
)
NAMES = Statement(
    lambda dialect: (
        select(customer.c.display_name)
        .where(among(customer.c.display_name, "names", dialect))
        .order_by(customer.c.display_name)
    ),
    ("names",),
)
MOVING = (
    update(customer)
    .where(customer.c.crm_score < bindparam("below"))
    .values(updated_at=bindparam("at", type_=customer.c.updated_at.type))
)
MOVE = Statement(lambda _: MOVING, ("at", "below"))
ALL = Statement(
    lambda _: select(customer.c.total_spent, customer.c.created_at, customer.c.currency), ()
)


@pytest.fixture
def shop(db: Connection) -> int:
    """A business with customers a, b and c of the scores 10, 20 and 30."""
    made = insert(business).values(key="shop", name="Shop", created_at=NOW)
    number = int(db.execute(made.returning(business.c.id)).scalar_one())
    ADD.many(
        db, [(number, name, name, score * 10, NOW, NOW) for score, name in enumerate("abc", 1)]
    )
    return number


@pytest.mark.usefixtures("shop")
class TestFetching:
    def test_values_come_back_as_the_types_of_their_columns(self, db: Connection) -> None:
        assert [tuple(row) for row in ALL.fetch(db)] == [(Decimal("1.50"), NOW, "IRT")] * 3

    @pytest.mark.parametrize("wanted", [[], ["b"], ["a", "c"], ["c", "a", "nobody", "a"]])
    @pytest.mark.parametrize("make", [listed, listed_or_one])
    def test_a_list_of_any_length_is_one_parameter(
        self, db: Connection, wanted: list[str], make: Callable[[Connection, list[str]], Any]
    ) -> None:
        found = [row[0] for row in NAMES.fetch(db, make(db, wanted))]
        assert found == sorted({*wanted} & {"a", "b", "c"})

    def test_a_list_is_data_and_never_a_part_of_the_statement(self, db: Connection) -> None:
        wanted = ["x') OR 1=1 --", '"]', "\\", "ی‌ک"]
        assert NAMES.fetch(db, listed(db, wanted)) == []


@pytest.mark.usefixtures("shop")
class TestWriting:
    def test_run_says_how_many_rows_it_touched(self, db: Connection) -> None:
        later = NOW + timedelta(microseconds=1)
        assert MOVE.run(db, later, 25) == 2
        assert MOVE.run(db, later, 0) == 0
        moved = db.execute(select(customer.c.display_name).where(customer.c.updated_at == later))
        assert sorted(moved.scalars()) == ["a", "b"]

    def test_no_rows_are_no_statement(self, db: Connection) -> None:
        ADD.many(db, [])
        assert len(ALL.fetch(db)) == 3

    @pytest.mark.parametrize("count", [GROUP - 1, GROUP, 3 * GROUP + 1])
    def test_rows_are_stored_in_the_order_given_however_many(
        self, db: Connection, shop: int, count: int
    ) -> None:
        names = [f"n{number}" for number in range(count)]
        ADD.many(db, [(shop, name, name, 1, NOW, NOW) for name in names])
        stored = db.execute(select(customer.c.display_name).order_by(customer.c.id)).scalars()
        assert list(stored) == ["a", "b", "c", *names]

    def test_parameters_are_told_apart_by_name_and_not_by_their_place_in_the_text(
        self, db: Connection
    ) -> None:
        """In the UPDATE's text the new value stands before the condition."""
        swapped = Statement(lambda _: MOVING, ("below", "at"))
        assert swapped.run(db, 15, NOW + timedelta(hours=1)) == 1


def test_what_breaks_a_constraint_is_an_integrity_error_as_elsewhere(
    db: Connection, shop: int
) -> None:
    nameless = (shop, None, "x", 1, NOW, NOW)
    with pytest.raises(IntegrityError), db.begin_nested():
        ADD.many(db, [nameless])
    with pytest.raises(IntegrityError), db.begin_nested():
        ADD.run(db, *nameless)
    assert len(ALL.fetch(db)) == 3


def test_it_is_part_of_the_callers_transaction(db: Connection, shop: int) -> None:
    inner = db.begin_nested()
    ADD.many(db, [(shop, "d", "d", 1, NOW, NOW)])
    inner.rollback()
    assert len(ALL.fetch(db)) == 3
