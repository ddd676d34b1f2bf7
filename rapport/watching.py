"""What runs beside the roles of a process so that it can be watched."""

from __future__ import annotations

from engine.business import Business
from rapport.jobs import Beside, Place
from rapport.runtime.staff import Staff
from rapport.runtime.watched import Watched
from rapport.runtime.watchman import LOOK_SECONDS, Watchman
from rapport.settings import Settings
from rapport.storage import sqlite_file


def watching(settings: Settings, look_seconds: float = LOOK_SECONDS) -> list[Beside]:
    """Alarms, and the web pages unless RAPPORT_HTTP_PORT is 0."""
    pages = [_pages(settings)] if settings.http_port else []
    return [_alarms(settings, look_seconds), *pages]


def watched(place: Place, settings: Settings) -> Watched:
    """The process as those see it who watch."""
    file, link = sqlite_file(settings.database_url), place.spread.link
    return Watched(
        place.business_id, place.read, place.clock, place.tally, place.writer.tally,
        lambda: {account: poller.tally for account, poller in place.pollers.items()},
        lambda: {account: sender.tally for account, sender in place.senders.items()},
        file,
        None if link is None else lambda: "; ".join(link.troubles.values()),
    )  # fmt: skip


def _alarms(settings: Settings, look_seconds: float) -> Beside:
    async def alarms(place: Place) -> None:
        def business() -> Business:
            return place.desk.library.business

        staff = Staff(business, lambda: place.senders)
        seen = watched(place, settings)
        await Watchman(seen, place.writer, business, staff, look_seconds).run()

    return alarms


def _pages(settings: Settings) -> Beside:
    async def pages(place: Place) -> None:
        from rapport.http.server import serve_http

        await serve_http(watched(place, settings), settings.http_host, settings.http_port)

    return pages
