"""Rapport in a bot of python-telegram-bot: two handlers, before and after the host's own.

    rapport = Rapport("flows/shop")
    plug_in(rapport, app)
    app.run_polling()                  # or asyncio.run(polling(app)), by which nothing is lost

The library gives an update to one handler of each group and tells nobody whether there was one; so
where the host comes first its handlers are asked beforehand (`check_update`), but for the groups
that only look on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from telegram import Update
from telegram.error import RetryAfter
from telegram.ext import (
    Application,
    ApplicationHandlerStop,
    BaseRateLimiter,
    CallbackContext,
    TypeHandler,
)

from bots.channel import Account, Inbound, Temporary, Undecodable
from bots.limits import TELEGRAM
from bots.telegram import POLL_SECONDS
from bots.telegram_ptb import TelegramPtb
from rapport.plugin.feeding import feed_for_ever, until_told
from rapport.plugin.host import Rapport
from rapport.runtime.clock import SystemClock

FIRST, LAST = -1_000, 1_000
"""The groups of our handlers."""

App = Application[Any, Any, Any, Any, Any, Any]


class HostsBot(TelegramPtb):
    """The host's bot as a channel: its connections, and how its updates come, are the host's."""

    async def open(self) -> Account:
        me = await self._call("getMe", {})
        if not isinstance(me, dict) or "id" not in me:
            raise Temporary("getMe answered with something that is not a user")
        self._username = str(me.get("username", ""))
        return Account(str(me["id"]), self._username)

    async def close(self) -> None:
        return None

    def polls_for(self, seconds: int) -> None:
        """What our own loop asks for: all kinds, as any handler may want any."""
        self.kinds, self._poll_seconds = Update.ALL_TYPES, seconds


class SharedPace(BaseRateLimiter[None]):
    """A limiter for `ApplicationBuilder().rate_limiter(...)` that counts what the host sends, so
    that what the flows send keeps Telegram's limits with it. It holds nothing of the host's."""

    def __init__(self, rapport: Rapport) -> None:
        self._rapport = rapport
        self._clock = SystemClock()

    async def initialize(self) -> None:
        return None

    async def shutdown(self) -> None:
        return None

    async def process_request(
        self, callback: Any, args: Any, kwargs: dict[str, Any], endpoint: str,
        data: dict[str, Any], rate_limit_args: None,  # noqa: ARG002  # the library's
    ) -> Any:  # fmt: skip
        pace, chat = self._rapport.pace, data.get("chat_id")
        if pace is None or chat is None:
            return await callback(*args, **kwargs)
        if (
            endpoint.startswith(("send", "copy", "forward", "edit"))
            and endpoint != "sendChatAction"
        ):
            pace.sent(str(chat), self._clock.now())
        try:
            return await callback(*args, **kwargs)
        except RetryAfter as error:
            said: Any = error.retry_after
            seconds = said.total_seconds() if hasattr(said, "total_seconds") else float(said)
            pace.throttled(str(chat), seconds, self._clock.now())
            raise


class Guest:
    """The flows in one application."""

    def __init__(self, rapport: Rapport, app: App, onlookers: Collection[int]) -> None:
        self.rapport = rapport
        self.channel = HostsBot(app.bot)
        self._app = app
        self._aside = {FIRST, LAST, *onlookers}
        self._left: dict[int, Inbound] = {}

    async def open(self, _app: App) -> None:
        await self.rapport.open(self.channel, TELEGRAM)

    async def close(self, _app: App) -> None:
        await self.rapport.close()

    async def before(self, update: Update, _context: CallbackContext[Any, Any, Any, Any]) -> None:
        item = self._read(update) if self.rapport.is_open else None
        if item is None:
            return
        if await self.rapport.before_host(item):
            raise ApplicationHandlerStop
        if self.rapport.owner == "host_first" and not self._is_handled(update):
            self._left[update.update_id] = item

    async def after(self, update: Update, _context: CallbackContext[Any, Any, Any, Any]) -> None:
        item = self._left.pop(update.update_id, None)
        if item is not None:
            await self.rapport.after_host(item)

    def _is_handled(self, update: Update) -> bool:
        for group, handlers in self._app.handlers.items():
            if group not in self._aside:
                for handler in handlers:
                    found = handler.check_update(update)
                    if found is not None and found is not False:
                        return True
        return False

    def _read(self, update: Update) -> Inbound | None:
        chat = update.effective_chat
        if chat is None or chat.type != "private":
            return None
        try:
            return self.channel.decode(update.to_dict())
        except Undecodable:
            return None


def plug_in(rapport: Rapport, app: App, onlookers: Collection[int] = ()) -> None:
    """Put the flows into an application. onlookers: groups of the host whose handlers see updates
    without answering them (logs, counts).

    The flows open and close with `run_polling`, `run_webhook` and our `polling`; who runs the
    application by hand calls its `post_init` and `post_shutdown` too, as the library says.
    """
    guest = Guest(rapport, app, onlookers)
    app.add_handler(TypeHandler(Update, guest.before), group=FIRST)
    app.add_handler(TypeHandler(Update, guest.after), group=LAST)
    app.post_init = _then(app.post_init, guest.open)
    app.post_stop = _then(guest.close, app.post_stop)
    _GUESTS[id(app)] = guest


_GUESTS: dict[int, Guest] = {}
"""By the id of the application: its own dictionaries may be persisted, which a guest cannot be."""


def rapport_of(app: App) -> Rapport:
    """What was plugged into an application, for handlers: `rapport_of(context.application)`."""
    return _GUESTS[id(app)].rapport


def _then(
    first: Callable[[App], Awaitable[Any]] | None, second: Callable[[App], Awaitable[Any]] | None
) -> Callable[[App], Any]:
    async def both(app: App) -> None:
        for one in (first, second):
            if one is not None:
                await one(app)

    return both


async def polling(app: App, *, poll_seconds: int = POLL_SECONDS) -> None:
    """In place of `app.run_polling()`: an update is confirmed after the host has handled it and the
    flows have committed it, so that neither loses one. Until cancelled, SIGTERM or Ctrl-C.

    After a crash the host may be given again what it was handling.
    """
    guest = _GUESTS[id(app)]
    guest.channel.polls_for(poll_seconds)

    async def feed(raw: Mapping[str, Any]) -> None:
        await app.process_update(Update.de_json(dict(raw), app.bot))

    async with app:
        await app.bot.delete_webhook()
        await app.start()
        assert app.post_init is not None, "plug_in has set it"
        assert app.post_stop is not None, "plug_in has set it"
        await app.post_init(app)
        try:
            await until_told(feed_for_ever(guest.rapport, guest.channel, feed))
        finally:
            await app.stop()
            await app.post_stop(app)
            if app.post_shutdown is not None:
                await app.post_shutdown(app)
