"""Events that happened outside of turns (a console, an import, a nightly pass) become mail."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from crm.sql import Statement, among, listed
from crm.tables import event, run
from engine.happenings import Happened, fits, told
from rapport.runtime.doors import Door, doors_of, lock, put_mail
from rapport.runtime.firings import NOBODY, PLAN
from rapport.runtime.library import Library
from rapport.runtime.locks import skipping

STALE = timedelta(hours=24)
"""What happened longer ago starts nothing any more: nobody worked here meanwhile."""

AT_ONCE = 500
"""Events looked at in one transaction."""


class Unheard(NamedTuple):
    id: int
    customer_id: int
    type: str
    data: dict[str, Any]
    depth: int
    at: datetime


def ring_events(db: Connection, library: Library, now: datetime) -> frozenset[int]:
    """Turn up to AT_ONCE events that nobody has heard of into mail; the conversations it waits for.

    What nobody listens for is only marked. For who cannot be written to, the triggers are decided
    here. A conversation that is worked on now is left for the next time.
    """
    business = library.business_id
    found = [Unheard(*row) for row in _UNHEARD.fetch(db, business, AT_ONCE)]
    if not found:
        return frozenset()
    wanted = _wanted(db, library, [one for one in found if one.at > now - STALE])
    doors = doors_of(db, business, {one.customer_id for one in wanted})
    first = {customer_id: ways[0] for customer_id, ways in doors.items()}
    locked = lock(db, {door.conversation_id for door in first.values()})
    letters, left = [], set()
    for one in wanted:
        door: Door | None = first.get(one.customer_id)
        if door is None:
            _skip(db, library, one, now)
        elif door.conversation_id in locked:
            payload = {"type": one.type, "data": one.data, "depth": one.depth, "event": one.id}
            letters.append((door.conversation_id, f"event:{one.id}", "event", payload))
        else:
            left.add(one.id)
    put_mail(db, business, letters, now)
    heard = [one.id for one in found if one.id not in left]
    _HEARD.run(db, listed(db, heard), business)
    return frozenset(conversation for conversation, *_ in letters)


def _wanted(db: Connection, library: Library, found: Collection[Unheard]) -> list[Unheard]:
    """Those that something may listen for: a run on an older version of its flow may, too."""
    others = {one.customer_id for one in found if one.type not in library.heard}
    running = set()
    if others:
        rows = _RUNNING.fetch(db, listed(db, sorted(others)), library.business_id)
        running = {row[0] for row in rows}
    return [one for one in found if one.type in library.heard or one.customer_id in running]


def _skip(db: Connection, library: Library, one: Unheard, now: datetime) -> None:
    happened = Happened(one.type, one.data, one.depth)
    rows = [
        (
            trigger.id, one.customer_id, f"event:{one.id}", library.business_id, "skipped", NOBODY,
            now, now, {"flow": trigger.flow, "event": told(happened)}, now, None,
        )
        for trigger in library.index.automatic.get(one.type, ())
        if fits(trigger, happened)
    ]  # fmt: skip
    PLAN.many(db, rows)


_UNHEARD = Statement(
    lambda dialect: skipping(
        select(*(event.c[name] for name in Unheard._fields))
        .where(event.c.business_id == bindparam("business"), event.c.unheard.is_not(None))
        .order_by(event.c.id)
        .limit(bindparam("most")),
        dialect,
    ),
    ("business", "most"),
)
_HEARD = Statement(
    lambda dialect: (
        update(event)
        .where(among(event.c.id, "events", dialect), event.c.business_id == bindparam("business"))
        .values(unheard=None)
    ),
    ("events", "business"),
)
_RUNNING = Statement(
    lambda dialect: (
        select(run.c.customer_id)
        .where(
            among(run.c.customer_id, "customers", dialect),
            run.c.status != "ended",
            run.c.business_id == bindparam("business"),
        )
        .distinct()
    ),
    ("customers", "business"),
)
