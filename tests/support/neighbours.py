"""Two businesses in one database, with the same people who say and are the same things.

What belongs to the other one holds the word PLANTED wherever a text can.
"""

from __future__ import annotations

import itertools
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection, Engine, Table, insert, select

from crm.services.auditing import write_audit
from crm.services.customers import create_customer
from crm.services.ledger import Cause
from crm.services.merging import merge
from crm.tables import (
    attachment,
    business,
    customer,
    interaction,
    metadata,
    note,
    outbox,
    purchase,
    run,
    segment,
    segment_member,
    task,
    visit,
)
from rapport.runtime.alarm_store import store_alarms
from rapport.runtime.alarms import Alarm
from rapport.runtime.intake import Broken
from tests.support import desk

PLANTED = "PLANTED"

CRM = """
business: {key: KEY, name: "Shop WORD", languages: [en], timezone: UTC, country: IR}
fields:
  birth_date: {label: Birth date, type: date, filterable: true}
  size: {label: "Size WORD", type: number, filterable: true}
  code: {label: Code, type: text, rules: {unique: true}, filterable: true}
  nickname: {label: Nickname, type: text, extra: true}
tags: {VIP: {description: "WORD"}, Asked: {}}
segments: {friends: {name: "Friends WORD", static: true}}
"""

FLOWS = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - say: "Hello WORD"
  - {id: size, ask: "Which size?", save_to: size, timeout: {after: 2h}}
  - {id: code, ask: "Your code?", save_to: code, timeout: {after: 2h}}
  - tag: {add: [VIP, Asked]}
  - set: {nickname: "{{ customer.first_name }} WORD"}
  - {delay: 1h}
  - {say: "Later WORD", end: done}
---
flow: help
triggers: [{on: message, keywords: [help]}]
nodes: [{say: "Help WORD"}]
"""

PEOPLE = ("ann", "bob", "cleo")


class Neighbour:
    """One of the two: `office` is its project at work, `word` stands in all of its texts."""

    def __init__(self, engine: Engine, key: str, word: str, first: int) -> None:
        self.engine = engine
        self.word = word
        self.crm = CRM.replace("KEY", key).replace("WORD", word)
        self.flows = FLOWS.replace("WORD", word)
        with patch.object(desk, "new_store", engine.execution_options):
            self.office = desk.Office(self.flows, crm=self.crm)
        # A platform's numbers begin anywhere, and two bots never share one.
        self.office._numbers = itertools.count(first)

    @property
    def id(self) -> int:
        return self.office.library.business_id

    def settle_in(self) -> None:
        """People in every state, and a row in every table that a business has rows in."""
        for person in PEOPLE:
            profile = {"profile": {"first_name": f"{person} {self.word}".strip()}}
            self.office.says("/start", peer=person, payload=profile)
        self.office.says("42", "7", peer="bob").says("42", peer="cleo")
        self.office.keep(self.office.inbound(f"waits {self.word}", peer="cleo"))
        broken = Broken(f"broken:{self.id}", f"odd {self.word}", {"a": self.word})
        with self.engine.begin() as db:
            office = self.office
            office.desk.keep(db, office.origin, [broken], office.clock.now())
            self._write_by_hand(db)

    def _write_by_hand(self, db: Connection) -> None:
        now = self.office.clock.now()
        made = create_customer(
            db, self.id, self.office.library.business,
            {"first_name": f"Dora {self.word}", "email": "dora@example.org",
             "phone_number": "+989121234567", "code": "d-1", "nickname": self.word,
             "birth_date": "1990-05-15", "company": f"Co {self.word}"},
            Cause(f"api:{self.word}"), now,
        )  # fmt: skip
        rows: tuple[tuple[Table, dict[str, Any]], ...] = (
            (note, {"text": self.word, "author": "a", "pinned": False, "private": True,
                    "created_at": now}),
            (task, {"title": f"Call {self.word}", "priority": "low", "created_at": now}),
            (purchase, {"number": "1", "amount": 5, "currency": "IRT", "status": "paid",
                        "date": now.date(), "items": [self.word], "created_at": now}),
            (interaction, {"kind": "call", "channel": "phone", "direction": "inbound",
                           "notes": self.word, "follow_up_required": False, "at": now}),
        )  # fmt: skip
        for table, values in rows:
            db.execute(insert(table).values(business_id=self.id, customer_id=made, **values))
        written = select(note.c.id).where(note.c.business_id == self.id).scalar_subquery()
        db.execute(
            insert(attachment).values(
                business_id=self.id, customer_id=made, note_id=written, name=f"{self.word}.pdf",
                media_type="application/pdf", size=1, key=f"{self.word or 'ours'}", by="a",
                created_at=now,
            )
        )  # fmt: skip
        friends = select(segment.c.id).where(segment.c.business_id == self.id).scalar_subquery()
        db.execute(
            insert(segment_member).values(
                business_id=self.id, customer_id=made, segment_id=friends, entered_at=now
            )
        )
        write_audit(db, self.id, f"cli:{self.word}", "list_queried", now)
        twin = create_customer(
            db, self.id, self.office.library.business, {"first_name": f"D. {self.word}"},
            Cause("api"), now,
        )  # fmt: skip
        merge(db, self.id, self.office.library.business, twin, made, Cause(self.word), now)
        store_alarms(db, self.id, [Alarm("conflict", f"bot {self.word}", self.word, now)])
        self._leave_messages(db)

    def _leave_messages(self, db: Connection) -> None:
        """One that waits to be sent, and one that was given up."""
        pending = db.execute(select(outbox).where(outbox.c.business_id == self.id)).mappings()
        last = dict(pending.all()[-1])
        for number, status in enumerate(("pending", "dead")):
            new = {"dedup_key": f"by hand {self.id} {number}", "status": status, "done_at": None}
            kept = {name: value for name, value in last.items() if name != "id"}
            db.execute(insert(outbox).values({**kept, **new, "last_error": self.word}))

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that is its own, by table."""
        with self.engine.connect() as db:
            return {
                table.name: [tuple(row) for row in db.execute(_own(table, self.id))]
                for table in metadata.sorted_tables
                if table is business or table is visit or "business_id" in table.c
            }

    def customers(self) -> list[int]:
        with self.engine.connect() as db:
            mine = select(customer.c.id).where(customer.c.business_id == self.id)
            return list(db.scalars(mine.order_by(customer.c.id)))


def _own(table: Table, business_id: int) -> Any:
    statement = select(table).order_by(*table.primary_key)
    if table is business:
        return statement.where(business.c.id == business_id)
    if table is visit:
        return statement.join(run, run.c.id == visit.c.run_id).where(
            run.c.business_id == business_id
        )
    return statement.where(table.c.business_id == business_id)
