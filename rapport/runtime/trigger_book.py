"""What there is to know of triggers that start flows by themselves: when, for whom, what came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from crm.errors import NotFound
from crm.tables import customer, scan_cursor, trigger_firing
from engine.events import EVENTS, is_automatic
from engine.flow import Trigger
from rapport.runtime.almanac import Almanac, Zones, with_movers, zones_of
from rapport.runtime.cursors import PREFIX, Cursor, cursors_of, lock_cursor, move
from rapport.runtime.library import Library
from rapport.runtime.moments import next_time
from rapport.runtime.states import paused
from rapport.runtime.states import resume as go_on
from rapport.runtime.sweeps import PIECE, has_time, key_of, page, sweeps_of

SHOWN = 100
"""Customers that a dry run names; it counts them all."""


def list_triggers(db: Connection, library: Library, now: datetime) -> list[dict[str, Any]]:
    """A row for each trigger that no person's act is, in order of name."""
    business_id = library.business_id
    stopped, counts = paused(db, business_id), _counts(db, business_id)
    ran = {
        name.removeprefix(PREFIX): moved_at
        for name, moved_at in db.execute(
            select(scan_cursor.c.trigger, scan_cursor.c.moved_at).where(
                scan_cursor.c.business_id == business_id,
                scan_cursor.c.trigger.startswith(PREFIX),
            )
        )
    }
    rows = []
    for name, trigger in sorted(library.index.by_id.items()):
        if not is_automatic(trigger.on):
            continue
        due = _next(db, library, trigger)
        late = due is not None and due < now and name not in stopped
        rows.append(
            {
                "trigger": name,
                "on": trigger.on,
                "next_due_at": due and due.isoformat(timespec="minutes"),
                "last_run_at": _time(ran.get(name) or counts.get(name, {}).get("at")),
                "lag_seconds": int((now - due).total_seconds()) if due and late else 0,
                **{one: counts.get(name, {}).get(one, 0) for one in ("started", "skipped", "held")},
                "paused": stopped.get(name, ""),
            }
        )
    return rows


def known(library: Library, name: str) -> Trigger:
    """Raises NotFound."""
    trigger = library.index.by_id.get(name)
    if trigger is None:
        raise NotFound(f"There is no trigger '{name}': `rapport triggers list` names them.")
    return trigger


def resume(db: Connection, business_id: int, name: str, now: datetime) -> bool:
    """Let a trigger go on from now; whether it was paused. What it missed does not come back."""
    was_paused = go_on(db, business_id, name, now)
    cursor = lock_cursor(db, business_id, name) if was_paused else None
    if cursor is not None:
        since = cursor.since and max(cursor.since, now)
        moved = replace(cursor, done_at=max(cursor.done_at, now), since=since, after=None)
        move(db, business_id, name, moved, now)
    return was_paused


def last_run(db: Connection, business_id: int, trigger: str) -> list[dict[str, Any]]:
    """What became of those whose moment was the last one: how many, by status and reason."""
    mine = (trigger_firing.c.business_id == business_id, trigger_firing.c.trigger == trigger)
    last = db.scalar(select(func.max(trigger_firing.c.due_at)).where(*mine))
    if last is None:
        return []
    rows = db.execute(
        select(trigger_firing.c.status, trigger_firing.c.reason, func.count().label("customers"))
        .where(*mine, trigger_firing.c.due_at == last)
        .group_by(trigger_firing.c.status, trigger_firing.c.reason)
        .order_by(func.count().desc())
    )
    return [
        {
            "due_at": _time(last), "status": row.status, "reason": row.reason or "",
            "customers": row.customers,
        }
        for row in rows
    ]  # fmt: skip


def dry_run(db: Connection, library: Library, name: str) -> dict[str, Any]:
    """Whom a trigger of the clock will be for when it comes next, as things are now. Raises
    NotFound for one that no clock brings."""
    trigger = known(library, name)
    if not EVENTS[trigger.on].scheduled:
        raise NotFound(f"'{name}' comes by what happens: nobody knows for whom it will.")
    cursor = cursors_of(db, library.business_id).get(name)
    due, zones = None, _zones(db, library, cursor)
    if cursor is not None and not has_time(library, trigger):
        due = Almanac().due(trigger, cursor.done_at, zones)
    if cursor is None or due is None:
        at = _next(db, library, trigger)
        return {"at": _time(at), "count": 0, "customers": []}
    due, count = with_movers(db, library.business_id, due), 0
    found: list[tuple[int, str]] = []
    for sweep in sweeps_of(db, library, trigger, due, cursor.since):
        after, more = None, True
        while more:
            rows = page(db, library.business_id, sweep, due.at, after)
            count, more = count + len(rows), len(rows) == PIECE
            after = key_of(rows[-1]) if rows else None
            found += [(one, sweep.occurrence(value)) for one, value in rows[: SHOWN - len(found)]]
    names = _names(db, library.business_id, [one for one, _ in found])
    customers = [
        {"id": one, "display_name": names.get(one, ""), "occurrence": occurrence}
        for one, occurrence in found
    ]
    return {"at": _time(due.at), "count": count, "customers": customers}


def _next(db: Connection, library: Library, trigger: Trigger) -> datetime | None:
    cursor = cursors_of(db, library.business_id).get(trigger.id)
    if cursor is None or not EVENTS[trigger.on].scheduled:
        return None
    if has_time(library, trigger):
        return next_time(db, library, trigger, cursor.done_at)
    due = Almanac().due(trigger, cursor.done_at, _zones(db, library, cursor))
    return None if due is None else due.at


def _zones(db: Connection, library: Library, cursor: Cursor | None) -> Zones:
    if cursor is None:
        return {}
    return zones_of(db, library.business_id, library.business.timezone, cursor.done_at)


def _counts(db: Connection, business_id: int) -> dict[str, dict[str, Any]]:
    """Of each trigger how many firings there are by status, and when it last was due."""
    rows = db.execute(
        select(
            trigger_firing.c.trigger, trigger_firing.c.status, func.count(),
            func.max(trigger_firing.c.due_at),
        )
        .where(trigger_firing.c.business_id == business_id)
        .group_by(trigger_firing.c.trigger, trigger_firing.c.status)
    )  # fmt: skip
    counts: dict[str, dict[str, Any]] = {}
    for trigger, status, number, at in rows:
        of = counts.setdefault(trigger, {})
        of[status] = number
        of["at"] = max(of.get("at", at), at)
    return counts


def _names(db: Connection, business_id: int, ids: list[int]) -> dict[int, str]:
    rows = db.execute(
        select(customer.c.id, customer.c.display_name).where(
            customer.c.business_id == business_id, customer.c.id.in_(ids)
        )
    )
    return {row.id: row.display_name for row in rows}


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="minutes")
