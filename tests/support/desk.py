"""A project at work in a test: real tables, real turns, a clock that is moved, nobody waiting."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Engine, Table, event, inspect, select

from bots import plain
from bots.channel import Inbound
from bots.fake import FakeChannel
from crm.database import open_engine
from crm.tables import customer, customer_account, metadata
from engine.durations import Duration
from engine.loader import Loaded, load_project
from engine.node import Node
from engine.transcript import HttpReply
from nodes import KINDS
from rapport.build import apply_loaded, load_applied, open_account
from rapport.runtime.clock import VirtualClock
from rapport.runtime.deliveries import Delivery
from rapport.runtime.desk import Desk
from rapport.runtime.drive import Drive
from rapport.runtime.intake import Broken, Origin
from rapport.runtime.memory import Memory
from rapport.runtime.turns import BatchRefused, Turned, Turns
from rapport.testing.answers import Answers

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
"""A Monday, when nothing special is."""

CRM = """
business: {key: shop, name: Shop, languages: [en, fa], timezone: UTC, country: IR}
fields:
  birth_date: {label: Birth date, type: date, rules: {past: true}}
  size: {label: Size, type: number, rules: {min: 20, max: 50}}
  code: {label: Code, type: text, rules: {unique: true}}
  illness: {label: Illness, type: text, sensitive: true}
  nickname: {label: Nickname, type: text, extra: true}
