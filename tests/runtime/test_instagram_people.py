"""People on Instagram: the business answers in the app, messages are taken back, windows close."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bots.channel import Delivered, Outgoing, WindowClosed
from bots.fake import FakeChannel
from bots.limits import UNPACED, Pace
from crm.database import open_engine
from crm.tables import activity, customer_account, mail, outbox
from rapport.runtime import inbox
from rapport.runtime.backoff import Backoff
from rapport.runtime.deliveries import Outcome, settle
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.writer import InlineWriter
from tests.runtime.test_handovers import Front
from tests.support.aio import run
from tests.support.service import until

both_stores = pytest.mark.usefixtures("on_both_stores")
DAY = timedelta(hours=24)


def page(**options: Any) -> Front:
    return Front(channel="instagram", **options)


def echo(at: Front, text: str, mid: str = "m-77", peer: str = "ann") -> None:
    """The platform tells that the business has written."""
    payload = {"text": text, "content": "text", "message_id": mid}
    item = at.inbound(text, peer=peer, kind="echo", sender="1", payload=payload)
    at.receives(item._replace(dedup_key=f"ig:1:{mid}"))


def unsent(at: Front) -> list[int]:
    """Make what Ann was shown since this was last asked wait for a sender; its ids."""
    ids = [delivery.id for delivery in at.shown if delivery.peer == "ann"]
    at.said()
    with at.engine.begin() as db:
        waiting = {"status": "pending", "provider_message_id": None, "done_at": None}
        db.execute(update(outbox).where(outbox.c.id.in_(ids)).values(waiting))
    return ids


def deliver(at: Front, mids: Sequence[str]) -> None:
    """A sender stores that what waits was sent under these ids."""
    waiting = at.rows(outbox, "id", status="pending") or unsent(at)
    with at.engine.begin() as db:
        outcomes = [
            Outcome(id_, "sent", 1, at.clock.now(), mid, echo_key=f"ig:1:{mid}")
            for id_, mid in zip(waiting, mids, strict=True)
        ]
        settle(db, at.origin.account_id, outcomes)


@both_stores
class TestEchoes:
    def test_who_writes_in_the_app_has_the_customer_and_the_bot_is_silent(self) -> None:
        at = page().says("/ask")
        deliver(at, ["m-1"])
        echo(at, "Hi, it is Zoe. Which size do you wear?")
        at.says("40", "price")
        assert at.said() == []
        rows = at.rows(activity, "type", "by", "description")
        said = "Hi, it is Zoe. Which size do you wear?"
        assert ("message_sent", "staff:instagram", said) in rows
        assert [talk.channel for talk in at.talks()] == ["instagram"]

    def test_after_silence_in_the_app_the_bot_is_back_and_says_so(self) -> None:
        at = page().says("/ask")
        deliver(at, ["m-1"])
        echo(at, "One moment")
        at.advance("11h")
        echo(at, "I am still looking", mid="m-78")
        at.advance("11h")
        assert at.said() == []
        at.advance("2h")
        assert at.said() == ["You are talking with our bot again."]

    def test_an_echo_of_our_own_message_changes_nothing(self) -> None:
        at = page().says("/ask")
        deliver(at, ["m-1"])
        echo(at, "Size?", mid="m-1")
        at.says("40")
        assert at.customer("size") == 40
        assert at.talks() == []

    def test_an_echo_that_is_quicker_than_the_sender_is_ours_too(self) -> None:
        at = page().says("/ask")
        unsent(at)
        echo(at, " Size? ", mid="m-1")
        deliver(at, ["m-1"])
        echo(at, "Size?", mid="m-1")
        at.says("40")
        assert at.customer("size") == 40
        assert at.talks() == []
        assert at.rows(mail, "status", kind="echo") == ["ignored"]

    def test_the_business_writing_to_somebody_unknown_makes_no_customer(self) -> None:
        at = page()
        echo(at, "Hello", peer="bea")
        assert at.rows(customer_account, "id") == []
        assert at.rows(mail, "status", "last_error") == [("ignored", "from nobody known")]


@both_stores
class TestTakenBack:
    def test_what_was_taken_back_is_kept_nowhere(self) -> None:
        at = page().says("my secret", payload={"message_id": "m-5"})
        at.says("something else", payload={"message_id": "m-6"})
        gone = at.inbound("", kind="deleted", payload={"message_id": "m-5"})
        at.receives(gone)
        told = at.rows(activity, "description", type="message_received")
        assert told == ["(taken back)", "something else"]
        assert "my secret" not in str(at.rows(mail, "payload"))
        assert "something else" in str(at.rows(mail, "payload"))
        assert len(at.rows(activity, "id", type="message_taken_back")) == 1

    def test_a_message_and_its_taking_back_may_come_together(self) -> None:
        at = page()
        first = at.inbound("my secret", payload={"message_id": "m-5"})
        at.receives(first, at.inbound("", kind="deleted", payload={"message_id": "m-5"}))
        assert at.rows(activity, "description", type="message_received") == ["(taken back)"]
        assert "my secret" not in str(at.rows(mail, "payload"))

    def test_nothing_is_said_to_it_and_an_open_question_stays_open(self) -> None:
        at = page().says("/ask")
        at.said()
        at.receives(at.inbound("", kind="deleted", payload={"message_id": "unknown"}))
        assert at.said() == []
        at.says("40")
        assert at.customer("size") == 40


def window(at: Front) -> Any:
    (found,) = at.rows(customer_account, "window_expires_at")
    return found


@both_stores
def test_the_window_closes_a_day_after_the_person_wrote() -> None:
    at = page().says("hello")
    assert window(at) == at.clock.now() + DAY
    at.advance("3h").says("and this")
    assert window(at) == at.clock.now() + DAY
    echo(at, "I answer")
    assert window(at) == at.clock.now() + DAY


def test_telegram_has_no_window() -> None:
    assert window(Front().says("hello")) is None


class Page(FakeChannel):
    """Instagram, as far as windows go."""

    def __init__(self) -> None:
        super().__init__(name="instagram")
        self.shut = False

    async def send(self, message: Outgoing) -> Delivered:
        if self.shut:
            raise WindowClosed("(#10) outside of the allowed window")
        return await super().send(message)


def send_all(at: Front, channel: Page, *, human_agent: bool = False) -> None:
    """Run the sender of the page until nothing waits."""

    unsent(at)

    async def main() -> None:
        engine = open_engine(str(at.engine.url))
        sender = Sender(
            channel, at.origin.account_id, InlineWriter(engine), Reader(engine), at.clock,
            Pace(UNPACED), Backoff(0.001, 0.002, lambda: 0.0), human_agent=lambda: human_agent,
        )  # fmt: skip
        work = asyncio.create_task(sender.run())
        await until(lambda: not at.rows(outbox, "id", status="pending"), 10)
        work.cancel()
        await asyncio.wait([work])
        engine.dispose()

    run(main(), 30)


@pytest.fixture
def at(tmp_path: Any) -> Front:
    return page(url=f"sqlite:///{tmp_path / 'page.db'}")


def test_inside_of_the_window_it_is_sent(at: Front) -> None:
    channel = Page()
    at.says("/ask")
    send_all(at, channel)
    assert [(one.text, one.late_answer) for one in channel.sent] == [("Size?", False)]


@pytest.mark.parametrize(
    ("late", "human_agent", "sent"),
    [
        ("25h", False, False),
        ("25h", True, True),
        ("169h", True, False),
    ],
)
def test_outside_only_a_person_may_answer_and_only_where_approved(
    at: Front, late: str, human_agent: bool, sent: bool
) -> None:
    channel = Page()
    at.says("/talk")
    send_all(at, channel)
    channel.sent.clear()
    at.advance(late)
    of = at.customer_id()
    with at.engine.begin() as db:
        inbox.answer(db, at.library.business_id, of, "Ali", "It is here", at.clock.now())
    at.drive.settle_down()
    send_all(at, channel, human_agent=human_agent)
    assert [one.text for one in channel.sent if one.late_answer] == ["It is here"] * sent
    refused = at.rows(activity, "description", type="message_not_sent")
    assert ("It is here" in refused) is not sent


def test_what_the_bot_would_say_outside_is_dropped_and_the_timeline_says_why(at: Front) -> None:
    channel = Page()
    at.says("/ask")
    with at.engine.begin() as db:
        db.execute(update(customer_account).values(window_expires_at=at.clock.now()))
    send_all(at, channel, human_agent=True)
    assert channel.sent == []
    assert at.rows(outbox, "status") == ["expired"]
    ((text, data),) = at.rows(activity, "description", "data", type="message_not_sent")
    assert (text, data["channel"]) == ("Size?", "instagram")
    assert "outside" in data["reason"]


def test_the_platforms_refusal_closes_the_window_at_once(at: Front) -> None:
    channel = Page()
    channel.shut = True
    at.says("/ask")
    send_all(at, channel)
    assert window(at) == at.clock.now()
    assert at.rows(outbox, "status") == ["expired"]
    channel.shut = False
    at.says("40")
    assert window(at) == at.clock.now() + DAY
