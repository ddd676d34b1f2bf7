"""A bot of python-telegram-bot that had handlers of its own before it had flows.

    pip install 'rapport[ptb]'
    TELEGRAM_BOT_TOKEN=123456:ABC... python examples/ptb_bot.py

/price and its button are the host's; everything else is what flows/shop says, and /club starts one
of its flows.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import ApplicationBuilder, CallbackContext, CallbackQueryHandler, CommandHandler

from rapport import Rapport
from rapport.plugin.ptb import App, SharedPace, plug_in, rapport_of

FLOWS = Path(__file__).parent.parent / "flows" / "shop"

Context = CallbackContext[Any, Any, Any, Any]


async def price(update: Update, _context: Context) -> None:
    more = InlineKeyboardButton("And boots?", callback_data="price:boots")
    if update.effective_message is not None:
        keys = InlineKeyboardMarkup([[more]])
        await update.effective_message.reply_text("Sneakers are 40.", reply_markup=keys)


async def boots(update: Update, _context: Context) -> None:
    if update.callback_query is not None:
        await update.callback_query.answer("Boots are 70.", show_alert=True)


async def club(update: Update, context: Context) -> None:
    if update.effective_chat is not None:
        await rapport_of(context.application).start("birthday_club", update.effective_chat.id)


def build(token: str, rapport: Rapport, base_url: str = "https://api.telegram.org/bot") -> App:
    """The host's bot, with the flows in it."""
    limiter = SharedPace(rapport)
    app = ApplicationBuilder().token(token).base_url(base_url).rate_limiter(limiter).build()
    app.add_handler(CommandHandler("price", price))
    app.add_handler(CommandHandler("club", club))
    app.add_handler(CallbackQueryHandler(boots, pattern="^price:"))
    plug_in(rapport, app)
    return app


if __name__ == "__main__":
    build(os.environ["TELEGRAM_BOT_TOKEN"], Rapport(FLOWS)).run_polling()
