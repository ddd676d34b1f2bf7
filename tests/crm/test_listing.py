"""Lists of customers by criteria, in an order that does not change between two looks."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, update

from crm.errors import UnknownField
from crm.services.customers import create_customer
from crm.services.listing import LISTED, list_customers
from crm.tables import customer
from engine.criteria.ast import All, Compare, Criterion
from engine.criteria.operators import Op
from engine.fields.types import FieldType
from tests.crm.businesses import CAUSE, NOW, applied, business

PROJECT = business()


@pytest.fixture
def business_id(db: Connection) -> int:
    return applied(db, PROJECT)


def _customer(db: Connection, business_id: int, **given: object) -> int:
    return create_customer(db, business_id, PROJECT, given, CAUSE, NOW)


def _ids(db: Connection, business_id: int, **options: Any) -> list[int]:
    rows = list_customers(db, business_id, PROJECT, NOW, names=("id",), **options)
    return [row["id"] for row in rows]


def _score(db: Connection, customer_id: int, score: int) -> int:
    db.execute(update(customer).where(customer.c.id == customer_id).values(crm_score=score))
    return customer_id


def test_the_greatest_come_first_and_among_equals_the_newer(
    db: Connection, business_id: int
) -> None:
    low, first, second = (_score(db, _customer(db, business_id), score) for score in (10, 80, 80))
    assert _ids(db, business_id, sort="-crm_score") == [second, first, low]
    assert _ids(db, business_id, sort="crm_score") == [low, second, first]
    assert _ids(db, business_id, sort="-crm_score", limit=2) == [second, first]


@pytest.mark.parametrize("sort", ["points", "-points"])
def test_who_has_no_value_comes_last_in_either_direction(
    db: Connection, business_id: int, sort: str
) -> None:
    without = _customer(db, business_id)
    with_points = _customer(db, business_id, points=3)
    assert _ids(db, business_id, sort=sort) == [with_points, without]


def test_a_criterion_chooses_and_fields_are_shown_by_key(db: Connection, business_id: int) -> None:
    _customer(db, business_id, points=3, category="clothes")
    _customer(db, business_id, points=30)
    chosen = _customer(db, business_id, points=12.5, category="clothes")
    where: Criterion = All(
        (
            Compare("points", Op.GREATER_THAN, 5, FieldType.NUMBER),
            Compare("category", Op.EQUALS, "clothes", FieldType.SELECT),
        )
    )
    rows = list_customers(
        db, business_id, PROJECT, NOW, where=where, names=("id", "points", "birth_date")
    )
    assert rows == [{"id": chosen, "points": 12.5, "birth_date": None}]


def test_a_slot_asks_for_the_field_in_it_and_a_free_one_for_nothing(
    db: Connection, business_id: int
) -> None:
    chosen = _customer(db, business_id, points=12)
    used = Compare("custom_number_1", Op.EQUALS, 12, FieldType.NUMBER)
    free = Compare("custom_number_2", Op.IS_NOT_EMPTY, None, FieldType.NUMBER)
    assert _ids(db, business_id, where=used) == [chosen]
    assert _ids(db, business_id, where=free) == []


def test_without_names_the_usual_columns_are_shown(db: Connection, business_id: int) -> None:
    _customer(db, business_id, first_name="Sara")
    [row] = list_customers(db, business_id, PROJECT, NOW)
    assert tuple(row) == LISTED
    assert row["created_at"] == "2026-03-01T09:30:00Z"


def test_an_unknown_or_extra_field_is_refused_with_what_was_meant(
    db: Connection, business_id: int
) -> None:
    with pytest.raises(UnknownField, match="Did you mean 'crm_score'"):
        _ids(db, business_id, sort="-crm_scor")
    with pytest.raises(UnknownField, match="nickname"):
        _ids(db, business_id, sort="nickname")


def test_customers_of_another_business_are_not_listed(db: Connection, business_id: int) -> None:
    _customer(db, applied(db, business("other")), first_name="Theirs")
    assert _ids(db, business_id) == []
