"""Dead letters: what could not be applied or sent, to be looked at and tried again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, func, select, update

from crm.errors import NotForAnybody, NotFound
from crm.tables import conversation, customer, mail, outbox

_REFERENCE = re.compile(r"(mail|outbox):([0-9]{1,18})")
_TABLES = {"mail": mail, "outbox": outbox}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`reference` is mail:ID (came in) or outbox:ID (was to go out).

    `customer_id` and `customer` (the name shown) are None for what could not be read. `at` is
    when it came in or was written.
    """

    reference: str
    customer_id: int | None
    customer: str | None
    attempts: int
    error: str | None
    at: datetime
    payload: Any


def list_dead(db: Connection, business_id: int, limit: int = 100) -> list[DeadLetter]:
    """The newest dead letters, in and out together."""
    letters = [
        _letter(kind, row)
        for kind in _TABLES
        for row in db.execute(_dead(kind, business_id).limit(limit))
    ]
    return sorted(letters, key=lambda letter: letter.at, reverse=True)[:limit]


def show_dead(db: Connection, business_id: int, reference: str) -> DeadLetter:
    """Raises NotFound for what is no dead letter of this business."""
    kind, row_id = _read(reference)
    row = db.execute(_dead(kind, business_id).where(_TABLES[kind].c.id == row_id)).one_or_none()
    if row is None:
        raise NotFound(f"There is no dead letter {reference}.")
    return _letter(kind, row)


def requeue(db: Connection, business_id: int, reference: str, now: datetime) -> None:
    """Try a dead letter again from the beginning. Raises NotFound, NotForAnybody."""
    letter = show_dead(db, business_id, reference)
    kind, row_id = _read(reference)
    if kind == "outbox":
        revived = {"status": "pending", "due_at": now, "expires_at": None}
    elif letter.customer_id is None:
        raise NotForAnybody(f"{reference} could not be read, so there is nobody to apply it to.")
    else:
        _wake(db, business_id, row_id, now)
        revived = {"status": "waiting"}
    table = _TABLES[kind]
    db.execute(
        update(table)
        .where(table.c.id == row_id, table.c.business_id == business_id)
        .values(attempts=0, last_error=None, done_at=None, **revived)
    )


def _wake(db: Connection, business_id: int, mail_id: int, now: datetime) -> None:
    db.execute(
        update(conversation)
        .where(
            conversation.c.business_id == business_id,
            conversation.c.id.in_(
                select(mail.c.conversation_id).where(
                    mail.c.id == mail_id, mail.c.business_id == business_id
                )
            ),
        )
        .values(status="ready", ready_at=now, hold_until=None)
    )


def _read(reference: str) -> tuple[str, int]:
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        raise NotFound(f"'{reference}' is not mail:ID or outbox:ID.")
    return match[1], int(match[2])


def _dead(kind: str, business_id: int) -> Select[Any]:
    table = _TABLES[kind]
    return (
        select(
            table.c.id,
            table.c.attempts,
            table.c.last_error,
            table.c.payload,
            _time_of(table).label("at"),
            customer.c.id.label("customer_id"),
            customer.c.display_name,
        )
        .join(conversation, conversation.c.id == table.c.conversation_id, isouter=True)
        .join(customer, customer.c.id == _customer_of(table), isouter=True)
        .where(table.c.business_id == business_id, table.c.status == "dead")
        .order_by(table.c.id.desc())
    )


def _customer_of(table: Table) -> Any:
    """Whose it is; of what the staff was to be told, whom it is about."""
    if table is mail:
        return conversation.c.customer_id
    return func.coalesce(conversation.c.customer_id, outbox.c.customer_id)


def _time_of(table: Table) -> Any:
    return table.c.received_at if table is mail else table.c.created_at


def _letter(kind: str, row: Row[Any]) -> DeadLetter:
    return DeadLetter(
        reference=f"{kind}:{row.id}",
        customer_id=row.customer_id,
        customer=row.display_name,
        attempts=row.attempts,
        error=row.last_error,
        at=row.at,
        payload=row.payload,
    )
