"""A business rehearsed: a copy of it in memory, the real engine, and a clock that is moved.

Nothing is written to the store and nothing is sent: messages of a rehearsal go nowhere, requests
to other systems are answered as if these were down, and people are silent.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from crm.database import copy_pages, open_engine, sqlite_driver
from crm.tables import conversation, customer, metadata, run, trigger_firing
from engine.transcript import HttpReply
from rapport import logs
from rapport.build import channels_of, whole
from rapport.runtime.calls import Stored
from rapport.runtime.clock import VirtualClock
from rapport.runtime.cursors import cursors_of, move
from rapport.runtime.deliveries import Delivery
from rapport.runtime.desk import Desk
from rapport.runtime.drive import Drive
from rapport.runtime.intake import Origin
from rapport.runtime.library import Library
from rapport.runtime.turns import Turns

_LEFT_OUT = frozenset(
    {
        "activity", "alarm", "attachment", "audit", "bulk_action", "effect", "event", "file_job",
        "imported_row", "interaction", "lease", "mail", "merging", "outbox", "rejected_cell",
        "schema_step", "slot_index", "visit",
    }
)  # fmt: skip
"""What tells of the past or waits to be sent: nothing that is to come depends on it."""

_AT_ONCE = 500
"""Rows and ids of one statement: SQLite takes 32,766 values in one, and customers are wide."""

_DOWN = HttpReply(error="nobody is asked in a rehearsal").answer


def silence() -> None:
    """What the engine would log of a rehearsal has not happened: nobody is told."""
    logs.set_up("text", least=logging.CRITICAL)


@contextmanager
def copied(
    source: Connection, business_id: int, customers: Sequence[int] | None = None
) -> Iterator[Engine]:
    """A business in a database in memory, which is gone afterwards. customers: only these; None:
    all."""
    copy = open_engine("sqlite://")
    try:
        with copy.connect() as db:
            # A part of the customers: who referred them may be left out.
            sqlite_driver(db).executescript("PRAGMA foreign_keys=OFF; PRAGMA synchronous=OFF")
        metadata.create_all(copy)
        with copy.begin() as db:
            for table in metadata.sorted_tables:
                if table.name not in _LEFT_OUT:
                    _copy(source, db, table, business_id, customers)
            db.execute(update(conversation).values(status="idle", hold_until=None))
        yield copy
    finally:
        copy.dispose()


@contextmanager
def again(copy: Engine) -> Iterator[Engine]:
    """A copy of a copy, which is gone afterwards."""
    other = open_engine("sqlite://")
    try:
        copy_pages(copy, other)
        yield other
    finally:
        other.dispose()


def _copy(
    source: Connection, target: Connection, table: Table, business_id: int,
    customers: Sequence[int] | None,
) -> None:  # fmt: skip
    for where in _wheres(table, business_id, customers):
        found = source.execute(select(table).where(*where))
        for piece in found.mappings().partitions(_AT_ONCE):
            target.execute(insert(table), [dict(row) for row in piece])


def _wheres(
    table: Table, business_id: int, customers: Sequence[int] | None
) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """What to select, customer by customer where only some are wanted."""
    mine = (table.c.business_id if "business_id" in table.c else table.c.id) == business_id
    whose = _whose(table)
    if whose is None or customers is None:
        yield (mine,)
        return
    for start in range(0, len(customers), _AT_ONCE):
        yield mine, whose(customers[start : start + _AT_ONCE])


def _whose(table: Table) -> Any:
    """A condition on whom a row is about; None for what is about nobody."""
    if table is customer:
        return customer.c.id.in_
    if "customer_id" in table.c:
        return table.c.customer_id.in_
    if "run_id" in table.c:
        return lambda some: table.c.run_id.in_(select(run.c.id).where(run.c.customer_id.in_(some)))
    return None


def begin_at(db: Connection, library: Library, moment: datetime) -> None:
    """Let a copy be as it is, at another time: the clock's triggers are looked at from `moment` on
    (what they decided after it is undone), what could not start any more by then is forgotten, and
    who came later is there already."""
    business_id = library.business_id
    before = moment - timedelta(microseconds=1)
    db.execute(
        delete(trigger_firing).where(
            trigger_firing.c.business_id == business_id,
            or_(
                trigger_firing.c.due_at >= moment,
                and_(trigger_firing.c.rings_at.is_not(None), trigger_firing.c.expires_at <= moment),
            ),
        )
    )
    db.execute(
        update(customer)
        .where(customer.c.business_id == business_id, customer.c.created_at > before)
        .values(created_at=before)
    )
    for name, cursor in cursors_of(db, business_id).items():
        since = None if cursor.since is None else min(cursor.since, before)
        move(
            db, business_id, name, replace(cursor, done_at=before, since=since, after=None), before
        )


class Rehearsal:
    """A copy at work, from a moment on."""

    def __init__(self, engine: Engine, library: Library, now: datetime) -> None:
        self.engine = engine
        self.clock = VirtualClock(now)
        with engine.begin() as db:
            channels = channels_of(db, library.business_id)
        first, *others = channels or {0: ""}
        turns = Turns(library, channels, whole)
        self.desk = Desk(turns)
        self.drive = _Heard(
            engine, self.desk, Origin(library.business_id, first, channels.get(first, "")),
            self.clock, _to_nobody, call=_down, also=others,
        )  # fmt: skip

    def decide(self) -> None:
        """Decide what is due now, and look at no trigger of the clock."""
        now, more = self.clock.now(), True
        while more:
            with self.engine.begin() as db:
                more = self.desk.ring(db, now).more
            with self.engine.begin() as db:
                turned = self.desk.work_carefully(db, now)
            self.desk.committed(turned)
            more = more or bool(turned.conversations)


class _Heard(Drive):
    """Tells of each moment when all that is due then is done."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.settled: Callable[[], None] | None = None

    def settle_down(self) -> None:
        super().settle_down()
        if self.settled is not None:
            self.settled()


def _to_nobody(delivery: Delivery) -> str:
    return str(delivery.id)


def _down(_: Stored) -> Mapping[str, Any]:
    return _DOWN
