"""The Bot API, answered without a network: what both sides of a comparison send through."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from itertools import count
from typing import Any, cast

from aiogram import Bot
from aiogram.client.session.base import BaseSession
from aiogram.methods import AnswerCallbackQuery, SendMessage, TelegramMethod
from aiogram.methods.base import TelegramType
from aiogram.types import Chat, InlineKeyboardMarkup, Message

from benchmarks.crowd import Crowd
from bots.telegram_session import Call

# Making a Message checks or fills over a hundred fields; nobody here reads more than its id.
_SENT = Message(
    message_id=0,
    date=datetime(2026, 1, 1, tzinfo=UTC),
    chat=Chat(id=1, type="private"),
    text="sent",
)


class Wire(BaseSession):
    """An aiogram session whose every request is delivered to the crowd at once.

    It stands where the HTTP client stands, so encoding a request as a form and decoding the
    answer (about 0.26 ms together on this class of machine) are left out for both sides.
    """

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self.sent = 0
        self._crowd = crowd
        self._message_ids = count(1)

    def meet(self, crowd: Crowd) -> None:
        """From now on what is sent is seen by other people."""
        self._crowd = crowd

    async def make_request(
        self,
        bot: Bot,  # noqa: ARG002 - the signature is aiogram's
        method: TelegramMethod[TelegramType],
        timeout: int | None = None,  # noqa: ARG002, ASYNC109 - as above
    ) -> TelegramType:
        if isinstance(method, Call):
            return cast("TelegramType", self._call(method))
        if isinstance(method, SendMessage):
            return cast("TelegramType", self._send(method))
        if isinstance(method, AnswerCallbackQuery):
            return cast("TelegramType", True)
        raise NotImplementedError(method.__api_method__)

    def _send(self, method: SendMessage) -> Message:
        self.sent += 1
        chat_id = int(method.chat_id)
        markup = method.reply_markup
        if isinstance(markup, InlineKeyboardMarkup):
            self._crowd.sees(chat_id, markup.model_dump())
        return _SENT.model_copy(update={"message_id": next(self._message_ids)})

    def _call(self, call: Call) -> object:
        if call.__api_method__ == "answerCallbackQuery":
            return True
        if call.__api_method__ != "sendMessage":
            raise NotImplementedError(call.__api_method__)
        self.sent += 1
        self._crowd.sees(int(call.params["chat_id"]), call.params.get("reply_markup"))
        return {"message_id": next(self._message_ids)}

    async def close(self) -> None:
        """There is no connection to close."""

    def stream_content(
        self,
        url: str,
        headers: dict[str, Any] | None = None,
        timeout: int = 30,
        chunk_size: int = 65536,
        raise_for_status: bool = True,
    ) -> AsyncGenerator[bytes, None]:
        raise NotImplementedError("nobody sends files here")
