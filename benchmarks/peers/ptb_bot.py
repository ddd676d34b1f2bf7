"""The same lead-capture bot as a competent person writes it with python-telegram-bot.

Its own ConversationHandler keeps states in memory and, with a persistence, writes all of them at
once, so a state that must survive is a column: one handler looks up what the person was asked.
What is said goes out after the commit.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    MessageHandler,
    filters,
)

from benchmarks.peers.unit import CATEGORIES, Key, Unit, read_date, read_email, read_number

AnyApplication = Application[Any, Any, Any, Any, Any, Any]


class Said(NamedTuple):
    """What goes out after the commit."""

    text: str
    keyboard: InlineKeyboardMarkup | None = None


CATEGORY_BUTTONS = InlineKeyboardMarkup(
    [
        [InlineKeyboardButton(text=label, callback_data=f"category:{value}")]
        for value, label in CATEGORIES.items()
    ]
)


class LeadCapture:
    """The handlers; `lead_tag` is (id, name) of the tag given at the end."""

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], lead_tag: tuple[int, str]
    ) -> None:
        self._sessions = sessions
        self._lead_tag = lead_tag
        self._steps: dict[str, Callable[[Unit, str], Said]] = {
            "first_name": self.first_name,
            "birth_date": self.birth_date,
            "shoe_size": self.shoe_size,
            "email": self.email,
        }

    def add_to(self, application: AnyApplication) -> None:
        application.add_handler(CommandHandler("start", self._handler(self.start)))
        application.add_handler(CallbackQueryHandler(self._handler(self.category)))
        application.add_handler(MessageHandler(filters.TEXT, self._handler(self.answer)))

    def _handler(
        self, step: Callable[[Update, Key, Unit], Awaitable[Said | None]]
    ) -> Callable[[Update, ContextTypes.DEFAULT_TYPE], Coroutine[Any, Any, None]]:
        """One session and one commit around a step; then its message is sent."""

        async def handle(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
            chat, user = update.effective_chat, update.effective_user
            if chat is None or user is None:
                return
            async with self._sessions() as session:
                unit = Unit(session)
                said = await step(update, Key(context.bot.id, chat.id, user.id), unit)
                await unit.commit()
            if said is not None:
                await chat.send_message(said.text, reply_markup=said.keyboard)

        return handle

    # -- steps

    async def start(self, update: Update, key: Key, unit: Unit) -> Said:
        user = update.effective_user
        assert user is not None
        await unit.open(key, user.username, user.language_code)
        return heard(unit, "/start", "first_name", "Hi! What is your first name?")

    async def answer(self, update: Update, key: Key, unit: Unit) -> Said | None:
        conversation = await unit.conversation_of(key)
        message = update.effective_message
        if conversation is None or message is None or conversation.state is None:
            return None
        step = self._steps.get(conversation.state)
        return None if step is None else step(unit, (message.text or "").strip())

    def first_name(self, unit: Unit, text: str) -> Said:
        if not 0 < len(text) <= 100:
            return again(unit, text, "A name has 1 to 100 letters. What is your first name?")
        unit.store("first_name", text)
        return heard(unit, text, "birth_date", "When is your birthday?")

    def birth_date(self, unit: Unit, text: str) -> Said:
        born = read_date(text)
        if born is None or born >= unit.now.date():
            return again(unit, text, "I could not read that as a past date. Try 1990-05-15.")
        unit.store("birth_date", born)
        question = "Which category do you like best?"
        return heard(unit, text, "favorite_category", question, CATEGORY_BUTTONS)

    async def category(self, update: Update, key: Key, unit: Unit) -> Said | None:
        query = update.callback_query
        assert query is not None
        await query.answer()
        conversation = await unit.conversation_of(key)
        value = (query.data or "").removeprefix("category:")
        if conversation is None or conversation.state != "favorite_category":
            return None
        if value not in CATEGORIES:
            return None
        unit.store("favorite_category", value)
        return heard(unit, value, "shoe_size", "What is your shoe size?")

    def shoe_size(self, unit: Unit, text: str) -> Said:
        size = read_number(text)
        if size is None or not 20 <= size <= 50:
            return again(unit, text, "A shoe size is a number from 20 to 50.")
        unit.store("shoe_size", size)
        return heard(unit, text, "email", "What is your email?")

    def email(self, unit: Unit, text: str) -> Said:
        address = read_email(text)
        if address is None:
            return again(unit, text, "That is not an email address. Try name@example.com.")
        unit.store("email", address)
        unit.tag(*self._lead_tag)
        return heard(unit, text, None, "Thank you!")


def heard(
    unit: Unit,
    text: str,
    then: str | None,
    say: str,
    keyboard: InlineKeyboardMarkup | None = None,
) -> Said:
    """Record the message and the answer, move the conversation on."""
    if unit.conversation is not None:
        unit.conversation.state = then
        unit.conversation.updated_at = unit.now
    unit.received(text)
    unit.said(say)
    return Said(say, keyboard)


def again(unit: Unit, text: str, say: str) -> Said:
    unit.received(text)
    unit.said(say)
    return Said(say)
