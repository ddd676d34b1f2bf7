"""Finding the customer that a reference names, or those that a text is like."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, insert

from crm.errors import Ambiguous, NotFound
from crm.services.customers import archive_customer, create_customer
from crm.services.find import find, resolve
from crm.tables import customer_account
from engine.business import Business
from tests.crm.businesses import CAUSE, NOW, applied, business


class Shop:
    """A business, and short ways to fill it."""

    def __init__(self, db: Connection, project: Business) -> None:
        self.db, self.project = db, project
        self.id = applied(db, project)

    def customer(self, **given: Any) -> int:
        return create_customer(self.db, self.id, self.project, given, CAUSE, NOW)

    def archive(self, customer_id: int) -> None:
        archive_customer(self.db, self.id, self.project, customer_id, CAUSE, NOW)

    def account(self, customer_id: int, channel: str, external_id: str) -> None:
        self.db.execute(
            insert(customer_account).values(
                business_id=self.id,
                customer_id=customer_id,
                channel=channel,
                external_id=external_id,
                created_at=NOW,
            )
        )

    def resolve(self, reference: str) -> int:
        return resolve(self.db, self.id, reference, self.project.country)

    def find(self, text: str, limit: int = 25) -> list[int]:
        found = find(self.db, self.id, text, self.project.country, limit)
        return [match.customer_id for match in found]


@pytest.fixture
def shop(db: Connection) -> Shop:
    return Shop(db, business())


@pytest.fixture
def elsewhere(db: Connection) -> Shop:
    return Shop(db, business("other"))


def test_every_form_of_reference_leads_to_the_customer(shop: Shop) -> None:
    shop.customer(first_name="Somebody else")
    sara = shop.customer(email="sara@example.com", phone_number="09123456789")
    shop.account(sara, "telegram", "777")
    shop.account(sara, "chat", "Sara")
    for reference in (
        str(sara),
        f"id:{sara}",
        "0912 345 6789",
        "+98 912 345 67 89",
        "SARA@example.com",
        "telegram:777",
        "chat:Sara",
    ):
        assert shop.resolve(reference) == sara


@pytest.mark.parametrize(
    "reference", ["999999999", "09120000000", "nobody@example.com", "telegram:1", "Sara"]
)
def test_a_reference_to_nobody_says_so(shop: Shop, reference: str) -> None:
    with pytest.raises(NotFound, match=reference):
        shop.resolve(reference)


def test_a_phone_number_of_two_customers_is_ambiguous_and_both_are_named(shop: Shop) -> None:
    sara = shop.customer(first_name="Sara", phone_number="09123456789")
    ali = shop.customer(first_name="Ali", phone_number="09123456789")
    with pytest.raises(Ambiguous) as refused:
        shop.resolve("09123456789")
    assert [match.customer_id for match in refused.value.matches] == [sara, ali]
    assert f"Sara (id:{sara}), Ali (id:{ali})" in str(refused.value)


def test_an_archived_customer_answers_only_where_no_other_does(shop: Shop) -> None:
    old = shop.customer(email="sara@example.com")
    shop.archive(old)
    assert shop.resolve("sara@example.com") == old
    new = shop.customer(email="sara@example.com")
    assert shop.resolve("sara@example.com") == new
    assert shop.resolve(str(old)) == old


def test_no_reference_reaches_another_business(shop: Shop, elsewhere: Shop) -> None:
    theirs = elsewhere.customer(
        first_name="Sara", email="sara@example.com", phone_number="09123456789"
    )
    elsewhere.account(theirs, "telegram", "777")
    for reference in (str(theirs), "09123456789", "sara@example.com", "telegram:777"):
        with pytest.raises(NotFound):
            shop.resolve(reference)
    for text in ("Sara", "sara@example.com", "0912", str(theirs)):
        assert shop.find(text) == []


def test_better_likenesses_come_first(shop: Shop) -> None:
    contains = shop.customer(first_name="Ansara")
    begins = shop.customer(first_name="Sara", last_name="Ahmadi")
    exactly = shop.customer(first_name="SARA")
    by_company = shop.customer(first_name="Ali", company="Sara Ltd")
    inside_email = shop.customer(first_name="Reza", email="not.sara@example.com")
    shop.customer(first_name="Mina")
    assert shop.find("sara") == [exactly, begins, contains, by_company, inside_email]


@pytest.mark.parametrize(
    "text",
    ["علي", "علی", "عل", "REZA", "0912 345", "۰۹۱۲۳۴۵۶۷۸۹", "+98 912", "456789", "A-77", "lotus"],
)
def test_each_of_the_ways_to_look_finds_the_customer(shop: Shop, text: str) -> None:
    given = {
        "first_name": "علی",
        "username": "reza",
        "phone_number": "09123456789",
        "external_id": "A-77",
        "company": "Lotus",
    }
    made = shop.customer(**given)
    assert shop.find(text) == [made]


def test_an_id_finds_its_customer(shop: Shop) -> None:
    made = shop.customer(first_name="Sara")
    assert shop.find(f"id:{made}") == [made]


def test_archived_customers_come_last(shop: Shop) -> None:
    archived = shop.customer(first_name="Sara")
    shop.archive(archived)
    like = shop.customer(first_name="Ansara")
    assert shop.find("sara") == [like, archived]


@pytest.mark.parametrize("text", ["", "   ", "nobody like this", "%", "_", "1" * 5000])
def test_what_is_like_nobody_finds_nobody(shop: Shop, text: str) -> None:
    shop.customer(first_name="Sara", phone_number="09123456789")
    assert shop.find(text) == []


def test_no_more_are_found_than_asked_for(shop: Shop) -> None:
    made = [shop.customer(first_name="Sara") for _ in range(3)]
    assert shop.find("sara", limit=2) == made[:2]
