"""Those who watch a process: its web pages, and the watchman who tells the staff."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bots.web_chat import NAME, WebChat
from engine.business import Business
from rapport.jobs import Place
from rapport.runtime.receiver import Receivers
from rapport.runtime.staff import Staff
from rapport.runtime.watched import Watched
from rapport.runtime.watchman import LOOK_SECONDS, Watchman
from rapport.settings import Settings, WrongSetting
from rapport.storage import sqlite_file

if TYPE_CHECKING:
    from fastapi import FastAPI

    from rapport.http.visitors import Chat

START_SECONDS = 5.0
"""So long the pages wait for the work to begin, which is to begin first; a platform that cannot be
reached keeps it waiting for longer."""


class Onlookers:
    """`around` is run around the process, `look` beside its roles.

    needed: platforms bring what people write, so that without the port nothing would be heard.
    """

    def __init__(
        self, settings: Settings, look_seconds: float = LOOK_SECONDS, *, needed: bool = False
    ) -> None:
        self._settings = settings
        self._look_seconds = look_seconds
        self._needed = needed
        self._begun = asyncio.Event()
        self._seen: Watched | None = None
        self._receivers: Receivers | None = None
        self._chat: Chat | None = None

    async def around(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work; while it is done, serve the pages unless RAPPORT_HTTP_PORT is 0.

        Raises what the work raises; WrongSetting where the pages are needed and cannot be served.
        """
        pages, working = asyncio.create_task(self._serve_pages()), asyncio.create_task(work)
        watched = {working, pages} if self._needed else {working}
        try:
            await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
            is_deaf = not working.done()
        finally:
            pages.cancel()
            working.cancel()
            await asyncio.wait([pages, working])
        if is_deaf:
            raise WrongSetting("RAPPORT_HTTP_PORT: it cannot be served, but all comes there")
        working.result()

    async def look(self, place: Place) -> None:
        """Look at the place until cancelled, and let others see it meanwhile."""

        def business() -> Business:
            return place.desk.library.business

        self._seen = seen = watched(place, self._settings)
        self._receivers = place.receivers
        self._chat = _chat_of(place)
        self._begun.set()
        staff = Staff(business, lambda: place.senders)
        try:
            await Watchman(seen, place.writer, business, staff, self._look_seconds).run()
        finally:
            self._seen = self._receivers = self._chat = None

    async def _serve_pages(self) -> None:
        if not self._settings.http_port:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                await self._begun.wait()
        from rapport.http.server import serve_http

        settings = self._settings
        await serve_http(self._make_app, settings.http_host, settings.http_port)

    def _make_app(self) -> FastAPI:
        from rapport.http.app import make_app

        app = make_app(lambda: self._seen, lambda: self._receivers)
        if self._settings.chat:
            from rapport.http.chat import chat
            from rapport.lines import sites_of

            app.include_router(chat(lambda: self._chat, sites_of(self._settings)))
        return app


def _chat_of(place: Place) -> Chat | None:
    """The chat of the site, where this process serves it."""
    brought = place.receivers.values()
    receiver = next((one for one in brought if one.channel.name == NAME), None)
    if receiver is None:
        return None
    from rapport.http.visitors import Chat

    assert isinstance(receiver.channel, WebChat)
    return Chat(
        receiver.channel, receiver, place.read, place.clock, place.business_id,
        lambda: place.desk.library.business,
        lambda: receiver.account_id in place.senders,
    )  # fmt: skip


def watched(place: Place, settings: Settings) -> Watched:
    """The process as those see it who watch."""
    link = place.spread.link
    return Watched(
        place.business_id, place.read, place.clock, place.tally, place.writer.tally,
        lambda: {account: poller.tally for account, poller in place.pollers.items()},
        lambda: {account: sender.tally for account, sender in place.senders.items()},
        sqlite_file(settings.database_url),
        None if link is None else lambda: "; ".join(link.troubles.values()),
        lambda: {one.account_id: one.tally for one in place.receivers.values()},
    )  # fmt: skip
