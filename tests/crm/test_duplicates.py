"""Who may be one person."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert

from crm.services.customers import archive_customer, create_customer
from crm.services.duplicates import Alike, find_duplicates
from crm.tables import customer
from tests.crm.businesses import CAUSE, NOW, applied, business

PROJECT = business()


@pytest.fixture
def shop(db: Connection) -> int:
    return applied(db, PROJECT)


def put(db: Connection, shop: int, **given: Any) -> int:
    made = create_customer(db, shop, PROJECT, {"first_name": "X"} | given, CAUSE, NOW)
    return int(made)


def told(found: list[Alike]) -> list[tuple[str, tuple[int, ...]]]:
    return [(one.by, tuple(match.customer_id for match in one.customers)) for one in found]


def test_one_number_in_any_writing_is_one_person(db: Connection, shop: int) -> None:
    a = put(db, shop, phone_number="0912 123 4567", first_name="Ann")
    b = put(db, shop, phone_number="+98-912-1234567", first_name="Bob")
    put(db, shop, phone_number="09121234568", first_name="Cleo")
    put(db, shop, first_name="Dora")
    put(db, shop, first_name="Eve")
    assert told(find_duplicates(db, shop, ["phone"])) == [("phone", (a, b))]


def test_an_address_that_a_chat_gave_to_a_second_customer_is_told(
    db: Connection, shop: int
) -> None:
    a = put(db, shop, email="ann@example.org", first_name="Ann")
    row = {"business_id": shop, "display_name": "B", "name_folded": "b", "created_at": NOW}
    b = db.execute(
        insert(customer)
        .values(**row, updated_at=NOW, email="ann@example.org")
        .returning(customer.c.id)
    ).scalar_one()
    assert told(find_duplicates(db, shop, ["email"])) == [("email", (a, b))]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mohammad Rezaei", "Mohamad Rezaei"),
        ("Rezaei Mohammad", "Mohammad Rezaei"),
        ("Zohammad Rezaei", "Mohammad Rezaei"),
        ("محمد رضایی‌نژاد", "محمد رضايي نژاد"),
        ("MARIA GARCIA LOPEZ", "Maria Garcia López"),
    ],
)
def test_a_slip_in_a_name_is_seen_through(db: Connection, shop: int, one: str, other: str) -> None:
    for name in ("Mona Ahmadi", "Reza Karimi", "Sara Moradi", "مریم کریمی"):
        put(db, shop, first_name=name)
    a, b = put(db, shop, first_name=one), put(db, shop, first_name=other)
    (found,) = find_duplicates(db, shop, ["name"])
    assert sorted(match.customer_id for match in found.customers) == [a, b]
    assert found.likeness >= 90


def test_blanks_archived_ones_and_single_words_are_no_duplicates(db: Connection, shop: int) -> None:
    put(db, shop, first_name=None, username="a_b")
    put(db, shop, first_name=None)
    put(db, shop, first_name="Ali")
    put(db, shop, first_name="Alia")
    put(db, shop, first_name="Mona Ahmadi")
    gone = put(db, shop, first_name="Mona Ahmadi")
    archive_customer(db, shop, PROJECT, gone, CAUSE, NOW)
    assert find_duplicates(db, shop) == []


def test_the_surest_come_first_and_no_more_than_are_wanted(db: Connection, shop: int) -> None:
    for name in ("Mohammad Rezaei", "Mohamad Rezaei", "Mona Ahmadi", "Mona Ahmadi"):
        put(db, shop, first_name=name, phone_number="09121234567")
    found = find_duplicates(db, shop)
    assert [one.by for one in found] == ["phone", "name", "name"]
    assert [one.likeness for one in found][:2] == [100, 100]
    assert len(find_duplicates(db, shop, limit=2)) == 2
