"""Those who watch a process: its web pages, and the watchman who tells the staff."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from engine.business import Business
from rapport.jobs import Place
from rapport.runtime.staff import Staff
from rapport.runtime.watched import Watched
from rapport.runtime.watchman import LOOK_SECONDS, Watchman
from rapport.settings import Settings
from rapport.storage import sqlite_file

START_SECONDS = 5.0
"""So long the pages wait for the work to begin, which is to begin first; a platform that cannot be
reached keeps it waiting for longer."""


class Onlookers:
    """`around` is run around the process, `look` beside its roles."""

    def __init__(self, settings: Settings, look_seconds: float = LOOK_SECONDS) -> None:
        self._settings = settings
        self._look_seconds = look_seconds
        self._begun = asyncio.Event()
        self._seen: Watched | None = None

    async def around(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work; while it is done, serve the pages unless RAPPORT_HTTP_PORT is 0.

        Raises what the work raises.
        """
        pages = asyncio.create_task(self._serve_pages())
        try:
            await work
        finally:
            pages.cancel()
            await asyncio.wait([pages])

    async def look(self, place: Place) -> None:
        """Look at the place until cancelled, and let others see it meanwhile."""

        def business() -> Business:
            return place.desk.library.business

        self._seen = seen = watched(place, self._settings)
        self._begun.set()
        staff = Staff(business, lambda: place.senders)
        try:
            await Watchman(seen, place.writer, business, staff, self._look_seconds).run()
        finally:
            self._seen = None

    async def _serve_pages(self) -> None:
        if not self._settings.http_port:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._begun.wait()
        from rapport.http.server import serve_http

        settings = self._settings
        await serve_http(lambda: self._seen, settings.http_host, settings.http_port)


def watched(place: Place, settings: Settings) -> Watched:
    """The process as those see it who watch."""
    link = place.spread.link
    return Watched(
        place.business_id, place.read, place.clock, place.tally, place.writer.tally,
        lambda: {account: poller.tally for account, poller in place.pollers.items()},
        lambda: {account: sender.tally for account, sender in place.senders.items()},
        sqlite_file(settings.database_url),
        None if link is None else lambda: "; ".join(link.troubles.values()),
    )  # fmt: skip
