"""What happens in a test outside of its conversation, as it would: a purchase is recorded, a tag is
put on, and what follows from it follows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from crm.services.customers import update_customer
from crm.services.ledger import Cause, Ledger
from crm.services.purchases import record_purchase
from crm.services.tasks import IS_OPEN, complete_task
from crm.tables import task
from engine.happenings import Happened
from rapport.runtime.firings import CATCH_UP, Planned, plan
from rapport.runtime.library import Library

BY = Cause(by="test")


def let_happen(
    db: Connection, library: Library, customer_id: int, event: Happened, now: datetime
) -> None:
    """Raises CrmError for what cannot be recorded, with the reason."""
    business_id, business, data = library.business_id, library.business, event.data
    match event.type:
        case "field_updated":
            given = {data["field"]: data.get("to", data.get("new"))}
            update_customer(db, business_id, business, customer_id, given, BY, now)
        case "purchase":
            record_purchase(db, business_id, business, customer_id, data, BY, now)
        case "task_completed" if (first := _first_task(db, customer_id)) is not None:
            complete_task(db, business_id, business, first, BY, now)
        case _:
            ledger = Ledger(business_id, business.fields, library.columns)
            _write(ledger, library, customer_id, event, now)
            ledger.write(db)


def begin(db: Connection, library: Library, customer_id: int, flow: str, now: datetime) -> None:
    """Have a flow start by itself, now."""
    request: dict[str, Any] = {"flow": flow, "event": {}, "vars": {}}
    # Of two at one moment the second is the same occasion, and starts nothing.
    occurrence = f"test:{now.isoformat()}"
    planned = Planned(f"{flow}/test", customer_id, occurrence, request, now, now + CATCH_UP)
    plan(db, library.business_id, [planned])


def _write(
    ledger: Ledger, library: Library, customer_id: int, event: Happened, now: datetime
) -> None:
    data = event.data
    match event.type:
        case "tag_added":
            name = data["tag"]
            ledger.add_tag(customer_id, library.tags[name], name, now, BY)
        case "tag_removed":
            name = data["tag"]
            ledger.remove_tag(customer_id, library.tags[name], name, now, BY)
        case "segment_entered" | "segment_left":
            key, is_in = data["segment"], event.type == "segment_entered"
            segment_id = library.segments[key]
            ledger.set_member(customer_id, segment_id, key, now, BY, is_in=is_in)
        case _:
            ledger.emit(customer_id, event.type, data, now)


def _first_task(db: Connection, customer_id: int) -> int | None:
    open_ = select(task.c.id).where(task.c.customer_id == customer_id, *IS_OPEN)
    return db.execute(open_.order_by(task.c.id)).scalars().first()
