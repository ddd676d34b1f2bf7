"""Telegram as a channel, whichever library carries the calls.

An adapter of a library subclasses `Telegram` and says how a method is called and which error of
the library is which of ours; all else is here, so the two cannot come to differ.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

from bots import telegram_render
from bots.channel import (
    Account,
    ChannelError,
    Delivered,
    Fetched,
    Inbound,
    Outgoing,
    Temporary,
)
from bots.telegram_decode import ALLOWED_UPDATES, decode
from bots.telegram_webhook import TelegramWebhook
from engine.fields.places import base_language
from engine.limits import TELEGRAM_CALLBACK_ANSWER, TELEGRAM_UPDATES
from engine.messages import Menu

POLL_SECONDS = 25
"""How long Telegram holds an empty getUpdates: below the 30 s after which proxies cut."""

ANSWER_SECONDS = 20
"""How long any answer may take, on top of the poll, before the call counts as lost."""

NO_TOKEN = "that is not a bot token, which looks like 123456:ABC-DEF"  # noqa: S105 - a sentence

_NOBODY_THERE = ("chat not found", "user not found", "peer_id_invalid", "user_deactivated")
"""Bad requests (400) that are about the person, not the message; lower case."""


class Telegram(ABC):
    """One bot: by long polling, or by the webhook where there is one."""

    name = "telegram"
    kinds: Sequence[str] = ALLOWED_UPDATES
    """The updates that are asked for where we poll."""

    def __init__(
        self, account: str, token: str, webhook: TelegramWebhook | None, poll_seconds: int
    ) -> None:
        self.account = account
        self.webhook = webhook
        self._token = token
        self._poll_seconds = poll_seconds
        self._username = ""

    @classmethod
    @abstractmethod
    def connect(
        cls,
        token: str,
        api_base: str = "",
        poll_seconds: int = POLL_SECONDS,
        answer_seconds: int = ANSWER_SECONDS,
        webhook: TelegramWebhook | None = None,
    ) -> Self:
        """A bot by its token; `api_base` is the address of a Bot API server of one's own.

        Nothing is sent yet. Raises Unauthorised for what cannot be a token.
        """

    @abstractmethod
    async def _call(self, method: str, params: Mapping[str, Any], held_seconds: int = 0) -> object:
        """The result of a method of the Bot API, as JSON. Raises ChannelError.

        held_seconds: how long Telegram may hold the answer, on top of what an answer takes.
        """

    @abstractmethod
    async def close(self) -> None:
        """Close the connections."""

    async def open(self) -> Account:
        """Ask who we are, and say how updates are to come; those that wait are kept."""
        me = await self._call("getMe", {})
        if self.webhook is None:
            await self._call("deleteWebhook", {"drop_pending_updates": False})
        else:
            await self._call("setWebhook", _subscription(self.webhook))
        if not isinstance(me, dict) or "id" not in me:
            raise Temporary("getMe answered with something that is not a user")
        self._username = str(me.get("username", ""))
        return Account(str(me["id"]), self._username)

    async def fetch(self, offset: int | None) -> Fetched:
        """Poll. The next offset follows the *last* id, also where ids have started again lower."""
        asked: dict[str, Any] = {
            "timeout": self._poll_seconds,
            "limit": TELEGRAM_UPDATES.value,
            "allowed_updates": self.kinds,
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

    async def show_menu(self, menu: Menu) -> None:
        """A list of commands for each language, in private chats; the first is everybody else's."""
        for number, (language, entries) in enumerate(menu.items()):
            asked = telegram_render.commands(entries)
            await self._call("setMyCommands", {**asked, "language_code": base_language(language)})
            if number == 0:
                await self._call("setMyCommands", asked)

    async def withdraw(self, peer: str, message_id: str) -> None:
        """Take the keyboard away. It may be gone ("message is not modified"), or too old."""
        with contextlib.suppress(ChannelError):
            await self._call("editMessageReplyMarkup", {"chat_id": peer, "message_id": message_id})

    def _reason(self, who: str, said: object) -> str:
        """What may be logged of an error."""
        secret = self._token.partition(":")[2]
        return f"{who}: {str(said).replace(secret, '<token>')[:200]}"


def is_about_nobody(reason: str) -> bool:
    """Whether a bad request is refused for whom it is to, not for what it says."""
    return any(text in reason.lower() for text in _NOBODY_THERE)


def _subscription(webhook: TelegramWebhook) -> dict[str, Any]:
    return {
        "url": webhook.url,
        "secret_token": webhook.secret,
        "allowed_updates": ALLOWED_UPDATES,
        "drop_pending_updates": False,
    }


def _after(updates: Sequence[object], offset: int | None) -> int | None:
    """The offset that confirms these updates; one whose id cannot be read confirms nothing."""
    for update in reversed(updates):
        if isinstance(update, dict) and type(update.get("update_id")) is int:
            return int(update["update_id"]) + 1
    if updates:
        raise Temporary("getUpdates answered without a single update_id")
    return offset
