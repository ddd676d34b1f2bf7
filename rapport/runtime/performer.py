"""Performing the requests that runs wait for: claimed, made, answered, each a transaction.

turn (a row) ──> claim (a lease) ──> the request ──> answer (mail) ──> turn
                       ^                │ no good answer
                       └── put off <────┘

Whoever takes turns performs requests too. It is told of those that its own turns ask for, and looks
each second for others: a process that dies leaves a lease that ends.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog
from msgspec import Struct

from crm.database import DatabaseUnavailable
from rapport.runtime.backoff import Backoff
from rapport.runtime.calls import Call, Stored, claim_calls, next_call, put_off
from rapport.runtime.clock import Clock
from rapport.runtime.desk import Desk
from rapport.runtime.reading import Reader
from rapport.runtime.writer import Writer, outcome_of

SWEEP_SECONDS = 1.0
"""How often requests are looked for that nobody was told of."""

AT_ONCE = 20
"""Requests that a process has under way; what is more waits, or goes to another process."""

TRY_SECONDS = 10.0
"""How long one try may take."""

LEAST_SECONDS = 0.5
"""With less time left, no try is begun."""

MOST_TRIES = 5
"""After so many tries without a good answer the last one counts: some five minutes, unless a
person waits, who waits no more than ten seconds."""

FINISH_SECONDS = 2.0
"""How long a stop waits for answers that are under way; their requests are made again else."""

_CHANCE = random.SystemRandom()

log = structlog.get_logger(__name__)


class Reply(Struct, frozen=True):
    """What a try brought: what `answer` is to be. again_in: at least so many seconds later another
    try may bring more; None where none would."""

    answer: Mapping[str, Any]
    again_in: float | None = None


class Caller(Protocol):
    """Makes one try within so many seconds. Raises nothing for what a flow or a server does."""

    def __call__(self, stored: Stored, seconds: float, /) -> Awaitable[Reply]: ...


class Next(Struct, frozen=True):
    """What is to be done after a try: another one at `again_at`, or `answer` counts."""

    answer: Mapping[str, Any]
    again_at: datetime | None = None


def after(call: Call, reply: Reply, now: datetime, pauses: Backoff) -> Next:
    """Whether another try is worth it, and when: never so late that nobody waits any more."""
    if reply.again_in is None or call.attempts >= MOST_TRIES:
        return Next(reply.answer)
    pause = max(reply.again_in, pauses.seconds(call.attempts))
    again_at = now + timedelta(seconds=pause)
    until = call.stored.until
    if until is not None and again_at + timedelta(seconds=LEAST_SECONDS) > until:
        return Next(reply.answer)
    return Next(reply.answer, again_at)


def seconds_for(call: Call, now: datetime) -> float:
    """How long a try of this request may take now; 0 where there is no time for one."""
    if call.stored.until is None:
        return TRY_SECONDS
    left = (call.stored.until - now).total_seconds()
    return min(TRY_SECONDS, left) if left >= LEAST_SECONDS else 0.0


LATE: Mapping[str, Any] = {
    "status": 0, "json": None, "text": "", "error": "nobody came to make the request in time",
}  # fmt: skip


class Performer:
    """Performs what is due of one business. answered: told that there is mail. full: told that
    there may be more than this process makes at once."""

    def __init__(
        self, desk: Desk, writer: Writer, read: Reader, clock: Clock, call: Caller,
        answered: Callable[[], None], full: Callable[[], None], pauses: Backoff, trouble: Backoff,
    ) -> None:  # fmt: skip
        self._desk = desk
        self._writer = writer
        self._read = read
        self._clock = clock
        self._call = call
        self._answered = answered
        self._full = full
        self._pauses = pauses
        self._trouble = trouble
        self._look = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()

    def look(self) -> None:
        """There may be requests that are due."""
        self._look.set()

    async def run(self) -> None:
        """Perform what is due, until cancelled."""
        failures = 0
        try:
            while True:
                try:
                    await self._begin_due()
                    failures = 0
                    await self._rest()
                except DatabaseUnavailable as error:
                    failures += 1
                    if failures == 1:
                        log.warning("store_unavailable", doing="requests", reason=str(error))
                    await asyncio.sleep(self._trouble.seconds(failures))
        finally:
            await self._finish()

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            # Many processes that sweep must not do so together.
            async with asyncio.timeout(SWEEP_SECONDS * _CHANCE.uniform(0.75, 1.25)):
                await self._look.wait()

    async def _begin_due(self) -> None:
        """Claim what is due and there is room for; look first, so that an idle process takes no
        write lock."""
        self._look.clear()
        business_id = self._desk.library.business_id
        room = AT_ONCE - len(self._under_way)
        if room <= 0:
            return  # one that comes to its end looks again
        due = await asyncio.to_thread(self._read, lambda db: next_call(db, business_id))
        now = self._clock.now()
        if due is None or due > now:
            return
        claimed = await outcome_of(
            self._writer.submit(lambda db: claim_calls(db, business_id, now, room))
        )
        for call in claimed:
            task = asyncio.create_task(self._perform(call))
            self._under_way.add(task)
            task.add_done_callback(self._done)
        if len(claimed) == room:
            self._full()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self.look()
        if not task.cancelled() and task.exception() is not None:
            # Its lease ends, and it is tried again.
            log.error("request_unfinished", exc_info=task.exception())

    async def _perform(self, call: Call) -> None:
        seconds = seconds_for(call, self._clock.now())
        reply = await self._call(call.stored, seconds) if seconds else Reply(LATE)
        now = self._clock.now()
        coming = after(call, reply, now, self._pauses)
        try:
            await self._store(call, coming, now)
        except DatabaseUnavailable as error:
            log.warning("answer_not_stored", run=call.run_id, reason=str(error))

    async def _store(self, call: Call, coming: Next, now: datetime) -> None:
        desk, business_id, error = (
            self._desk,
            self._desk.library.business_id,
            coming.answer["error"],
        )
        log.debug(
            "request", run=call.run_id, attempt=call.attempts, error=error,
            again_at=None if coming.again_at is None else str(coming.again_at),
        )  # fmt: skip
        if coming.again_at is not None:
            later = coming.again_at
            await outcome_of(self._writer.submit(lambda db: put_off(db, business_id, call, later)))
            return
        if error is not None:
            log.info("request_failed", run=call.run_id, attempts=call.attempts, reason=error)
        turned = await outcome_of(
            self._writer.submit(lambda db: desk.answer(db, call, coming.answer, now))
        )
        if turned.more:
            self._answered()

    async def _finish(self) -> None:
        """What is under way may come to its end, for a moment."""
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
