"""The service and its poller: stored first, confirmed then, whatever happens in between."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine
from structlog.typing import EventDict

from bots.channel import (
    ChannelError,
    Conflict,
    Fetched,
    Inbound,
    Temporary,
    Throttled,
    Unauthorised,
)
from bots.fake import FakeChannel
from bots.limits import UNPACED, Pace
from crm.database import DatabaseUnavailable, open_engine
from crm.tables import conversation, customer, mail, outbox
from rapport.build import apply_loaded, load_applied
from rapport.runtime.backoff import Backoff
from rapport.runtime.following import Following
from rapport.runtime.poller import Poller
from rapport.runtime.pooled_writer import PooledWriter
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.service import Service
from rapport.runtime.writer import InlineWriter, Writer
from tests.support.aio import run
from tests.support.database import emptied
from tests.support.desk import NOON, Office, load

FLOWS = """
flow: f
triggers: [{on: command, command: start}]
nodes:
  - {ask: Your name?, save_to: first_name, timeout: {after: 2h, goto: silent}}
  - {ask: Sure?, choices: ["Yes", "No"], save_to: var.sure}
  - {say: "Hello {{ customer.first_name }}", end: greeted}
  - {id: silent, say: Bye, end: silent}
"""


class Watched(FakeChannel):
    """A channel in memory that keeps what it was asked for, and fails where a test says so."""

    def __init__(self) -> None:
        super().__init__(poll_seconds=0.005)
        self.offsets: list[int | None] = []
        self.trouble: list[ChannelError] = []
        self.when_confirmed: Callable[[int], None] = lambda _: None

    async def fetch(self, offset: int | None) -> Fetched:
        self.offsets.append(offset)
        if offset is not None:
            self.when_confirmed(offset)
        if self.trouble:
            raise self.trouble.pop(0)
        return await super().fetch(offset)


class Shop:
    """An office behind a service, a poller and a sender on one channel."""

    def __init__(self, folder: Path, url: str = "") -> None:
        self.file = folder / "shop.db"
        self.url = url = url or f"sqlite:///{self.file}"
        self.office = Office(FLOWS, url=url)
        self.channel = Watched()
        self.read_engine = open_engine(url, read_only=True)
        read, clock = Reader(self.read_engine), self.office.clock
        on_sqlite = self.office.engine.dialect.name == "sqlite"
        writer: Writer = (InlineWriter if on_sqlite else PooledWriter)(self.office.engine)
        quick = Backoff(0.001, 0.002, lambda: 0.0)
        at = self.office.origin
        self.sender = Sender(
            self.channel, at.account_id, writer, read, clock, Pace(UNPACED), quick
        )  # fmt: skip
        self.service = Service(
            self.office.desk, writer, read, clock, {at.account_id: self.sender}, quick,
            Following(self.office.desk, read, load_applied).look,
        )  # fmt: skip
        self.poller = Poller(self.channel, at, self.service, quick)

    def close(self) -> None:
        self.office.engine.dispose()
        self.read_engine.dispose()

    def said(self) -> list[str]:
        return [message.text for message in self.channel.sent]

    def serve(self, *steps: Callable[[], object]) -> None:
        """Run it all: each step is called again and again until what it gives is true."""

        async def main() -> None:
            jobs = [
                asyncio.create_task(job)
                for job in (self.poller.run(), self.sender.run(), self.service.pump())
            ]
            for step in steps:
                while not step():
                    for job in jobs:
                        if job.done():
                            job.result()
                    await asyncio.sleep(0.001)
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)

        run(main(), seconds=20)


@pytest.fixture
def on_postgresql(postgresql: Engine, tmp_path: Path) -> Iterator[Shop]:
    """The same on PostgreSQL, where the writer has several connections."""
    emptied(postgresql)
    shop = Shop(tmp_path, postgresql.url.render_as_string(hide_password=False))
    yield shop
    shop.close()


@pytest.fixture(params=["shop", "on_postgresql"])
def any_shop(request: pytest.FixtureRequest) -> Shop:
    shop: Shop = request.getfixturevalue(request.param)
    return shop


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr("crm.database.BUSY_TIMEOUT_SECONDS", 0.01)
    return Shop(tmp_path)


def test_what_another_process_applies_holds_from_the_next_turn_on(any_shop: Shop) -> None:
    changed = load(FLOWS.replace("Your name?", "What are you called?"))

    def apply() -> bool:
        with any_shop.office.engine.begin() as db:
            apply_loaded(db, changed, any_shop.office.clock.now() + timedelta(seconds=1))
        return True

    any_shop.channel.says("ann", "/start")
    any_shop.serve(
        lambda: any_shop.said() == ["Your name?"],
        apply,
        lambda: any_shop.channel.says("bob", "/start"),
        lambda: any_shop.said() == ["Your name?", "What are you called?"],
    )


def test_a_conversation_from_the_first_message_to_the_last_button(any_shop: Shop) -> None:
    any_shop.channel.says("ann", "/start")
    any_shop.serve(
        lambda: any_shop.said() == ["Your name?"],
        lambda: any_shop.channel.says("ann", "Sara"),
        lambda: len(any_shop.said()) == 2,
        lambda: any_shop.channel.presses("ann", "Yes"),
        lambda: len(any_shop.said()) == 3 and any_shop.channel.acknowledged,
    )
    assert any_shop.said()[-1] == "Hello Sara"
    assert set(any_shop.office.rows(outbox, "status")) == {"sent"}


def test_an_update_is_confirmed_only_when_it_is_stored(any_shop: Shop) -> None:
    stored: list[list[int]] = []
    any_shop.channel.when_confirmed = lambda offset: stored.append(
        [offset - 1 - max(any_shop.office.rows(mail, "provider_seq"))]
    )
    for number in range(5):
        any_shop.channel.says(f"p{number}", "/start")
    any_shop.serve(lambda: len(any_shop.said()) == 5)
    assert stored
    assert {gap for (gap,) in stored} == {0}


def test_the_first_call_confirms_nothing_and_a_quiet_poll_confirms_the_same_again(
    shop: Shop,
) -> None:
    shop.channel.says("ann", "/start")
    shop.serve(lambda: len(shop.channel.offsets) >= 4)
    assert shop.channel.offsets[:4] == [None, 2, 2, 2]


def test_a_store_that_is_locked_loses_nothing_and_is_told_of_in_one_line(shop: Shop) -> None:
    """The same updates are fetched again until they are stored."""
    for number in range(3):
        shop.channel.says(f"p{number}", "/start")
    holder = sqlite3.connect(shop.file, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    with structlog.testing.capture_logs() as lines:
        shop.serve(
            lambda: len(shop.channel.offsets) >= 5,
            lambda: shop.channel.offsets == [None] * len(shop.channel.offsets),
            lambda: holder.execute("ROLLBACK"),
            lambda: len(shop.said()) == 3,
        )
    holder.close()
    assert _of(lines, "fetch_failed") == [
        "DatabaseUnavailable: the database is locked by another process"
    ]
    assert len(shop.office.rows(customer, "id")) == 3
    assert shop.said() == ["Your name?"] * 3


def test_what_is_fetched_twice_is_applied_once(any_shop: Shop) -> None:
    """The process stopped between the commit and the call that confirms."""
    raw = [any_shop.channel.says("ann", "/start"), any_shop.channel.says("ann", "Sara")]
    any_shop.serve(lambda: len(any_shop.said()) == 2)
    again = Shop(any_shop.file.parent, any_shop.url)
    for update in raw:
        again.channel.receives(update)
    again.serve(lambda: again.channel.offsets[-1:] == [3])
    assert any_shop.office.rows(mail, "status") == ["done", "done"]
    assert again.said() == []
    again.close()


def test_one_malformed_update_among_good_ones_is_a_dead_letter_and_alone(any_shop: Shop) -> None:
    any_shop.channel.says("ann", "/start")
    broken = any_shop.channel.receives({"kind": "text", "peer": 5, "payload": {"text": "\ud800"}})
    any_shop.channel.says("bob", "/start")
    with structlog.testing.capture_logs() as lines:
        any_shop.serve(lambda: len(any_shop.said()) == 2)
    assert any_shop.office.rows(mail, "kind", "status") == [
        ("broken", "dead"), ("command", "done"), ("command", "done"),
    ]  # fmt: skip
    (payload,) = any_shop.office.rows(mail, "payload", status="dead")
    assert '"peer": 5' in payload["raw"]
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [
        "update_unreadable"
    ]
    assert any_shop.channel.offsets[-1] == broken["update_id"] + 2


def test_refused_credentials_end_it(shop: Shop) -> None:
    shop.channel.trouble.append(Unauthorised("the token is refused"))
    with pytest.raises(Unauthorised, match="the token is refused"):
        run(shop.poller.run())


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (Temporary("502"), "fetch_failed"),
        (Throttled(0.001), "fetch_failed"),
        (Conflict("another getUpdates"), "somebody_else_fetches"),
    ],
)
def test_other_trouble_of_the_platform_is_waited_out_and_told_of_once(
    shop: Shop, error: ChannelError, event: str
) -> None:
    shop.channel.trouble += [error, error, error]
    shop.channel.says("ann", "/start")
    with structlog.testing.capture_logs() as lines:
        shop.serve(lambda: len(shop.said()) == 1)
    assert len(_of(lines, event)) == 1
    assert len(_of(lines, "fetching_again")) == 1


def test_the_pump_rings_what_is_due(any_shop: Shop) -> None:
    any_shop.channel.says("ann", "/start")

    def two_hours_pass() -> bool:
        any_shop.office.clock.set(NOON + timedelta(hours=2))
        return True

    any_shop.serve(
        lambda: len(any_shop.said()) == 1, two_hours_pass, lambda: len(any_shop.said()) == 2
    )
    assert any_shop.said()[-1] == "Bye"


def test_what_a_crash_left_ready_is_found_and_worked_off(any_shop: Shop) -> None:
    any_shop.office.keep(any_shop.office.inbound("/start"))
    any_shop.serve(lambda: any_shop.said() == ["Your name?"])
    assert any_shop.office.rows(conversation, "status") == ["idle"]


def test_an_idle_process_takes_no_write_lock(shop: Shop) -> None:
    """Another program, the command line for one, could not write otherwise."""
    holder = sqlite3.connect(shop.file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with structlog.testing.capture_logs() as lines:
        shop.serve(lambda: len(shop.channel.offsets) >= 20)
    holder.execute("ROLLBACK")
    holder.close()
    assert [line for line in lines if line["log_level"] in ("warning", "error")] == []


def test_one_message_and_its_turn_are_one_commit(any_shop: Shop) -> None:
    with any_shop.office.counting_commits() as commits:
        run(any_shop.service.take_in(any_shop.office.origin, [any_shop.office.inbound("/start")]))
    assert commits == [1]
    assert any_shop.office.rows(outbox, "status") == ["pending"]


def test_a_caller_who_confirms_by_hand_is_told_that_nothing_is_stored(shop: Shop) -> None:
    """A webhook answers 503 then."""
    holder = sqlite3.connect(shop.file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked by another process"):
        run(shop.service.take_in(shop.office.origin, [shop.office.inbound("/start")]))
    holder.execute("ROLLBACK")
    holder.close()
    assert shop.office.rows(mail, "id") == []


def _of(lines: list[EventDict], event: str) -> list[Any]:
    return [line.get("reason") for line in lines if line["event"] == event]


def test_an_update_that_cannot_be_stored_is_alone_a_dead_letter(
    any_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = any_shop.channel.decode

    def with_something_no_database_takes(raw: object) -> Inbound:
        inbound = decode(raw)
        if inbound.peer == "bob":
            inbound.payload["thing"] = object()
        return inbound

    monkeypatch.setattr(any_shop.channel, "decode", with_something_no_database_takes)
    for peer in ("ann", "bob", "cleo"):
        any_shop.channel.says(peer, "/start")
    with structlog.testing.capture_logs() as lines:
        any_shop.serve(lambda: len(any_shop.said()) == 2)
    assert {message.peer for message in any_shop.channel.sent} == {"ann", "cleo"}
    assert len(_of(lines, "update_not_taken_in")) == 1
    assert any_shop.office.rows(mail, "status").count("dead") == 1
