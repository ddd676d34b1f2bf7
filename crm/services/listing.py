"""Lists of customers: those for whom a criterion holds, in a stable order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, select

from crm.criteria_sql import compile_sql
from crm.errors import UnknownField
from crm.services.fields import stored_columns
from crm.tables import customer
from engine.business import Business
from engine.criteria import Criterion, Moment
from engine.fields.plain import to_plain
from engine.suggest import did_you_mean

LISTED = (
    "id",
    "display_name",
    "phone_number",
    "email",
    "status",
    "crm_score",
    "last_message_at",
    "created_at",
)
"""What a list shows of a customer unless it is told."""


def list_customers(
    db: Connection,
    business_id: int,
    business: Business,
    now: datetime,
    where: Criterion | None = None,
    sort: str = "-id",
    limit: int | None = None,
    names: Sequence[str] = LISTED,
) -> list[dict[str, Any]]:
    """Plain JSON values of `names`, base or mapped fields, one mapping for each customer.

    where: a checked criterion, None for everybody, the archived too. sort: a field, with `-` for
    the greatest first; who has no value comes last, and the newer customer first among equals.
    Raises UnknownField.
    """
    columns = stored_columns(db, business_id, business)
    shown = [_column(name, columns).label(name) for name in names]
    statement = select(*shown).where(customer.c.business_id == business_id)
    if where is not None:
        moment = Moment(now, ZoneInfo(business.timezone))
        dialect = db.dialect.name
        statement = statement.where(compile_sql(where, columns, moment, business_id, dialect))
    statement = statement.order_by(*_order(sort, columns)).limit(limit)
    return [
        {name: to_plain(value) for name, value in row.items()}
        for row in db.execute(statement).mappings()
    ]


def _order(sort: str, columns: Mapping[str, str]) -> list[ColumnElement[Any]]:
    column = _column(sort.removeprefix("-"), columns)
    ordered = column.desc() if sort.startswith("-") else column.asc()
    # Only where there can be none: an index is not read in an order that moves its NULLs.
    if getattr(column, "nullable", False):
        ordered = ordered.nulls_last()
    return [ordered, customer.c.id.desc()]


def _column(name: str, columns: Mapping[str, str]) -> ColumnElement[Any]:
    stored = columns.get(name)
    if stored is None:
        raise UnknownField(name, did_you_mean(name, columns))
    column: ColumnElement[Any] = customer.c[stored]
    return column
