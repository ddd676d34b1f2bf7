"""Requests are made by whoever claims them, tried again where it may help, given up in time."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from crm.tables import effect, mail
from rapport.runtime.backoff import Backoff
from rapport.runtime.calls import Call, Stored
from rapport.runtime.performer import LATE, MOST_TRIES, Performer, Reply, after, seconds_for
from rapport.runtime.reading import Reader
from rapport.runtime.writer import InlineWriter
from tests.runtime.test_calls import ANSWER, Shop
from tests.support.aio import run
from tests.support.desk import NOON

BAD = {**ANSWER, "status": 503, "json": None, "error": "it was answered with 503"}
PAUSES = Backoff(2.0, 60.0, lambda: 1.0)


def call(attempts: int = 1, until: float | None = None) -> Call:
    end = None if until is None else NOON + timedelta(seconds=until)
    return Call(1, 1, 1, "1-1", attempts, NOON, Stored(None, "key", end))  # type: ignore[arg-type]  # not looked at


@pytest.mark.parametrize(
    ("attempts", "until", "again_in", "pause"),
    [
        (1, None, 0.0, 2.0),
        (3, None, 0.0, 8.0),
        (1, None, 30.0, 30.0),
        (1, None, None, None),
        (MOST_TRIES, None, 0.0, None),
        (1, 10.0, 0.0, 2.0),
        (1, 2.0, 0.0, None),
        (1, 10.0, 30.0, None),
    ],
)
def test_another_try_is_made_where_it_helps_and_somebody_still_waits(
    attempts: int, until: float | None, again_in: float | None, pause: float | None
) -> None:
    coming = after(call(attempts, until), Reply(BAD, again_in), NOON, PAUSES)
    assert coming.again_at == (None if pause is None else NOON + timedelta(seconds=pause))


def test_a_try_takes_no_longer_than_somebody_waits() -> None:
    assert seconds_for(call(), NOON) == 10.0
    assert seconds_for(call(until=4.0), NOON) == 4.0
    assert seconds_for(call(until=0.1), NOON) == 0.0


def perform(shop: Shop, *replies: Reply) -> list[float]:
    """Let a performer work until an answer is stored; how long each try might take."""
    left, tries, answered = list(replies), [], asyncio.Event()

    async def ask(_: Stored, seconds: float) -> Reply:
        tries.append(seconds)
        return left.pop(0)

    async def main() -> None:
        read: Any = Reader(shop.engine)
        performer = Performer(
            shop.desk, InlineWriter(shop.engine), read, shop.clock, ask, answered.set,
            lambda: None, Backoff(1.0, 1.0, lambda: 1.0), PAUSES,
        )  # fmt: skip
        working = asyncio.create_task(performer.run())
        while not answered.is_set():
            await asyncio.sleep(0)
            due = shop.due()
            if due is not None and len(tries) + len(left) == len(replies) and not working.done():
                # What was put off falls due; what is leased is under way and is not.
                if not performer._under_way and due > shop.clock.now():
                    shop.clock.set(due)
                    performer.look()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    run(main())
    shop.drive.settle_down()
    return tries


def test_an_answer_goes_on_at_once() -> None:
    shop = Shop().asks()
    assert perform(shop, Reply(ANSWER)) == [10.0]
    assert shop.said()[-1] == "It costs 12. Take it?"
    assert shop.rows(effect, "status", "attempts") == [("done", 1)]


def test_a_bad_answer_is_asked_for_again_and_the_good_one_counts() -> None:
    shop = Shop().asks()
    assert perform(shop, Reply(BAD, 0.0), Reply(BAD, 0.0), Reply(ANSWER)) == [10.0, 9.0, 8.0]
    assert shop.said()[-1] == "It costs 12. Take it?"
    assert shop.rows(mail, "kind").count("http") == 1


def test_what_cannot_get_better_is_given_up_at_once() -> None:
    shop = Shop().asks()
    assert len(perform(shop, Reply(BAD))) == 1
    assert shop.said()[-1] == "Not now: it was answered with 503."


def test_a_request_that_nobody_came_to_make_in_time_is_not_made() -> None:
    shop = Shop().asks()
    shop.clock.set(shop.clock.now() + timedelta(seconds=9.9))
    assert perform(shop) == []
    assert shop.said()[-1] == f"Not now: {LATE['error']}."
