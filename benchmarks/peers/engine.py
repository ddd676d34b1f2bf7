"""The hand-written bots' engine, and what it must hold after a run."""

from typing import Any

from sqlalchemy import Connection, create_engine, event, make_url, select, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import ConnectionPoolEntry

from benchmarks.contender import WrongResultError
from benchmarks.crowd import QUESTIONS, TAG, Crowd
from benchmarks.peers.tables import Base, Tag

CONNECTIONS = 4
"""To PostgreSQL; more were not faster with two cores."""


def open_engine(url: str) -> AsyncEngine:
    """The engine of an SQLite file or a PostgreSQL database, as fast as we could make it."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(
            parsed.set(drivername="postgresql+asyncpg"),
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=600,
            pool_reset_on_return=None,
        )
    # One connection, for which the updates queue: SQLite has one writer anyway, and queueing
    # here is cheaper than its busy time-out. Every session ends in a commit or a rollback of its
    # own, so the pool need not roll back once more.
    engine = create_async_engine(
        parsed.set(drivername="sqlite+aiosqlite"),
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


async def prepare(
    engine: AsyncEngine,
) -> tuple[async_sessionmaker[AsyncSession], tuple[int, str]]:
    """Make the tables and the tag where there are none; sessions, and (id, name) of the tag."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    async with sessions.begin() as session:
        tag = await session.scalar(select(Tag).where(Tag.name == TAG))
        if tag is None:
            tag = Tag(name=TAG)
            session.add(tag)
            await session.flush()
    return sessions, (tag.id, tag.name)


def check(url: str, crowd: Crowd, walked: int, first_state: str) -> None:
    """Raises WrongResultError unless just the answers of the first `walked` people are stored."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            for person in crowd.people:
                found = _stored(connection, person.chat_id)
                answers = person.answers() if person.number < walked else {}
                if found != _expected(answers, first_state):
                    raise WrongResultError(f"{person}: {found}")
    finally:
        engine.dispose()


def _expected(answers: dict[str, str], first_state: str) -> dict[str, object]:
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
        "state": None if done else first_state,
    }


def _stored(connection: Connection, telegram_id: int) -> dict[str, object]:
    """What the tables hold of one person, in the form of `_expected`."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        of = "(SELECT id FROM customer WHERE telegram_id = :of)"
        found = connection.execute(text(sql.replace("@customer", of)), {"of": telegram_id})
        return [tuple(row) for row in found]

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
    number = f"{value:g}" if isinstance(value, float) else str(value)
    return number.removesuffix(".0")
