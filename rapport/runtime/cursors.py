"""How far the clock's triggers have been looked at: a row for each, moved as its firings are
planned, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, delete, insert, select, update

from crm.tables import scan_cursor
from engine.clocked import field_of, rule_of
from engine.flow import Trigger
from rapport.runtime.firings import CATCH_UP

PREFIX = "scan:"
"""Before the trigger's id in `scan_cursor`, where others note how far they are too."""


TASKS = "task_overdue"
"""The event of a task that is past its time, and the name of its cursor."""


class Cursor(Struct, frozen=True):
    """done_at: all that was due until then is planned. since: nothing before counts (None: all
    does). rule: changes with what the trigger looks at. after: the last one who was planned of
    the point that is being worked on, None between two points."""

    done_at: datetime
    since: datetime | None
    rule: str
    after: tuple[Any, ...] | None = None

    def stored(self) -> str:
        since = None if self.since is None else self.since.isoformat()
        return json.dumps([self.done_at.isoformat(), since, self.rule, self.after])

    @classmethod
    def read(cls, stored: str) -> Cursor:
        done_at, since, rule, after = json.loads(stored)
        return cls(
            datetime.fromisoformat(done_at),
            None if since is None else datetime.fromisoformat(since),
            rule,
            None if after is None else tuple(after),
        )


def begin_scans(
    db: Connection, business_id: int, triggers: Iterable[Trigger], now: datetime, *, tasks: bool
) -> None:
    """The clock's triggers as they were applied: new ones begin now, what is gone is forgotten, and
    one that looks at something else goes on from now. Nothing fires for what was before.

    tasks: whether anybody hears of tasks that are past their time.
    """
    known = cursors_of(db, business_id)
    wanted = {trigger.id: _begun(trigger, now) for trigger in triggers}
    if tasks:
        wanted[TASKS] = Cursor(now, now, "")
    for gone in known.keys() - wanted.keys():
        db.execute(delete(scan_cursor).where(*_of(business_id, gone)))
    for name, begin in wanted.items():
        cursor = known.get(name)
        if cursor is None:
            row = {"business_id": business_id, "trigger": PREFIX + name}
            db.execute(insert(scan_cursor).values(position=begin.stored(), moved_at=now, **row))
        elif cursor.rule != begin.rule:
            changed = replace(cursor, done_at=max(now, cursor.done_at), rule=begin.rule, after=None)
            move(db, business_id, name, changed, now)


def begin_anew(
    db: Connection, business_id: int, triggers: Iterable[Trigger], now: datetime, *, tasks: bool
) -> None:
    """As if all had been applied now: for a test, which begins at a time of its own."""
    mine = scan_cursor.c.business_id == business_id
    db.execute(delete(scan_cursor).where(mine, scan_cursor.c.trigger.startswith(PREFIX)))
    begin_scans(db, business_id, triggers, now, tasks=tasks)


def _begun(trigger: Trigger, now: datetime) -> Cursor:
    if not trigger.options.get("backfill"):
        return Cursor(now, now, signature(trigger))
    return Cursor(now - CATCH_UP, None, signature(trigger))


def cursors_of(db: Connection, business_id: int) -> Mapping[str, Cursor]:
    """By the id of the trigger."""
    rows = db.execute(
        select(scan_cursor.c.trigger, scan_cursor.c.position).where(
            scan_cursor.c.business_id == business_id, scan_cursor.c.trigger.startswith(PREFIX)
        )
    )
    return {name.removeprefix(PREFIX): Cursor.read(position) for name, position in rows}


def lock_cursor(db: Connection, business_id: int, trigger: str) -> Cursor | None:
    """The cursor, which nobody else moves until this transaction ends; None while somebody does."""
    statement = select(scan_cursor.c.position).where(*_of(business_id, trigger))
    found = db.scalar(statement.with_for_update(skip_locked=True))
    return None if found is None else Cursor.read(found)


def move(db: Connection, business_id: int, trigger: str, cursor: Cursor, now: datetime) -> None:
    changed = update(scan_cursor).where(*_of(business_id, trigger))
    db.execute(changed.values(position=cursor.stored(), moved_at=now))


def signature(trigger: Trigger) -> str:
    """Another one where the trigger would look at another time, or at others."""
    options = trigger.options
    parts = [rule_of(trigger), field_of(trigger)]
    parts += [options.get(name) for name in ("offset", "calendar", "leap_day", "segment", "days")]
    return blake2b(repr(parts).encode(), digest_size=6).hexdigest()


def _of(business_id: int, trigger: str) -> tuple[Any, ...]:
    return scan_cursor.c.business_id == business_id, scan_cursor.c.trigger == PREFIX + trigger
