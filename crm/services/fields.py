"""Field mappings: which typed column holds which field of a business."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from crm.errors import NotFound
from crm.services.declarations import in_file, text_from_json
from crm.services.ledger import hidden
from crm.tables import field
from engine.business import Business
from engine.fields.types import FieldType
from engine.texts import Text


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field as the database knows it; `slot` is None where its values are extras."""

    key: str
    label: Text[str]
    type: FieldType
    slot: str | None
    position: int
    is_active: bool
    is_system: bool


def load_mapping(db: Connection, business_id: int) -> dict[str, str | None]:
    """The typed column of each active field, by key; None where its values are extras."""
    rows = db.execute(
        select(field.c.key, field.c.slot)
        .where(field.c.business_id == business_id, field.c.is_active)
        .order_by(field.c.position, field.c.id)
    )
    return {row.key: row.slot for row in rows}


def stored_columns(db: Connection, business_id: int, business: Business) -> dict[str, str]:
    """The customer column of each field: its typed column, or its own name for a base field.

    A field that is not in it lives in the extras.
    """
    columns = {key: slot for key, slot in load_mapping(db, business_id).items() if slot}
    return columns | {item.key: item.key for item in business.fields.values() if item.base}


def list_fields(db: Connection, business_id: int) -> list[MappedField]:
    """Every field, the inactive too, in the order people see them."""
    rows = db.execute(
        select(field)
        .where(field.c.business_id == business_id)
        .order_by(field.c.is_active.desc(), field.c.position, field.c.id)
    )
    return [
        MappedField(
            key=row.key,
            label=text_from_json(row.declaration["label"]),
            type=FieldType(row.type),
            slot=row.slot,
            position=row.position,
            is_active=row.is_active,
            is_system=row.is_system,
        )
        for row in rows
    ]


def sensitive(db: Connection, business_id: int) -> set[str]:
    """The keys of the fields whose values not everybody sees, in use or not."""
    rows = db.execute(
        select(field.c.key, field.c.declaration).where(field.c.business_id == business_id)
    )
    return {row.key for row in rows if row.declaration.get("sensitive")}


def masked(values: Mapping[str, Any], secret: Collection[str]) -> dict[str, Any]:
    """Plain values by field, those of the fields in `secret` hidden; that there is none is not."""
    return {key: hidden(value) if key in secret else value for key, value in values.items()}


def declaration_of(db: Connection, business_id: int, key: str) -> dict[str, Any]:
    """What a file said of a field, in use or not. Raises NotFound, and for one that only a person
    can write down again."""
    row = db.execute(
        select(field.c.type, field.c.declaration).where(
            field.c.business_id == business_id, field.c.key == key
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no field '{key}', and there was none.")
    try:
        return in_file(row.type, row.declaration)
    except ValueError as error:
        raise NotFound(f"Declare '{key}' in crm.yaml by hand: {error}.") from None
