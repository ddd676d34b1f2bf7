"""Values of a field out of use: kept, moved to the extras, or taken away, as somebody says."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, select

from crm.errors import NoFreeSlot, NotAllowed, NotFound
from crm.services.customers import create_customer
from crm.services.field_sync import sync_fields
from crm.services.fields import load_mapping, stored_columns
from crm.services.records import load_record
from crm.services.retired_fields import Held, archive, clear, held_by
from crm.tables import customer, field_history
from engine.business import Business
from engine.fields.types import FieldType
from tests.crm.businesses import CAUSE, NOW, applied, business, mapped

EMAILS = [mapped(f"email_{number}", FieldType.EMAIL) for number in range(5)]
FULL = business("lotus", *EMAILS)
REST = business("lotus", *EMAILS[1:])
NEWER = business("lotus", *EMAILS[1:], mapped("another", FieldType.EMAIL))


@pytest.fixture
def kept(db: Connection) -> tuple[int, int]:
    """The id of a business that has taken a field with a value out of use, and the customer's."""
    business_id = applied(db, FULL)
    made = create_customer(db, business_id, FULL, {"email_0": "a@example.com"}, CAUSE, NOW)
    sync_fields(db, business_id, REST, NOW)
    return business_id, made


def extras(db: Connection, customer_id: int) -> Any:
    return db.scalar(select(customer.c.custom_fields_extra).where(customer.c.id == customer_id))


def value_of(db: Connection, business_id: int, project: Business, made: int, key: str) -> Any:
    columns = stored_columns(db, business_id, project)
    return load_record(db, business_id, project, columns, made).values[key]


def test_who_keeps_the_room_is_named_with_the_way_out(
    db: Connection, kept: tuple[int, int]
) -> None:
    with pytest.raises(NoFreeSlot, match=r"Values of 'email_0', out of use.*archive") as refused:
        sync_fields(db, kept[0], NEWER, NOW)
    assert "«another»" in refused.value.text("fa")
    assert "'email_0'" in refused.value.text("fa")


def test_archived_values_make_room_and_come_back_with_their_field(
    db: Connection, kept: tuple[int, int]
) -> None:
    business_id, made = kept
    assert archive(db, business_id, REST, "email_0", NOW) == Held("email_0", "custom_email_1", 1)
    assert extras(db, made) == {"email_0": "a@example.com"}
    sync_fields(db, business_id, NEWER, NOW)
    assert load_mapping(db, business_id)["another"] == "custom_email_1"
    assert value_of(db, business_id, NEWER, made, "another") is None
    back = business("lotus", *EMAILS[:4], mapped("another", FieldType.EMAIL))
    sync_fields(db, business_id, back, NOW)
    assert value_of(db, business_id, back, made, "email_0") == "a@example.com"
    assert extras(db, made) is None


def test_cleared_values_make_room_and_stay_in_the_history_alone(
    db: Connection, kept: tuple[int, int]
) -> None:
    business_id, made = kept
    assert clear(db, business_id, "email_0", "cli", NOW).values == 1
    rows = db.execute(
        select(field_history.c.old, field_history.c.new, field_history.c.by)
        .where(field_history.c.customer_id == made, field_history.c.field == "email_0")
        .order_by(field_history.c.id)
    ).all()
    assert [tuple(row) for row in rows] == [
        (None, "a@example.com", "api:tests"),
        ("a@example.com", None, "cli"),
    ]
    sync_fields(db, business_id, NEWER, NOW)
    assert load_mapping(db, business_id)["another"] == "custom_email_1"
    assert held_by(db, business_id, "email_0") == Held("email_0", None, 0)


def test_values_of_an_extra_are_cleared_too(db: Connection) -> None:
    project = business("lotus", mapped("a"), mapped("motto", extra=True))
    business_id = applied(db, project)
    made = create_customer(db, business_id, project, {"motto": "x"}, CAUSE, NOW)
    sync_fields(db, business_id, business("lotus", mapped("a")), NOW)
    assert clear(db, business_id, "motto", "cli", NOW) == Held("motto", None, 1)
    assert extras(db, made) is None


@pytest.mark.parametrize("doing", [held_by, clear, archive])
def test_a_field_in_use_is_left_alone(db: Connection, kept: tuple[int, int], doing: Any) -> None:
    more = {held_by: (), clear: ("cli", NOW)}
    arguments = (REST, "email_1", NOW) if doing is archive else ("email_1", *more[doing])
    with pytest.raises(NotAllowed, match="'email_1' is in use"):
        doing(db, kept[0], *arguments)


def test_a_field_of_another_business_is_not_found(db: Connection, kept: tuple[int, int]) -> None:
    stranger = applied(db, business("other", mapped("x")))
    with pytest.raises(NotFound):
        clear(db, stranger, "email_0", "cli", NOW)
    assert held_by(db, kept[0], "email_0").values == 1
