"""One customer's row with its values typed and under their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select

from crm.errors import NotFound
from crm.stored_extras import typed_extra
from crm.tables import customer
from engine.business import Business
from engine.fields.types import Field, FieldType, Value


@dataclass(frozen=True, slots=True)
class Record:
    """columns: the row as stored. values: base and mapped fields by key, None where absent."""

    columns: Mapping[str, Any]
    values: dict[str, Value]


def load_record(
    db: Connection,
    business_id: int,
    business: Business,
    columns: Mapping[str, str],
    customer_id: int,
    *,
    for_update: bool = False,
) -> Record:
    """columns: `stored_columns`. Raises NotFound for a customer of no or another business."""
    statement = select(customer).where(
        customer.c.id == customer_id, customer.c.business_id == business_id
    )
    if for_update:
        # key_share: rows that point at this customer can still be inserted meanwhile.
        statement = statement.with_for_update(key_share=True)
    row = db.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no customer {customer_id}.")
    extras = row["custom_fields_extra"] or {}
    values = {
        key: typed_column(item, row[columns[key]])
        if key in columns
        else typed_extra(extras.get(key), item.type)
        for key, item in business.fields.items()
    }
    return Record(dict(row), values)


def typed_column(item: Field, stored: Any) -> Value:
    """Counters are stored as integers; every number of a field is a decimal."""
    if item.type is FieldType.NUMBER and isinstance(stored, int):
        return Decimal(stored)
    return stored  # type: ignore[no-any-return]  # the column has the field's type
