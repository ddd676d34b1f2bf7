"""Statements of the hot path: compiled once, run on the driver, the same on both stores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import BindParameter, Connection, bindparam, delete, insert, select, update
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
RAISE = Statement(
    lambda dialect: (
        update(customer)
        .where(among(customer.c.display_name, "names", dialect))
        .values(crm_score=bindparam("score"))
    ),
    ("names", "score"),
)
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


EVERY_TYPE = Statement(
    lambda _: insert(customer).values(marketing_preferences={"by": "mail"}, created_by="it's 100%"),
    ("business_id", "display_name", "name_folded", "created_at", "updated_at", "total_spent",
     "custom_fields_extra", "score_parts", "crm_score", "city"),
)  # fmt: skip


class TestManyRows:
    """On PostgreSQL they travel as one JSON document, and nothing of them must be lost on it."""

    ROWS: tuple[tuple[Any, ...], ...] = (
        (
            "a",
            Decimal("9999999999999999.99"),
            {"x": [1, None, {"y": "é"}]},
            None,
            -5,
            'it\'s "%s" $1',
        ),
        ("b", Decimal("-0.01"), {}, {"n": 2**70}, 2**31 - 1, None),
        ("c", Decimal(0), [], {"null": None}, 0, "ی‌ک\\n\u2028"),
        ("d", 12, "text", 7, 1, ""),
    )

    def put(self, db: Connection, shop: int, rows: Sequence[Any]) -> None:
        EVERY_TYPE.many(
            db,
            [
                (shop, name, name, NOW, NOW + timedelta(microseconds=1), spent, extra, parts, *rest)
                for name, spent, extra, parts, *rest in rows
            ],
        )

    def stored(self, db: Connection) -> list[tuple[Any, ...]]:
        names = ("display_name", "total_spent", "custom_fields_extra", "score_parts", "crm_score",
                 "city", "updated_at", "marketing_preferences", "created_by")  # fmt: skip
        found = select(*(customer.c[name] for name in names)).where(
            customer.c.marketing_preferences.is_not(None)
        )
        return [tuple(row) for row in db.execute(found.order_by(customer.c.id))]

    def test_every_value_is_stored_as_it_was_given_and_in_order(
        self, db: Connection, shop: int
    ) -> None:
        self.put(db, shop, self.ROWS)
        same = (NOW + timedelta(microseconds=1), {"by": "mail"}, "it's 100%")
        assert self.stored(db) == [(*row, *same) for row in self.ROWS]

    def test_what_is_missing_is_null_and_not_the_json_word(self, db: Connection, shop: int) -> None:
        self.put(db, shop, self.ROWS[:1])
        absent = select(customer.c.id).where(
            customer.c.score_parts.is_(None), customer.c.created_by == "it's 100%"
        )
        assert len(db.execute(absent).all()) == 1

    def test_a_text_too_long_for_its_column_is_never_cut(self, db: Connection, shop: int) -> None:
        """PostgreSQL refuses it; SQLite's texts have no length."""
        long: tuple[Any, ...] = ("a", 0, {}, None, 1, "x" * 101)
        if db.dialect.name == "sqlite":
            self.put(db, shop, [long])
            assert self.stored(db)[0][5] == "x" * 101
            return
        with pytest.raises(Exception, match="too long"), db.begin_nested():
            self.put(db, shop, [long])
        assert self.stored(db) == []

    def test_many_rows_are_changed_and_deleted_each_by_its_own_values(
        self, db: Connection, shop: int
    ) -> None:
        of: BindParameter[str] = bindparam("of")
        raised = Statement(
            lambda _: (
                update(customer)
                .where(customer.c.display_name == of, customer.c.crm_score < 30)
                .values(crm_score=customer.c.crm_score + bindparam("more"))
            ),
            ("more", "of"),
        )
        raised.many(db, [(1, "a"), (2, "b"), (3, "c"), (4, "nobody")])
        score = select(customer.c.crm_score).order_by(customer.c.display_name)
        assert list(db.execute(score).scalars()) == [11, 22, 30]
        gone = Statement(lambda _: delete(customer).where(customer.c.display_name == of), ("of",))
        gone.many(db, [("a",), ("c",)])
        assert list(db.execute(score).scalars()) == [22]


@pytest.mark.usefixtures("shop")
class TestWriting:
    def test_run_says_how_many_rows_it_touched(self, db: Connection) -> None:
        later = NOW + timedelta(microseconds=1)
        assert MOVE.run(db, later, 25) == 2
        assert MOVE.run(db, later, 0) == 0
        moved = db.execute(select(customer.c.display_name).where(customer.c.updated_at == later))
        assert sorted(moved.scalars()) == ["a", "b"]

    @pytest.mark.parametrize("wanted", [["b"], ["a", "c"]])
    def test_what_runs_takes_a_list_of_any_length_too(
        self, db: Connection, wanted: list[str]
    ) -> None:
        assert RAISE.run(db, listed_or_one(db, wanted), 5) == len(wanted)
        raised = db.execute(select(customer.c.display_name).where(customer.c.crm_score == 5))
        assert sorted(raised.scalars()) == wanted

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
