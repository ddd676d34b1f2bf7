"""What runs beside the roles of a process so that it can be watched."""

from __future__ import annotations

from rapport.jobs import Beside, Place
from rapport.runtime.watched import Watched
from rapport.settings import Settings
from rapport.storage import sqlite_file


def watching(settings: Settings) -> list[Beside]:
    """The web pages, unless RAPPORT_HTTP_PORT is 0."""
    return [_pages(settings)] if settings.http_port else []


def watched(place: Place, settings: Settings) -> Watched:
    """The process as those see it who watch."""
    file = sqlite_file(settings.database_url)
    return Watched(
        place.business_id, place.read, place.clock, place.tally, place.writer.tally,
        lambda: {account: poller.tally for account, poller in place.pollers.items()},
        lambda: {account: sender.tally for account, sender in place.senders.items()},
        file,
    )  # fmt: skip


def _pages(settings: Settings) -> Beside:
    async def pages(place: Place) -> None:
        from rapport.http.server import serve_http

        await serve_http(watched(place, settings), settings.http_host, settings.http_port)

    return pages
