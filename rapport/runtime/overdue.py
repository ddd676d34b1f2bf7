"""Tasks that are past their time become events, once each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, Select, insert, or_, select

from crm.tables import event, task
from rapport.runtime.cursors import TASKS, Cursor, cursors_of, lock_cursor, move
from rapport.runtime.library import Library
from rapport.runtime.sweeps import PIECE


def hears_of_tasks(library: Library) -> bool:
    """Whether anybody listens for such tasks."""
    return TASKS in library.heard


def next_overdue(db: Connection, library: Library) -> datetime | None:
    """When the next task is past its time; None where none will be."""
    cursor = cursors_of(db, library.business_id).get(TASKS)
    if cursor is None:
        return None
    found = db.scalar(_overdue(library, cursor).with_only_columns(task.c.due_at).limit(1))
    due_at: datetime | None = found
    return due_at


def tell_of_tasks(db: Connection, library: Library, now: datetime) -> bool:
    """Make events of the next tasks whose time is over; whether there were any."""
    cursor = lock_cursor(db, library.business_id, TASKS)
    if cursor is None:
        return False
    query = _overdue(library, cursor).where(task.c.due_at <= now).limit(PIECE)
    found = db.execute(query).all()
    if not found:
        return False
    rows = [
        {
            "business_id": library.business_id, "customer_id": row.customer_id, "type": TASKS,
            "data": {"task": row.id, "title": row.title, "due_at": row.due_at.isoformat()},
            "depth": 0, "at": now, "unheard": True,
        }
        for row in found
    ]  # fmt: skip
    db.execute(insert(event), rows)
    last = found[-1]
    moved = replace(cursor, done_at=last.due_at, after=(last.id,))
    move(db, library.business_id, TASKS, moved, now)
    return True


def _overdue(library: Library, cursor: Cursor) -> Select[Any]:
    """The tasks about customers that come due after the cursor, in order."""
    after = cursor.after[0] if cursor.after else 0
    return (
        select(task.c.id, task.c.customer_id, task.c.title, task.c.due_at)
        .where(
            task.c.business_id == library.business_id,
            task.c.completed_at.is_(None),
            task.c.cancelled_at.is_(None),
            task.c.customer_id.is_not(None),
            task.c.due_at >= cursor.done_at,
            or_(task.c.due_at > cursor.done_at, task.c.id > after),
        )
        .order_by(task.c.due_at, task.c.id)
    )
