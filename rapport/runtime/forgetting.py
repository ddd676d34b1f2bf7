"""A pass of retention beside the turns: a piece, a breath, the next piece."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime

import structlog
from sqlalchemy import Connection

from crm.services.retention import Retention
from rapport.runtime.clock import Clock
from rapport.runtime.clock_watch import ClockWatch
from rapport.runtime.memory import beside_cases
from rapport.runtime.writer import Writer

BREATH_SECONDS = 0.05
"""Between two pieces: some tenth of the writer's time, whatever there is to forget."""

log = structlog.get_logger(__name__)


async def forget_by_clock(
    writer: Writer, business_id: int, clock: Clock, clock_watch: ClockWatch
) -> None:
    """`forget_old` at the clock's moment; nothing while the clock is not believed: whoever gave
    the task may have another one. Raises DatabaseUnavailable."""
    clock_watch.look()
    if not clock_watch.doubt:
        await forget_old(writer, business_id, clock.now())


async def forget_old(writer: Writer, business_id: int, now: datetime) -> Counter[str]:
    """Delete what nobody needs any more; how many rows, by what they were.

    A pass that is cut short is worth nothing less: the next one begins at the oldest row again.
    Raises DatabaseUnavailable.
    """
    retention = Retention(business_id)

    def piece(db: Connection) -> bool:
        with beside_cases(db):  # nobody's open case is made of what is forgotten
            return retention.tick(db, now)

    more = True
    while more:
        more = await asyncio.wrap_future(writer.submit(piece))
        await asyncio.sleep(BREATH_SECONDS)
    if retention.forgotten.total():
        log.info("forgotten", **_words(retention.forgotten))
    return retention.forgotten


def _words(forgotten: Counter[str]) -> dict[str, int]:
    return {name.replace(" ", "_"): count for name, count in forgotten.items() if count}