tags: {VIP: {}, Asked: {}}
"""


def load(flows: str, crm: str = CRM, kinds: Sequence[type[Node]] = KINDS, **others: str) -> Loaded:
    """A project of one file of flows; a test about what is wrong in files is elsewhere."""
    loaded = load_project({"crm.yaml": crm, "flows.yaml": flows, **others}, kinds, lambda _: None)
    assert loaded.ok, [str(problem) for problem in loaded.problems]
    return loaded


@cache
def _tables() -> Engine:
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    return engine


def _store(url: str) -> Engine:
    """A database with every table, or the one there is: pages are copied quicker than made."""
    engine = open_engine(url)
    if inspect(engine).get_table_names():
        return engine
    with _tables().connect() as made, engine.connect() as copy:
        made.connection.driver_connection.backup(  # type: ignore[union-attr]  # sqlite3's
            copy.connection.driver_connection
        )
    return engine


def new_store() -> Engine:
    """The database of an office that names none: SQLite in memory, or what a fixture puts here."""
    return _store("sqlite://")


class Office:
    """A business with one bot. People are named by their peer, `ann` where a test needs but one."""

    def __init__(
        self,
        flows: str | Loaded,
        *,
        crm: str = CRM,
        url: str | None = None,
        channel: str = "telegram",
        now: datetime = NOON,
        http: Mapping[str, Sequence[HttpReply]] | None = None,
    ) -> None:
        self.answers = None if http is None else Answers(http)
        self.engine = new_store() if url is None else _store(url)
        self.clock = VirtualClock(now)
        self.channel = channel
        self.commits = 0
        self.shown: list[Delivery] = []
        self._numbers = itertools.count(1)
        self._crm = crm
        event.listen(self.engine, "commit", self._committed)
        self.apply(flows)

    def apply(self, flows: str | Loaded) -> None:
        """Apply the project as it is now, as a process does that has just started."""
        loaded = load(flows, self._crm) if isinstance(flows, str) else flows
        now = self.clock.now()
        with self.engine.begin() as db:
            self.library = apply_loaded(db, loaded, now).library
            business = self.library.business_id
            self.origin = open_account(db, business, self.channel, "1", "shop_bot", now)
        self.use(self.origin)

    def use(self, *origins: Origin) -> None:
        """Work for these accounts of the business; the first is the one that people write to."""
        self.origin = origins[0]
        channels = {origin.account_id: origin.channel for origin in origins}
        pieces = FakeChannel().parts
        self.memory = Memory()
        turns = Turns(self.library, channels, lambda _, message: pieces(message), self.memory)
        self.desk = Desk(turns)
        self.drives = {
            origin: Drive(
                self.engine, self.desk, origin, self.clock, self._show, load_applied, self.answers
            )
            for origin in origins
        }
        self.drive = self.drives[self.origin]

    # -- what people do

    def inbound(self, text: str = "", *, peer: str = "ann", **changes: Any) -> Inbound:
        """What a person sends, decoded; `changes` are fields of it, `payload` is added to."""
        number = next(self._numbers)
        update = plain.text_update(peer, text)
        payload = {**update["payload"], "message_id": str(number), **changes.pop("payload", {})}
        made = Inbound(
            f"test:{number}", number, update["kind"], peer, peer, private=True, payload=payload
        )
        return made._replace(**changes)

    def says(self, *texts: str, peer: str = "ann", **changes: Any) -> Self:
        """One message after another, each taken in by itself."""
        for text in texts:
            self.drive.take_in(self.inbound(text, peer=peer, **changes))
        return self

    def receives(self, *arrivals: Inbound | Broken) -> Self:
        """Things that come in together, in one answer of the platform."""
        self.drive.take_in(*arrivals)  # type: ignore[arg-type]  # a drive of the chat gets no broken ones
        return self

    def presses(self, label: str, *, peer: str = "ann") -> Self:
        """The newest button of that label."""
        for delivery in reversed(self.shown):
            for button in (one for row in delivery.outgoing().buttons for one in row):
                if delivery.peer == peer and button.label == label:
                    self.press(button.token or "", peer=peer)
                    return self
        raise LookupError(f"{peer} was sent no button {label!r}")

    def press(self, token: str, *, peer: str = "ann") -> Self:
        payload = {"token": token, "callback_id": "press"}
        return self.says("", peer=peer, kind="press", payload=payload)

    def advance(self, duration: str) -> Self:
        """Let time pass: `advance("90m")`."""
        moment = Duration.parse(duration).after(self.clock.now(), ZoneInfo("UTC"))
        self.drive.advance_to(moment)
        return self

    # -- one transaction at a time

    def take_in(self, *arrivals: Inbound | Broken) -> Turned:
        """Only the transaction of what came in; raises BatchRefused."""
        with self.engine.begin() as db:
            return self.desk.take_in(db, self.origin, arrivals, self.clock.now())

    def keep(self, *arrivals: Inbound | Broken) -> None:
        """Stored as mail that waits."""
        with self.engine.begin() as db:
            self.desk.keep(db, self.origin, arrivals, self.clock.now())

    def work(self) -> Turned:
        """One batch of what is ready, carefully where it has to be."""
        now = self.clock.now()
        try:
            with self.engine.begin() as db:
                return self.desk.work(db, now)
        except BatchRefused:
            with self.engine.begin() as db:
                return self.desk.work_carefully(db, now)

    # -- what can be seen

    def said(self, peer: str = "ann") -> list[str]:
        """What the bot said to somebody since this was last asked."""
        texts = [delivery.payload["text"] for delivery in self.shown if delivery.peer == peer]
        self.shown = [delivery for delivery in self.shown if delivery.peer != peer]
        return texts

    def rows(self, table: Table, *names: str, **where: Any) -> list[Any]:
        """These columns of a table in order of its rows; of one column just its values."""
        columns = [table.c[name] for name in names]
        order: list[Column[Any]] = list(table.primary_key.columns)
        conditions = [table.c[name] == value for name, value in where.items()]
        with self.engine.connect() as db:
            found = db.execute(select(*columns).where(*conditions).order_by(*order)).all()
        return [row[0] if len(names) == 1 else tuple(row) for row in found]

    def customer(self, key: str, peer: str = "ann") -> Any:
        """What is stored of a person under the key of a field."""
        column = self.library.columns.get(key, key)
        wanted = customer.c.id == self.customer_id(peer)
        with self.engine.connect() as db:
            return db.execute(select(customer.c[column]).where(wanted)).scalar_one()

    def customer_id(self, peer: str = "ann") -> int:
        (found,) = set(self.rows(customer_account, "customer_id", external_id=peer))
        return int(found)

    @contextmanager
    def counting_commits(self) -> Iterator[list[int]]:
        """How many transactions were committed inside, in the one item of the list."""
        before, count = self.commits, [0]
        yield count
        count[0] = self.commits - before

    def _committed(self, _: object) -> None:
        self.commits += 1

    def _show(self, delivery: Delivery) -> str:
        self.shown.append(delivery)
        return str(delivery.id)
