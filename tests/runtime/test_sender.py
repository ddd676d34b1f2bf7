"""Sending: in order for each chat, nothing lost, nothing twice but what a crash had in flight."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select

from bots.channel import Rejected, Temporary, Throttled, Unauthorised
from bots.fake import FakeChannel
from bots.limits import UNPACED, Pace
from crm.database import DatabaseUnavailable, open_engine
from crm.tables import account, business, conversation, customer, metadata, outbox
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import SystemClock
from rapport.runtime.deliveries import Delivery, pending
from rapport.runtime.pooled_writer import PooledWriter
from rapport.runtime.reading import Reader
from rapport.runtime.sender import GIVE_UP_AFTER, Sender
from rapport.runtime.writer import InlineWriter, ThreadWriter, Writer
from tests.support import desk
from tests.support.aio import run
from tests.support.service import until

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Post:
    """An outbox with a sender before a channel in memory."""

    engine: Engine
    channel: FakeChannel = field(default_factory=FakeChannel)

    def sender(self, writer: Writer | None = None) -> Sender:
        return Sender(
            self.channel, 1, writer or InlineWriter(self.engine), Reader(self.engine),
            SystemClock(), Pace(UNPACED), Backoff(0.001, 0.002, lambda: 0.0),
        )  # fmt: skip

    def put(self, peer: str, *texts: str, at: datetime | None = None) -> None:
        """Messages as a turn leaves them in the outbox."""
        at = at or datetime.now(UTC)
        with self.engine.begin() as db:
            for text in texts:
                of = select(conversation.c.id).where(conversation.c.peer == peer)
                number = len(db.execute(select(outbox.c.id)).all())
                db.execute(
                    insert(outbox).values(
                        business_id=1, account_id=1, conversation_id=of.scalar_subquery(),
                        dedup_key=f"test:{number}", peer=peer, lane=0, payload={"text": text},
                        status="pending", attempts=0, created_at=at, due_at=at,
                    )
                )  # fmt: skip

    def said(self) -> list[tuple[str, str]]:
        return [(message.peer, message.text) for message in self.channel.sent]

    def rows(self, *names: str) -> list[tuple[Any, ...]]:
        columns = [outbox.c[name] for name in names]
        with self.engine.connect() as db:
            return [tuple(row) for row in db.execute(select(*columns).order_by(outbox.c.id))]

    def deliveries(self) -> list[Delivery]:
        with self.engine.connect() as db:
            return pending(db, 1, datetime.now(UTC), 100)


@pytest.fixture
def post(on_both_stores: str, tmp_path: Path) -> Post:
    if on_both_stores == "sqlite":
        engine = open_engine(f"sqlite:///{tmp_path / 'post.db'}")
        metadata.create_all(engine)
    else:
        engine = desk.new_store()
    with engine.begin() as db:
        now = {"created_at": LONG_AGO}
        db.execute(insert(business).values(id=1, key="shop", name="Shop", **now))
        db.execute(
            insert(account).values(business_id=1, channel="telegram", external_id="1", **now)
        )
        for peer in ("ann", "bob"):
            made = insert(customer).values(
                business_id=1, display_name=peer, name_folded=peer, updated_at=LONG_AGO, **now
            )
            of = db.execute(made.returning(customer.c.id)).scalar_one()
            db.execute(
                insert(conversation).values(
                    business_id=1, account_id=1, customer_id=of, peer=peer, status="idle",
                    revision=0,
                )
            )  # fmt: skip
    return Post(engine)


def send_all(post: Post, settled: Callable[[], bool] | None = None) -> None:
    """Run a sender over the outbox until nothing is pending."""

    async def main() -> None:
        job = asyncio.create_task(post.sender().run())
        await until(settled or (lambda: all(row != ("pending",) for row in post.rows("status"))))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run(main())


def test_what_the_outbox_holds_is_sent_in_order_and_marked_with_the_platforms_id(
    post: Post,
) -> None:
    post.put("ann", "one", "two")
    post.put("bob", "three")
    send_all(post)
    assert [text for peer, text in post.said() if peer == "ann"] == ["one", "two"]
    assert [status for status, _ in post.rows("status", "provider_message_id")] == ["sent"] * 3
    assert all(number for _, number in post.rows("status", "provider_message_id"))


def test_a_429_is_obeyed_and_the_message_goes_out_afterwards_exactly_once(post: Post) -> None:
    post.put("ann", "one", "two")
    post.channel.fail(Throttled(0.01))
    send_all(post)
    assert post.said() == [("ann", "one"), ("ann", "two")]


def test_a_chat_that_is_stuck_holds_only_itself(post: Post) -> None:
    post.channel.fail(Throttled(60))
    post.put("ann", "one", "two")
    post.put("bob", "three")
    send_all(post, settled=lambda: post.said() == [("bob", "three")])
    assert post.rows("status", "attempts") == [("pending", 0), ("pending", 0), ("sent", 1)]
    assert post.rows("due_at")[0][0] > datetime.now(UTC) + timedelta(seconds=50)


def test_trouble_that_passes_is_tried_again_in_order(post: Post) -> None:
    post.put("ann", "one", "two")
    post.channel.fail(Temporary("502"), Temporary("time-out"))
    send_all(post)
    assert post.said() == [("ann", "one"), ("ann", "two")]
    assert post.rows("attempts") == [(3,), (1,)]


def test_a_message_refused_for_what_it_is_becomes_a_dead_letter_and_the_next_goes_out(
    post: Post,
) -> None:
    post.put("ann", "one", "two")
    post.channel.fail(Rejected("message is too long"))
    send_all(post)
    assert post.said() == [("ann", "two")]
    assert post.rows("status", "last_error")[0] == ("dead", "message is too long")


def test_who_blocked_us_is_marked_and_sent_nothing_more(post: Post) -> None:
    post.channel.blocked.add("ann")
    post.put("ann", "one", "two")
    post.put("bob", "three")
    send_all(post)
    assert post.said() == [("bob", "three")]
    assert post.rows("status", "last_error")[:2] == [("cancelled", "unreachable")] * 2


def test_what_could_not_be_sent_for_a_day_is_a_dead_letter(post: Post) -> None:
    post.put("ann", "one", at=datetime.now(UTC) - GIVE_UP_AFTER - timedelta(minutes=1))
    post.channel.fail(Temporary("502"))
    send_all(post)
    assert post.rows("status", "last_error") == [("dead", "502")]


def test_refused_credentials_end_the_sender_and_keep_the_message(post: Post) -> None:
    post.put("ann", "one")
    post.channel.fail(Unauthorised("the bot token is refused"))
    with pytest.raises(Unauthorised):
        run(post.sender().run())
    assert post.rows("status") == [("pending",)]


def test_what_is_offered_and_swept_at_once_is_sent_once(post: Post) -> None:
    post.put("ann", *(str(number) for number in range(30)))

    async def main() -> None:
        sender = post.sender()
        job = asyncio.create_task(sender.run())
        sender.offer(post.deliveries())
        await until(lambda: all(row == ("sent",) for row in post.rows("status")))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run(main())
    assert [text for _, text in post.said()] == [str(number) for number in range(30)]


def test_a_sender_that_is_stopped_writes_back_what_it_has_sent(post: Post) -> None:
    post.put("ann", "one")

    async def main() -> None:
        job = asyncio.create_task(post.sender().run())
        await until(lambda: bool(post.said()))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run(main())
    assert post.rows("status") == [("sent",)]


def test_a_sender_that_is_stopped_while_it_writes_back_loses_nothing(post: Post) -> None:
    post.put("ann", "one")
    is_sqlite = post.engine.dialect.name == "sqlite"
    writer: Writer = ThreadWriter(post.engine) if is_sqlite else PooledWriter(post.engine, 1)
    go = threading.Event()

    async def main() -> None:
        sender = Sender(
            post.channel, 1, writer, Reader(post.engine), SystemClock(), Pace(UNPACED),
            Backoff(0.001, 0.002, lambda: 0.0),
        )  # fmt: skip
        job = asyncio.create_task(sender.run())
        await until(lambda: post.rows("status") == [("pending",)])
        writer.submit(lambda _: go.wait(5))
        await until(lambda: bool(post.said()) and not sender._back)
        job.cancel()
        go.set()
        await asyncio.gather(job, return_exceptions=True)

    run(main())
    writer.close()
    assert post.rows("status") == [("sent",)]


class Refusing(InlineWriter):
    """A writer whose store is away for as long as `away`."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.away = True
        self.tries = 0

    def submit(self, f: Callable[..., Any], **options: Any) -> Any:
        if not self.away:
            return super().submit(f, **options)
        self.tries += 1
        refused: Future[Any] = Future()
        refused.set_exception(DatabaseUnavailable("the database does not answer, or no longer"))
        return refused


def test_while_nothing_can_be_written_back_nothing_more_goes_out(post: Post) -> None:
    """It would go out again if this process did not live on."""
    texts = [str(number) for number in range(50)]
    post.put("ann", *texts)
    writer = Refusing(post.engine)
    until_known = 0

    async def main() -> None:
        nonlocal until_known
        job = asyncio.create_task(post.sender(writer).run())
        await until(lambda: writer.tries > 30)
        until_known = len(post.said())
        writer.away = False
        await until(lambda: all(row == ("sent",) for row in post.rows("status")))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run(main())
    assert until_known < 5
    assert post.said() == [("ann", text) for text in texts]
