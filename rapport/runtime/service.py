"""What a worker does: it takes in, rings timers and takes turns, and hands over what they say.

from a poller ─────┐
timers ────────────┼──> turn (the writer, one commit) ──> outlets
held, ready again ─┘
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog
from sqlalchemy import Connection

from bots.channel import Inbound
from crm.database import DatabaseUnavailable
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import Clock
from rapport.runtime.desk import Desk
from rapport.runtime.intake import Broken, Origin
from rapport.runtime.library import LibraryOutdated
from rapport.runtime.outlets import Outlet
from rapport.runtime.reading import Reader
from rapport.runtime.tallies import ServiceTally
from rapport.runtime.turns import BatchRefused, Turned
from rapport.runtime.writer import Writer, outcome_of

PUMP_SECONDS = 1.0
"""How often timers and conversations that nobody was told of are looked for."""

FEW = 4
"""So many arrivals take about a millisecond: they are taken in in the event loop's thread where
the writer is free."""
_CHANCE = random.SystemRandom()

log = structlog.get_logger(__name__)


def _nobody() -> None:
    return None


class Service:
    """Drives a desk from asyncio. Outlets are by account id. follow: gives the desk the newest
    library, where a turn found its own outdated. calls: told that there are requests to be made."""

    def __init__(
        self, desk: Desk, writer: Writer, read: Reader, clock: Clock,
        outlets: Mapping[int, Outlet], backoff: Backoff, follow: Callable[[], object],
        tally: ServiceTally | None = None, calls: Callable[[], None] = _nobody,
    ) -> None:  # fmt: skip
        self._desk = desk
        self._writer = writer
        self._read = read
        self._clock = clock
        self._outlets = outlets
        self._backoff = backoff
        self._follow = follow
        self._tally = tally or ServiceTally()
        self._calls = calls
        self._work_left = asyncio.Event()
        self._courtesies: set[asyncio.Task[None]] = set()

    async def take_in(self, origin: Origin, arrivals: Sequence[Inbound | Broken]) -> Turned:
        """Store arrivals and take their turns; returns after the commit.

        Raises DatabaseUnavailable, and then nothing is stored: the caller does not confirm.
        """
        now, desk = self._clock.now(), self._desk
        try:
            return await self._commit(
                lambda db: desk.take_in(db, origin, arrivals, now), here=len(arrivals) <= FEW
            )
        except BatchRefused as refused:
            _say_refused(refused, account=origin.account_id)
            await self._commit(lambda db: desk.keep(db, origin, arrivals, now))
            return await self._commit(lambda db: desk.work_carefully(db, now))

    def look(self) -> None:
        """There may be turns that nobody takes."""
        self._work_left.set()

    async def pump(self) -> None:
        """Ring timers and take turns that are left, until cancelled."""
        failures = 0
        while True:
            try:
                await self._pump_once()
                failures = 0
                await self._rest()
            except DatabaseUnavailable as error:
                failures += 1
                if failures == 1:
                    log.warning("store_unavailable", doing="pumping", reason=str(error))
                await asyncio.sleep(self._backoff.seconds(failures))

    async def _rest(self) -> None:
        # Until Python 3.12 wait_for swallows a cancellation that comes as the event is set.
        with suppress(TimeoutError):
            # Many processes that sweep must not do so together.
            async with asyncio.timeout(PUMP_SECONDS * _CHANCE.uniform(0.75, 1.25)):
                await self._work_left.wait()

    async def _pump_once(self) -> None:
        """Work off what is due now; look first, so that an idle process takes no write lock."""
        self._work_left.clear()
        while await self._is_due():
            rung = await self._commit(self._ring)
            worked = await self._work()
            if not rung.more and not worked.conversations:
                return

    def _ring(self, db: Connection) -> Turned:
        return self._desk.ring(db, self._clock.now())

    async def _work(self) -> Turned:
        now, desk = self._clock.now(), self._desk
        try:
            return await self._commit(lambda db: desk.work(db, now))
        except BatchRefused as refused:
            _say_refused(refused)
            return await self._commit(lambda db: desk.work_carefully(db, now))

    async def _is_due(self) -> bool:
        moment = await asyncio.to_thread(self._read, self._desk.next_moment)
        return moment is not None and moment <= self._clock.now()

    async def _commit(self, f: Callable[[Connection], Turned], *, here: bool = False) -> Turned:
        began = time.perf_counter()
        try:
            submitted = self._writer.submit(f, here=here, committed=self._desk.committed)
            turned = await outcome_of(submitted)
        except LibraryOutdated:
            await asyncio.to_thread(self._follow)
            return await self._commit(f)
        self._tally.took(turned, time.perf_counter() - began)
        self._hand_over(turned)
        for line in turned.lines:
            log.debug("turn", **line)
        return turned

    def _hand_over(self, turned: Turned) -> None:
        """After the commit: messages to their senders, pressed buttons their end, requests to
        whoever makes them."""
        if turned.calls:
            self._calls()
        by_account: dict[int, list[Any]] = {}
        for delivery in turned.deliveries:
            by_account.setdefault(delivery.account_id, []).append(delivery)
        for account_id, deliveries in by_account.items():
            outlet = self._outlets.get(account_id)
            if outlet is not None:
                outlet.offer(deliveries)
        for press in turned.presses:
            outlet = self._outlets.get(press.account_id)
            if outlet is not None:
                self._beside(outlet.acknowledge(press.callback_id))
        for closed in turned.closed:
            outlet = self._outlets.get(closed.account_id)
            if outlet is not None:
                self._beside(outlet.close_question(closed))
        if turned.more:
            self._work_left.set()

    def _beside(self, courtesy: Coroutine[Any, Any, None]) -> None:
        """What nobody waits for."""
        task = asyncio.create_task(courtesy)
        self._courtesies.add(task)
        task.add_done_callback(self._courtesies.discard)


def _say_refused(refused: BatchRefused, **ids: int) -> None:
    letter = refused.letter
    if letter is not None:
        ids |= {"conversation": letter.conversation_id, "mail": letter.id}
    log.warning("batch_refused", reason=str(refused), **ids)
