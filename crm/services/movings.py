"""That people have to be moved to a newer version of a flow, and how far that has come.

A row of `scan_cursor` stands while there are any: every apply that changes a flow writes it in the
same transaction, and the last piece of the work takes it away. So a process that dies in between
leaves nothing undone, and any other goes on where it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, literal, select, update

from crm.sql import insert_for
from crm.tables import business, customer, run, scan_cursor

_NAME = "people in older versions"
"""No trigger has this name: those begin with their flow."""

_MINE = (scan_cursor.c.trigger == _NAME,)


def want_moving(db: Connection, business_id: int, now: datetime) -> None:
    """Everybody who waits is to be looked at, from the first customer on."""
    first = {"position": "0", "moved_at": now}
    statement = insert_for(db.dialect.name)(scan_cursor).values(
        business_id=business_id, trigger=_NAME, **first
    )
    db.execute(
        statement.on_conflict_do_update(
            index_elements=["business_id", "trigger"], set_=first,
            where=scan_cursor.c.business_id == business_id,
        )
    )  # fmt: skip


def is_moving_wanted(db: Connection, business_id: int) -> bool:
    statement = select(scan_cursor.c.position).where(
        scan_cursor.c.business_id == business_id, *_MINE
    )
    return db.scalar(statement) is not None


def begin_piece(db: Connection, business_id: int) -> int | None:
    """The customer up to whom everybody was looked at; None where nobody needs to be. Whoever
    else asks waits until this transaction ends."""
    statement = select(scan_cursor.c.position).where(
        scan_cursor.c.business_id == business_id, *_MINE
    )
    position = db.scalar(statement.with_for_update())
    return None if position is None else int(position)


def end_piece(db: Connection, business_id: int, position: int | None, now: datetime) -> None:
    """Everybody up to this customer was looked at; None where that are all."""
    mine = (scan_cursor.c.business_id == business_id, *_MINE)
    if position is None:
        db.execute(delete(scan_cursor).where(*mine))
    else:
        moved = update(scan_cursor).where(*mine)
        db.execute(moved.values(position=str(position), moved_at=now))


def applied_at_locked(db: Connection, business_id: int) -> datetime | None:
    """When the business was last applied, as it stays until this transaction ends."""
    statement = select(business.c.applied_at).where(business.c.id == business_id)
    found: datetime | None = db.scalar(statement.with_for_update(read=True, key_share=True))
    return found


def in_runs_after(db: Connection, business_id: int, position: int, limit: int) -> list[int]:
    """The next customers who are in a run, in the order of their ids."""
    statement = (
        select(run.c.customer_id)
        .where(run.c.business_id == business_id, run.c.customer_id > position, _OPEN)
        .distinct()
        .order_by(run.c.customer_id)
        .limit(limit)
    )
    return list(db.execute(statement).scalars())


def lock_customers(db: Connection, business_id: int, customers: Sequence[int]) -> None:
    """Wait until nobody else works on these customers."""
    if db.dialect.name == "postgresql" and customers:
        theirs = (customer.c.id.in_(customers), customer.c.business_id == business_id)
        statement = select(customer.c.id).where(*theirs).order_by(customer.c.id)
        db.execute(statement.with_for_update(key_share=True))


def open_runs_of(db: Connection, business_id: int, customers: Sequence[int]) -> list[Any]:
    """The open runs of customers: id, conversation_id, frames, wait."""
    statement = select(run.c.id, run.c.conversation_id, run.c.frames, run.c.wait).where(
        run.c.business_id == business_id, run.c.customer_id.in_(customers), _OPEN,
    )  # fmt: skip
    return list(db.execute(statement.order_by(run.c.customer_id, run.c.id)))


# The word is written out: SQLite uses a partial index only for a constant it can see.
_OPEN = run.c.status != literal("ended", literal_execute=True)
