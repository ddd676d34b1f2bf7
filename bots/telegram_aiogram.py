"""Telegram through aiogram, and the one place where aiogram's errors are translated."""

import contextlib
from collections.abc import Mapping, Sequence
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

from bots import telegram_render
from bots.channel import (
    Account,
    ChannelError,
    Conflict,
    Delivered,
    Fetched,
    Inbound,
    Moved,
    Outgoing,
    Rejected,
    Temporary,
    Throttled,
    Unauthorised,
    Unreachable,
)
from bots.telegram_decode import ALLOWED_UPDATES, decode
from bots.telegram_session import Call, JsonSession
from engine.limits import TELEGRAM_CALLBACK_ANSWER, TELEGRAM_UPDATES

POLL_SECONDS = 25
"""How long Telegram holds an empty getUpdates: below the 30 s after which proxies cut."""

ANSWER_SECONDS = 20
"""How long any answer may take, on top of the poll, before the call counts as lost."""

_NOBODY_THERE = ("chat not found", "user not found", "peer_id_invalid", "user_deactivated")
"""Bad requests (400) that are about the person, not the message; lower case."""


class TelegramAiogram:
    """One bot on Telegram, by long polling."""

    name = "telegram"

    def __init__(
        self, bot: Bot, poll_seconds: int = POLL_SECONDS, answer_seconds: int = ANSWER_SECONDS
    ) -> None:
        self._bot = bot
        self._poll_seconds = poll_seconds
        self._answer_seconds = answer_seconds
        self._username = ""
        self.account = str(bot.id)

    @classmethod
    def connect(
        cls,
        token: str,
        api_base: str = "",
        poll_seconds: int = POLL_SECONDS,
        answer_seconds: int = ANSWER_SECONDS,
    ) -> Self:
        """A bot by its token; `api_base` is the address of a Bot API server of one's own.

        Nothing is sent yet. Raises Unauthorised for what cannot be a token.
        """
        try:
            bot = Bot(token, session=JsonSession(api_base))
        except TokenValidationError:
            raise Unauthorised("that is not a bot token, which looks like 123456:ABC-DEF") from None
        return cls(bot, poll_seconds, answer_seconds)

    async def open(self) -> Account:
        """Ask who we are, and end a webhook, keeping what it had not delivered."""
        me = await self._call("getMe", {})
        await self._call("deleteWebhook", {"drop_pending_updates": False})
        if not isinstance(me, dict) or "id" not in me:
            raise Temporary("getMe answered with something that is not a user")
        self._username = str(me.get("username", ""))
        return Account(str(me["id"]), self._username)

    async def fetch(self, offset: int | None) -> Fetched:
        """Poll. The next offset follows the *last* id, also where ids have started again lower."""
        asked: dict[str, Any] = {
            "timeout": self._poll_seconds,
            "limit": TELEGRAM_UPDATES.value,
            "allowed_updates": ALLOWED_UPDATES,
        }
        if offset is not None:
            asked["offset"] = offset
        updates = await self._call("getUpdates", asked, self._poll_seconds)
        if not isinstance(updates, list):
            raise Temporary("getUpdates answered with something that is not a list")
        return Fetched(updates, _after(updates, offset))

    def decode(self, raw: object) -> Inbound:
        """See telegram_decode."""
        return decode(raw, self.account, self._username)

    def parts(self, message: Outgoing) -> Sequence[Outgoing]:
        """See telegram_render."""
        return telegram_render.parts(message)

    async def send(self, message: Outgoing) -> Delivered:
        """Send one piece."""
        sent = await self._call(*telegram_render.request(message))
        if not isinstance(sent, dict) or "message_id" not in sent:
            raise Temporary("the answer to a sending is not a message", maybe_sent=True)
        return Delivered(str(sent["message_id"]))

    async def acknowledge(self, callback_id: str, text: str = "") -> None:
        """Answer a callback query. What Telegram refuses ("query is too old") is of no interest."""
        answer = {"callback_query_id": callback_id}
        if text:
            answer["text"] = text[: TELEGRAM_CALLBACK_ANSWER.value]
        with contextlib.suppress(ChannelError):
            await self._call("answerCallbackQuery", answer)

    async def close(self) -> None:
        """Close the connections."""
        await self._bot.session.close()

    async def _call(self, method: str, params: Mapping[str, Any], held_seconds: int = 0) -> object:
        call = cast("TelegramMethod[Any]", Call(method, dict(params)))
        try:
            return await self._bot(call, self._answer_seconds + held_seconds)
        except (AiogramError, OSError, UnicodeDecodeError) as error:
            failure = _translated(error, self._bot.token)
        # Outside of `except`, so that no chained error of aiohttp, with the token in its address,
        # is shown or logged with ours.
        raise failure


def _after(updates: Sequence[object], offset: int | None) -> int | None:
    """The offset that confirms these updates; one whose id cannot be read confirms nothing."""
    for update in reversed(updates):
        if isinstance(update, dict) and type(update.get("update_id")) is int:
            return int(update["update_id"]) + 1
    if updates:
        raise Temporary("getUpdates answered without a single update_id")
    return offset


def _translated(error: Exception, token: str) -> ChannelError:
    match error:
        case TelegramRetryAfter():
            return Throttled(error.retry_after)
        case TelegramMigrateToChat():
            return Moved(str(error.migrate_to_chat_id))
        case ClientDecodeError():
            return Temporary(_reason("unreadable answer", error.data, token), maybe_sent=True)
        case TelegramAPIError():
            return _refused(error, token)
        case _:
            return Temporary(_reason(type(error).__name__, error, token), maybe_sent=True)


def _refused(error: TelegramAPIError, token: str) -> ChannelError:
    reason = _reason("Telegram", error.message, token)
    match error:
        case TelegramUnauthorizedError() | TelegramNotFound():  # 404: not even the form of a token
            return Unauthorised(f"the bot token is refused ({reason})")
        case TelegramForbiddenError():
            return Unreachable(reason)
        case TelegramBadRequest() if any(text in reason.lower() for text in _NOBODY_THERE):
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


def _reason(who: str, said: object, token: str) -> str:
    secret = token.partition(":")[2]
    return f"{who}: {str(said).replace(secret, '<token>')[:200]}"
