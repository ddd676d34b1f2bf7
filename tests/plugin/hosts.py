"""Bots of somebody else, for tests of the plugin: handlers, a form, and our flows in them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)

from rapport.plugin.aiogram import plug_in
from rapport.plugin.host import Rapport
from tests.support.botapi import TOKEN, BotApi
from tests.support.service import until

CRM = """\
business: {key: kiosk, name: Kiosk, languages: [en], timezone: UTC, country: IR}
fields:
  size: {type: number, label: Size, rules: {min: 1, max: 50}}
"""

FLOWS = """\
flow: order
triggers:
  - {on: command, command: order}
  - {on: message, keywords: [shoes]}
nodes:
  - ask: "Which size{{ event.of | default('') }}?"
    save_to: size
  - id: sure
    ask: Sure?
    save_to: var.sure
    choices: ["Yes", "No"]
  - {say: "Size {{ customer.size }} it is.", end: ordered}
"""


def write_flows(folder: Path, flows: str = FLOWS) -> Path:
    project = folder / "kiosk"
    project.mkdir(exist_ok=True)
    (project / "crm.yaml").write_text(CRM, encoding="utf-8")
    (project / "order.yaml").write_text(flows, encoding="utf-8")
    return project


class Wish(StatesGroup):
    text = State()


class AiogramHost:
    """A bot with /help, a button, and a little form of its own; it notes what it saw."""

    def __init__(self, api: BotApi, rapport: Rapport) -> None:
        server = TelegramAPIServer.from_base(api.url)
        self.bot = Bot(TOKEN, session=AiohttpSession(api=server))
        self.dp = Dispatcher()
        self.rapport = rapport
        self.seen: list[str] = []
        self.dp.message.register(self.help, Command("help"))
        self.dp.message.register(self.begin, Command("wish"))
        self.dp.message.register(self.wished, Wish.text)
        self.dp.message.register(self.shop, Command("shop"))
        self.dp.callback_query.register(self.pressed, lambda query: query.data == "host:more")
        plug_in(rapport, self.dp, self.bot)

    async def help(self, message: Message) -> None:
        self.seen.append("help")
        more = InlineKeyboardButton(text="More", callback_data="host:more")
        keys = InlineKeyboardMarkup(inline_keyboard=[[more]])
        await message.answer("The host helps.", reply_markup=keys)

    async def pressed(self, query: CallbackQuery) -> None:
        self.seen.append("more")
        await query.answer()
        assert query.message is not None
        await query.message.answer("More help.")

    async def begin(self, message: Message, state: FSMContext) -> None:
        await state.set_state(Wish.text)
        await message.answer("Your wish?")

    async def wished(self, message: Message, state: FSMContext) -> None:
        self.seen.append(f"wish {message.text}")
        await state.clear()
        await message.answer("Noted.")

    async def shop(self, message: Message, rapport: Rapport) -> None:
        await rapport.start("order", message.chat.id, event={"of": " of shoe"})


@asynccontextmanager
async def polled(host: AiogramHost) -> AsyncIterator[AiogramHost]:
    """The host as its own library runs it."""
    options: dict[str, Any] = {"handle_signals": False, "polling_timeout": 1}
    running = asyncio.create_task(host.dp.start_polling(host.bot, **options))
    try:
        await until(lambda: host.rapport.is_open or running.done())
        if not running.done():
            yield host
    finally:
        if not running.done():
            await host.dp.stop_polling()
        await running
