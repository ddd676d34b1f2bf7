"""The one way by which notes, tasks, purchases and interactions are stored.

They are gathered, one by a person or many by a batch of turns, then written at once: a statement
for each table, a row on the timeline and an event for each record, and the totals that follow.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, Table, insert, select

from crm.claims import claim
from crm.services.ledger import Cause, Ledger
from crm.services.totals import Totals, recount
from crm.tables import interaction, note, purchase, task
from engine.business import Business
from engine.fields.plain import to_plain
from engine.records import (
    CHANNEL_OF,
    NewInteraction,
    NewNote,
    NewPurchase,
    NewRecord,
    NewTask,
    mentions,
)

SHOWN = 200
"""Characters of a note that stand on the timeline."""

PRIVATE = "A private note"

_PURCHASE_SHOWN = ("number", "amount", "currency", "status", "date")
_TASK_SHOWN = ("title", "due_at", "priority", "assigned_to")
_INTERACTION_SHOWN = ("kind", "channel", "direction", "subject", "outcome")


Told = dict[str, Any]
"""What the timeline and the event say of a record."""


class _Entry(Struct):
    """A row to come, and what is told its number once it has one."""

    values: dict[str, Any]
    told: Told


class Books:
    """Records of customers of one business, whose rows are locked.

    Timeline, events and totals go to the ledger, which is written afterwards.
    """

    def __init__(self, db: Connection, business_id: int, business: Business, ledger: Ledger):
        self.db = db
        self._business_id = business_id
        self._business = business
        self._ledger = ledger
        self._entries: dict[Table, list[_Entry]] = {}
        self._numbers: dict[str, int] = {}
        self._counted: set[int] = set()

    def __bool__(self) -> bool:
        """Whether anything waits to be written."""
        return bool(self._entries or self._counted)

    # -- what is recorded

    # Each gives what is told of it on the timeline; once it is written its number stands there,
    # under the table's name.

    def note(self, customer_id: int, new: NewNote, cause: Cause, at: datetime) -> Told:
        named = list(mentions(new.text, self._business))
        data: Told = {"private": new.private, "pinned": new.pinned, "mentions": named}
        self._add(
            note,
            {
                "customer_id": customer_id, "text": new.text, "author": author_of(cause),
                "pinned": new.pinned, "private": new.private, "created_at": at,
                "mentions": named or None,
            },
            data,
        )  # fmt: skip
        shown = PRIVATE if new.private else shortened(new.text)
        self._ledger.record(customer_id, "note_added", shown, data, cause.by, at)
        self._ledger.emit(customer_id, "note_added", data, at, cause.depth)
        return data

    def task(self, customer_id: int | None, new: NewTask, cause: Cause, at: datetime) -> Told:
        """customer_id: None for a task about nobody, which no timeline has."""
        values = {
            "customer_id": customer_id, "title": new.title, "description": new.description,
            "due_at": new.due_at, "priority": new.priority, "assigned_to": new.assigned_to,
            "recurrence": new.recurrence, "first_due_at": new.due_at or at, "created_at": at,
            "by": cause.by,
        }  # fmt: skip
        return self.add_task(values, cause, at)

    def add_task(self, values: dict[str, Any], cause: Cause, at: datetime) -> Told:
        """A task by its columns: the next one of a series has more of them."""
        data = {name: to_plain(values[name]) for name in _TASK_SHOWN}
        self._add(task, values, data)
        customer_id = values["customer_id"]
        if customer_id is not None:
            self._ledger.record(customer_id, "task_created", values["title"], data, cause.by, at)
            self._ledger.emit(customer_id, "task_created", data, at, cause.depth)
        return data

    def purchase(self, customer_id: int, new: NewPurchase, cause: Cause, at: datetime) -> Told:
        """Its number is nobody's yet: ask `holder_of` before."""
        if new.number is not None:
            self._numbers[new.number] = customer_id
        values = self._purchase_row(customer_id, new, cause, at)
        data = {name: to_plain(values[name]) for name in _PURCHASE_SHOWN}
        self._add(purchase, values, data)
        self._ledger.record(customer_id, "purchase_made", told_purchase(data), data, cause.by, at)
        if new.status == "paid":
            self._ledger.emit(customer_id, "purchase", data, at, cause.depth)
        self.count(customer_id)
        return data

    def interaction(
        self, customer_id: int, new: NewInteraction, cause: Cause, at: datetime
    ) -> Told:
        happened = new.at or at
        values = {
            "customer_id": customer_id, "kind": new.kind,
            "channel": new.channel or CHANNEL_OF[new.kind], "direction": new.direction,
            "subject": new.subject, "notes": new.notes, "handled_by": new.handled_by,
            "duration_minutes": new.duration_minutes, "outcome": new.outcome,
            "follow_up_required": new.follow_up_required or new.follow_up_date is not None,
            "follow_up_date": new.follow_up_date, "at": happened, "by": cause.by,
            "day": local_day(happened, self._business),
        }  # fmt: skip
        data: Told = {name: values[name] for name in _INTERACTION_SHOWN}
        self._add(interaction, values, data)
        told = f"{new.kind}, {new.direction}" + (f": {new.subject}" if new.subject else "")
        self._ledger.record(customer_id, "interaction_recorded", told, data, cause.by, at)
        self._ledger.emit(customer_id, "interaction_recorded", data, at, cause.depth)
        self.count(customer_id)
        return data

    def count(self, customer_id: int) -> None:
        """The customer's totals are to be counted anew."""
        self._counted.add(customer_id)

    def holder_of(self, number: str) -> int | None:
        """Whose purchase has this number, in these books or stored; None: it is free, and stays so
        for others until the transaction ends. The same number twice changes nothing."""
        if number in self._numbers:
            return self._numbers[number]
        claim(self.db, self._business_id, [f"purchase={number}"])
        found = select(purchase.c.customer_id).where(
            purchase.c.business_id == self._business_id, purchase.c.number == number
        )
        return self.db.execute(found).scalar_one_or_none()

    # -- writing

    def write(self, at: datetime) -> Mapping[int, Totals]:
        """Store everything gathered; the totals that changed, by customer. Books are empty then,
        and the ledger, which has the totals too, is still to be written."""
        for table, entries in self._entries.items():
            self._insert(table, entries)
        counted, self._counted = self._counted, set()
        self._entries, self._numbers = {}, {}
        if not counted:
            return {}
        totals = recount(
            self.db, self._business_id, self._business, counted, self._ledger.columns_of
        )
        for customer_id, columns in totals.items():
            self._ledger.touch(customer_id, at, columns)
        return totals

    def _insert(self, table: Table, entries: list[_Entry]) -> None:
        rows = [entry.values | {"business_id": self._business_id} for entry in entries]
        statement = insert(table).returning(table.c.id, sort_by_parameter_order=True)
        ids = self.db.execute(statement, rows).scalars().all()
        for entry, id_ in zip(entries, ids, strict=True):
            entry.told[table.name] = id_

    def _add(self, table: Table, values: dict[str, Any], told: Told) -> None:
        self._entries.setdefault(table, []).append(_Entry(values, told))

    def _purchase_row(
        self, customer_id: int, new: NewPurchase, cause: Cause, at: datetime
    ) -> dict[str, Any]:
        business = self._business
        currency = new.currency or business.currency
        refunded = new.amount if new.status == "refunded" else Decimal(0)
        revenue = new.revenue if currency != business.currency else new.amount
        if revenue is not None and refunded:
            revenue = Decimal(0)
        day = new.date or local_day(at, business)
        return {
            "customer_id": customer_id, "number": new.number, "amount": new.amount,
            "currency": currency, "status": new.status, "date": day, "items": new.items,
            "refunded": refunded, "revenue": revenue, "created_at": at, "by": cause.by,
            "visited_at": at if day == local_day(at, business) else noon_of(day, business),
        }  # fmt: skip


