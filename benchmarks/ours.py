"""Rapport in the race: the embedded service, fed as its poller feeds it, sending by the wire."""

import asyncio
import gc
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiogram import Bot
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, create_engine, text

from benchmarks.contender import WrongResultError
from benchmarks.crowd import BOT_TOKEN, QUESTIONS, TAG, Crowd
from benchmarks.wire import Wire
from bots.limits import UNPACED, Pace
from bots.telegram_aiogram import TelegramAiogram
from crm import migrations
from crm.database import open_engine
from engine.limits import TELEGRAM_UPDATES
from rapport.build import apply_loaded, load_applied, open_account
from rapport.project import read_project
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import SystemClock
from rapport.runtime.collector import leave_alone_what_stays
from rapport.runtime.deliveries import Delivery, Outcome
from rapport.runtime.desk import Desk
from rapport.runtime.following import Following
from rapport.runtime.intake import Origin
from rapport.runtime.pooled_writer import writer_for
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.service import Service
from rapport.runtime.turns import Turns

PROJECT = Path(__file__).parent / "project"


class CountingSender(Sender):
    """A sender that says which chats have all their messages sent and marked so."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, settled=self._count, **options)
        self.turns: dict[str, asyncio.Future[None]] = {}
        self._open: dict[int, str] = {}
        self._left: dict[str, int] = {}

    def _take(self, delivery: Delivery) -> None:
        if delivery.id not in self._open:
            self._open[delivery.id] = delivery.peer
            self._left[delivery.peer] = self._left.get(delivery.peer, 0) + 1
        super()._take(delivery)

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            peer = self._open.pop(outcome.id)
            self._left[peer] -= 1
            if not self._left[peer]:
                del self._left[peer]
                self.turns.pop(peer).set_result(None)


class RapportContender:
    name = "Rapport"

    async def start(self, url: str, crowd: Crowd) -> None:
        self._engine = open_engine(url)
        self._read_engine = open_engine(url, read_only=True)
        migrations.upgrade(self._engine)
        self._wire = Wire(crowd)
        self._channel = TelegramAiogram(Bot(BOT_TOKEN, session=self._wire))
        self._writer = writer_for(self._engine)
        self._build(self._engine)
        self._collector = gc.get_threshold()
        leave_alone_what_stays()  # as `rapport run` does
        self._arrived: list[Any] = []
        self._arrival = asyncio.Event()
        self._jobs = [
            asyncio.create_task(job)
            for job in (self._sender.run(), self._service.pump(), self._poll())
        ]

    def _build(self, engine: Engine) -> None:
        clock, backoff = SystemClock(), Backoff(0.1, 30, lambda: 0.5)
        with engine.begin() as db:
            now = datetime.now(UTC)
            ready = apply_loaded(db, read_project(PROJECT), now)
            business_id = ready.library.business_id
            origin = open_account(db, business_id, "telegram", "42", "lotus", now)
        self._origin: Origin = replace(origin, stream="getUpdates")  # one reader, as the poller is
        account = self._origin.account_id
        turns = Turns(ready.library, {account: "telegram"}, lambda _, m: self._channel.parts(m))
        read = Reader(self._read_engine)
        self._sender = CountingSender(
            self._channel, account, self._writer, read, clock, Pace(UNPACED), backoff
        )
        desk = Desk(turns)
        self._service = Service(
            desk, self._writer, read, clock, {account: self._sender}, backoff,
            Following(desk, read, load_applied).look,
        )  # fmt: skip

    def meet(self, crowd: Crowd) -> None:
        """Talk to other people from now on."""
        self._wire.meet(crowd)

    async def turn(self, update: str) -> None:
        raw = json.loads(update)
        done = asyncio.get_running_loop().create_future()
        self._sender.turns[peer_of(raw)] = done
        self._arrived.append(raw)
        self._arrival.set()
        await done

    async def _poll(self) -> None:
        """What has arrived since the last answer is the next one, as with getUpdates."""
        while True:
            await self._arrival.wait()
            batch = self._arrived[: TELEGRAM_UPDATES.value]
            del self._arrived[: len(batch)]
            if not self._arrived:
                self._arrival.clear()
            await self._service.take_in(self._origin, [self._channel.decode(raw) for raw in batch])

    async def stop(self) -> None:
        gc.unfreeze()
        gc.set_threshold(*self._collector)
        for job in self._jobs:
            job.cancel()
        await asyncio.gather(*self._jobs, return_exceptions=True)
        self._writer.close()
        self._engine.dispose()
        self._read_engine.dispose()

    def check(self, url: str, crowd: Crowd, walked: int) -> None:
        check_stored(url, crowd, walked)


def check_stored(url: str, crowd: Crowd, walked: int) -> None:
    """Raises WrongResultError unless just the answers of the first `walked` people are stored."""
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            columns = _columns(connection)
            for person in crowd.people:
                found = _stored(connection, columns, person.chat_id)
                answers = person.answers() if person.number < walked else {}
                if found != _expected(answers):
                    raise WrongResultError(f"{person}: {found}, not {_expected(answers)}")
    finally:
        engine.dispose()


def peer_of(raw: dict[str, Any]) -> str:
    """The chat of an update of the crowd's."""
    message = raw.get("message") or raw["callback_query"]["message"]
    return str(message["chat"]["id"])


def _columns(connection: Connection) -> dict[str, str]:
    """The column of each question's field."""
    found = connection.execute(text("SELECT key, slot FROM field WHERE slot IS NOT NULL"))
    slots = {row.key: row.slot for row in found}
    return {question: slots.get(question, question) for question in QUESTIONS}


def _stored(connection: Connection, columns: dict[str, str], chat_id: int) -> Any:
    """(the fields, how often each was set, the tags) of the customer of a chat."""

    def rows(sql: str) -> list[tuple[Any, ...]]:
        of = "(SELECT customer_id FROM customer_account WHERE external_id = :chat)"
        found = connection.execute(text(sql.replace("@customer", of)), {"chat": str(chat_id)})
        return [tuple(row) for row in found]

    names = ", ".join(columns.values())
    (values,) = rows(f"SELECT {names} FROM customer WHERE id = @customer")
    fields = {
        question: _text(question, value, connection.dialect.name)
        for question, value in zip(QUESTIONS, values, strict=True)
        if value is not None
    }
    changes = rows(
        "SELECT field, count(*) FROM field_history WHERE customer_id = @customer GROUP BY field"
    )
    tags = rows(
        "SELECT name FROM tag JOIN customer_tag ON tag.id = tag_id WHERE customer_id = @customer"
    )
    return fields, dict(changes), [name for (name,) in tags]


def _text(question: str, value: Any, dialect: str) -> str:
    if question != "shoe_size":
        return str(value)
    return str(value // 100 if dialect == "sqlite" else int(value))


def _expected(answers: dict[str, str]) -> Any:
    """The channel's profile gave the first name, which the answer changes or confirms."""
    if not answers:
        return {"first_name": "Sara"}, {}, []
    return answers, dict.fromkeys(answers, 1), [TAG]
