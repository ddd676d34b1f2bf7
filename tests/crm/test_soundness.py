"""`rapport db check` finds what cannot be: each fault is planted here, beside the services."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import Connection, text, update

from crm.services.customers import create_customer, update_customer
from crm.services.field_sync import sync_fields
from crm.services.slot_indexes import build_wanted_indexes
from crm.services.soundness import findings_of, index_findings
from crm.tables import customer, field
from engine.business import Business
from engine.fields.types import FieldType
from tests.crm.businesses import CAUSE, NOW, applied, business, mapped, without

GIVEN = {
    "birth_date": "1990-05-17",
    "points": "0.5",
    "category": "clothes",
    "is_vip": False,
    "nickname": "Jo",
    "wakes_at": "07:30",
}


@pytest.fixture
def lotus(db: Connection) -> tuple[int, int]:
    """The id of a business, and of a customer with a value of every field."""
    project = business()
    business_id = applied(db, project)
    return business_id, create_customer(db, business_id, project, GIVEN, CAUSE, NOW)


def found(db: Connection, business_id: int) -> list[str]:
    return list(findings_of(db, business_id))


def plant(db: Connection, made: int, **columns: Any) -> None:
    db.execute(update(customer).where(customer.c.id == made).values(columns))


def test_nothing_is_wrong_with_what_the_services_wrote(
    db: Connection, lotus: tuple[int, int]
) -> None:
    business_id, made = lotus
    project: Business = business()
    update_customer(db, business_id, project, made, {"points": None, "nickname": ""}, CAUSE, NOW)
    sync_fields(db, business_id, without(project, "category", "wakes_at"), NOW)
    sync_fields(db, business_id, project, NOW)
    changed = {"points": mapped("points"), "is_vip": mapped("is_vip", FieldType.TEXT)}
    other = business("lotus", *(changed.get(k, v) for k, v in project.fields.items() if not v.base))
    sync_fields(db, business_id, other, NOW)
    assert found(db, business_id) == []


def test_a_value_that_history_does_not_tell_is_found(
    db: Connection, lotus: tuple[int, int]
) -> None:
    business_id, made = lotus
    plant(db, made, custom_number_1=7)
    assert found(db, business_id) == [
        f"the history of 'points' does not tell the value of 1 customers (id:{made})"
    ]


def test_a_value_that_was_lost_is_found(db: Connection, lotus: tuple[int, int]) -> None:
    business_id, made = lotus
    plant(db, made, custom_date_1=None)
    assert found(db, business_id) == [
        f"the history of 'birth_date' does not tell the value of 1 customers (id:{made})"
    ]


def test_an_extra_that_history_does_not_tell_is_found(
    db: Connection, lotus: tuple[int, int]
) -> None:
    business_id, made = lotus
    plant(db, made, custom_fields_extra={"nickname": "Joe", "wakes_at": "07:30:00"})
    assert found(db, business_id) == [
        f"the history of 'nickname' does not tell the value of 1 customers (id:{made})"
    ]


def test_values_in_a_column_of_no_field_are_found(db: Connection, lotus: tuple[int, int]) -> None:
    business_id, made = lotus
    plant(db, made, custom_text_9="stray")
    assert found(db, business_id) == [
        "custom_text_9 holds the values of 1 customers and belongs to no field"
    ]


@pytest.mark.parametrize(
    ("slot", "fault"),
    [
        ("custom_text_1", "'points' is a number, but custom_text_1 holds texts"),
        ("custom_number_99", "'points' is mapped to custom_number_99, which is no column"),
    ],
)
def test_a_mapping_that_cannot_be_is_found(
    db: Connection, lotus: tuple[int, int], slot: str, fault: str
) -> None:
    business_id, _ = lotus
    mine = update(field).where(field.c.business_id == business_id, field.c.key == "points")
    db.execute(mine.values(slot=slot))
    findings = found(db, business_id)
    assert f"field {fault}" in findings
    assert "custom_number_1 holds the values of 1 customers and belongs to no field" in findings


def test_two_fields_of_one_column_are_found(db: Connection) -> None:
    business_id = applied(db, business("lotus", mapped("a"), mapped("b")))
    db.execute(text("DROP INDEX uq_field_slot_active"))
    mine = update(field).where(field.c.business_id == business_id)
    db.execute(mine.values(slot="custom_text_1"))
    assert found(db, business_id) == ["the fields a and b share custom_text_1"]
    missing = "the index uq_field_slot_active of field is missing: restore a backup"
    assert missing in list(index_findings(db))


def test_another_business_s_faults_are_not_this_one_s(
    db: Connection, lotus: tuple[int, int]
) -> None:
    other = applied(db, business("other", mapped("x")))
    plant(db, lotus[1], custom_text_9="stray", custom_number_1=3)
    assert found(db, other) == []


@pytest.mark.parametrize(
    ("column", "stored"),
    [
        ("custom_number_1", "'many'"),
        ("custom_number_1", "0.5"),
        ("custom_boolean_1", "2"),
        ("custom_date_1", "'2026-02-30'"),
        ("custom_select_1", "''"),
        ("custom_select_1", f"'{'x' * 201}'"),
    ],
)
def test_what_sqlite_lets_into_a_column_of_another_type_is_found(
    db: Connection, lotus: tuple[int, int], column: str, stored: str
) -> None:
    if db.dialect.name == "postgresql":
        return  # PostgreSQL refuses it
    db.execute(text(f"UPDATE customer SET {column} = {stored} WHERE id = {lotus[1]}"))
    kind = column.split("_")[1]
    assert found(db, lotus[0]) == [
        f"{column} holds what is no {kind} for 1 customers",
        "what is no value cannot be compared with the history: check again without it",
    ]


@pytest.mark.parametrize("stored", ["[1]", '"x"', "{broken"])
def test_extras_that_are_no_object_are_found(
    db: Connection, lotus: tuple[int, int], stored: str
) -> None:
    business_id, made = lotus
    if db.dialect.name == "sqlite":
        update_ = text("UPDATE customer SET custom_fields_extra = :stored WHERE id = :id")
        db.execute(update_, {"stored": stored, "id": made})
    elif stored == "{broken":
        return  # PostgreSQL refuses it
    else:
        plant(db, made, custom_fields_extra=json.loads(stored))
    fault = f"the extras of 1 customers (id:{made}) are no JSON object"
    assert fault in found(db, business_id)


def test_an_index_that_somebody_dropped_is_found_and_built_again(db: Connection) -> None:
    applied(db, business("lotus", mapped("born", FieldType.DATE, filterable=True)))
    wanted = "the index ix_customer_custom_date_1 is wanted and missing: run `rapport db index`"
    assert wanted in list(index_findings(db))
    if db.dialect.name == "postgresql":
        return  # concurrent builds need a connection of their own: tests/crm/test_slot_indexes.py
    build_wanted_indexes(db, NOW)
    assert list(index_findings(db)) == []
    db.execute(text("DROP INDEX ix_customer_custom_date_1_month_day"))
    assert len(list(index_findings(db))) == 1
    assert "custom_date_1" in build_wanted_indexes(db, NOW)
    assert list(index_findings(db)) == []


def test_who_was_merged_has_the_history_of_two(db: Connection, lotus: tuple[int, int]) -> None:
    business_id, made = lotus
    other = create_customer(db, business_id, business(), {"points": 3}, CAUSE, NOW)
    plant(db, made, custom_number_1=3)
    plant(db, other, merged_into=made)
    assert found(db, business_id) == []
