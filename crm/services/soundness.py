"""Looking for what cannot be: mappings, slots, extras, history and indexes that contradict.

Every finding is one line for whoever looks after the database. Nothing here is ever the case while
all writes go through the services; it is where a disk, a script or a fault of ours wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Date,
    Integer,
    Row,
    String,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from crm.indexes import existing_indexes
from crm.services.slot_indexes import index_names
from crm.tables import customer, field, field_history, metadata, slot_index
from crm.tables.types import Hundredths
from engine.fields.plain import to_plain
from engine.fields.slots import SLOTS

_EXAMPLES = 3
_AT_ONCE = 1_000


def findings_of(db: Connection, business_id: int) -> Iterator[str]:
    """What is wrong with the fields of a business and their values."""
    rows = db.execute(
        select(field).where(field.c.business_id == business_id).order_by(field.c.id)
    ).all()
    yield from _mappings(rows)
    unread = [*_slots(db, business_id, rows), *_extras(db, business_id)]
    yield from unread
    if any(" is no " in one or " are no " in one for one in unread):
        yield "what is no value cannot be compared with the history: check again without it"
        return
    for row in rows:
        if row.is_active and (row.slot is None or row.slot in SLOTS):
            yield from _history(db, business_id, row)


def index_findings(db: Connection) -> Iterator[str]:
    """Which indexes are missing."""
    there = existing_indexes(db)
    for table in metadata.sorted_tables:
        for index in table.indexes:
            if index.name not in there:
                yield f"the index {index.name} of {table.name} is missing: restore a backup"
    for row in db.execute(select(slot_index).order_by(slot_index.c.slot)):
        missing = sorted(index_names(row.slot) - there)
        if row.wanted and missing:
            yield f"the index {missing[0]} is wanted and missing: run `rapport db index`"


def _mappings(rows: Any) -> Iterator[str]:
    """Every active field has a column of its type, to itself."""
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for row in rows:
        if not (row.is_active and row.slot):
            continue
        owners[row.slot].append(row.key)
        slot = SLOTS.get(row.slot)
        if slot is None:
            yield f"field '{row.key}' is mapped to {row.slot}, which is no column"
        elif slot.type.value != row.type:
            yield f"field '{row.key}' is a {row.type}, but {row.slot} holds {slot.type.value}s"
    for name, keys in owners.items():
        if len(keys) > 1:
            yield f"the fields {' and '.join(keys)} share {name}"


def _slots(db: Connection, business_id: int, rows: Any) -> Iterator[str]:
    """Columns hold what belongs to a field, in the form of their type. One pass over all."""
    owned = {row.slot for row in rows if row.slot}
    stray = [name for name in SLOTS if name not in owned]
    counts = [func.count(customer.c[name]).label(f"stray_{name}") for name in stray]
    checked = [] if db.dialect.name == "postgresql" else [name for name in SLOTS if name in owned]
    for name in checked:
        bad = and_(customer.c[name].is_not(None), _malformed(name))
        counts.append(func.count(case((bad, 1))).label(f"bad_{name}"))
    if not counts:
        return
    found = db.execute(select(*counts).where(customer.c.business_id == business_id))
    for label, count in found.mappings().one().items():
        kind, _, name = str(label).partition("_")
        if count and kind == "stray":
            yield f"{name} holds the values of {count} customers and belongs to no field"
        elif count:
            yield f"{name} holds what is no {SLOTS[name].type} for {count} customers"


def _malformed(name: str) -> ColumnElement[bool]:
    """SQLite stores anything in any column; PostgreSQL has types and sizes of its own."""
    column = customer.c[name]
    raw = type_coerce(column, String())
    kind = func.typeof(raw)
    if isinstance(column.type, Hundredths):
        return kind != "integer"
    if isinstance(column.type, Boolean):
        return or_(kind != "integer", type_coerce(column, Integer()).not_in((0, 1)))
    if isinstance(column.type, Date):
        return or_(kind != "text", func.coalesce(func.date(raw, "+0 days"), "") != raw)
    size = SLOTS[name].size
    return or_(kind != "text", raw == "", func.length(raw) > (size or 0))


def _extras(db: Connection, business_id: int) -> Iterator[str]:
    """The extras are one JSON object."""
    column = customer.c.custom_fields_extra
    if db.dialect.name == "postgresql":
        wrong = func.jsonb_typeof(column) != "object"
    else:
        raw = type_coerce(column, String())
        valid = func.json_valid(raw) == 1
        wrong = case((valid, func.json_type(raw) != "object"), else_=literal(True))
    statement = select(customer.c.id).where(
        customer.c.business_id == business_id, column.is_not(None), wrong
    )
    broken = list(db.scalars(statement.order_by(customer.c.id).limit(_EXAMPLES)))
    if broken:
        yield f"the extras of {_named(broken)} are no JSON object"


def _history(db: Connection, business_id: int, row: Row[Any]) -> Iterator[str]:
    """A customer's value is the one of the newest row of history. Who was merged with another has
    the rows of both."""
    held = customer.c[row.slot] if row.slot else customer.c.custom_fields_extra[row.key]
    other = customer.alias()
    # Read once: asked of each customer, without an index, it would take minutes.
    merged = select(other.c.merged_into).where(
        other.c.business_id == business_id, other.c.merged_into.is_not(None)
    )
    newest = (
        select(field_history.c.customer_id, func.max(field_history.c.id).label("id"))
        .where(field_history.c.business_id == business_id, field_history.c.field == row.key)
        .group_by(field_history.c.customer_id)
        .subquery()
    )
    told = field_history
    statement = (
        select(customer.c.id, held.label("held"), told.c.new.label("told"))
        .select_from(customer)
        .outerjoin(newest, newest.c.customer_id == customer.c.id)
        .outerjoin(told, told.c.id == newest.c.id)
        .where(customer.c.business_id == business_id, customer.c.merged_into.is_(None))
        .where(or_(held.is_not(None), told.c.new.is_not(None)), customer.c.id.not_in(merged))
        .order_by(customer.c.id)
        .execution_options(yield_per=_AT_ONCE)
    )
    wrong = [one.id for one in db.execute(statement) if to_plain(one.held) != one.told]
    if wrong:
        yield f"the history of '{row.key}' does not tell the value of {_named(wrong)}"


def _named(ids: list[int]) -> str:
    """`3 customers (id:4, id:7, id:9)`"""
    shown = ", ".join(f"id:{number}" for number in ids[:_EXAMPLES])
    more = ", ..." if len(ids) > _EXAMPLES else ""
    return f"{len(ids)} customers ({shown}{more})"
