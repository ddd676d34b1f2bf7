"""Who is there already: for a piece of rows at once, the customers that they are about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, RowMapping, Select, Text, bindparam, cast, select

from crm.claims import claim, value_name
from crm.imports.columns import ID
from crm.names import NAME_COLUMNS
from crm.services.records import typed_column
from crm.services.totals import COUNTED_BY
from crm.stored_extras import typed_extra
from crm.tables import customer
from engine.business import Business
from engine.fields.plain import to_plain
from engine.fields.types import Value

_LARGEST_ID = 2**63 - 1


class Holder(Struct, frozen=True):
    """A customer who has a value. lives: not archived."""

    customer_id: int
    name: str
    lives: bool

    def __str__(self) -> str:
        return f"{self.name} (id:{self.customer_id})"


Holders = dict[tuple[str, Value], list[Holder]]
"""By field and value, in the order of their ids."""


class Known(Struct, frozen=True):
    """A customer as stored. values: the fields asked for; merged_into: who they are now."""

    values: dict[str, Value]
    merged_into: int | None


class Matcher:
    """Looks for customers of one business by the fields of one import.

    match: the fields to match by, in order. unique: fields whose value only one may have.
    """

    def __init__(
        self, business_id: int, business: Business, columns: Mapping[str, str],
        match: Sequence[str], read: Iterable[str],
    ) -> None:  # fmt: skip
        self._business_id = business_id
        self._columns = columns
        self.match = tuple(match)
        asked = dict.fromkeys(read)
        self.unique = [
            item
            for key, item in business.fields.items()
            if key in asked and (item.rules.unique or key == "email")
        ]
        needed = (key for key, item in business.fields.items() if item.required)
        asked |= dict.fromkeys((*needed, *NAME_COLUMNS, *COUNTED_BY, "status", "source"))
        self._fields = [business.fields[key] for key in asked if key in business.fields]

        self._lookups: dict[str, Select[Any]] = {}
        self._loading = self._load_of()

    def holders(self, db: Connection, rows: Sequence[Mapping[str, Value]]) -> Holders:
        """Who has the values of these rows that somebody is matched by, or that are unique.

        On PostgreSQL nobody else can give them to somebody until this transaction ends.
        """
        keys = dict.fromkeys((*self.match, *(item.key for item in self.unique)))
        wanted = {key: {row[key] for row in rows if row.get(key) is not None} for key in keys}
        claim(
            db,
            self._business_id,
            [value_name(key, value) for key, values in wanted.items() for value in values],
        )
        found: Holders = {}
        for key, values in wanted.items():
            if values:
                found |= self._who_has(db, key, values)
        return found

    def _who_has(self, db: Connection, key: str, values: Collection[Value]) -> Holders:
        asked: Collection[Any] = values
        if key == ID:
            asked = [int(digits) for digits in map(_id_of, values) if digits]
        elif key not in self._columns:
            asked = {str(to_plain(value)): value for value in values}
        if not asked:
            return {}
        found: defaultdict[tuple[str, Value], list[Holder]] = defaultdict(list)
        for row in db.execute(self._lookup_of(key), {"asked": list(asked)}):
            value = asked[row.of] if isinstance(asked, dict) else row.of
            found[key, value].append(Holder(row.id, row.display_name, row.archived_at is None))
        return dict(found)

    def _lookup_of(self, key: str) -> Select[Any]:
        """Built once: building costs as much as looking."""
        if key not in self._lookups:
            stored = self._stored(key)
            asked = bindparam("asked", expanding=True, type_=stored.type)
            self._lookups[key] = (
                select(
                    stored.label("of"), customer.c.id, customer.c.display_name,
                    customer.c.archived_at,
                )
                .where(customer.c.business_id == self._business_id, stored.in_(asked))
                .order_by(customer.c.id)
            )  # fmt: skip
        return self._lookups[key]

    def _stored(self, key: str) -> ColumnElement[Any]:
        if key == ID:
            return customer.c.id
        if key in self._columns:
            column: ColumnElement[Any] = customer.c[self._columns[key]]
            return column
        return cast(customer.c.custom_fields_extra[key].as_string(), Text)

    def load(self, db: Connection, customers: Collection[int]) -> dict[int, Known]:
        """These customers, locked; who was merged into another is followed to them, under the own
        id and theirs."""
        known: dict[int, Known] = {}
        wanted = set(customers)
        while wanted:
            found = self._load(db, sorted(wanted))
            known |= found
            merged = {one.merged_into for one in found.values() if one.merged_into is not None}
            wanted = merged - known.keys()
        return known

    def _load(self, db: Connection, customers: list[int]) -> dict[int, Known]:
        return {
            row["of"]: Known(self._values(row), row["merged"])
            for row in db.execute(self._loading, {"asked": customers}).mappings()
        }

    def _load_of(self) -> Select[Any]:
        return (
            select(
                customer.c.id.label("of"), customer.c.merged_into.label("merged"),
                customer.c.custom_fields_extra.label("extra"),
                *(
                    customer.c[self._columns[item.key]].label(f"of_{item.key}")
                    for item in self._fields
                    if item.key in self._columns
                ),
            )
            .where(
                customer.c.business_id == self._business_id,
                customer.c.id.in_(bindparam("asked", expanding=True)),
            )
            .order_by(customer.c.id)
            .with_for_update(key_share=True)
        )  # fmt: skip

    def _values(self, row: RowMapping) -> dict[str, Value]:
        extras = row["extra"] or {}
        return {
            item.key: typed_column(item, row[f"of_{item.key}"])
            if item.key in self._columns
            else typed_extra(extras.get(item.key), item.type)
            for item in self._fields
        }


def _id_of(value: Value) -> str:
    """The digits of a number that an id may be; '' for any other."""
    digits = str(value).removesuffix(".00")
    return digits if digits.isdigit() and len(digits) < len(str(_LARGEST_ID)) else ""
