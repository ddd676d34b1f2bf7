"""What could once lose an answer, repeat or overtake a message, or stop the process for good."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import structlog
from sqlalchemy import Connection, select, update

from bots.fake import FakeChannel
from bots.limits import UNPACED, Pace
from crm.database import DatabaseUnavailable, open_engine
from crm.tables import mail, outbox, run, timer
from nodes import KINDS
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import SystemClock
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.writer import InlineWriter, ThreadWriter
from tests.runtime.test_failures import FLOWS, Breaking
from tests.runtime.test_sender import Post, post, send_all
from tests.support.aio import run as run_loop
from tests.support.desk import CRM, NOON, Office, load
from tests.support.service import Place, serving, until

T = TypeVar("T")

__all__ = ["post"]

REMINDING = """
flow: order
triggers: [{on: command, command: order}]
nodes: [{ask: Which?, timeout: {after: 2h, remind: [{after: 1h, text: Still there?}]}}]
"""


def test_an_answer_before_the_message_at_fault_is_not_blamed_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Breaking, "broken", True)
    with structlog.testing.capture_logs():
        office = Office(load(FLOWS, kinds=(*KINDS, Breaking))).says("/start")
        office.receives(office.inbound("Sara"), office.inbound("/bad")).advance("1h")
    assert office.rows(mail, "kind", "status") == [
        ("command", "done"), ("text", "done"), ("command", "dead")
    ]  # fmt: skip
    assert office.customer("first_name") == "Sara"


def test_a_clock_set_back_after_a_timer_rang_loses_and_repeats_nothing() -> None:
    """Its alarm was once kept for later under the name of the mail that is done already."""
    office = Office(REMINDING).says("/order")
    rung = NOON + timedelta(hours=1)
    with office.engine.begin() as db:
        office.desk.ring(db, rung)
    with office.engine.begin() as db:
        office.desk.work(db, rung - timedelta(milliseconds=5))
    assert office.rows(timer, "due_at") == [NOON + timedelta(hours=2)]
    assert office.advance("3h").said() == ["Which?", "Still there?"]
    assert office.rows(run, "outcome") == ["no_reply"]


def test_a_store_that_cannot_be_opened_is_said_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "late"
    engine = open_engine(f"sqlite:///{folder / 'store.db'}")
    writer = ThreadWriter(engine)
    with pytest.raises(DatabaseUnavailable, match="cannot be opened"):
        writer.submit(lambda _: "done").result(10)
    folder.mkdir()
    assert writer.submit(lambda _: "done").result(10) == "done"
    writer.close()
    engine.dispose()


def test_after_a_restart_a_message_that_waits_for_another_try_is_not_overtaken(post: Post) -> None:
    post.put("ann", "first", at=datetime.now(UTC) + timedelta(seconds=0.3))
    post.put("ann", "second")
    send_all(post)
    assert post.said() == [("ann", "first"), ("ann", "second")]


def test_an_automatic_message_cancelled_while_it_waits_is_not_sent(post: Post) -> None:
    post.put("ann", "automatic")
    with post.engine.begin() as db:
        db.execute(update(outbox).values(lane=1))
    waiting = post.deliveries()
    with post.engine.begin() as db:
        db.execute(update(outbox).values(status="cancelled"))
    post.put("ann", "live")

    async def main() -> None:
        sender = post.sender()
        sender.offer([*waiting, *post.deliveries()])
        job = asyncio.create_task(sender.run())
        await until(lambda: post.rows("status") == [("cancelled",), ("sent",)])
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run_loop(main())
    assert post.said() == [("ann", "live")]


class _CommitsMeanwhile:
    """A reader on whose first look something is committed and offered before it returns."""

    def __init__(self, post: Post, loop: asyncio.AbstractEventLoop) -> None:
        self.post = post
        self.loop = loop
        self.sender: Sender | None = None

    def __call__(self, f: Callable[[Connection], T]) -> T:
        found = Reader(self.post.engine)(f)
        sender, self.sender = self.sender, None
        if sender is not None:
            self.post.put("ann", "first")
            offered = asyncio.run_coroutine_threadsafe(self._offer(sender), self.loop)
            offered.result(10)
        return found

    async def _offer(self, sender: Sender) -> None:
        sender.offer(self.post.deliveries())


def test_what_is_turned_away_while_the_outbox_is_read_is_not_overtaken(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.runtime.sender.IN_MEMORY", 2)

    async def main() -> None:
        read = _CommitsMeanwhile(post, asyncio.get_running_loop())
        sender = Sender(
            post.channel, 1, InlineWriter(post.engine), read,  # type: ignore[arg-type]  # as a Reader
            SystemClock(), Pace(UNPACED), Backoff(0.001, 0.002, lambda: 0.0),
        )  # fmt: skip
        post.put("bob", "one", "two", "three")
        sender.offer(post.deliveries())
        await until(lambda: len(post.said()) == 2)
        read.sender = sender
        job = asyncio.create_task(sender.run())
        await until(lambda: len(post.said()) == 3)
        post.put("ann", "second")
        sender.offer(post.deliveries()[-1:])
        await until(lambda: len(post.said()) == 5)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run_loop(main())
    assert [text for peer, text in post.said() if peer == "ann"] == ["first", "second"]


def test_the_question_of_a_bot_that_was_replaced_can_be_interrupted(tmp_path: Path) -> None:
    """Every message of its people to the new bot once became a dead letter."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "crm.yaml").write_text(CRM)
    (project / "flows.yaml").write_text(REMINDING)
    place = Place(project, tmp_path)

    async def order_from(channel: FakeChannel) -> list[str]:
        async with serving(place, channel):
            channel.says("ann", "/order")
            await until(lambda: len(channel.sent) == 1, seconds=10)
        return [message.text for message in channel.sent]

    for number in ("1", "2"):
        channel = FakeChannel(account=number, poll_seconds=0.005)
        assert run_loop(order_from(channel)) == ["Which?"]
    assert place.rows(select(run.c.status, run.c.outcome)) == [
        ("ended", "restarted"), ("asking", None)
    ]  # fmt: skip
