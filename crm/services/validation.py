"""What a whole record must keep to before it is written: types, rules, and what must be unique."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, select

from crm.claims import claim, value_name
from crm.errors import EmailTaken, InvalidValues, Match
from crm.names import ORGANISATIONS
from crm.tables import customer
from engine.business import Business
from engine.fields.coerce import coerce
from engine.fields.faults import Fault, FaultCode, fault_text
from engine.fields.places import Locale
from engine.fields.plain import to_plain
from engine.fields.readings import Refused
from engine.fields.types import Field, Value
from engine.suggest import did_you_mean

_REQUIRED = fault_text(Fault(FaultCode.REQUIRED), "en")
_NEVER_EMPTY = ("status", "customer_type", "source")


def typed_values(
    given: Mapping[str, object], business: Business, locale: Locale, now: datetime
) -> dict[str, Value]:
    """`given`, raw values by field, as values that keep their fields' rules.

    Raises InvalidValues with every field that does not.
    """
    values: dict[str, Value] = {}
    reasons: dict[str, str] = {}
    for key, raw in given.items():
        item = business.fields.get(key)
        if item is None or item.read_only:
            reasons[key] = _not_writable(item, key, business)
            continue
        read = coerce(raw, item, locale, now)
        if isinstance(read, Refused):
            reasons[key] = fault_text(read.fault, "en")
        else:
            values[key] = read.value
    if reasons:
        raise InvalidValues(reasons)
    return values


def check_whole(values: Mapping[str, Value], business: Business) -> None:
    """Raises InvalidValues for what a whole record lacks."""
    reasons = lacks(values, needed_by(business))
    if reasons:
        raise InvalidValues(reasons)


def needed_by(business: Business) -> tuple[str, ...]:
    """The fields that every whole record has."""
    fields = business.fields.items()
    required = (key for key, item in fields if item.required and not item.read_only)
    return (*required, *_NEVER_EMPTY)


def lacks(values: Mapping[str, Value], needed: Iterable[str]) -> dict[str, str]:
    """Why a record is not whole, by field; empty where it is."""
    reasons = {key: _REQUIRED for key in needed if values.get(key) is None}
    if values.get("customer_type") in ORGANISATIONS and values.get("company") is None:
        reasons["company"] = _REQUIRED
    return reasons


def check_unique(
    db: Connection,
    business_id: int,
    fields: Iterable[Field],
    columns: Mapping[str, str],
    values: Mapping[str, Value],
    customer_id: int | None,
) -> None:
    """Raises EmailTaken or InvalidValues where another customer has a value of these fields.

    customer_id: who may have it, None for a new customer. Archived customers do not count, but
    for `external_id`, which names one record for ever.
    """
    guarded = [
        item
        for item in fields
        if (item.rules.unique or item.key == "email") and values.get(item.key) is not None
    ]
    if guarded:
        # Of two programs that give the same value at once, one must see the other's.
        claim(db, business_id, [value_name(item.key, values[item.key]) for item in guarded])
    for item in guarded:
        value = values[item.key]
        holder = _holder(db, business_id, item, columns, value, customer_id)
        if holder is not None:
            _refuse(item.key, value, holder)


def _not_writable(item: Field | None, key: str, business: Business) -> str:
    if item is not None:
        return "This is computed and cannot be written."
    return f"There is no such field. {did_you_mean(key, business.fields)}".rstrip()


def _holder(
    db: Connection,
    business_id: int,
    item: Field,
    columns: Mapping[str, str],
    value: Value,
    customer_id: int | None,
) -> Match | None:
    statement = select(customer.c.id, customer.c.display_name).where(
        customer.c.business_id == business_id, _has_value(item.key, columns, value)
    )
    if item.key != "external_id":
        statement = statement.where(customer.c.archived_at.is_(None))
    if customer_id is not None:
        statement = statement.where(customer.c.id != customer_id)
    row = db.execute(statement.order_by(customer.c.id).limit(1)).one_or_none()
    return None if row is None else Match(row.id, row.display_name)


def _has_value(key: str, columns: Mapping[str, str], value: Value) -> ColumnElement[bool]:
    if key in columns:
        has: ColumnElement[bool] = customer.c[columns[key]] == value
        return has
    stored: ColumnElement[Any] = customer.c.custom_fields_extra[key].as_string()
    return cast(stored, Text) == str(to_plain(value))


def _refuse(key: str, value: Value, holder: Match) -> None:
    if key == "email":
        raise EmailTaken(str(value), holder)
    owner = f"{holder.display_name} (id:{holder.customer_id})"
    raise InvalidValues({key: f"{to_plain(value)} belongs to {owner} already."})
