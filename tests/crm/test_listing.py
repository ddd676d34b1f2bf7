"""Lists of customers by criteria, in an order that does not change between two looks."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, update

from crm.errors import NotAllowed, UnknownField, WrongCursor
from crm.services import drivers
from crm.services.customers import create_customer
from crm.services.ledger import HIDDEN
from crm.services.listing import LISTED, Total, View, page_of, total_of
from crm.tables import customer
from engine.criteria.ast import All, Compare, Criterion
from engine.criteria.operators import Op
from engine.fields.types import FieldType
from tests.crm.businesses import CAUSE, NOW, applied, business, mapped

PROJECT = business()


@pytest.fixture
def business_id(db: Connection) -> int:
    return applied(db, PROJECT)


def _customer(db: Connection, business_id: int, **given: object) -> int:
    return create_customer(db, business_id, PROJECT, given, CAUSE, NOW)


def _ids(db: Connection, business_id: int, **options: Any) -> list[int]:
    return [row["id"] for row in _rows(db, business_id, names=("id",), **options)]


def _rows(
    db: Connection, business_id: int, where: Criterion | None = None, **options: Any
) -> list[dict[str, Any]]:
    return page_of(db, View(business_id, PROJECT, NOW, where), **options).rows


def _score(db: Connection, customer_id: int, score: int) -> int:
    db.execute(update(customer).where(customer.c.id == customer_id).values(crm_score=score))
    return customer_id


def test_the_greatest_come_first_and_among_equals_the_newer_and_the_other_way_round(
    db: Connection, business_id: int
) -> None:
    low, first, second = (_score(db, _customer(db, business_id), score) for score in (10, 80, 80))
    assert _ids(db, business_id, sort="-crm_score") == [second, first, low]
    assert _ids(db, business_id, sort="crm_score") == [low, first, second]
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
    rows = _rows(db, business_id, where, names=("id", "points", "birth_date"))
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
    [row] = _rows(db, business_id)
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


SORTS = ["-id", "id", "points", "-points", "-crm_score", "crm_score", "first_name", "-created_at"]


@pytest.mark.parametrize("sort", SORTS)
def test_pages_bring_everybody_once_in_the_order_of_one_long_page(
    db: Connection, business_id: int, sort: str
) -> None:
    for number in range(23):
        given = {"points": number % 5} if number % 3 else {}
        name = f"N{number % 4}" if number % 2 else None
        _score(db, _customer(db, business_id, first_name=name, **given), number % 7)
    view = View(business_id, PROJECT, NOW)
    paged, after = [], None
    for _ in range(5):
        page = page_of(db, view, sort, 5, after, names=("id",))
        paged += [row["id"] for row in page.rows]
        after = page.next
    assert after is None
    assert paged == _ids(db, business_id, sort=sort, limit=100)
    assert len(set(paged)) == 23


@pytest.mark.parametrize("after", ["", "x", "WzFd", "bnVsbA", "W251bGwsIjEiXQ", "é", "=" * 9])
def test_a_page_that_no_page_has_named_is_refused(
    db: Connection, business_id: int, after: str
) -> None:
    with pytest.raises(WrongCursor):
        page_of(db, View(business_id, PROJECT, NOW), "-points", after=after)


def test_a_total_counts_so_far_and_says_so(db: Connection, business_id: int) -> None:
    for number in range(4):
        _customer(db, business_id, points=number)
    everybody = View(business_id, PROJECT, NOW)
    some = Compare("points", Op.GREATER_THAN, 1, FieldType.NUMBER)
    assert total_of(db, everybody) == Total(4, more=False)
    assert str(total_of(db, everybody, most=3)) == "3+"
    assert total_of(db, everybody._replace(where=some)) == Total(2, more=False)


@pytest.mark.parametrize("few", [0, 2, 1_000])
def test_whatever_leads_the_same_customers_are_found(
    db: Connection, business_id: int, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "FEW", few)
    wanted = [
        _customer(db, business_id, points=number, category="clothes" if number % 2 else None)
        for number in range(10)
    ]
    where: Criterion = All(
        (
            Compare("points", Op.BETWEEN, (2, 7), FieldType.NUMBER),
            Compare("category", Op.EQUALS, "clothes", FieldType.SELECT),
        )
    )
    found = _ids(db, business_id, where=where, sort="points")
    assert found == [wanted[number] for number in (3, 5, 7)]
    assert total_of(db, View(business_id, PROJECT, NOW, where)) == Total(3, more=False)


def test_a_list_hides_sensitive_values_and_is_not_sorted_by_them(db: Connection) -> None:
    project = business("clinic", mapped("allergies", sensitive=True), mapped("size"))
    business_id = applied(db, project)
    create_customer(db, business_id, project, {"allergies": "nuts", "size": "42"}, CAUSE, NOW)
    create_customer(db, business_id, project, {}, CAUSE, NOW)
    view = View(business_id, project, NOW)
    names = ("allergies", "size")
    hidden = page_of(db, view, names=names, reveal=False).rows
    assert [row["allergies"] for row in hidden] == [None, HIDDEN]
    assert [row["size"] for row in hidden] == [None, "42"]
    assert [row["allergies"] for row in page_of(db, view, names=names).rows] == [None, "nuts"]
    with pytest.raises(NotAllowed, match="'allergies' is sensitive"):
        page_of(db, view, "-allergies", names=names, reveal=False)
