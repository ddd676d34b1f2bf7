"""The little bots of examples/, talked with over HTTP against the test server."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from types import ModuleType

from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer

from rapport.plugin import aiogram, ptb
from rapport.plugin.host import Rapport
from tests.house.tree import ROOT
from tests.support.aio import run
from tests.support.botapi import TOKEN, BotApi
from tests.support.service import until


def example(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "examples" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_aiogram_example(tmp_path: Path) -> None:
    module = example("aiogram_bot")

    async def played() -> None:
        async with BotApi() as api:
            server = TelegramAPIServer.from_base(api.url)
            bot = Bot(TOKEN, session=AiohttpSession(api=server))
            rapport = Rapport(module.FLOWS, database_url=f"sqlite:///{tmp_path / 'shop.db'}")
            dp = module.build(bot, rapport)
            running = asyncio.create_task(dp.start_polling(bot, handle_signals=False))
            await talks(api, rapport)
            await dp.stop_polling()
            await running

    run(played(), seconds=120)


async def talks(api: BotApi, rapport: Rapport) -> None:
    """The same conversation with either bot: some of it the host's, some the flows'."""
    sara = api.user(7)
    sara.says("/price")
    assert (await sara.reads())["text"] == "Sneakers are 40."
    sara.says("/club")
    assert (await sara.reads())["text"].endswith("?"), "the flow asks for a name"
    sara.says("/price")
    assert (await sara.reads())["text"] == "Sneakers are 40."
    sara.says("Sara")
    assert "birth" in (await sara.reads())["text"].lower()
    assert rapport.is_waiting(7)


def test_the_ptb_example_by_our_loop(tmp_path: Path) -> None:
    module = example("ptb_bot")

    async def played() -> None:
        async with BotApi() as api:
            rapport = Rapport(module.FLOWS, database_url=f"sqlite:///{tmp_path / 'shop.db'}")
            app = module.build(TOKEN, rapport, f"{api.url}/bot")
            running = asyncio.create_task(ptb.polling(app, poll_seconds=1))
            await until(lambda: rapport.is_open or running.done())
            await talks(api, rapport)
            assert rapport.pace is not None
            assert rapport.pace.remembered() == 1
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert not rapport.is_open

    run(played(), seconds=120)


def test_the_aiogram_example_by_our_loop(tmp_path: Path) -> None:
    module = example("aiogram_bot")

    async def played() -> None:
        async with BotApi() as api:
            server = TelegramAPIServer.from_base(api.url)
            bot = Bot(TOKEN, session=AiohttpSession(api=server))
            rapport = Rapport(module.FLOWS, database_url=f"sqlite:///{tmp_path / 'shop.db'}")
            dp = module.build(bot, rapport)
            running = asyncio.create_task(aiogram.polling(dp, bot, poll_seconds=1))
            await until(lambda: rapport.is_open or running.done())
            await talks(api, rapport)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert not rapport.is_open

    run(played(), seconds=120)
