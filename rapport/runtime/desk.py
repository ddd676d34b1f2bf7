"""What a process of one business does inside transactions: take in, ring timers, take turns.

The desk is synchronous and keeps no time of its own. The service drives it from asyncio through
the writer; tests and the terminal chat drive it directly with a virtual clock. `take_in`, `work`
and `ring` raise BatchRefused where content is at fault; then the transaction is rolled back,
arrivals are stored by `keep`, and `work_carefully` goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Connection, bindparam, func, select

from bots.channel import Inbound
from crm.sql import Statement
from crm.tables import conversation
from rapport.runtime.calls import Call
from rapport.runtime.campaigns import next_release, work
from rapport.runtime.firings import next_planned
from rapport.runtime.intake import Broken, Origin, store
from rapport.runtime.library import Library
from rapport.runtime.scans import Scans
from rapport.runtime.staff_desk import Act, StaffDesk
from rapport.runtime.timers import next_ring
from rapport.runtime.turns import Turned, Turns, count_in


class Desk:
    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._staff = StaffDesk(turns.library, turns.mailroom)
        self._scans = Scans()

    @property
    def library(self) -> Library:
        return self._turns.library

    def go_on_with(self, library: Library, channels: Mapping[int, str]) -> None:
        """Work with what was applied since. May be called from any thread."""
        turns = self._turns.on(library, channels)
        self._turns, self._staff = turns, StaffDesk(library, turns.mailroom)

    def take_in(
        self, db: Connection, origin: Origin, arrivals: Sequence[Inbound | Broken], now: datetime
    ) -> Turned:
        """Store what came in and take its turns; do what the staff does."""
        acts, arrivals = self._staff.pick(db, origin, arrivals)
        turned = self._turns.take_in(db, origin, arrivals, now)
        return self._act(db, origin, acts, turned, now) if acts else turned

    def committed(self, turned: Turned) -> None:
        """Called right after the commit of what was done, before anything else is."""
        self._turns.committed(turned)

    def keep(
        self, db: Connection, origin: Origin, arrivals: Sequence[Inbound | Broken], now: datetime
    ) -> Turned:
        """Only store what came in; its turns are taken later. What the staff does is done."""
        acts, arrivals = self._staff.pick(db, origin, arrivals)
        received = self._turns.receive(db, origin, arrivals, now)
        store(db, origin, received, now)
        turned = count_in(Turned(more=True), received)
        return self._act(db, origin, acts, turned, now) if acts else turned

    def _act(
        self, db: Connection, origin: Origin, acts: Sequence[Act], turned: Turned, now: datetime
    ) -> Turned:
        """After all else of the transaction: what the staff does may be about anybody, so nothing
        of the turns is remembered."""
        done, answers = self._staff.work(db, origin, acts, now)
        turned.kept, turned.more = None, True
        turned.received += done
        turned.deliveries += answers
        return turned

    def work(self, db: Connection, now: datetime) -> Turned:
        """Take the turns of what is ready."""
        return self._turns.run(db, now)

    def work_carefully(self, db: Connection, now: datetime) -> Turned:
        """Take the turns of what is ready, one customer at a time."""
        return self._turns.run_carefully(db, now)

    def ring(self, db: Connection, now: datetime) -> Turned:
        """Turn due timers into mail; `more` where there were any."""
        return Turned(more=self._turns.ring(db, now))

    def scan(self, db: Connection, now: datetime) -> Turned:
        """Plan a piece of what the clock's triggers, or campaigns, are for now; `more` where there
        was any."""
        library = self.library
        return Turned(more=self._scans.scan(db, library, now) or work(db, library, now))

    def has_to_scan(self, db: Connection, now: datetime) -> bool:
        """Whether `scan` has something to do."""
        if self._scans.is_due(db, self.library, now):
            return True
        release = next_release(db, self.library.business_id)
        return release is not None and release <= now

    def next_scan(self, db: Connection) -> datetime | None:
        """When a trigger is to be looked at next that a clock brings, or a campaign."""
        release = next_release(db, self.library.business_id)
        moments = (self._scans.next_moment(db, self.library), release)
        return min((one for one in moments if one is not None), default=None)

    def answer(
        self, db: Connection, call: Call, answer: Mapping[str, Any], now: datetime
    ) -> Turned:
        """A request was answered, or given up; `more` where a run waited for it."""
        return Turned(more=self._turns.answer(db, call, answer, now))

    def next_moment(self, db: Connection) -> datetime | None:
        """When something of the desk's is due next: a timer, a firing, an event that nobody heard,
        or mail that is ready or held."""
        business_id = self.library.business_id
        # Nearly all that is ready waits for nothing, and the first of those is enough to know.
        waiting = _WAITING.fetch(db, business_id)
        if waiting:
            (moment,) = waiting[0]
            return cast("datetime", moment)
        held = _HELD.fetch(db, business_id)[0][0]
        planned = next_planned(db, business_id)
        moments = [one for one in (held, next_ring(db, business_id), planned) if one]
        return min(moments, default=None)


_WAITING = Statement(
    lambda _: (
        select(conversation.c.ready_at)
        .where(
            conversation.c.business_id == bindparam("business"),
            conversation.c.status == "ready",
            conversation.c.hold_until.is_(None),
        )
        .order_by(conversation.c.ready_at)
        .limit(1)
    ),
    ("business",),
)
_HELD = Statement(
    lambda _: select(func.min(conversation.c.hold_until)).where(
        conversation.c.business_id == bindparam("business"), conversation.c.status == "ready"
    ),
    ("business",),
)
