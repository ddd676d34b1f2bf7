"""Customers for whom a criterion holds: a page at a time, in an order that stays; and how many.

A page begins behind the last customer of the one before (keyset), so the thousandth costs what
the first does, and who comes or goes meanwhile moves nobody else.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Connection, Integer, Select, func, literal, select, tuple_

from crm.criteria_sql import compile_sql
from crm.errors import NotAllowed, UnknownField, WrongCursor
from crm.services.drivers import driver_of
from crm.services.fields import masked, stored_columns
from crm.stored_extras import typed_extra
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

COUNTED = 10_000
"""So many customers are counted; of more a list says "10,000+"."""


class Page(NamedTuple):
    """Plain JSON values of each customer, and where the next page begins; None after the last."""

    rows: list[dict[str, Any]]
    next: str | None


class Total(NamedTuple):
    """How many customers there are; at least so many where `more`."""

    customers: int
    more: bool

    def __str__(self) -> str:
        return f"{self.customers:,}{'+' if self.more else ''}"


class View(NamedTuple):
    """Whom a list is about: a business at a moment, all of it or those for whom `where` holds.

    where: a checked criterion; the archived are among them.
    """

    business_id: int
    business: Business
    now: datetime
    where: Criterion | None = None


def page_of(
    db: Connection, view: View, sort: str = "-id", limit: int = 50, after: str | None = None,
    names: Sequence[str] = LISTED, *, reveal: bool = True,
) -> Page:  # fmt: skip
    """The next `limit` customers of a list, with `names`: base or mapped fields.

    sort: a field, with `-` the greatest first; who has no value comes last; among equals the
    order is that of their ids, in the same direction. after: the `next` of the page before.
    reveal: whether values of sensitive fields are shown; else the list is not sorted by one either,
    for its order would tell. Raises UnknownField, WrongCursor, NotAllowed.
    """
    secret = set() if reveal else _sensitive(view.business)
    if sort.removeprefix("-") in secret:
        raise NotAllowed(f"'{sort.removeprefix('-')}' is sensitive: the order would tell of it.")
    walk = _Walk(db, view, sort)
    rows = walk.rows(names, limit + 1, None if after is None else walk.read(after))
    plain = [
        {name: to_plain(value) for name, value in zip(names, row, strict=False)}
        for row in rows[:limit]
    ]
    shown = [masked(one, secret) for one in plain] if secret else plain
    return Page(shown, walk.write(rows[limit - 1]) if len(rows) > limit else None)


def total_of(db: Connection, view: View, most: int = COUNTED) -> Total:
    """How many customers a list has, counted up to `most`."""
    columns = stored_columns(db, view.business_id, view.business)
    asked = customers_of(db, view, driver_of(db, view, columns), columns)
    found = db.scalar(select(func.count()).select_from(asked.limit(most + 1).subquery())) or 0
    return Total(min(found, most), found > most)


def _sensitive(business: Business) -> set[str]:
    return {key for key, item in business.fields.items() if item.sensitive}


class _Walk:
    """One way through the customers of a list: those with a value to sort by, then the others."""

    def __init__(self, db: Connection, view: View, sort: str) -> None:
        self._db, self._view = db, view
        self._columns = stored_columns(db, view.business_id, view.business)
        self._name = sort.removeprefix("-")
        self._falls = sort.startswith("-")
        self._by = _column(self._name, self._columns)
        self._driver = driver_of(db, view, self._columns) or self._by.name

    def rows(self, names: Sequence[str], limit: int, after: tuple[Any, int] | None) -> list[Any]:
        """Values of `names`, then of the field sorted by and the id, which a cursor is made of."""
        shown = [_column(name, self._columns).label(f"c{n}") for n, name in enumerate(names)]
        shown += [self._by.label("by"), customer.c.id.label("of")]
        found: list[Any] = []
        for has_value in (True, False) if self._by.nullable else (True,):
            if after is not None and not has_value and after[0] is not None:
                after = None  # the last one shown had a value: these all come behind it
            if after is not None and has_value and after[0] is None:
                continue
            part = self._part(shown, has_value, after).limit(limit - len(found))
            found += self._db.execute(part).all()
            if len(found) >= limit:
                break
        return found

    def write(self, row: Any) -> str:
        """Where a page begins that comes behind a row."""
        plain = json.dumps([to_plain(row.by), row.of], separators=(",", ":"))
        return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")

    def read(self, cursor: str) -> tuple[Any, int]:
        """Raises WrongCursor for what this order has not written."""
        try:
            padded = cursor + "=" * (-len(cursor) % 4)
            plain, number = json.loads(base64.b64decode(padded, b"-_", validate=True))
            field = self._view.business.fields[self._name]
            value = None if plain is None else typed_extra(plain, field.type)
        except (ValueError, TypeError, KeyError, binascii.Error):
            raise WrongCursor(cursor) from None
        if type(number) is not int or (plain is not None and value is None):
            raise WrongCursor(cursor)
        return value, number

    def _part(
        self, shown: list[Any], has_value: bool, after: tuple[Any, int] | None
    ) -> Select[Any]:
        part = customers_of(self._db, self._view, self._driver, self._columns).with_only_columns(
            *shown
        )
        if not has_value:
            part = part.where(self._by.is_(None))
        elif self._by.nullable:
            part = part.where(self._by.is_not(None))  # a partial index is used where that is said
        keys = [self._by, customer.c.id] if has_value and self._name != "id" else [customer.c.id]
        if after is not None:
            last = after if len(keys) > 1 else after[1:]
            part = part.where(_behind(keys, last, falls=self._falls))
        return part.order_by(*((key.desc() if self._falls else key.asc()) for key in keys))


def _behind(
    keys: list[ColumnElement[Any]], last: tuple[Any, ...], *, falls: bool
) -> ColumnElement[bool]:
    values = [_as_stored(value, key) for key, value in zip(keys, last, strict=True)]
    row, bound = tuple_(*keys), tuple_(*values)
    return row < bound if falls else row > bound


def _as_stored(value: Any, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return literal(int(value) if isinstance(column.type, Integer) else value, column.type)


def customers_of(
    db: Connection, view: View, driver: str | None, columns: Mapping[str, str]
) -> Select[Any]:
    asked = select(customer.c.id).where(customer.c.business_id == view.business_id)
    if view.where is None:
        return asked
    moment = Moment(view.now, ZoneInfo(view.business.timezone))
    return asked.where(
        compile_sql(view.where, columns, moment, view.business_id, db.dialect.name, driver)
    )


def _column(name: str, columns: Mapping[str, str]) -> Any:
    stored = "id" if name == "id" else columns.get(name)
    if stored is None:
        raise UnknownField(name, did_you_mean(name, columns))
    return customer.c[stored]
