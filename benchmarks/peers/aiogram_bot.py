"""A lead-capture bot as a competent person writes it with aiogram and SQLAlchemy's async ORM.

The state is read and written by the update's own unit of work; what is said goes out after the
commit. Filters are async ones: aiogram runs others, `F.text` too, in a thread.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any

from aiogram import Dispatcher, Router
from aiogram.filters import CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.fsm.middleware import FSMContextMiddleware
from aiogram.fsm.state import State, StatesGroup
from aiogram.fsm.storage.base import BaseStorage, StateType, StorageKey
from aiogram.fsm.storage.memory import SimpleEventIsolation
from aiogram.methods import SendMessage
from aiogram.types import (
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    TelegramObject,
    User,
)
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from benchmarks.peers.tables import Conversation
from benchmarks.peers.unit import CATEGORIES, Key, Unit, read_date, read_email, read_number


class Lead(StatesGroup):
    first_name = State()
    birth_date = State()
    favorite_category = State()
    shoe_size = State()
    email = State()


current_unit: ContextVar[Unit] = ContextVar("current_unit")


class UnitOfWork:
    """Outer middleware: one session and one commit around everything an update does."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        async with self._sessions() as session:
            unit = data["unit"] = Unit(session)
            current_unit.set(unit)
            answer = await handler(event, data)
            await unit.commit()
        return answer


class SqlStorage(BaseStorage):
    """Conversation state in the conversation's row, read and written by the update's own unit."""

    async def get_state(self, key: StorageKey) -> str | None:
        conversation = await current_unit.get().conversation_of(_key(key))
        return None if conversation is None else conversation.state

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        conversation = await self._row(key)
        conversation.state = state.state if isinstance(state, State) else state
        conversation.updated_at = current_unit.get().now

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        conversation = await current_unit.get().conversation_of(_key(key))
        return {} if conversation is None else dict(conversation.data)

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        (await self._row(key)).data = dict(data)

    async def close(self) -> None:
        """The engine belongs to whoever made it."""

    async def _row(self, key: StorageKey) -> Conversation:
        conversation = await current_unit.get().conversation_of(_key(key))
        if conversation is None:
            raise LookupError(f"no conversation {key}")
        return conversation


def _key(key: StorageKey) -> Key:
    return Key(key.bot_id, key.chat_id, key.user_id)


async def start(
    message: Message, state: FSMContext, unit: Unit, event_from_user: User
) -> SendMessage:
    user = event_from_user
    await unit.open(_key(state.key), user.username, user.language_code)
    return await heard(message, state, unit, Lead.first_name, "Hi! What is your first name?")


async def first_name(message: Message, state: FSMContext, unit: Unit) -> SendMessage:
    name = (message.text or "").strip()
    if not 0 < len(name) <= 100:
        return again(message, unit, "A name has 1 to 100 letters. What is your first name?")
    unit.store("first_name", name)
    return await heard(message, state, unit, Lead.birth_date, "When is your birthday?")


async def birth_date(message: Message, state: FSMContext, unit: Unit) -> SendMessage:
    born = read_date(message.text or "")
    if born is None or born >= unit.now.date():
        return again(message, unit, "I could not read that as a past date. Try 1990-05-15.")
    unit.store("birth_date", born)
    question = "Which category do you like best?"
    return await heard(message, state, unit, Lead.favorite_category, question, CATEGORY_BUTTONS)


async def category(query: CallbackQuery, state: FSMContext, unit: Unit) -> SendMessage | None:
    await query.answer()
    value = (query.data or "").removeprefix("category:")
    if value not in CATEGORIES or not isinstance(query.message, Message):
        return None
    unit.store("favorite_category", value)
    question = "What is your shoe size?"
    return await heard(query.message, state, unit, Lead.shoe_size, question, said=value)


async def shoe_size(message: Message, state: FSMContext, unit: Unit) -> SendMessage:
    size = read_number(message.text or "")
    if size is None or not 20 <= size <= 50:
        return again(message, unit, "A shoe size is a number from 20 to 50.")
    unit.store("shoe_size", size)
    return await heard(message, state, unit, Lead.email, "What is your email?")


async def email(
    message: Message, state: FSMContext, unit: Unit, lead_tag: tuple[int, str]
) -> SendMessage:
    address = read_email(message.text or "")
    if address is None:
        return again(message, unit, "That is not an email address. Try name@example.com.")
    unit.store("email", address)
    unit.tag(*lead_tag)
    return await heard(message, state, unit, None, "Thank you!")


async def heard(
    message: Message,
    state: FSMContext,
    unit: Unit,
    then: State | None,
    text: str,
    keyboard: InlineKeyboardMarkup | None = None,
    said: str | None = None,
) -> SendMessage:
    """Record the message and the answer, move the conversation on; the caller sends the answer."""
    await state.set_state(then)
    unit.received(said if said is not None else message.text or "")
    unit.said(text)
    return message.answer(text, reply_markup=keyboard)


def again(message: Message, unit: Unit, text: str) -> SendMessage:
    unit.received(message.text or "")
    unit.said(text)
    return message.answer(text)


CATEGORY_BUTTONS = InlineKeyboardMarkup(
    inline_keyboard=[
        [InlineKeyboardButton(text=label, callback_data=f"category:{value}")]
        for value, label in CATEGORIES.items()
    ]
)


def make_router() -> Router:
    router = Router()
    router.message.register(start, CommandStart())
    router.message.register(first_name, Lead.first_name)
    router.message.register(birth_date, Lead.birth_date)
    router.callback_query.register(category, Lead.favorite_category)
    router.message.register(shoe_size, Lead.shoe_size)
    router.message.register(email, Lead.email)
    return router


def make_dispatcher(
    sessions: async_sessionmaker[AsyncSession], lead_tag: tuple[int, str]
) -> Dispatcher:
    """The bot, ready to be fed; `lead_tag` is (id, name) of the tag given at the end."""
    dispatcher = Dispatcher(disable_fsm=True, lead_tag=lead_tag)
    dispatcher.update.outer_middleware(UnitOfWork(sessions))
    # aiogram puts its own state middleware first; here the state is read inside the unit of work.
    dispatcher.update.outer_middleware(FSMContextMiddleware(SqlStorage(), SimpleEventIsolation()))
    dispatcher.include_router(make_router())
    return dispatcher
