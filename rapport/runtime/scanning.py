"""The scans of the clock's triggers beside the turns: a piece, a breath, the next piece."""

from __future__ import annotations

import asyncio

from sqlalchemy import Connection

from rapport.runtime.clock import Clock
from rapport.runtime.clock_watch import ClockWatch
from rapport.runtime.desk import Desk
from rapport.runtime.reading import Reader
from rapport.runtime.turns import Turned
from rapport.runtime.writer import Writer

BREATH_SECONDS = 0.02
"""Between two pieces, so that turns go on."""


async def scan_by_clock(
    writer: Writer, read: Reader, desk: Desk, clock: Clock, clock_watch: ClockWatch
) -> bool:
    """Plan all that is due; whether there was any. Nothing while the clock is not believed. Looks
    first, so that who has nothing to do takes no write lock. Raises DatabaseUnavailable."""
    clock_watch.look()
    if clock_watch.doubt:
        return False

    def has_to(db: Connection) -> bool:
        return desk.has_to_scan(db, clock.now())

    def piece(db: Connection) -> Turned:
        return desk.scan(db, clock.now())

    if not await asyncio.to_thread(read, has_to):
        return False
    while not clock_watch.doubt:
        turned = await asyncio.wrap_future(writer.submit(piece))
        if not turned.more:
            break
        await asyncio.sleep(BREATH_SECONDS)
    return True
