"""Claiming what is not in the database yet, so that there is no row to be locked.

Of two transactions that want the same name at once, the second waits until the first has ended,
and then finds what it has stored. SQLite has one writer at a time anyway.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from engine.fields.plain import to_plain
from engine.fields.types import Value


def claim(db: Connection, business_id: int, names: Iterable[str]) -> None:
    """Until this transaction ends nobody else of the business can claim one of these names.

    Look for what they name afterwards, in a new statement.
    """
    if db.dialect.name == "postgresql":
        db.execute(_CLAIM, {"names": sorted(names), "business": business_id})


def value_name(key: str, value: Value) -> str:
    """The name of a value that only one customer may have in a field."""
    return f"{key}={to_plain(value)}"


def person_name(channel: str, external_id: str) -> str:
    """The name of a person on a channel, who is one customer."""
    return f"{channel}:{external_id}"


# The locks of PostgreSQL are numbers, so names are hashed: two that share a number wait for each
# other, which harms nothing.
_numbers = (
    select(func.hashtextextended(column("name"), bindparam("business")).label("number"))
    .select_from(func.unnest(bindparam("names", type_=ARRAY(Text))).alias("name"))
    .distinct()
    .order_by("number")
    .subquery()
)
_CLAIM = select(func.pg_advisory_xact_lock(_numbers.c.number))
