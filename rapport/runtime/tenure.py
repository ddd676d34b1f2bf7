"""Holding leases: a job runs here for as long as this process holds its lease.

    stand by ──> take ──> run the job, renew ──> lost, or told to stop ──> end the job, give back

The lease in the database says who may begin; the holder's own monotonic clock says when it has to
end, before the lease does: also where the database is gone, and where the process was asleep.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Protocol, TypeVar

import structlog
from sqlalchemy import Connection, Engine

from crm.database import DatabaseUnavailable, clear_errors
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import Clock
from rapport.runtime.leases import Lease, acquire, release, renew

T = TypeVar("T")
Monotonic = Callable[[], float]
"""Seconds since some moment; they never go back."""

LEASE_SECONDS = 10.0
"""How long a lease lasts: after so long another process goes on in the place of a dead one."""

ENDS_AFTER = 0.8
"""The part of a lease after which its holder stops by itself, if it could not renew it."""

RENEWALS = 3
"""How many times a lease is renewed in the time it lasts; and how often others try to take it."""

log = structlog.get_logger(__name__)


def awake_or_not() -> float:
    """The monotonic seconds of the machine, with those that it slept."""
    # Without CLOCK_BOOTTIME (not on Linux) a machine that was suspended does not know.
    which = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime(which)


def owner_of_this_process() -> str:
    """A name for this process that no other one has, for people to read: machine:pid:random."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"


class Tenure:
    """The time in which a job may do what only the holder of its lease may.

    lease: None where nothing has to be leased.
    """

    __slots__ = ("_ends_at", "_monotonic", "lease")

    def __init__(self, lease: Lease | None, ends_at: float, monotonic: Monotonic) -> None:
        self.lease = lease
        self._ends_at = ends_at
        self._monotonic = monotonic

    def holds(self) -> bool:
        """Ask right before acting: the process may just have woken up."""
        return self._monotonic() < self._ends_at

    def seconds_left(self) -> float:
        return max(0.0, self._ends_at - self._monotonic())

    def extend(self, ends_at: float) -> None:
        self._ends_at = ends_at


FOR_GOOD = Tenure(None, float("inf"), lambda: 0.0)
"""On SQLite: the lock beside the file lets one process in, so there is nobody to lease from."""

Job = Callable[[Tenure], Awaitable[None]]


class Keeper(Protocol):
    """Lets a job run while this process has the right to."""

    async def keep(self, name: str, job: Job) -> None:
        """Run the job whenever the lease is ours, until cancelled. Raises what the job raises."""

    def held(self) -> dict[str, int]:
        """The epochs of the leases that this process holds now, by name."""

    def close(self) -> None:
        """After all `keep` have ended."""


class Alone:
    """The keeper of a process that shares its store with no other."""

    async def keep(self, _name: str, job: Job) -> None:
        await job(FOR_GOOD)

    def held(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        return None


class LeaseKeeper:
    """Keeps leases in the database, by a thread and a connection of its own: turns that keep the
    others busy must not cost the lease. `engine` is closed with it."""

    def __init__(
        self, engine: Engine, owner: str, clock: Clock, backoff: Backoff, *,
        seconds: float = LEASE_SECONDS, monotonic: Monotonic = awake_or_not,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._owner = owner
        self._clock = clock
        self._backoff = backoff
        self._seconds = seconds
        self._lasts = timedelta(seconds=seconds)
        self._monotonic = monotonic
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="leases")
        self._tenures: dict[str, Tenure] = {}

    async def keep(self, name: str, job: Job) -> None:
        """See Keeper."""
        while True:
            tenure = await self._take(name)
            self._tenures[name] = tenure
            try:
                if await self._serve(tenure, job):
                    return
            finally:
                del self._tenures[name]

    def held(self) -> dict[str, int]:
        """See Keeper."""
        return {
            name: tenure.lease.epoch
            for name, tenure in self._tenures.items()
            if tenure.lease is not None and tenure.holds()
        }

    def close(self) -> None:
        """See Keeper. A call that hangs in the network is left behind."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._engine.dispose()

    async def _take(self, name: str) -> Tenure:
        """Wait until the lease is ours."""
        failures, stood_by = 0, False
        while True:
            began = self._monotonic()
            try:
                lease = await self._in_thread(
                    lambda db: acquire(db, name, self._owner, self._lasts, self._clock.now()),
                    self._seconds,
                )
            except DatabaseUnavailable as error:
                failures += 1
                if failures == 1:
                    log.warning("store_unavailable", doing=f"taking {name}", reason=str(error))
                await asyncio.sleep(self._backoff.seconds(failures))
                continue
            if lease is not None:
                log.info("lease_taken", lease=name, epoch=lease.epoch)
                return Tenure(lease, self._end(began), self._monotonic)
            failures = 0
            if not stood_by:
                log.info("standing_by", lease=name)
                stood_by = True
            await asyncio.sleep(self._seconds / RENEWALS)

    async def _serve(self, tenure: Tenure, job: Job) -> bool:
        """Run the job until it ends (True) or the lease is lost."""
        working = asyncio.ensure_future(job(tenure))
        renewing = asyncio.create_task(self._renew_until_lost(tenure))
        try:
            await asyncio.wait({working, renewing}, return_when=asyncio.FIRST_COMPLETED)
            ended = working.done()
        finally:
            # It is renewed on while the job finishes what it has begun.
            working.cancel()
            await asyncio.wait({working})
            renewing.cancel()
            await self._give_back(tenure)
        if not working.cancelled():
            working.result()
        return ended

    async def _renew_until_lost(self, tenure: Tenure) -> None:
        assert tenure.lease is not None
        lease, failures = tenure.lease, 0
        while True:
            await asyncio.sleep(self._seconds / RENEWALS if failures == 0 else 0.1 * self._seconds)
            began = self._monotonic()
            try:
                ours = await self._in_thread(
                    lambda db: renew(db, lease, self._lasts, self._clock.now()),
                    tenure.seconds_left() or self._seconds,
                )
            except DatabaseUnavailable as error:
                failures += 1
                if failures == 1:
                    log.warning("lease_not_renewed", lease=lease.name, reason=str(error))
                if not tenure.holds():
                    log.error("lease_lost", lease=lease.name, reason="it could not be renewed")
                    return
                continue
            if not ours:
                tenure.extend(0.0)
                log.error("lease_lost", lease=lease.name, reason="another process has it")
                return
            failures = 0
            tenure.extend(self._end(began))

    async def _give_back(self, tenure: Tenure) -> None:
        """Best effort: otherwise it expires."""
        if tenure.lease is None or not tenure.holds():
            return
        lease = tenure.lease
        tenure.extend(0.0)
        try:
            await self._in_thread(
                lambda db: release(db, lease, self._clock.now()), 0.2 * self._seconds
            )
            log.info("lease_given_back", lease=lease.name)
        except DatabaseUnavailable as error:
            log.warning("lease_not_given_back", lease=lease.name, reason=str(error))

    def _end(self, began: float) -> float:
        """Counted from before the call: the database counts from within it."""
        return began + ENDS_AFTER * self._seconds

    async def _in_thread(self, f: Callable[[Connection], T], seconds: float) -> T:
        """What `f` returns. Raises DatabaseUnavailable, after `seconds` at the latest."""

        def call() -> T:
            with clear_errors(), self._engine.begin() as db:
                return f(db)

        try:
            async with asyncio.timeout(seconds):
                return await asyncio.get_running_loop().run_in_executor(self._thread, call)
        except TimeoutError:
            raise DatabaseUnavailable("the database does not answer") from None
