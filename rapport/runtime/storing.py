"""Taking in where no turns are taken: what comes is stored, and workers are told."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from bots.channel import Inbound
from rapport.runtime.clock import Clock
from rapport.runtime.desk import Desk
from rapport.runtime.intake import Broken, Origin
from rapport.runtime.tallies import ServiceTally
from rapport.runtime.turns import Turned
from rapport.runtime.wakeups import Wakeups
from rapport.runtime.writer import Writer


class Storing:
    """Takes in for a process without the role of a worker."""

    def __init__(
        self, desk: Desk, writer: Writer, clock: Clock, wakeups: Wakeups, tally: ServiceTally
    ) -> None:
        self._desk = desk
        self._writer = writer
        self._clock = clock
        self._wakeups = wakeups
        self._tally = tally

    async def take_in(self, origin: Origin, arrivals: Sequence[Inbound | Broken]) -> Turned:
        """Store arrivals; returns after the commit. Raises DatabaseUnavailable."""
        now, desk, began = self._clock.now(), self._desk, time.perf_counter()
        stored = await asyncio.wrap_future(
            self._writer.submit(lambda db: desk.keep(db, origin, arrivals, now))
        )
        self._tally.took(stored, time.perf_counter() - began)
        self._wakeups.mail_waits()
        return stored
