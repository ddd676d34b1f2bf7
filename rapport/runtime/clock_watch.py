"""The machine's clock, watched: what is scheduled must not all happen because it jumped.

The wall clock is held against the monotonic one, which cannot be set, and against the database's,
which is another machine's. A machine that slept has not jumped: the monotonic seconds go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, func, select

from crm.database import DatabaseUnavailable
from rapport.runtime.clock import Clock
from rapport.runtime.reading import Reader

BIG = timedelta(seconds=30)
"""More than a clock is set by day by day; leap seconds and slow starts stay below."""

CALM = timedelta(minutes=5)
"""After a jump forward the clock must not jump for so long before it is believed again: whoever
set it wrong sets it right."""

LOOK_SECONDS = 1.0
COMPARE_EVERY = 60
"""Looks between two comparisons with the database's clock."""

log = structlog.get_logger(__name__)


class ClockWatch:
    """`doubt`: why nothing scheduled may begin now; '' where the clock is believed.

    monotonic: seconds that nobody can set. read: of a PostgreSQL database; SQLite's clock is ours.
    """

    def __init__(self, clock: Clock, monotonic: Callable[[], float], read: Reader) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._read = read
        self._before = clock.now() - timedelta(seconds=monotonic())
        self._calm_at = float("-inf")
        self._differs = ""
        self.doubt = ""

    async def run(self) -> None:
        """Look each second until cancelled."""
        looks = 0
        while True:
            self.look()
            if looks % COMPARE_EVERY == 0:
                await self.compare()
            looks += 1
            await asyncio.sleep(LOOK_SECONDS)

    def look(self) -> None:
        """Hold the wall clock against the monotonic one."""
        seconds = self._monotonic()
        began = self._clock.now() - timedelta(seconds=seconds)
        jump, self._before = began - self._before, began
        if abs(jump) >= BIG:
            log.warning("clock_jumped", seconds=round(jump.total_seconds()))
            # Back, nothing is due that was not before; forward, everything is.
            self._calm_at = seconds + CALM.total_seconds() if jump > BIG else float("-inf")
        self._decide(seconds)

    async def compare(self) -> None:
        """Hold the wall clock against the database's."""
        try:
            theirs = await asyncio.to_thread(self._read, _server_time)
        except DatabaseUnavailable:
            return
        if theirs is not None:
            ahead = self._clock.now() - theirs
            self._differs = f"{ahead} ahead of the database's clock" if abs(ahead) > BIG else ""
            self._decide(self._monotonic())

    def _decide(self, seconds: float) -> None:
        why = self._differs or ("it jumped ahead" if seconds < self._calm_at else "")
        if bool(why) != bool(self.doubt):
            if why:
                log.error("clock_not_believed", reason=why, effect="nothing scheduled begins")
            else:
                log.info("clock_believed_again")
        self.doubt = why


def _server_time(db: Connection) -> datetime | None:
    if db.dialect.name != "postgresql":
        return None
    found: datetime = db.execute(select(func.clock_timestamp())).scalar_one()
    return found