def keep_record(
    books: Books, ledger: Ledger, customer_id: int, record: NewRecord, cause: Cause, at: datetime
) -> None:
    """What a flow recorded. Of a number that a purchase has already, nothing changes; where it is
    another customer's, the timeline says so."""
    match record:
        case NewNote():
            books.note(customer_id, record, cause, at)
        case NewTask():
            books.task(customer_id, record, cause, at)
        case NewInteraction():
            books.interaction(customer_id, record, cause, at)
        case NewPurchase():
            holder = None if record.number is None else books.holder_of(record.number)
            if holder is None:
                books.purchase(customer_id, record, cause, at)
            elif holder != customer_id:
                told = f"purchase {record.number} is another customer's"
                ledger.record(customer_id, "flow_problem", told, {"flow": cause.flow}, cause.by, at)


def author_of(cause: Cause) -> str:
    """Who wrote a note: a person of the console by name, else what wrote it, `flow:KEY`."""
    kind, _, name = cause.by.partition(":")
    return (name if kind in ("console", "staff") and name else cause.by)[:100]


def local_day(at: datetime, business: Business) -> date:
    """The day of a moment in the business's zone."""
    return at.astimezone(ZoneInfo(business.timezone)).date()


def noon_of(day: date, business: Business) -> datetime:
    """When somebody was there of whom only the day is known."""
    return datetime.combine(day, time(12), ZoneInfo(business.timezone)).astimezone(UTC)


def shortened(text: str) -> str:
    """As much of a text as stands on a timeline."""
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def told_purchase(data: Mapping[str, Any]) -> str:
    """`A-17: 99 EUR, draft`; the status only where it is not paid."""
    number = f"{data['number']}: " if data["number"] else ""
    status = "" if data["status"] == "paid" else f", {data['status']}"
    return f"{number}{data['amount']} {data['currency']}{status}"
