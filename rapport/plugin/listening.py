"""What a host hears of: `on("field_updated")`, `on("flow_ended")` and every other event.

Events are rows that stay, so they are read from the store after the commit that made them, whoever
made it: a turn, a command, another process. How far a host has heard is a row too: what happened
while its program was away is heard at its next start. Each event is told at least once; those of
the last seconds before a stop may be told again, with the same key.
"""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog
from msgspec import Struct
from sqlalchemy import Connection, and_, insert, or_, select, update

from crm.tables import event, run, scan_cursor
from rapport.runtime.reading import Reader
from rapport.runtime.writer import Writer, outcome_of

FLOW_ENDED = "flow_ended"

OVERLAP = timedelta(seconds=10)
"""Where many write at once, what was begun earlier may be committed later, by no more than this."""

AT_ONCE = 500

TRIES = 3
"""So often a handler that raises is asked; then the event is given up, which the log says."""

PREFIX = "host:"
"""Before the host's name in `scan_cursor`."""

log = structlog.get_logger(__name__)


class Event(Struct, frozen=True):
    """Something that has happened to a customer.

    key: the same whenever it is told again. type: `field_updated`, `flow_ended`, `tag_added` and
    the others of docs/reference/triggers.md. data: of a field: field, old and new, hidden where
    it is sensitive; of a flow: flow, outcome, node and cause.
    """

    key: str
    type: str
    customer_id: int
    data: Mapping[str, Any]
    at: datetime


Handler = Callable[[Event], Awaitable[None] | None]


class Heard(Struct):
    """How far a host has heard: all events to this id, and all runs that had ended by then."""

    event_id: int
    ended_at: datetime

    def stored(self) -> str:
        return json.dumps([self.event_id, self.ended_at.isoformat()])

    @classmethod
    def read(cls, position: str) -> Heard:
        event_id, ended_at = json.loads(position)
        return cls(event_id, datetime.fromisoformat(ended_at))


class Front(NamedTuple):
    """Up to where one look has come: of events, and of runs by when they ended."""

    event_id: int
    ended_at: datetime
    run_id: int

    def past(self, one: Event) -> Front:
        number = int(one.key.partition(":")[2])
        if one.type == FLOW_ENDED:
            return self._replace(ended_at=one.at, run_id=number)
        return self._replace(event_id=number)


class Listening:
    """Tells the handlers of one host. name: of the host, by which it goes on where it was."""

    def __init__(self, name: str, handlers: Mapping[str, Iterable[Handler]]) -> None:
        self._name = PREFIX + name
        self._handlers = {type_: tuple(some) for type_, some in handlers.items()}
        self._told: dict[str, datetime] = {}

    async def begin(self, business_id: int, writer: Writer, now: datetime) -> Heard:
        """Where the host was; a new one hears from now on."""
        return await outcome_of(writer.submit(lambda db: self._begun(db, business_id, now)))

    async def go_on(
        self, business_id: int, heard: Heard, read: Reader, writer: Writer, now: datetime
    ) -> Heard:
        """Tell what has happened since; how far the host has heard then."""
        front, later = Front(heard.event_id, heard.ended_at, 0), heard
        while events := await asyncio.to_thread(read, partial(self._next, business_id, front)):
            for one in events:
                if one.key not in self._told:
                    await self._tell(one)
                    self._told[one.key] = one.at
                front = front.past(one)
                # What was begun earlier may be committed later.
                if one.at <= now - OVERLAP:
                    later = Heard(front.event_id, front.ended_at)
        if later != heard:
            await outcome_of(
                writer.submit(lambda db: self._keep(db, business_id, later, now), durable=False)
            )
        self._told = {key: at for key, at in self._told.items() if at > now - 2 * OVERLAP}
        return later

    async def _tell(self, one: Event) -> None:
        for handler in self._handlers[one.type]:
            for left in reversed(range(TRIES)):
                try:
                    result = handler(one)
                    if inspect.isawaitable(result):
                        await result
                    break
                except Exception:
                    # The host's code; what it does wrong must not stop the others' hearing.
                    log.exception("handler_failed", event=one.type, key=one.key, tries_left=left)

    def _next(self, business_id: int, front: Front, db: Connection) -> list[Event]:
        types = self._handlers.keys() - {FLOW_ENDED}
        events = list(_events(db, business_id, types, front)) if types else []
        if not events and FLOW_ENDED in self._handlers:
            events = list(_ends(db, business_id, front))
        return events

    def _begun(self, db: Connection, business_id: int, now: datetime) -> Heard:
        where = self._where(business_id)
        position = db.scalar(select(scan_cursor.c.position).where(*where))
        if position is not None:
            return Heard.read(position)
        newest = db.scalar(
            select(event.c.id)
            .where(event.c.business_id == business_id)
            .order_by(event.c.id.desc())
            .limit(1)
        )
        heard = Heard(newest or 0, now)
        row = {"business_id": business_id, "trigger": self._name, "moved_at": now}
        db.execute(insert(scan_cursor).values(position=heard.stored(), **row))
        return heard

    def _keep(self, db: Connection, business_id: int, heard: Heard, now: datetime) -> None:
        moved = update(scan_cursor).where(*self._where(business_id))
        db.execute(moved.values(position=heard.stored(), moved_at=now))

    def _where(self, business_id: int) -> tuple[Any, ...]:
        return scan_cursor.c.business_id == business_id, scan_cursor.c.trigger == self._name


def _events(
    db: Connection, business_id: int, types: Iterable[str], front: Front
) -> Iterable[Event]:
    rows = db.execute(
        select(event.c.id, event.c.type, event.c.customer_id, event.c.data, event.c.at)
        .where(
            event.c.business_id == business_id,
            event.c.id > front.event_id,
            event.c.type.in_(types),
        )
        .order_by(event.c.id)
        .limit(AT_ONCE)
    )
    for row in rows:
        yield Event(f"{row.type}:{row.id}", row.type, row.customer_id, row.data, row.at)


def _ends(db: Connection, business_id: int, front: Front) -> Iterable[Event]:
    came_after = or_(
        run.c.ended_at > front.ended_at,
        and_(run.c.ended_at == front.ended_at, run.c.id > front.run_id),
    )
    columns = (run.c.id, run.c.customer_id, run.c.flow, run.c.outcome, run.c.node, run.c.cause)
    rows = db.execute(
        select(*columns, run.c.ended_at)
        .where(run.c.business_id == business_id, run.c.status == "ended", came_after)
        .order_by(run.c.ended_at, run.c.id)
        .limit(AT_ONCE)
    )
    for row in rows:
        data = {name: getattr(row, name) for name in ("flow", "outcome", "node", "cause")}
        yield Event(f"{FLOW_ENDED}:{row.id}", FLOW_ENDED, row.customer_id, data, row.ended_at)
