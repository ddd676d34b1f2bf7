"""The clock's triggers: at each of their moments, whom they are for becomes firings.

A piece is one transaction: it plans the firings of some customers and moves the trigger's cursor
past them. So a crash repeats nothing and forgets nothing, and where two look at once, the second
leaves what the first has locked. What was due while nobody looked is looked at in its order; what
is older than its `catch_up` is recorded as skipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection, select

from crm.tables import trigger_firing
from engine.flow import Trigger
from rapport.runtime.almanac import Almanac, Due, Zones, with_movers, zones_of
from rapport.runtime.cursors import Cursor, cursors_of, lock_cursor, move
from rapport.runtime.firings import PLAN, Planned, decided_row, expiry_of
from rapport.runtime.library import Library
from rapport.runtime.moments import A_WHILE, next_time, plan_times
from rapport.runtime.overdue import hears_of_tasks, next_overdue, tell_of_tasks
from rapport.runtime.states import paused
from rapport.runtime.sweeps import PIECE, Sweep, has_time, key_of, page, sweeps_of

ONCE_A_YEAR = timedelta(days=300)
"""A corrected date makes a new occasion, but within this time no second one of its kind fires."""

FAR_BACK = timedelta(days=2)
"""Of a schedule's times that were missed nobody looks at those before this, where a later one was
missed too."""

WRONG = timedelta(days=1)
"""A cursor further ahead than this was moved by a clock that was wrong."""

SAME_OCCASION = f"has fired for another date within {ONCE_A_YEAR.days} days"

log = structlog.get_logger(__name__)


class Scans:
    """The looks of one business. Keeps nothing but what it has computed."""

    def __init__(self) -> None:
        self._almanac = Almanac()

    def next_moment(self, db: Connection, library: Library) -> datetime | None:
        """When something is to be looked at next; in the past where that is overdue."""
        if not library.clocked and not hears_of_tasks(library):
            return None
        moments = [one.at for one in self._waiting(db, library)]
        if hears_of_tasks(library):
            moments += filter(None, (next_overdue(db, library),))
        return min(moments, default=None)

    def is_due(self, db: Connection, library: Library, now: datetime) -> bool:
        """Whether `scan` has something to do."""
        moment = self.next_moment(db, library)
        if moment is not None and moment <= now:
            return True
        return any(map(partial(_is_wrong, now), cursors_of(db, library.business_id).values()))

    def scan(self, db: Connection, library: Library, now: datetime) -> bool:
        """Plan one piece of what is due; whether there was any."""
        if not library.clocked and not hears_of_tasks(library):
            return False
        _mend(db, library, now)
        if hears_of_tasks(library) and tell_of_tasks(db, library, now):
            return True
        for one in sorted(self._waiting(db, library), key=lambda waiting: waiting.at):
            if one.at > now:
                return False
            if self._look(db, library, one, now):
                return True
        return False

    def _waiting(self, db: Connection, library: Library) -> list[_Waiting]:
        known = cursors_of(db, library.business_id)
        stopped = paused(db, library.business_id)
        if not known:
            return []
        after = min(cursor.done_at for cursor in known.values())
        zones = zones_of(db, library.business_id, library.business.timezone, after)
        found = (
            self._when(db, library, trigger, known[trigger.id], zones)
            for trigger in library.clocked
            if trigger.id in known and trigger.id not in stopped
        )
        return [one for one in found if one is not None]

    def _when(
        self, db: Connection, library: Library, trigger: Trigger, cursor: Cursor, zones: Zones
    ) -> _Waiting | None:
        if has_time(library, trigger):
            at = next_time(db, library, trigger, cursor.done_at)
            return None if at is None else _Waiting(at, trigger, None, zones)
        due = self._almanac.due(trigger, cursor.done_at, zones)
        return None if due is None else _Waiting(due.at, trigger, due, zones)

    def _look(self, db: Connection, library: Library, one: _Waiting, now: datetime) -> bool:
        """Plan a piece of one trigger; False where somebody else does."""
        trigger, business_id = one.trigger, library.business_id
        cursor = lock_cursor(db, business_id, trigger.id)
        if cursor is None:
            return False
        again = self._when(db, library, trigger, cursor, one.zones)
        if again is None or again.at > now:
            return False
        if again.due is None:
            until = min(now, again.at + A_WHILE)
            plan_times(db, library, trigger, cursor, until, now)
            after = replace(cursor, done_at=until)
        elif trigger.on == "schedule" and self._is_superseded(again, now):
            after = self._past_missed(again, cursor, now)
        else:
            after = _plan_piece(db, library, trigger, cursor, again.due, now)
        move(db, business_id, trigger.id, after, now)
        return True

    def _is_superseded(self, one: _Waiting, now: datetime) -> bool:
        """Whether it has come again since: of what was missed only the newest is worth doing."""
        later = self._almanac.due(one.trigger, one.at, one.zones)
        assert one.due is not None
        groups = {name for group in one.due.groups for name in group.names}
        while later is not None and later.at <= now:
            if any(groups & group.names for group in later.groups):
                return True
            later = self._almanac.due(one.trigger, later.at, one.zones)
        return False

    def _past_missed(self, one: _Waiting, cursor: Cursor, now: datetime) -> Cursor:
        log.warning("schedule_time_missed", trigger=one.trigger.id, due_at=one.at.isoformat())
        done_at = one.at
        begin = now - FAR_BACK
        later = self._almanac.due(one.trigger, begin, one.zones) if begin > done_at else None
        if later is not None and later.at <= now - FAR_BACK / 2:
            done_at = begin
        return replace(cursor, done_at=done_at, after=None)


def _is_wrong(now: datetime, cursor: Cursor) -> bool:
    return cursor.done_at > now + WRONG


def _mend(db: Connection, library: Library, now: datetime) -> None:
    """A clock that was far ahead has moved cursors into the future, where nothing is looked at:
    they go on from now. What has fired meanwhile does not fire again."""
    for name, cursor in cursors_of(db, library.business_id).items():
        if _is_wrong(now, cursor):
            log.warning("cursor_was_ahead", trigger=name, until=cursor.done_at.isoformat())
            since = cursor.since and min(cursor.since, now)
            mended = replace(cursor, done_at=now, since=since, after=None)
            move(db, library.business_id, name, mended, now)


class _Waiting(NamedTuple):
    """A trigger with the moment at which it is looked at next. due: None for one that counts from
    the time of a datetime."""

    at: datetime
    trigger: Trigger
    due: Due | None
    zones: Zones


# -- days and times of the wall


def _plan_piece(
    db: Connection, library: Library, trigger: Trigger, cursor: Cursor, due: Due, now: datetime
) -> Cursor:
    """Plan for the next customers of a moment; the cursor behind them."""
    due = with_movers(db, library.business_id, due)
    sweeps = list(sweeps_of(db, library, trigger, due, cursor.since))
    place, *after = cursor.after or (0, None, None)
    last = None if not after or after[1] is None else (after[0], after[1])
    while place < len(sweeps):
        sweep = sweeps[place]
        found = page(db, library.business_id, sweep, due.at, last)
        if found:
            _plan(db, library, trigger, sweep, found, due.at, now)
        if len(found) == PIECE:
            return replace(cursor, after=(place, *key_of(found[-1])))
        place, last = place + 1, None
        if found and place < len(sweeps):
            return replace(cursor, after=(place, None, None))
    since = due.at if cursor.since is None else cursor.since
    return replace(cursor, done_at=due.at, since=since, after=None)


def _plan(
    db: Connection,
    library: Library,
    trigger: Trigger,
    sweep: Sweep,
    found: Sequence[tuple[int, Any]],
    due_at: datetime,
    now: datetime,
) -> None:
    lately = _fired_lately(db, library, trigger, sweep, [one for one, _ in found], due_at)
    rows, business_id = [], library.business_id
    for customer_id, value in found:
        occurrence = sweep.occurrence(value)
        request = {"flow": trigger.flow, "event": {**sweep.event(value), "depth": 1}}
        row = Planned(
            trigger.id, customer_id, occurrence, request, due_at,
            expiry_of(trigger, due_at, library.business),
        )  # fmt: skip
        other = lately.get(customer_id, set()) - {occurrence}
        rows.append(decided_row(row, business_id, SAME_OCCASION if other else None, now))
    PLAN.many(db, rows)


def _fired_lately(
    db: Connection,
    library: Library,
    trigger: Trigger,
    sweep: Sweep,
    customers: Sequence[int],
    due_at: datetime,
) -> dict[int, set[str]]:
    """The occasions of one kind that each has had of late."""
    if not sweep.family:
        return {}
    rows = db.execute(
        select(trigger_firing.c.customer_id, trigger_firing.c.occurrence).where(
            trigger_firing.c.business_id == library.business_id,
            trigger_firing.c.trigger == trigger.id,
            trigger_firing.c.customer_id.in_(customers),
            trigger_firing.c.due_at > due_at - ONCE_A_YEAR,
            trigger_firing.c.status != "skipped",
        )
    )
    lately: dict[int, set[str]] = {}
    for customer_id, occurrence in rows:
        if occurrence.endswith(sweep.family):
            lately.setdefault(customer_id, set()).add(occurrence)
    return lately
