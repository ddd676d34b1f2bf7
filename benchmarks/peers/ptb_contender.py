"""The bot written with python-telegram-bot in the race: how it is fed, and its wire."""

import json
from itertools import count
from typing import Any

from telegram import Update
from telegram.ext import Application
from telegram.request import BaseRequest, RequestData

from benchmarks.crowd import BOT_ID, BOT_TOKEN, Crowd
from benchmarks.peers import engine
from benchmarks.peers.ptb_bot import LeadCapture

_ME = {"id": BOT_ID, "is_bot": True, "first_name": "Lotus", "username": "lotus_bot"}


class Wire(BaseRequest):
    """The HTTP client of python-telegram-bot whose every request reaches the crowd at once."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__()
        self._crowd = crowd
        self._message_ids = count(1)

    @property
    def read_timeout(self) -> float | None:
        return None

    async def initialize(self) -> None:
        """There is no connection to open."""

    async def shutdown(self) -> None:
        """Nor one to close."""

    async def do_request(
        self,
        url: str,
        method: str,  # noqa: ARG002 - the signature is the library's
        request_data: RequestData | None = None,
        *_: Any,
        **__: Any,
    ) -> tuple[int, bytes]:
        return 200, json.dumps({"ok": True, "result": self._answer(url, request_data)}).encode()

    def _answer(self, url: str, data: RequestData | None) -> object:
        match url.rpartition("/")[2]:
            case "getMe":
                return _ME
            case "answerCallbackQuery":
                return True
            case "sendMessage" if data is not None:
                parameters = data.parameters
                chat_id = int(str(parameters["chat_id"]))
                self._crowd.sees(chat_id, parameters.get("reply_markup"))  # type: ignore[arg-type]  # a dict
                chat = {"id": chat_id, "type": "private"}
                return {"message_id": next(self._message_ids), "date": 0, "chat": chat}
            case other:
                raise NotImplementedError(other)


class PtbContender:
    name = "python-telegram-bot + SQLAlchemy"

    async def start(self, url: str, crowd: Crowd) -> None:
        self._engine = engine.open_engine(url)
        sessions, tag = await engine.prepare(self._engine)
        wire = Wire(crowd)
        builder = Application.builder().token(BOT_TOKEN).request(wire).get_updates_request(wire)
        self._application = builder.updater(None).build()
        LeadCapture(sessions, tag).add_to(self._application)
        await self._application.initialize()

    async def turn(self, update: str) -> None:
        """What the library's fetcher does with an update, whose task this is."""
        parsed = Update.de_json(json.loads(update), self._application.bot)
        await self._application.process_update(parsed)

    async def stop(self) -> None:
        await self._application.shutdown()
        await self._engine.dispose()

    def check(self, url: str, crowd: Crowd, walked: int) -> None:
        engine.check(url, crowd, walked, "first_name")
