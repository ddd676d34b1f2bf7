"""The indexes of typed columns: built only for those that some business filters by.

They are partial and led by the business. Plain ones on all 85 columns that could have one cost
150 MB with every column empty, and made inserts twenty times slower (200,000 customers).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    MetaData,
    Table,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.schema import CreateIndex, DropIndex

from crm.advisory import alone
from crm.criteria_stores import date_part
from crm.indexes import existing_indexes
from crm.postgresql import patience
from crm.tables import customer, field, slot_index
from engine.criteria.operands import Part
from engine.fields.slots import slots_of
from engine.fields.types import FieldType

_DATES = frozenset(slot.name for slot in slots_of(FieldType.DATE))
_ALWAYS_INDEXED = frozenset(
    columns[1].name
    for columns in (list(index.columns) for index in customer.indexes)
    if len(columns) == 2 and columns[0] is customer.c.business_id
)
_LOCK = 0x5261_7071
"""The PostgreSQL advisory lock under which one process at a time builds indexes."""


def want_indexes(db: Connection) -> None:
    """Note which columns should have an index: those of active filterable fields of anybody."""
    wanted = _filtered_slots(db)
    known = {row.slot: row.wanted for row in db.execute(select(slot_index))}
    for slot in sorted(wanted - known.keys()):
        db.execute(insert(slot_index).values(slot=slot, wanted=True))
    for slot in sorted(known):
        if known[slot] != (slot in wanted):
            change = update(slot_index).where(slot_index.c.slot == slot)
            db.execute(change.values(wanted=slot in wanted))


def indexed_columns(db: Connection) -> frozenset[str]:
    """The columns of customers that an index is led by, after the business."""
    built = db.scalars(select(slot_index.c.slot).where(slot_index.c.built_at.is_not(None)))
    return _ALWAYS_INDEXED.union(built)


def build_wanted_indexes(db: Connection, now: datetime) -> list[str]:
    """Build what is wanted and drop what no longer is; the columns whose indexes changed.

    On PostgreSQL `db` must be in AUTOCOMMIT: indexes are built there without holding up writers.
    What an interrupted build left is dropped first; what somebody dropped is built again.
    """
    with alone(db, _LOCK), patience(db):
        rows = db.execute(select(slot_index).order_by(slot_index.c.slot)).all()
        there = existing_indexes(db) if rows else frozenset()
        changed = [
            row
            for row in rows
            if row.wanted != (row.built_at is not None)
            or (row.wanted and not index_names(row.slot) <= there)
        ]
        for row in changed:
            _rebuild(db, row.slot, row.wanted)
            built = update(slot_index).where(slot_index.c.slot == row.slot)
            db.execute(built.values(built_at=now if row.wanted else None))
    return [row.slot for row in changed]


def index_names(slot: str) -> frozenset[str]:
    """What the indexes of a typed column are called."""
    return frozenset(str(index.name) for index in _indexes_of(slot, "sqlite"))


def _filtered_slots(db: Connection) -> set[str]:
    rows = db.execute(
        select(field.c.slot, field.c.declaration).where(
            field.c.is_active, field.c.slot.is_not(None)
        )
    )
    return {row.slot for row in rows if row.declaration.get("filterable")}


def _rebuild(db: Connection, slot: str, wanted: bool) -> None:
    for index in _indexes_of(slot, db.dialect.name):
        db.execute(DropIndex(index, if_exists=True))
        if wanted:
            db.execute(CreateIndex(index))


def _indexes_of(slot: str, dialect: str) -> list[Index]:
    # A table of its own: an index declared on `customer` would become part of the schema.
    table = Table(
        "customer",
        MetaData(),
        Column("business_id", customer.c.business_id.type),
        Column(slot, customer.c[slot].type),
    )
    business, column = table.c.business_id, table.c[slot]
    options: dict[str, Any] = {f"{dialect}_where": text(f"{slot} IS NOT NULL")}
    if dialect == "postgresql":
        options["postgresql_concurrently"] = True
    indexes = [Index(f"ix_customer_{slot}", business, column, **options)]
    if slot in _DATES:
        # The date at the end makes the index a covering one. Without it SQLite prefers the plain
        # index and walks all dates: 124 ms for a birthday among 50,000 instead of 1.2.
        month, day = date_part(column, Part.MONTH), date_part(column, Part.DAY)
        indexes.append(
            Index(f"ix_customer_{slot}_month_day", business, month, day, column, **options)
        )
    return indexes
