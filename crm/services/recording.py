"""What every service of records begins and ends with: the customer's row locked, values typed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Table, select, update

from crm.errors import InvalidValues, NotFound
from crm.services.books import Books
from crm.services.following import store
from crm.services.ledger import Ledger
from crm.tables import customer
from engine.business import Business
from engine.fields.coerce import coerce
from engine.fields.faults import Fault, FaultCode, fault_text
from engine.fields.readings import Refused
from engine.fields.types import Field, FieldType, Value
from engine.locales import locale_of
from engine.recurrence import read_rule
from engine.staff import ASSIGNED, known_who
from engine.suggest import did_you_mean

_REQUIRED = fault_text(Fault(FaultCode.REQUIRED), "en")
_END_OF_DAY = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class Page:
    """Open books of one customer. currency, assigned_to: the customer's own, or None."""

    books: Books
    ledger: Ledger
    customer_id: int | None
    currency: str | None = None
    assigned_to: str | None = None


@contextmanager
def writing(
    db: Connection, business_id: int, business: Business, customer_id: int | None, now: datetime
) -> Iterator[Page]:
    """Books to be written at the end, with all that follows from them; the customer is locked, so
    that totals are counted of rows that nobody changes meanwhile. customer_id: None for what is
    about nobody. Raises NotFound."""
    ledger = Ledger(business_id, business.fields, {})
    books = Books(db, business_id, business, ledger)
    if customer_id is None:
        yield Page(books, ledger, None)
    else:
        row = lock_customer(db, business_id, customer_id)
        yield Page(books, ledger, customer_id, row.currency, row.assigned_to)
    books.write(now)
    store(db, business_id, business, ledger, now)


def lock_customer(db: Connection, business_id: int, customer_id: int) -> Row[Any]:
    """Raises NotFound for a customer of no or another business."""
    statement = (
        select(customer.c.id, customer.c.currency, customer.c.assigned_to)
        .where(customer.c.business_id == business_id, customer.c.id == customer_id)
        .with_for_update(key_share=True)
    )
    row = db.execute(statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return row  # type: ignore[return-value]  # SQLAlchemy counts its columns


def load_row(db: Connection, business_id: int, table: Table, id_: int) -> Row[Any]:
    """A record by its number, its customer locked first and itself then. Raises NotFound."""
    mine = select(table).where(table.c.business_id == business_id, table.c.id == id_)
    row = db.execute(mine).one_or_none()
    if row is not None and row.customer_id is not None:
        lock_customer(db, business_id, row.customer_id)
        row = db.execute(mine).one_or_none()
    elif row is not None:
        row = db.execute(mine.with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no {table.name} {id_}.")
    return row


def change_row(
    db: Connection, business_id: int, table: Table, row: Row[Any], values: Mapping[str, Any]
) -> None:
    mine = (table.c.id == row.id, table.c.business_id == business_id)
    db.execute(update(table).where(*mine).values(values))


def changes(row: Row[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the values that differ from the row's."""
    return {name: value for name, value in values.items() if getattr(row, name) != value}


def typed_record(
    given: Mapping[str, object],
    fields: Mapping[str, Field],
    business: Business,
    now: datetime,
    *,
    without: Collection[str] = (),
    whole: bool = True,
    assignee: str | None = None,
) -> dict[str, Any]:
    """`given`, raw or typed values by column, as values that keep the columns' rules.

    whole: what is required must be there; taken away it never is. without: columns
    that are not changed so. assignee: who `assigned` is. Raises InvalidValues with every column
    that is wrong.
    """
    locale = locale_of({}, business)
    values: dict[str, Any] = {}
    reasons: dict[str, str] = {}
    for key, raw in given.items():
        field = fields.get(key) if key not in without else None
        if field is None:
            reasons[key] = f"There is no such field. {did_you_mean(key, fields)}".rstrip()
            continue
        read = coerce(_whole_day(raw, field, business), field, locale, now)
        if isinstance(read, Refused):
            reasons[key] = fault_text(read.fault, "en")
            continue
        try:
            values[key] = _special(key, read.value, business, assignee)
        except ValueError as error:
            reasons[key] = str(error)
    needed = (key for key, field in fields.items() if field.required and whole)
    reasons |= {key: _REQUIRED for key in needed if key not in given}
    if reasons:
        raise InvalidValues(reasons)
    return values


def _special(key: str, value: Value, business: Business, assignee: str | None) -> Any:
    """What a column asks beyond its type. Raises ValueError with the reason."""
    if value is None:
        return None
    if key == "recurrence":
        return read_rule(str(value))
    if key == "assigned_to":
        return _known(str(value), business, assignee)
    if key == "duration_minutes" and isinstance(value, Decimal):
        return int(value)
    return value


def _known(who: str, business: Business, assignee: str | None) -> str | None:
    known = known_who(business, who)
    if known is None:
        raise ValueError(f"Nobody is called '{who}': no name, team or role of crm.yaml.")
    return assignee if known == ASSIGNED else known


def _whole_day(raw: object, field: Field, business: Business) -> object:
    """A day where a moment belongs is meant whole: it ends with its last second."""
    if field.type is not FieldType.DATETIME:
        return raw
    day = raw
    if isinstance(raw, str) and len(raw.strip()) == len("2026-03-21"):
        try:
            day = date.fromisoformat(raw.strip())
        except ValueError:
            return raw
    if isinstance(day, date) and not isinstance(day, datetime):
        return end_of(day, ZoneInfo(business.timezone))
    return raw


def end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, _END_OF_DAY, zone)
