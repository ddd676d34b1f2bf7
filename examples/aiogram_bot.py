"""An aiogram bot that had handlers of its own before it had flows.

    pip install 'rapport[telegram]'
    TELEGRAM_BOT_TOKEN=123456:ABC... python examples/aiogram_bot.py

/price, /wish and the button are the host's, with aiogram's own state machine; everything else is
what flows/shop says, and /club starts one of its flows. Stop it in the middle of a question and
start it again: the conversation goes on.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from aiogram import Bot, Dispatcher, F
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message

from rapport import Rapport
from rapport.plugin.aiogram import plug_in
from rapport.plugin.listening import Event

FLOWS = Path(__file__).parent.parent / "flows" / "shop"

log = logging.getLogger("shop")


class Wish(StatesGroup):
    text = State()


async def price(message: Message) -> None:
    more = InlineKeyboardButton(text="And boots?", callback_data="price:boots")
    keys = InlineKeyboardMarkup(inline_keyboard=[[more]])
    await message.answer("Sneakers are 40.", reply_markup=keys)


async def boots(query: CallbackQuery) -> None:
    await query.answer("Boots are 70.", show_alert=True)


async def wish(message: Message, state: FSMContext) -> None:
    await state.set_state(Wish.text)
    await message.answer("What would you like us to have?")


async def wished(message: Message, state: FSMContext) -> None:
    await state.clear()
    await message.answer("We shall see!")


async def club(message: Message, rapport: Rapport) -> None:
    await rapport.start("birthday_club", message.chat.id)


def build(bot: Bot, rapport: Rapport) -> Dispatcher:
    """The host's bot, with the flows in it."""
    dp = Dispatcher()
    dp.message.register(price, Command("price"))
    dp.message.register(wish, Command("wish"))
    dp.message.register(wished, Wish.text)
    dp.message.register(club, Command("club"))
    dp.callback_query.register(boots, F.data == "price:boots")

    @rapport.on("flow_ended")
    async def ended(event: Event) -> None:
        customer = await rapport.customer(f"id:{event.customer_id}")
        log.info("%s: %s", customer["display_name"], event.data["outcome"])

    plug_in(rapport, dp, bot)
    return dp


async def main() -> None:
    logging.basicConfig(level=logging.INFO)
    bot = Bot(os.environ["TELEGRAM_BOT_TOKEN"])
    await build(bot, Rapport(FLOWS)).start_polling(bot)


if __name__ == "__main__":
    asyncio.run(main())
