"""Whether somebody else has a value that only one customer may have."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from crm.claims import claim, value_name
from crm.tables import customer
from engine.fields.types import Value
from rapport.runtime.library import Library


class Clashes:
    """Whether somebody else has a value: in the database, or earlier in this batch."""

    def __init__(self, db: Connection, library: Library) -> None:
        self._db = db
        self._library = library
        self._claimed: dict[tuple[str, Any], int] = {}

    def __call__(self, key: str, value: Value, customer_id: int) -> bool:
        if self._claimed.setdefault((key, value), customer_id) != customer_id:
            return True
        claim(self._db, self._library.business_id, [value_name(key, value)])
        column = customer.c[self._library.columns[key]]
        found = self._db.execute(
            select(customer.c.id)
            .where(
                customer.c.business_id == self._library.business_id,
                column == value,
                customer.c.id != customer_id,
                customer.c.archived_at.is_(None),
            )
            .limit(1)
        ).first()
        return found is not None
