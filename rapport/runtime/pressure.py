"""Whether more comes in than is worked off. Then intake waits, and the platform keeps the rest.

What is stored is on the disk, so memory stays as it is; but people wait for all that was stored
before them. Telegram keeps updates for a day, and those who push are asked to come again.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, func, select

from crm.database import DatabaseUnavailable
from crm.tables import conversation
from rapport.runtime.clock import Clock
from rapport.runtime.reading import Reader

TOO_OLD = timedelta(seconds=30)
"""Mail that has been ready for so long shows that the workers do not keep up."""

LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Pressure:
    """Of one business; looks at the database once in LOOK_SECONDS at most."""

    def __init__(self, business_id: int, read: Reader, clock: Clock) -> None:
        self._business_id = business_id
        self._read = read
        self._clock = clock
        self._looked_at: datetime | None = None
        self._is_high = False
        self._looking = asyncio.Lock()

    async def is_high(self) -> bool:
        """Whether to take nothing in now: a webhook answers 503, a poller does not poll."""
        async with self._looking:  # of many who ask at once, one looks
            now = self._clock.now()
            age = timedelta.max if self._looked_at is None else abs(now - self._looked_at)
            if age >= timedelta(seconds=LOOK_SECONDS):
                await self._look(now)
        return self._is_high

    async def _look(self, now: datetime) -> None:
        try:
            oldest = await asyncio.to_thread(self._read, self._oldest)
        except DatabaseUnavailable:
            return  # whoever stores finds that out, and says so
        self._looked_at = now
        self._note(oldest is not None and now - oldest > TOO_OLD)

    async def has_passed(self) -> None:
        """Wait until it is not high."""
        while await self.is_high():  # noqa: ASYNC110  # the database tells nobody
            await asyncio.sleep(LOOK_SECONDS)

    def _note(self, is_high: bool) -> None:
        if is_high != self._is_high:
            self._is_high = is_high
            if is_high:
                log.warning("intake_waits", reason=f"mail waits for more than {TOO_OLD}")
            else:
                log.info("intake_goes_on")

    def _oldest(self, db: Connection) -> datetime | None:
        """Since when the oldest mail waits that nothing holds."""
        found: datetime | None = db.execute(
            select(func.min(conversation.c.ready_at)).where(
                conversation.c.business_id == self._business_id,
                conversation.c.status == "ready",
                conversation.c.hold_until.is_(None),
            )
        ).scalar_one()
        return found
