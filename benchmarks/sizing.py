"""How much room a customer takes who has answered five questions: now, and once what nobody needs
any more is forgotten."""

import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from aiogram import Bot
from sqlalchemy import Engine, text

from benchmarks.crowd import BOT_TOKEN, QUESTIONS, Crowd
from benchmarks.harness import Result, result, run_alone
from benchmarks.ours import PROJECT
from benchmarks.stores import Store, postgres_databases, sqlite_files
from bots.telegram_aiogram import TelegramAiogram
from crm import migrations
from crm.database import open_engine
from crm.services.retention import Retention
from rapport.build import apply_loaded, open_account, whole
from rapport.project import read_project
from rapport.runtime.deliveries import Outcome, settle
from rapport.runtime.desk import Desk
from rapport.runtime.turns import Turns

PEOPLE = 2_000
BATCH = 100
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MUCH_LATER = NOW + timedelta(days=100)


class Business:
    """A database that grows by conversations, without a network."""

    def __init__(self, url: str) -> None:
        self.engine: Engine = open_engine(url)
        migrations.upgrade(self.engine)
        self._channel = TelegramAiogram(Bot(BOT_TOKEN))
        with self.engine.begin() as db:
            library = apply_loaded(db, read_project(PROJECT), NOW).library
            self.id = library.business_id
            self._origin = open_account(db, self.id, "telegram", "42", "lotus", NOW)
        self._desk = Desk(Turns(library, {self._origin.account_id: "telegram"}, whole))

    def talk(self, crowd: Crowd) -> None:
        """Everybody is asked, and answers, every question."""
        numbers = [person.number for person in crowd.people]
        self._take_in(crowd, (crowd.opening(number) for number in numbers))
        for question in range(len(QUESTIONS)):
            self._take_in(crowd, (crowd.reply(number, question) for number in numbers))

    def _take_in(self, crowd: Crowd, updates: Iterable[str]) -> None:
        arrived = [self._channel.decode(json.loads(update)) for update in updates]
        for first in range(0, len(arrived), BATCH):
            with self.engine.begin() as db:
                batch = arrived[first : first + BATCH]
                deliveries = self._desk.take_in(db, self._origin, batch, NOW).deliveries
                sent = [Outcome(one.id, "sent", 1, NOW, str(one.id)) for one in deliveries]
                settle(db, self._origin.account_id, sent)
            for one in deliveries:
                rows = one.outgoing().buttons
                keys = [[{"callback_data": key.token} for key in row] for row in rows]
                crowd.sees(int(one.peer), {"inline_keyboard": keys} if keys else None)

    def forget(self) -> None:
        retention, more = Retention(self.id), True
        while more:
            with self.engine.begin() as db:
                more = retention.tick(db, MUCH_LATER)

    def size(self) -> int:
        """Bytes that tables and indexes take; what is free to be used again is not counted."""
        if self.engine.dialect.name == "sqlite":
            question = (
                "SELECT (page_count - freelist_count) * page_size "
                "FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
            )
        else:
            question = (
                "SELECT sum(pg_total_relation_size(oid)) FROM pg_class "
                "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            )
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            if self.engine.dialect.name == "postgresql":
                db.execute(text("VACUUM FULL"))
            return int(db.scalar(text(question)) or 0)


def sizes(url: str, people: int) -> tuple[float, float]:
    """Bytes a customer: after the talk, and a hundred days later."""
    business = Business(url)
    try:
        empty = business.size()
        business.talk(Crowd(people))
        grown = business.size()
        business.forget()
        return (grown - empty) / people, (business.size() - empty) / people
    finally:
        business.engine.dispose()


def measure(_rounds: int, people: int = PEOPLE) -> list[Result]:
    """The same each time, so once is enough. PostgreSQL where a server answers."""
    with sqlite_files() as files:
        results = _results("SQLite", files, people)
    with postgres_databases() as databases:
        return results + _results("PostgreSQL", databases, people)


def _results(name: str, store: Store, people: int) -> list[Result]:
    grown, kept = sizes(store.empty("sizing"), people)
    return [
        result(f"{name}: room of a customer after five questions", grown, "bytes"),
        result(f"{name}: room of a customer a hundred days later", kept, "bytes"),
    ]


if __name__ == "__main__":
    sys.exit(run_alone("sizing", measure))
