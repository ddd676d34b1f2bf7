"""A desk driven by hand under a clock that is moved: tests, the terminal chat, simulations.

The same desk, turns and tables as the service, without threads, senders or waiting: what is due
happens at once, in the order of time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from bots.channel import Inbound
from crm.database import clear_errors
from crm.services.rules_pass import next_pass
from rapport.runtime.calls import Call, Stored, claim_calls, next_call
from rapport.runtime.clock import VirtualClock
from rapport.runtime.deliveries import Delivery, Outcome, next_due, pending, settle
from rapport.runtime.desk import Desk
from rapport.runtime.following import Following, Load
from rapport.runtime.intake import Origin
from rapport.runtime.library import LibraryOutdated
from rapport.runtime.reading import Reader
from rapport.runtime.rules_pass import Night
from rapport.runtime.turns import BatchRefused, Turned

AT_ONCE = 1_000

Show = Callable[[Delivery], str | None]
"""Takes a delivery to where it is read; the id of the message it became, if it has one."""

MakeCall = Callable[[Stored], Mapping[str, Any]]
"""Makes a request; what `answer` is to be."""


class Drive:
    """One account of a desk. `show` is called for each message sent, in order, after its commit.

    load: reads what another process has applied meanwhile; None where there is none. call: makes a
    request; it is asked once, and what it brings counts. None: somebody else does. also: other
    accounts whose messages are shown too.
    """

    def __init__(
        self, engine: Engine, desk: Desk, origin: Origin, clock: VirtualClock, show: Show,
        load: Load | None = None, call: MakeCall | None = None, also: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self._engine = engine
        self._desk = desk
        self._origin = origin
        self._clock = clock
        self._show = show
        self._following = Following(desk, Reader(engine), load) if load else None
        self._call = call
        self._accounts = (origin.account_id, *also)

    def take_in(self, *arrivals: Inbound) -> None:
        """Something came in: all that follows from it now happens, and is shown."""
        now, desk, origin = self._clock.now(), self._desk, self._origin
        try:
            self._commit(lambda db: desk.take_in(db, origin, arrivals, now))
        except BatchRefused:
            self._commit(lambda db: desk.keep(db, origin, arrivals, now))
        self.settle_down()

    def settle_down(self) -> None:
        """Do all that is due at this moment."""
        while self._work() or self._perform():
            pass
        # Messages that are on their way make no work: what they lead to comes in later.
        while self._send() == AT_ONCE:
            pass

    def advance_to(self, moment: datetime) -> None:
        """Let time pass until `moment`, which is included; what falls due happens on its way."""
        while (due := self._next_moment()) is not None and due <= moment:
            self._clock.set(due)
            self._pass_rules()
            self.settle_down()
        self._clock.set(moment)

    def _pass_rules(self) -> None:
        """What the service does each night: dates alone make people enter and leave segments."""
        night, more = Night(self._desk.library, self._clock.now()), True
        while more:
            with clear_errors(), self._engine.begin() as db:
                more = night.piece(db)

    def _work(self) -> bool:
        now, desk = self._clock.now(), self._desk
        scanned = self._commit(lambda db: desk.scan(db, now))
        rung = self._commit(lambda db: desk.ring(db, now))
        try:
            worked = self._commit(lambda db: desk.work(db, now))
        except BatchRefused:
            worked = self._commit(lambda db: desk.work_carefully(db, now))
        return bool(scanned.more or rung.more or worked.conversations)

    def _perform(self) -> bool:
        """Make the requests that runs wait for; whether there were any."""
        make, now, business_id = self._call, self._clock.now(), self._origin.business_id
        if make is None:
            return False
        with clear_errors(), self._engine.connect() as db:
            due = next_call(db, business_id)
        if due is None or due > now:
            return False
        with clear_errors(), self._engine.begin() as db:
            claimed = claim_calls(db, business_id, now, AT_ONCE)
        for call in claimed:
            self._bring(call, make(call.stored), now)
        return True

    def _bring(self, call: Call, answer: Mapping[str, Any], now: datetime) -> None:
        self._commit(lambda db: self._desk.answer(db, call, answer, now))

    def _commit(self, f: Callable[[Connection], Turned]) -> Turned:
        try:
            with clear_errors(), self._engine.begin() as db:
                turned = f(db)
        except LibraryOutdated:
            if self._following is None:
                raise
            self._following.look()
            return self._commit(f)
        self._desk.committed(turned)
        return turned

    def _send(self) -> int:
        return max(self._send_by(account_id) for account_id in self._accounts)

    def _send_by(self, account_id: int) -> int:
        now = self._clock.now()
        with clear_errors(), self._engine.begin() as db:
            due = pending(db, account_id, now, AT_ONCE)
        outcomes = [
            Outcome(item.id, "sent", item.attempts + 1, now, self._show(item)) for item in due
        ]
        if outcomes:
            with clear_errors(), self._engine.begin() as db:
                settle(db, account_id, outcomes)
        return len(outcomes)

    def _next_moment(self) -> datetime | None:
        with clear_errors(), self._engine.begin() as db:
            moments = self._next_moments(db)
        return min((item for item in moments if item is not None), default=None)

    def _next_moments(self, db: Connection) -> tuple[datetime | None, ...]:
        at = self._origin
        call = None if self._call is None else next_call(db, at.business_id)
        business = self._desk.library.business
        night = next_pass(db, at.business_id, business) or self._clock.now()
        sendings = (next_due(db, account_id) for account_id in self._accounts)
        return self._desk.next_moment(db), self._desk.next_scan(db), call, night, *sendings
