"""The one write path of customer data: value, history, timeline and event, or none of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select

from crm.services.customers import create_customer
from crm.services.fields import stored_columns
from crm.services.ledger import HIDDEN, Cause, Ledger
from crm.services.tags import tag_ids
from crm.tables import activity, customer, customer_tag, event, field_history
from engine.business import Business
from engine.fields.types import FieldType, Value
from tests.crm.businesses import NOW, TAGS, applied, business, mapped

FIELDS = (
    mapped("birth_date", FieldType.DATE),
    mapped("points", FieldType.NUMBER),
    mapped("illness", sensitive=True),
    mapped("nickname", extra=True),
)
FLOW = Cause("flow:f", "because", flow="f", flow_version=3, node="ask_x", mail_id=7, depth=2)


class Shop:
    """A business with two customers, and what the ledger wrote about them."""

    def __init__(self, db: Connection, project: Business) -> None:
        self.db = db
        self.project = project
        self.id = applied(db, project)
        self.columns = stored_columns(db, self.id, project)
        self.ann, self.bob = (self.customer(name) for name in ("Ann", "Bob"))
        self.past = {
            table.name: len(db.execute(select(table)).all())
            for table in (field_history, activity, event)
        }

    def customer(self, name: str) -> int:
        return create_customer(
            self.db, self.id, self.project, {"first_name": name}, Cause("api:tests"), NOW
        )

    def ledger(self) -> Ledger:
        return Ledger(self.id, self.project.fields, self.columns)

    def set(self, customer_id: int, values: Mapping[str, Value], old: Value = None) -> None:
        """Each of the values, as changed just now by a flow."""
        ledger = self.ledger()
        for key in values:
            ledger.set_field(customer_id, key, values, old, NOW, FLOW)
        ledger.write(self.db)

    def stored(self, customer_id: int, key: str) -> Any:
        column = customer.c[self.columns.get(key, key)]
        return self.db.execute(select(column).where(customer.c.id == customer_id)).scalar_one()

    def written(self, table: Table, *names: str) -> list[tuple[Any, ...]]:
        """Rows the ledger has added, in order."""
        columns = [table.c[name] for name in names]
        rows = self.db.execute(select(*columns).order_by(table.c.id)).all()
        return [tuple(row) for row in rows[self.past[table.name] :]]


@pytest.fixture
def shop(db: Connection) -> Shop:
    return Shop(db, business("lotus", *FIELDS, tags=TAGS))


def test_a_change_is_a_value_a_history_row_a_timeline_row_and_an_event(shop: Shop) -> None:
    shop.set(shop.ann, {"points": Decimal("12.50")}, old=Decimal(3))
    assert shop.stored(shop.ann, "points") == Decimal("12.50")
    assert shop.written(
        field_history, "customer_id", "field", "old", "new", "at", "by", "reason", "flow",
        "flow_version", "node", "mail_id",
    ) == [
        (shop.ann, "points", 3, 12.5, NOW, "flow:f", "because", "f", 3, "ask_x", 7)
    ]  # fmt: skip
    data = {"field": "points", "old": 3, "new": 12.5}
    assert shop.written(activity, "customer_id", "type", "description", "data", "by") == [
        (shop.ann, "field_updated", "points: 12.5", data, "flow:f")
    ]
    assert shop.written(event, "customer_id", "type", "data", "depth", "at") == [
        (shop.ann, "field_updated", data, 2, NOW)
    ]


def test_nothing_gathered_writes_nothing(shop: Shop) -> None:
    shop.ledger().write(shop.db)
    assert shop.written(field_history, "id") == []
    assert shop.written(activity, "id") == []
    assert shop.written(event, "id") == []


def test_clearing_is_a_change_too(shop: Shop) -> None:
    shop.set(shop.ann, {"birth_date": date(1990, 5, 15)})
    shop.set(shop.ann, {"birth_date": None}, old=date(1990, 5, 15))
    assert shop.stored(shop.ann, "birth_date") is None
    assert shop.written(field_history, "old", "new") == [
        (None, "1990-05-15"),
        ("1990-05-15", None),
    ]
    assert shop.written(activity, "description")[-1] == ("birth_date: –",)


def test_customers_whose_columns_differ_are_written_in_one_go(shop: Shop) -> None:
    ledger = shop.ledger()
    ledger.set_field(shop.ann, "points", {"points": Decimal(1)}, None, NOW, FLOW)
    ledger.set_field(shop.bob, "points", {"points": Decimal(2)}, None, NOW, FLOW)
    ledger.set_field(shop.bob, "illness", {"illness": "none"}, None, NOW, FLOW)
    ledger.touch(shop.ann, NOW, {"last_message_at": NOW})
    ledger.write(shop.db)
    assert (shop.stored(shop.ann, "points"), shop.stored(shop.bob, "points")) == (1, 2)
    assert (shop.stored(shop.ann, "illness"), shop.stored(shop.bob, "illness")) == (None, "none")
    assert shop.stored(shop.ann, "last_message_at") == NOW


def test_of_two_changes_to_one_field_the_last_is_stored_and_both_are_history(shop: Shop) -> None:
    ledger = shop.ledger()
    ledger.set_field(shop.ann, "points", {"points": Decimal(1)}, None, NOW, FLOW)
    ledger.set_field(shop.ann, "points", {"points": Decimal(2)}, Decimal(1), NOW, FLOW)
    ledger.write(shop.db)
    assert shop.stored(shop.ann, "points") == 2
    assert shop.written(field_history, "old", "new") == [(None, 1), (1, 2)]


def test_a_part_of_the_name_brings_the_name_that_is_shown_and_searched(shop: Shop) -> None:
    shop.set(shop.ann, {"first_name": "Sara", "last_name": "Lee"})
    assert shop.stored(shop.ann, "display_name") == "Sara Lee"
    assert shop.stored(shop.ann, "name_folded") == "sara lee"


def test_a_status_keeps_who_changed_it_when_and_why(shop: Shop) -> None:
    shop.set(shop.ann, {"status": "prospect"})
    kept = [shop.stored(shop.ann, name) for name in ("status_at", "status_by", "status_reason")]
    assert kept == [NOW, "flow:f", "because"]


def test_a_sensitive_value_is_seen_in_the_history_alone(shop: Shop) -> None:
    shop.set(shop.ann, {"illness": "asthma"}, old="flu")
    hidden = {"field": "illness", "old": HIDDEN, "new": HIDDEN}
    assert shop.written(activity, "description", "data") == [(f"illness: {HIDDEN}", hidden)]
    assert shop.written(event, "data") == [(hidden,)]
    assert shop.written(field_history, "old", "new") == [("flu", "asthma")]


class TestExtras:
    def test_a_key_joins_those_that_are_there(self, shop: Shop) -> None:
        shop.set(shop.ann, {"nickname": "Sasa"})
        shop.set(shop.ann, {"pet": "cat", "weight": Decimal("80.5")})
        assert shop.stored(shop.ann, "custom_fields_extra") == {
            "nickname": "Sasa",
            "pet": "cat",
            "weight": 80.5,
        }

    def test_null_removes_the_key_and_no_other(self, shop: Shop) -> None:
        shop.set(shop.ann, {"nickname": "Sasa", "pet": "cat"})
        shop.set(shop.ann, {"nickname": None}, old="Sasa")
        assert shop.stored(shop.ann, "custom_fields_extra") == {"pet": "cat"}

    def test_a_list_takes_the_place_of_a_list(self, shop: Shop) -> None:
        shop.set(shop.ann, {"likes": ("a", "b")})
        shop.set(shop.ann, {"likes": ("c",)})
        assert shop.stored(shop.ann, "custom_fields_extra") == {"likes": ["c"]}

    def test_somebody_elses_stay_as_they_are(self, shop: Shop) -> None:
        shop.set(shop.bob, {"pet": "dog"})
        shop.set(shop.ann, {"pet": "cat"})
        assert shop.stored(shop.bob, "custom_fields_extra") == {"pet": "dog"}


class TestTags:
    def tags(self, shop: Shop) -> list[tuple[Any, ...]]:
        found = shop.db.execute(select(customer_tag.c.customer_id, customer_tag.c.by))
        return [tuple(row) for row in found]

    def test_one_is_put_on_once_and_says_who_put_it_on_last(self, shop: Shop) -> None:
        number = tag_ids(shop.db, shop.id)["VIP"]
        for cause in (Cause("flow:a"), Cause("flow:b")):
            ledger = shop.ledger()
            ledger.add_tag(shop.ann, number, "VIP", NOW, cause)
            ledger.write(shop.db)
        assert self.tags(shop) == [(shop.ann, "flow:b")]

    @pytest.mark.parametrize("last", ["on", "off"])
    def test_put_on_and_taken_off_together_ends_as_said_last(self, shop: Shop, last: str) -> None:
        number, ledger = tag_ids(shop.db, shop.id)["VIP"], shop.ledger()
        for act in ("on", "off", "on")[: 3 if last == "on" else 2]:
            change = ledger.add_tag if act == "on" else ledger.remove_tag
            change(shop.ann, number, "VIP", NOW, FLOW)
        ledger.write(shop.db)
        assert bool(self.tags(shop)) is (last == "on")
        types = [row[0] for row in shop.written(event, "type")]
        assert types == ["tag_added", "tag_removed", "tag_added"][: len(types)]
        assert len(types) == (3 if last == "on" else 2)


def test_bookkeeping_leaves_no_history_but_the_moment_of_the_change(shop: Shop) -> None:
    later = NOW + timedelta(hours=1)
    ledger = shop.ledger()
    ledger.touch(shop.ann, later, {"last_message_at": later})
    ledger.write(shop.db)
    assert shop.stored(shop.ann, "updated_at") == later
    assert shop.written(field_history, "id") == []


def test_another_businesss_customer_is_never_changed(shop: Shop, db: Connection) -> None:
    """Not even by the number of its row."""
    other = Shop(db, business("other", *FIELDS, tags=TAGS))
    db.execute(
        insert(customer_tag).values(
            customer_id=shop.ann, tag_id=tag_ids(db, shop.id)["VIP"], business_id=shop.id,
            by="test", at=NOW,
        )
    )  # fmt: skip
    ledger = other.ledger()
    ledger.touch(shop.ann, NOW + timedelta(days=1), {"last_message_at": NOW})
    ledger.set_field(shop.ann, "pet", {"pet": "cat"}, None, NOW, FLOW)
    ledger.remove_tag(shop.ann, tag_ids(db, shop.id)["VIP"], "VIP", NOW, FLOW)
    ledger.write(db)
    assert shop.stored(shop.ann, "last_message_at") is None
    assert shop.stored(shop.ann, "updated_at") == NOW
    assert not shop.stored(shop.ann, "custom_fields_extra")
    assert len(db.execute(select(customer_tag)).all()) == 1
