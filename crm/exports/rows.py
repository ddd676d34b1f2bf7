"""Customers for a file, some at a time: whoever fits criteria, in the order of their ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, Select, bindparam, select

from crm.errors import UnknownField
from crm.services.fields import stored_columns
from crm.services.ledger import HIDDEN
from crm.services.listing import View, customers_of
from crm.services.records import typed_column
from crm.services.tags import tags_of
from crm.stored_extras import typed_extra
from crm.tables import customer, customer_account
from engine.business import Business
from engine.fields.types import Field, FieldType, Value
from engine.suggest import did_you_mean
from engine.texts import Text

PIECE = 1_000
"""Customers of one query, and in memory at a time."""

TAGS = Field(
    key="tags", type=FieldType.LIST, label=Text.by_language({"en": "Tags", "fa": "برچسب‌ها"})
)

_TOLD = frozenset({"id", "crm_score", "total_spent", "last_contacted_at", "created_at"})
"""Computed fields that stand in every table; an import leaves them alone."""


class Person(NamedTuple):
    """A row of an export. values: of the fields asked for, in their order."""

    customer_id: int
    values: list[Any]
    row: Any


class Export(Struct, frozen=True):
    """view: whom it is of. fields: what of them. sensitive: whether sensitive fields are shown."""

    view: View
    fields: tuple[Field, ...]
    sensitive: bool = False

    @property
    def hides(self) -> tuple[str, ...]:
        """The fields that are hidden."""
        if self.sensitive:
            return ()
        return tuple(item.key for item in self.fields if item.sensitive)


def table_fields(business: Business, keys: Sequence[str] = ()) -> tuple[Field, ...]:
    """The columns of a table: those named, else all that an import takes and a few besides.

    Raises UnknownField.
    """
    known = {**business.fields, TAGS.key: TAGS}
    for key in keys:
        if key not in known:
            raise UnknownField(key, did_you_mean(key, known))
    if keys:
        return tuple(known[key] for key in dict.fromkeys(keys))
    return tuple(item for key, item in known.items() if not item.read_only or key in _TOLD)


def people(db: Connection, export: Export, after: int) -> list[Person]:
    """The next customers behind an id; [] after the last."""
    view, business = export.view, export.view.business
    columns = stored_columns(db, view.business_id, business)
    rows = db.execute(_page(db, export, columns), {"after": after}).all()
    tags = tags_of(db, view.business_id, [row.of for row in rows]) if TAGS in export.fields else {}
    readers = [_reader(item, columns, hide=item.key in export.hides) for item in export.fields]
    found = []
    for row in rows:
        values = [read(row) for read in readers]
        if tags:
            values[export.fields.index(TAGS)] = tuple(sorted(tags.get(row.of, ()))) or None
        found.append(Person(row.of, values, row))
    return found


def accounts_of(
    db: Connection, business_id: int, customers: Sequence[int]
) -> dict[int, list[dict[str, Any]]]:
    """Who these customers are on each channel."""
    account = customer_account.c
    rows = db.execute(
        select(account.customer_id, account.channel, account.external_id, account.username)
        .where(account.business_id == business_id, account.customer_id.in_(list(customers)))
        .order_by(account.id)
    )
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row.customer_id].append(
            {"channel": row.channel, "external_id": row.external_id, "username": row.username}
        )
    return dict(found)


def _page(db: Connection, export: Export, columns: dict[str, str]) -> Select[Any]:
    stored = [
        customer.c[columns[item.key] if item.key != "id" else "id"].label(f"of_{item.key}")
        for item in export.fields
        if item.key in columns or item.key == "id"
    ]
    besides = (customer.c.custom_fields_extra, customer.c.marketing_preferences)
    asked = customers_of(db, export.view, "id", columns)
    return (
        asked.with_only_columns(customer.c.id.label("of"), *besides, *stored)
        .where(customer.c.id > bindparam("after"), customer.c.merged_into.is_(None))
        .order_by(customer.c.id)
        .limit(PIECE)
    )


def _reader(item: Field, columns: dict[str, str], *, hide: bool) -> Any:
    """What gives the value of a field of a row."""
    name = f"of_{item.key}"
    if item is TAGS:
        return lambda _: None
    if item.key not in columns and item.key != "id":

        def read(row: Any) -> Value:
            return typed_extra((row.custom_fields_extra or {}).get(item.key), item.type)

    elif item.type is FieldType.NUMBER:

        def read(row: Any) -> Value:
            return typed_column(item, getattr(row, name))

    else:

        def read(row: Any) -> Value:
            return getattr(row, name)  # type: ignore[no-any-return]  # the column has its type

    if not hide:
        return read
    return lambda row: None if read(row) is None else HIDDEN
