"""What becomes of the values of a field that is out of use: they are kept until somebody says."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from msgspec.structs import replace
from sqlalchemy import Connection, Row, select, update

from crm.errors import NotAllowed, NotFound
from crm.services.reshaping import Move, clear_values, count_values, move_values
from crm.tables import business as business_table
from crm.tables import field
from engine.business import Business
from engine.fields.types import PLAIN, FieldType


class Held(NamedTuple):
    """slot: the column whose room the values take; None where they are among the extras."""

    key: str
    slot: str | None
    values: int


def held_by(db: Connection, business_id: int, key: str) -> Held:
    """How many customers have a value of a field that is out of use. Raises NotFound for no field,
    NotAllowed for one in use."""
    row = _retired(db, business_id, key)
    return Held(key, row.slot, count_values(db, business_id, key, row.slot))


def archive(db: Connection, business_id: int, business: Business, key: str, now: datetime) -> Held:
    """Move the values of a field out of use to the extras, so that its column is free for another
    one; they come back with the field. Raises as `held_by`."""
    held = held_by(db, business_id, key)
    if held.slot is not None:
        type_ = FieldType(_retired(db, business_id, key).type)
        item = replace(PLAIN[type_], key=key, extra=True)
        # A reply that a flow stored meanwhile is newer than what the column has.
        move = Move(item, type_, held.slot, None, extras_first=True, by="fields:archive")
        move_values(db, business_id, business, move, now)
        _give_up(db, business_id, key)
    return held


def clear(db: Connection, business_id: int, key: str, by: str, now: datetime) -> Held:
    """Take the values of a field out of use away, its column is free; the history keeps them.
    Raises as `held_by`."""
    held = held_by(db, business_id, key)
    clear_values(db, business_id, key, held.slot, by, now)
    _give_up(db, business_id, key)
    return held


def _retired(db: Connection, business_id: int, key: str) -> Row[Any]:
    # Whoever applies meanwhile, and might take the field into use, waits.
    db.execute(
        select(business_table.c.id).where(business_table.c.id == business_id).with_for_update()
    )
    row = db.execute(
        select(field.c.type, field.c.slot, field.c.is_active).where(
            field.c.business_id == business_id, field.c.key == key
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no field '{key}', and there was none.")
    if row.is_active:
        raise NotAllowed(f"'{key}' is in use: `rapport fields deactivate {key}` comes first.")
    return row  # type: ignore[return-value]  # SQLAlchemy counts its columns


def _give_up(db: Connection, business_id: int, key: str) -> None:
    mine = (field.c.business_id == business_id, field.c.key == key)
    db.execute(update(field).where(*mine).values(slot=None))
