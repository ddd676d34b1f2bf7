"""Telegram through aiogram, and the one place where aiogram's errors are translated."""

from collections.abc import Mapping
from typing import Any, Self, cast

from aiogram import Bot
from aiogram.exceptions import (
    AiogramError,
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramEntityTooLarge,
    TelegramForbiddenError,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import TelegramMethod
from aiogram.utils.token import TokenValidationError
from aiohttp import ClientConnectorError

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
from bots.telegram_session import Call, JsonSession
from bots.telegram_webhook import TelegramWebhook


class TelegramAiogram(Telegram):
    """One bot on Telegram, by aiogram."""

    def __init__(
        self, bot: Bot, poll_seconds: int = POLL_SECONDS, answer_seconds: int = ANSWER_SECONDS,
        webhook: TelegramWebhook | None = None,
    ) -> None:  # fmt: skip
        super().__init__(str(bot.id), bot.token, webhook, poll_seconds)
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
        try:
            bot = Bot(token, session=JsonSession(api_base))
        except TokenValidationError:
            raise Unauthorised(NO_TOKEN) from None
        return cls(bot, poll_seconds, answer_seconds, webhook)

    async def close(self) -> None:
        """Close the connections."""
        await self._bot.session.close()

    async def _call(self, method: str, params: Mapping[str, Any], held_seconds: int = 0) -> object:
        call = cast("TelegramMethod[Any]", Call(method, dict(params)))
        try:
            return await self._bot(call, self._answer_seconds + held_seconds)
        except (AiogramError, OSError, UnicodeDecodeError) as error:
            failure = self._translated(error)
        # Outside of `except`, so that no chained error of aiohttp, with the token in its address,
        # is shown or logged with ours.
        raise failure

    def _translated(self, error: Exception) -> ChannelError:
        match error:
            case TelegramRetryAfter():
                return Throttled(error.retry_after)
            case TelegramMigrateToChat():
                return Moved(str(error.migrate_to_chat_id))
            case ClientDecodeError():
                return Temporary(self._reason("unreadable answer", error.data), maybe_sent=True)
            case TelegramAPIError():
                return _refused(error, self._reason("Telegram", error.message))
            case _:
                return Temporary(self._reason(type(error).__name__, error), maybe_sent=True)


def _refused(error: TelegramAPIError, reason: str) -> ChannelError:
    match error:
        case TelegramUnauthorizedError() | TelegramNotFound():  # 404: not even the form of a token
            return Unauthorised(f"the bot token is refused ({reason})")
        case TelegramForbiddenError():
            return Unreachable(reason)
        case TelegramBadRequest() if is_about_nobody(reason):
            return Unreachable(reason)
        case TelegramConflictError():
            return Conflict(reason)
        case TelegramServerError():
            return Temporary(reason)
        case TelegramNetworkError() if not isinstance(error, TelegramEntityTooLarge):
            connected = not isinstance(error.__cause__, ClientConnectorError)
            return Temporary(reason, maybe_sent=connected)
        case _:
            return Rejected(reason)
