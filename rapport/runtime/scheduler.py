"""What happens now and then, woken by the one process that holds the scheduler's lease.

APScheduler keeps its jobs in memory and in UTC, and only wakes ticks. It is never asked for local
times, and its jobs are never shared: two processes would run each twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from rapport.runtime.clock_watch import ClockWatch
from rapport.runtime.tenure import Tenure

JITTER_SECONDS = 5
"""Ticks are moved by up to so much, so that those of many businesses do not fall together."""

log = structlog.get_logger(__name__)


class Tick(NamedTuple):
    """Something to be looked after again and again; harmless where nothing is to be done."""

    name: str
    every: timedelta
    do: Callable[[], Awaitable[None]]


async def wake(
    ticks: Sequence[Tick], tenure: Tenure, clock_watch: ClockWatch,
    jitter: float | None = JITTER_SECONDS,
) -> None:  # fmt: skip
    """Wake each tick at once and then when it is due, until cancelled; none while the clock is not
    believed. jitter: in seconds."""
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    # What goes wrong in a tick is said by it, not by the library.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)
    await clock_watch.compare()
    scheduler = AsyncIOScheduler(timezone=UTC)
    for tick in ticks:
        # After a pause (a machine that slept) once is enough, however late.
        scheduler.add_job(
            _Woken(tick, tenure, clock_watch).wake, "interval", seconds=tick.every.total_seconds(),
            jitter=jitter or None, next_run_time=datetime.now(UTC), coalesce=True,
            misfire_grace_time=None, max_instances=1,
        )  # fmt: skip
    scheduler.start()
    try:
        await asyncio.Event().wait()
    finally:
        scheduler.shutdown(wait=False)


class _Woken:
    """One tick: a failure is said once, and the tick is woken again when it is due."""

    def __init__(self, tick: Tick, tenure: Tenure, clock_watch: ClockWatch) -> None:
        self._tick = tick
        self._tenure = tenure
        self._clock_watch = clock_watch
        self._trouble = ""

    async def wake(self) -> None:
        # The clock that jumped may be what woke us.
        self._clock_watch.look()
        if self._clock_watch.doubt or not self._tenure.holds():
            return
        try:
            await self._tick.do()
        except Exception as error:  # noqa: BLE001  # whatever it is, others are woken all the same
            trouble = f"{type(error).__name__}: {error}"
            if trouble != self._trouble:
                log.error("tick_failed", tick=self._tick.name, reason=trouble)
            self._trouble = trouble
        else:
            if self._trouble:
                log.info("tick_works_again", tick=self._tick.name)
            self._trouble = ""
