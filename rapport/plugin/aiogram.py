"""Rapport in an aiogram bot: a middleware that asks whose an update is, and a router.

    rapport = Rapport("flows/shop")
    plug_in(rapport, dp, bot)
    await dp.start_polling(bot)        # or polling(dp, bot), by which nothing is lost

The middleware offers updates to the flows before or after the host's handlers, as the owner says.
The router handles nothing: by it aiogram knows which kinds of updates to ask Telegram for, and it
opens and closes the flows with the dispatcher. Handlers may ask for the argument `rapport`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher, Router
from aiogram.client.session.middlewares.base import BaseRequestMiddleware
from aiogram.dispatcher.event.bases import UNHANDLED, SkipHandler
from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import TelegramMethod
from aiogram.types import TelegramObject, Update

from bots.channel import Account, Inbound, Temporary, Undecodable
from bots.limits import TELEGRAM
from bots.telegram import POLL_SECONDS
from bots.telegram_aiogram import TelegramAiogram
from bots.telegram_session import Call
from rapport.plugin.feeding import feed_for_ever, until_told
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

    def polls(self, kinds: Sequence[str], seconds: int) -> None:
        """What our own loop asks for."""
        self.kinds, self._poll_seconds = tuple(kinds), seconds


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


async def polling(dp: Dispatcher, bot: Bot, *, poll_seconds: int = POLL_SECONDS) -> None:
    """In place of `dp.start_polling(bot)`: an update is confirmed after the host has handled it and
    the flows have committed it, so that neither loses one. Until cancelled, SIGTERM or Ctrl-C.

    After a crash the host may be given again what it was handling.
    """
    rapport, channel = dp["rapport"], dp["rapport_channel"]
    channel.polls(dp.resolve_used_update_types(), poll_seconds)
    data = {"dispatcher": dp, "bots": (bot,), **dp.workflow_data}
    await bot.delete_webhook()
    await dp.emit_startup(bot=bot, **data)

    async def feed(raw: Mapping[str, Any]) -> None:
        response = await dp.feed_raw_update(bot, dict(raw), bots=(bot,))
        if isinstance(response, TelegramMethod):
            await dp.silent_call_request(bot=bot, result=response)

    try:
        await until_told(feed_for_ever(rapport, channel, feed))
    finally:
        await dp.emit_shutdown(bot=bot, **data)
        await bot.session.close()


async def _nobodys(_event: TelegramObject) -> None:
    raise SkipHandler
