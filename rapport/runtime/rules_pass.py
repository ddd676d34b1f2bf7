"""The nightly pass of the rules beside the turns: a piece, a breath, the next piece."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime

import structlog
from sqlalchemy import Connection

from crm.services.rules_pass import Pass, is_pass_due
from rapport.runtime.clock import Clock
from rapport.runtime.clock_watch import ClockWatch
from rapport.runtime.desk import Desk
from rapport.runtime.library import Library
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
    walk = Night(desk.library, clock.now())
    more = True
    while more:
        more = await asyncio.wrap_future(writer.submit(walk.piece))
        await asyncio.sleep(BREATH_SECONDS)
    if walk.changed:
        log.info("rules_passed", **walk.changed)


class Night:
    """The pass that is due at a moment, piece by piece, each in a transaction of the caller's."""

    def __init__(self, library: Library, now: datetime) -> None:
        self._library = library
        self._now = now
        self._walk = Pass(library.business_id, library.business, PIECE)
        self._is_due: bool | None = None

    @property
    def changed(self) -> Mapping[str, int]:
        """How many things followed so far, by kind."""
        return self._walk.changed

    def piece(self, db: Connection) -> bool:
        """The next piece; False once all are done, or where no pass is due."""
        if self._is_due is None:
            library = self._library
            self._is_due = is_pass_due(db, library.business_id, library.business, self._now)
        return self._is_due and self._walk.tick(db, self._now)
