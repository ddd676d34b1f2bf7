"""The hand-written bot in the race: its engine, its feeding and the check of what it stored."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from aiogram import Bot
from aiogram.methods import TelegramMethod
from aiogram.types import Update
from sqlalchemy import event, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from benchmarks.contender import WrongResultError
from benchmarks.crowd import BOT_TOKEN, QUESTIONS, TAG, Crowd
from benchmarks.peers.aiogram_bot import make_dispatcher
from benchmarks.peers.aiogram_tables import Base, Tag
from benchmarks.wire import Wire


class AiogramContender:
    name = "aiogram + SQLAlchemy (aiosqlite)"

    async def start(self, database: Path, crowd: Crowd) -> None:
        self._engine = _engine(database)
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        sessions = async_sessionmaker(self._engine, expire_on_commit=False)
        async with sessions.begin() as session:
            tag = await session.scalar(select(Tag).where(Tag.name == TAG))
            if tag is None:
                tag = Tag(name=TAG)
                session.add(tag)
        self._bot = Bot(BOT_TOKEN, session=Wire(crowd))
        self._dispatcher = make_dispatcher(sessions, (tag.id, tag.name))

    async def turn(self, update: str) -> None:
        """What aiogram's poller does with an update, whose task this is."""
        parsed = Update.model_validate(json.loads(update), context={"bot": self._bot})
        answer = await self._dispatcher.feed_update(self._bot, parsed)
        if isinstance(answer, TelegramMethod):
            await self._bot(answer)

    async def stop(self) -> None:
        await self._engine.dispose()

    def check(self, database: Path, crowd: Crowd, walked: int) -> None:
        with closing(sqlite3.connect(database)) as connection:
            for person in crowd.people:
                found = _stored(connection, person.chat_id)
                answers = person.answers() if person.number < walked else {}
                if found != _expected(answers):
                    raise WrongResultError(f"{person}: {found}")


def _engine(database: Path) -> AsyncEngine:
    # One connection, for which the updates queue: SQLite has one writer anyway, and queueing
    # here is cheaper than its busy time-out. Every session ends in a commit or a rollback of its
    # own, so the pool need not roll back once more.
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{database}",
        pool_size=1,
        max_overflow=0,
        pool_timeout=600,
        pool_reset_on_return=None,
    )
    event.listen(engine.sync_engine, "connect", _durable)
    return engine


def _durable(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _expected(answers: dict[str, str]) -> dict[str, object]:
    done = bool(answers)
    activities = {"message_received": 1, "message_sent": 1}
    if done:
        turns = 1 + len(QUESTIONS)
        activities = {"field_updated": len(QUESTIONS), "message_received": turns}
        activities |= {"message_sent": turns, "tag_added": 1}
    return {
        "answers": answers,
        "history": answers,
        "activities": activities,
        "tags": [TAG] if done else [],
        "state": None if done else "Lead:first_name",
    }


def _stored(connection: sqlite3.Connection, telegram_id: int) -> dict[str, object]:
    """What the tables hold of one person, in the form of `_expected`."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        of = "(SELECT id FROM customer WHERE telegram_id = ?)"
        return connection.execute(sql.replace("@customer", of), (telegram_id,)).fetchall()

    columns = ", ".join(QUESTIONS)
    (values,) = rows(f"SELECT {columns} FROM customer WHERE id = @customer")
    ((state,),) = rows("SELECT state FROM conversation WHERE customer_id = @customer")
    changes = rows("SELECT field, new_value FROM field_history WHERE customer_id = @customer")
    return {
        "answers": {
            question: _text(value)
            for question, value in zip(QUESTIONS, values, strict=True)
            if value is not None
        },
        "history": _once(changes),
        "activities": dict(
            rows("SELECT type, count(*) FROM timeline WHERE customer_id = @customer GROUP BY type")
        ),
        "tags": [
            name
            for (name,) in rows(
                "SELECT name FROM customer_tag JOIN tag ON tag.id = tag_id"
                " WHERE customer_id = @customer"
            )
        ],
        "state": state,
    }


def _once(changes: list[tuple[Any, ...]]) -> dict[str, str]:
    found = {field: _text(value) for field, value in changes}
    if len(found) != len(changes):
        raise WrongResultError(f"a field was stored more than once: {changes}")
    return found


def _text(value: object) -> str:
    number = value if isinstance(value, str) else f"{value:g}"
    return number.removesuffix(".0")
