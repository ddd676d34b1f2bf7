"""The nightly pass of the rules beside the turns: a piece, a breath, the next piece."""

from __future__ import annotations

import asyncio

import structlog
from sqlalchemy import Connection

from crm.services.rules_pass import Pass, is_pass_due
from rapport.runtime.clock import Clock
from rapport.runtime.clock_watch import ClockWatch
from rapport.runtime.desk import Desk
from rapport.runtime.writer import Writer

BREATH_SECONDS = 0.05
"""Between two pieces, so that turns go on."""

PIECE = 100
"""Customers changed in one transaction, some ten milliseconds of work."""

log = structlog.get_logger(__name__)


async def pass_by_clock(writer: Writer, desk: Desk, clock: Clock, clock_watch: ClockWatch) -> None:
    """A pass where one is due; none while the clock is not believed. Raises DatabaseUnavailable."""
    clock_watch.look()
    if clock_watch.doubt:
        return
    library, now = desk.library, clock.now()
    business_id, business = library.business_id, library.business

    def due(db: Connection) -> bool:
        return is_pass_due(db, business_id, business, now)

    if not await asyncio.wrap_future(writer.submit(due)):
        return
    walk = Pass(business_id, business, PIECE)

    def piece(db: Connection) -> bool:
        return walk.tick(db, now)

    more = True
    while more:
        more = await asyncio.wrap_future(writer.submit(piece))
        await asyncio.sleep(BREATH_SECONDS)
    if walk.changed:
        log.info("rules_passed", **walk.changed)
