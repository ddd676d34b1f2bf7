"""Tasks of the staff: added, changed, done, opened again, cancelled, and listed.

A task is open until it is done or cancelled. One that repeats makes the next when it is done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Row, select

from crm.errors import NotAllowed
from crm.services.books import Books, author_of
from crm.services.ledger import Cause, Ledger
from crm.services.recording import change_row, changes, load_row, typed_record, writing
from crm.tables import customer, task
from engine.business import Business
from engine.records import TASK, NewTask
from engine.recurrence import next_time
from engine.staff import called

State = Literal["open", "done", "cancelled", "all"]

IS_OPEN: tuple[ColumnElement[bool], ...] = (
    task.c.completed_at.is_(None),
    task.c.cancelled_at.is_(None),
)
"""What holds of a task that is still to be done."""


class Task(Struct, frozen=True):
    """customer_id, customer: None for a task about nobody. overdue: it is open and was due."""

    id: int
    title: str
    description: str | None
    priority: str
    assigned_to: str | None
    due_at: datetime | None
    recurrence: str | None
    customer_id: int | None
    customer: str | None
    state: str
    overdue: bool
    created_at: datetime
    completed_at: datetime | None
    completed_by: str | None


def add_task(
    db: Connection, business_id: int, business: Business, customer_id: int | None,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> int:  # fmt: skip
    """The id of a new task. given: title, description, due_at (a day is meant whole), priority,
    assigned_to (WHO), recurrence (an RRULE, or daily ...). Raises NotFound, InvalidValues."""
    with writing(db, business_id, business, customer_id, now) as page:
        values = typed_record(given, TASK, business, now, assignee=page.assigned_to)
        new = NewTask(**{key: value for key, value in values.items() if value is not None})
        told = page.books.task(customer_id, new, cause, now)
    return int(told["task"])


def edit_task(
    db: Connection, business_id: int, business: Business, task_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> tuple[str, ...]:  # fmt: skip
    """The columns that changed; None clears one. Raises NotFound, InvalidValues, and NotAllowed
    for a task that is not open."""
    row = load_row(db, business_id, task, task_id)
    _require_open(row)
    with writing(db, business_id, business, row.customer_id, now) as page:
        values = typed_record(given, TASK, business, now, whole=False, assignee=page.assigned_to)
        if "priority" in values:
            values["priority"] = values["priority"] or "normal"
        changed = changes(row, values)
        if not changed:
            return ()
        if changed.keys() & {"due_at", "recurrence"}:
            # A repetition counts from the due time that was last given.
            changed["first_due_at"] = changed.get("due_at", row.due_at) or row.created_at
        change_row(db, business_id, task, row, changed)
        _tell(page.ledger, row, "task_changed", cause, now)
    return tuple(key for key in values if key in changed)


def complete_task(
    db: Connection, business_id: int, business: Business, task_id: int, cause: Cause,
    now: datetime,
) -> int | None:  # fmt: skip
    """Do a task; the id of the next one where it repeats and comes again. Doing it twice changes
    nothing. Raises NotFound, and NotAllowed for a cancelled one."""
    row = load_row(db, business_id, task, task_id)
    if row.completed_at is not None:
        return None
    _require_open(row)
    with writing(db, business_id, business, row.customer_id, now) as page:
        done = {"completed_at": now, "completed_by": author_of(cause)}
        change_row(db, business_id, task, row, done)
        _tell(page.ledger, row, "task_completed", cause, now)
        following = _following(page.books, row, business, cause, now)
    return int(following["task"]) if following else None


def reopen_task(
    db: Connection, business_id: int, business: Business, task_id: int, cause: Cause,
    now: datetime,
) -> None:  # fmt: skip
    """Make a done or cancelled task an open one; the next one that its completion made goes away
    if it is still open. An open one stays as it is. Raises NotFound."""
    row = load_row(db, business_id, task, task_id)
    if row.completed_at is None and row.cancelled_at is None:
        return
    with writing(db, business_id, business, row.customer_id, now) as page:
        change_row(
            db,
            business_id,
            task,
            row,
            {"completed_at": None, "completed_by": None, "cancelled_at": None},
        )
        _tell(page.ledger, row, "task_reopened", cause, now)
        following = select(task).where(
            task.c.business_id == business_id, task.c.follows_id == row.id, *IS_OPEN
        )
        for made in db.execute(following).all():
            change_row(db, business_id, task, made, {"cancelled_at": now})
            _tell(page.ledger, made, "task_cancelled", cause, now)


def cancel_task(
    db: Connection, business_id: int, business: Business, task_id: int, cause: Cause,
    now: datetime,
) -> None:  # fmt: skip
    """Give a task up; one that repeats does not come again. Raises NotFound, and NotAllowed for a
    task that is done."""
    row = load_row(db, business_id, task, task_id)
    if row.cancelled_at is not None:
        return
    _require_open(row)
    with writing(db, business_id, business, row.customer_id, now) as page:
        change_row(db, business_id, task, row, {"cancelled_at": now})
        _tell(page.ledger, row, "task_cancelled", cause, now)


def list_tasks(
    db: Connection, business_id: int, business: Business, now: datetime, *,
    state: State = "open", overdue: bool = False, assignee: str = "",
    customer_id: int | None = None, priority: str = "", limit: int = 100,
) -> list[Task]:  # fmt: skip
    """Open tasks soonest due first, those without a due time last; of the others the newest first.

    overdue: those whose time has passed alone. assignee: a person's own and those of their teams
    and role; a team's or role's own.
    """
    wanted = [
        task.c.business_id == business_id,
        *_in_state(state),
        *((task.c.due_at < now, *IS_OPEN) if overdue else ()),
        *((task.c.assigned_to.in_(called(business, assignee)),) if assignee else ()),
        *((task.c.customer_id == customer_id,) if customer_id is not None else ()),
        *((task.c.priority == priority,) if priority else ()),
    ]
    if state == "open":
        order: tuple[Any, ...] = (task.c.due_at.is_(None), task.c.due_at, task.c.id)
    else:
        order = (task.c.id.desc(),)
    rows = db.execute(
        select(task, customer.c.display_name)
        .outerjoin(customer, customer.c.id == task.c.customer_id)
        .where(*wanted)
        .order_by(*order)
        .limit(limit)
    )
    return [_task_of(row, now) for row in rows]


def _in_state(state: State) -> Iterator[ColumnElement[bool]]:
    if state == "open":
        yield from IS_OPEN
    elif state == "done":
        yield task.c.completed_at.is_not(None)
    elif state == "cancelled":
        yield task.c.cancelled_at.is_not(None)


def _require_open(row: Row[Any]) -> None:
    if row.completed_at is not None:
        raise NotAllowed(f"Task {row.id} is done. Reopen it first.")
    if row.cancelled_at is not None:
        raise NotAllowed(f"Task {row.id} was cancelled. Reopen it first.")


def _following(
    books: Books, row: Row[Any], business: Business, cause: Cause, now: datetime
) -> dict[str, Any] | None:
    """The next task of a series: the first time of its rule after this one and not in the past,
    for what was missed need not be done any more."""
    if row.recurrence is None:
        return None
    first_at = row.first_due_at or row.due_at or row.created_at
    zone = ZoneInfo(business.timezone)
    due_at = next_time(row.recurrence, first_at, max(row.due_at or now, now), zone)
    if due_at is None:
        return None
    kept = ("customer_id", "title", "description", "priority", "assigned_to", "recurrence")
    values = {name: getattr(row, name) for name in kept}
    values |= {
        "due_at": due_at, "first_due_at": first_at, "follows_id": row.id, "created_at": now,
        "by": cause.by,
    }  # fmt: skip
    return books.add_task(values, cause, now)


def _tell(ledger: Ledger, row: Row[Any], type_: str, cause: Cause, now: datetime) -> None:
    if row.customer_id is None:
        return
    data = {"task": row.id, "title": row.title, "assigned_to": row.assigned_to}
    ledger.record(row.customer_id, type_, row.title, data, cause.by, now)
    ledger.emit(row.customer_id, type_, data, now, cause.depth)


def _task_of(row: Row[Any], now: datetime) -> Task:
    state = "done" if row.completed_at else "cancelled" if row.cancelled_at else "open"
    overdue = state == "open" and row.due_at is not None and row.due_at < now
    return Task(
        row.id, row.title, row.description, row.priority, row.assigned_to, row.due_at,
        row.recurrence, row.customer_id, row.display_name, state, overdue, row.created_at,
        row.completed_at, row.completed_by,
    )  # fmt: skip
