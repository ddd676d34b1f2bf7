"""The bot written with aiogram in the race: how it is fed."""

import json

from aiogram import Bot
from aiogram.methods import TelegramMethod
from aiogram.types import Update

from benchmarks.crowd import BOT_TOKEN, Crowd
from benchmarks.peers import engine
from benchmarks.peers.aiogram_bot import make_dispatcher
from benchmarks.wire import Wire


class AiogramContender:
    name = "aiogram + SQLAlchemy"

    async def start(self, url: str, crowd: Crowd) -> None:
        self._engine = engine.open_engine(url)
        sessions, tag = await engine.prepare(self._engine)
        self._bot = Bot(BOT_TOKEN, session=Wire(crowd))
        self._dispatcher = make_dispatcher(sessions, tag)

    async def turn(self, update: str) -> None:
        """What aiogram's poller does with an update, whose task this is."""
        parsed = Update.model_validate(json.loads(update), context={"bot": self._bot})
        answer = await self._dispatcher.feed_update(self._bot, parsed)
        if isinstance(answer, TelegramMethod):
            await self._bot(answer)

    async def stop(self) -> None:
        await self._engine.dispose()

    def check(self, url: str, crowd: Crowd, walked: int) -> None:
        engine.check(url, crowd, walked, "Lead:first_name")
