"""Telegram through python-telegram-bot, and the one place where its errors are translated.

Of the library it is the request that is used: what its `Bot` gives are objects, for which one
malformed update makes all of getUpdates unreadable.
"""

import asyncio
import logging
import re
import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Self

import httpx
from telegram import Bot
from telegram.error import BadRequest as BadRequestError
from telegram.error import (
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.error import Conflict as ConflictError
from telegram.request import HTTPXRequest, RequestData
from telegram.request._requestparameter import RequestParameter
from telegram.warnings import PTBDeprecationWarning

from bots.channel import (
    ChannelError,
    Conflict,
    Moved,
    Rejected,
    Temporary,
    Throttled,
    Unauthorised,
    Unreachable,
)
from bots.telegram import ANSWER_SECONDS, NO_TOKEN, POLL_SECONDS, Telegram, is_about_nobody
from bots.telegram_webhook import TelegramWebhook

CONNECT_SECONDS = 10.0

_TOKEN = re.compile(r"\d+:[A-Za-z0-9_-]+")

_TELLING = ("telegram", "httpx", "httpcore")
"""Loggers that name the addresses of requests, and with them the token."""

_TOO_LARGE = "request entity too large"

_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class TelegramPtb(Telegram):
    """One bot on Telegram, by python-telegram-bot. A bot that is given must be initialised."""

    def __init__(
        self, bot: Bot, poll_seconds: int = POLL_SECONDS, answer_seconds: int = ANSWER_SECONDS,
        webhook: TelegramWebhook | None = None,
    ) -> None:  # fmt: skip
        super().__init__(bot.token.partition(":")[0], bot.token, webhook, poll_seconds)
        self._bot = bot
        self._answer_seconds = answer_seconds

    @classmethod
    def connect(
        cls,
        token: str,
        api_base: str = "",
        poll_seconds: int = POLL_SECONDS,
        answer_seconds: int = ANSWER_SECONDS,
        webhook: TelegramWebhook | None = None,
    ) -> Self:
        """See Telegram."""
        if not _TOKEN.fullmatch(token):
            raise Unauthorised(NO_TOKEN)
        _hush()
        base = f"{api_base or 'https://api.telegram.org'}/bot"
        # One pool for polling and sending: a poll is one connection of them.
        request = HTTPXRequest(connect_timeout=CONNECT_SECONDS, pool_timeout=answer_seconds)
        bot = Bot(token, base_url=base, request=request, get_updates_request=request)
        return cls(bot, poll_seconds, answer_seconds, webhook)

    async def close(self) -> None:
        """Close the connections."""
        await self._bot.request.shutdown()

    async def _call(self, method: str, params: Mapping[str, Any], held_seconds: int = 0) -> object:
        given = [RequestParameter.from_input(name, value) for name, value in params.items()]
        limit = self._answer_seconds + held_seconds
        try:
            async with asyncio.timeout(limit):
                return await self._bot.request.post(
                    f"{self._bot.base_url}/{method}",
                    RequestData(given),
                    read_timeout=limit,
                    write_timeout=limit,
                )
        except TelegramError as error:
            failure = self._translated(error)
        except (TimeoutError, LookupError, TypeError, AttributeError) as error:
            # The library believes that an answer is an envelope, and shows it where it is none.
            failure = Temporary(self._reason("unreadable answer", repr(error)), maybe_sent=True)
        # Outside of `except`: see TelegramAiogram.
        raise failure

    def _translated(self, error: TelegramError) -> ChannelError:
        reason = self._reason("Telegram", error.message)
        match error:
            case RetryAfter():
                return Throttled(_seconds(error))
            case ChatMigrated():
                return Moved(str(error.new_chat_id))
            case InvalidToken():
                return Unauthorised(f"the bot token is refused ({reason})")
            case Forbidden():
                return Unreachable(reason)
            case BadRequestError():
                return Unreachable(reason) if is_about_nobody(reason) else Rejected(reason)
            case ConflictError():
                return Conflict(reason)
            case NetworkError() if _TOO_LARGE in reason.lower():
                return Rejected(reason)
            case NetworkError():
                return Temporary(reason, maybe_sent=_may_have_arrived(error.__cause__))
            case _:
                return Temporary(reason, maybe_sent=True)


def _may_have_arrived(cause: BaseException | None) -> bool:
    """cause: None where the server itself said what is wrong."""
    return cause is not None and not isinstance(cause, _NEVER_LEFT)


def _seconds(error: RetryAfter) -> float:
    said = error.retry_after
    return said.total_seconds() if isinstance(said, timedelta) else float(said)


def _hush() -> None:
    for name in _TELLING:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # Each 429 would be told as one: `_seconds` reads the type of now and the one that will come.
    warnings.filterwarnings("ignore", ".*retry_after", PTBDeprecationWarning)
