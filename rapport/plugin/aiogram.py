"""Rapport in an aiogram bot: a middleware that asks whose an update is, and a router.

    rapport = Rapport("flows/shop")
    plug_in(rapport, dp, bot)
    await dp.start_polling(bot)        # or polling(dp, bot), by which nothing is lost

The middleware offers updates to the flows before or after the host's handlers, as the owner says.
The router handles nothing: by it aiogram knows which kinds of updates to ask Telegram for, and it
opens and closes the flows with the dispatcher. Handlers may ask for the argument `rapport`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher, Router
from aiogram.client.session.middlewares.base import BaseRequestMiddleware
from aiogram.dispatcher.event.bases import UNHANDLED, SkipHandler
from aiogram.exceptions import TelegramRetryAfter
from aiogram.types import TelegramObject, Update

from bots.channel import Account, Inbound, Temporary, Undecodable
from bots.limits import TELEGRAM
from bots.telegram_aiogram import TelegramAiogram
from bots.telegram_session import Call
from rapport.plugin.host import Rapport
from rapport.runtime.clock import SystemClock

_SENDS = ("Send", "Copy", "Forward", "Edit")
"""How the methods begin that Telegram counts as messages to a chat."""


class HostsBot(TelegramAiogram):
    """The host's bot as a channel: whether it polls or has a webhook is the host's business, and so
    are its connections."""

    async def open(self) -> Account:
        me = await self._call("getMe", {})
        if not isinstance(me, dict) or "id" not in me:
            raise Temporary("getMe answered with something that is not a user")
        self._username = str(me.get("username", ""))
        return Account(str(me["id"]), self._username)

    async def close(self) -> None:
        return None


class RapportMiddleware(BaseMiddleware):
    """An outer middleware of updates."""

    def __init__(self, rapport: Rapport, channel: HostsBot, bot: Bot) -> None:
        self._rapport = rapport
        self._channel = channel
        self._bot = bot

    async def __call__(
        self, handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject, data: dict[str, Any],
    ) -> Any:  # fmt: skip
        item = self._read(event, data) if self._rapport.is_open else None
        if item is None:
            return await handler(event, data)
        if await self._rapport.before_host(item):
            return None
        result = await handler(event, data)
        if result is UNHANDLED and await self._rapport.after_host(item):
            return None
        return result

    def _read(self, event: TelegramObject, data: dict[str, Any]) -> Inbound | None:
        """What came in; None for what no flow has any use for: other bots' updates, groups, kinds
        that are nothing to us, and what cannot be read."""
        if not isinstance(event, Update) or data["bot"].id != self._bot.id or _is_elsewhere(event):
            return None
        raw = event.model_dump(mode="json", by_alias=True, exclude_unset=True)
        try:
            return self._channel.decode(raw)
        except Undecodable:
            return None


def _is_elsewhere(update: Update) -> bool:
    """Whether it is plain, before it is written out, that no flow has any use for it."""
    where = update.message or update.edited_message or update.my_chat_member
    if where is not None:
        return where.chat.type != "private"
    return update.callback_query is None


class SharedPace(BaseRequestMiddleware):
    """Counts what the host sends, so that what the flows send keeps Telegram's limits with it. The
    host's own requests are never held."""

    def __init__(self, rapport: Rapport) -> None:
        self._rapport = rapport
        self._clock = SystemClock()

    async def __call__(self, make_request: Any, bot: Bot, method: Any) -> Any:
        pace, chat = self._rapport.pace, getattr(method, "chat_id", None)
        if pace is None or chat is None or isinstance(method, Call):
            return await make_request(bot, method)
        if type(method).__name__.startswith(_SENDS):
            pace.sent(str(chat), self._clock.now())
        try:
            return await make_request(bot, method)
        except TelegramRetryAfter as error:
            pace.throttled(str(chat), error.retry_after, self._clock.now())
            raise


def plug_in(rapport: Rapport, dp: Dispatcher, bot: Bot) -> Router:
    """Put the flows into a bot; the router that was included, for who wants to look at it."""
    channel = HostsBot(bot)
    dp["rapport"] = rapport
    dp["rapport_channel"] = channel
    dp.update.outer_middleware(RapportMiddleware(rapport, channel, bot))
    bot.session.middleware(SharedPace(rapport))
    router = Router(name="rapport")
    for observer in (
        router.message, router.edited_message, router.callback_query, router.my_chat_member,
    ):  # fmt: skip
        observer.register(_nobodys)

    async def open_() -> None:
        await rapport.open(channel, TELEGRAM)

    router.startup.register(open_)
    router.shutdown.register(rapport.close)
    dp.include_router(router)
    return router


async def _nobodys(_event: TelegramObject) -> None:
    raise SkipHandler
