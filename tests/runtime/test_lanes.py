"""A flood of reminders: who waits for an answer does not wait for it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from bots.fake import FakeChannel
from bots.limits import TELEGRAM, Pace
from crm.tables import conversation, outbox
from rapport.runtime import sender
from rapport.runtime.backoff import Backoff
from rapport.runtime.cases import AUTOMATED, LIVE
from rapport.runtime.clock import SystemClock
from rapport.runtime.deliveries import next_pending
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.waiting_line import WaitingLine
from rapport.runtime.writer import InlineWriter
from tests.support.aio import run
from tests.support.desk import NOON, Office
from tests.support.service import until

FLOWS = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]"

FLOOD = 60
FEW = 10


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """With a conversation of ann's, in whose name all is sent."""
    return Office(FLOWS, url=f"sqlite:///{tmp_path / 'shop.db'}").says("/start")


def put(office: Office, peer: str, *texts: str, lane: int) -> None:
    """Messages as a turn leaves them in the outbox."""
    with office.engine.begin() as db:
        (of,) = db.execute(select(conversation.c.id)).scalars()
        for text in texts:
            db.execute(
                insert(outbox).values(
                    business_id=office.library.business_id, account_id=office.origin.account_id,
                    conversation_id=of, dedup_key=f"test:{peer}:{text}", peer=peer, lane=lane,
                    payload={"text": text}, status="pending", attempts=0, created_at=NOON,
                    due_at=NOON,
                )
            )  # fmt: skip


def test_an_answer_overtakes_more_reminders_than_memory_holds(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "IN_MEMORY", FEW)
    for number in range(FLOOD):
        put(office, f"p{number}", "Still there?", lane=AUTOMATED)
    channel = FakeChannel()
    pace, quick = Pace(TELEGRAM.at(25)), Backoff(0.001, 0.002, lambda: 0.0)
    out = Sender(
        channel, office.origin.account_id, InlineWriter(office.engine), Reader(office.engine),
        Clock(), pace, quick,
    )  # fmt: skip

    async def main() -> None:
        job = asyncio.create_task(out.run())
        await until(lambda: len(channel.sent) >= 3)
        put(office, "ann", "Your answer", lane=LIVE)
        await until(lambda: any(message.peer == "ann" for message in channel.sent))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run(main())
    assert len(channel.sent) < FLOOD


class Clock(SystemClock):
    """Long after NOON, and the machine's pace."""

    def now(self) -> datetime:
        return super().now() + timedelta(days=365)


def test_what_was_said_before_an_answer_in_its_chat_comes_with_it(office: Office) -> None:
    put(office, "p1", "1", "2", "3", lane=AUTOMATED)
    put(office, "ann", "Still there?", lane=AUTOMATED)
    put(office, "ann", "Your answer", lane=LIVE)
    with office.engine.connect() as db:
        found = next_pending(db, office.origin.account_id, NOON, answers=5, automatic=1)
    assert not found.all
    ann = [item.payload["text"] for item in found.deliveries if item.peer == "ann"]
    assert ann == ["Still there?", "Your answer"]


def test_who_is_owed_an_answer_goes_first_in_the_line_and_nobody_goes_before_the_moment() -> None:
    pace, clock, went = Pace(TELEGRAM.at(1000)), SystemClock(), list[tuple[str, bool]]()

    def go(peer: str) -> None:
        now = datetime.now(UTC)
        went.append((peer, pace.account_at(now) <= now))
        pace.sent(peer, clock.now(), "live" if peer == "ann" else "automated")

    async def main() -> None:
        line = WaitingLine(pace, clock, go)
        for number in range(30):
            line.join(f"p{number}", "automated", number)
        line.join("ann", "automated", 98)
        line.join("ann", "live", 99)
        await until(lambda: len(went) == 31)
        assert len(line) == 0

    run(main())
    assert [peer for peer, _ in went] == ["ann", *(f"p{number}" for number in range(30))]
    assert all(at_its_time for _, at_its_time in went)
