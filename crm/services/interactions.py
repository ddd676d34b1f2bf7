"""Calls, visits and the like that people record, and the follow-ups they ask for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from msgspec import Struct
from sqlalchemy import Connection, select, update

from crm.errors import InvalidValues, NotAllowed
from crm.services.books import local_day
from crm.services.ledger import Cause
from crm.services.recording import (
    change_row,
    changes,
    load_row,
    lock_customer,
    typed_record,
    writing,
)
from crm.tables import customer, interaction
from engine.business import Business
from engine.records import CHANNEL_OF, INTERACTION, NewInteraction

_FIXED = ("at",)
"""When it was is not changed afterwards: what was reckoned from it has been acted on."""


class Interaction(Struct, frozen=True):
    """by: what recorded it; None for a chat, which records itself."""

    id: int
    kind: str
    channel: str
    direction: str
    subject: str | None
    notes: str | None
    handled_by: str | None
    duration_minutes: int | None
    outcome: str | None
    follow_up_required: bool
    follow_up_date: date | None
    follow_up_done_at: datetime | None
    at: datetime
    by: str | None


class Due(Struct, frozen=True):
    """A customer who is to be followed up."""

    customer_id: int
    display_name: str
    assigned_to: str | None
    due_at: datetime


def record_interaction(
    db: Connection, business_id: int, business: Business, customer_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> int:  # fmt: skip
    """The id of a new interaction. given: kind, and the other columns; `at` may lie in the past.

    Raises NotFound, InvalidValues.
    """
    values = typed_record(given, INTERACTION, business, now)
    new = NewInteraction(**{key: value for key, value in values.items() if value is not None})
    if new.at is not None and new.at > now:
        raise InvalidValues({"at": "What has not happened yet is a task, not an interaction."})
    with writing(db, business_id, business, customer_id, now) as page:
        told = page.books.interaction(customer_id, new, cause, now)
    return int(told["interaction"])


def edit_interaction(
    db: Connection, business_id: int, business: Business, interaction_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> tuple[str, ...]:  # fmt: skip
    """The columns that changed. A date to follow up on opens the follow-up again. Raises NotFound,
    InvalidValues."""
    row = load_row(db, business_id, interaction, interaction_id)
    values = typed_record(given, INTERACTION, business, now, whole=False, without=_FIXED)
    if values.get("follow_up_date") is not None:
        values["follow_up_required"] = True
    for name, usual in (("follow_up_required", False), ("direction", "inbound")):
        if name in values and values[name] is None:
            values[name] = usual
    if "channel" in values and values["channel"] is None:
        values["channel"] = CHANNEL_OF[values.get("kind", row.kind)]
    changed = changes(row, values)
    if not changed:
        return ()
    if changed.keys() & {"follow_up_date", "follow_up_required"}:
        changed["follow_up_done_at"] = None
    changed["day"] = local_day(row.at, business)
    change_row(db, business_id, interaction, row, changed)
    with writing(db, business_id, business, row.customer_id, now) as page:
        kind = changed.get("kind", row.kind)
        data = {"interaction": row.id, "kind": kind}
        page.ledger.record(row.customer_id, "interaction_changed", kind, data, cause.by, now)
        page.books.count(row.customer_id)
    return tuple(key for key in values if key in changed)


def complete_follow_up(
    db: Connection, business_id: int, business: Business, interaction_id: int, cause: Cause,
    now: datetime,
) -> bool:  # fmt: skip
    """Whether it was open: the follow-up that an interaction asked for is done.

    Raises NotFound, and NotAllowed where it asked for none.
    """
    row = load_row(db, business_id, interaction, interaction_id)
    if not row.follow_up_required:
        raise NotAllowed(f"Interaction {row.id} asks for no follow-up.")
    if row.follow_up_done_at is not None:
        return False
    change_row(db, business_id, interaction, row, {"follow_up_done_at": now})
    with writing(db, business_id, business, row.customer_id, now) as page:
        told = row.subject or row.kind
        data = {"interaction": row.id}
        page.ledger.record(row.customer_id, "follow_up_done", told, data, cause.by, now)
        page.books.count(row.customer_id)
    return True


def set_follow_up(
    db: Connection, business_id: int, business: Business, customer_id: int,
    at: datetime | None, cause: Cause, now: datetime,
) -> None:  # fmt: skip
    """Follow up at this moment, whatever interactions ask for; None gives that back to them.

    Raises NotFound.
    """
    row = lock_customer(db, business_id, customer_id)
    mine = (customer.c.business_id == business_id, customer.c.id == row.id)
    db.execute(update(customer).where(*mine).values(follow_up_by_hand_at=at, updated_at=now))
    with writing(db, business_id, business, customer_id, now) as page:
        told = "Follow-up set" if at else "Follow-up done"
        type_ = "follow_up_set" if at else "follow_up_done"
        data = {"at": at.isoformat() if at else None}
        page.ledger.record(customer_id, type_, told, data, cause.by, now)
        page.books.count(customer_id)


def due_follow_ups(
    db: Connection, business_id: int, until: datetime, *, assigned_to: str = "", limit: int = 100
) -> list[Due]:
    """Customers whose next follow-up has come by `until`, soonest first; archived ones left out."""
    wanted = [
        customer.c.business_id == business_id,
        customer.c.next_follow_up_at <= until,
        customer.c.archived_at.is_(None),
    ]
    if assigned_to:
        wanted.append(customer.c.assigned_to == assigned_to)
    rows = db.execute(
        select(
            customer.c.id, customer.c.display_name, customer.c.assigned_to,
            customer.c.next_follow_up_at,
        )
        .where(*wanted)
        .order_by(customer.c.next_follow_up_at, customer.c.id)
        .limit(limit)
    )  # fmt: skip
    return [Due(*row) for row in rows]


def list_interactions(
    db: Connection, business_id: int, customer_id: int, *, kind: str = "",
    open_follow_ups: bool = False, limit: int = 100,
) -> list[Interaction]:  # fmt: skip
    """Those of a customer, the newest first; open_follow_ups: those to follow up alone."""
    wanted = [interaction.c.business_id == business_id, interaction.c.customer_id == customer_id]
    if kind:
        wanted.append(interaction.c.kind == kind)
    if open_follow_ups:
        wanted += [interaction.c.follow_up_required, interaction.c.follow_up_done_at.is_(None)]
    columns = (interaction.c[name] for name in Interaction.__struct_fields__)
    order = (interaction.c["at"].desc(), interaction.c.id.desc())
    rows = db.execute(select(*columns).where(*wanted).order_by(*order).limit(limit))
    return [Interaction(*row) for row in rows]
