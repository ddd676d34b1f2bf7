"""Redis at its worst: missing, killed, wiped, hanging. It costs latency, and one line is said."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog

from rapport.roles import EVERY_ROLE
from rapport.runtime.backoff import Backoff
from rapport.runtime.tasks import DRAIN, Task
from rapport.spreading import Spread, spread_by_redis
from tests.support.aio import run
from tests.support.needs import need
from tests.support.servers import Redis
from tests.support.service import until


@pytest.fixture
def server() -> Iterator[Redis]:
    """Not started yet."""
    need(Redis.why_not())
    server = Redis()
    yield server
    server.kill()
    # taskiq-redis leaves the pipeline of an interrupted look to the collector, which complains.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def started(server: Redis) -> Redis:
    server.start()
    return server


class Peer:
    """A process as Redis sees it: it counts its drains, and keeps the accounts it is told of."""

    def __init__(self, server: Redis, name: str, prefix: str = "rapport:shop:1") -> None:
        self.drains = 0
        self.done: list[int] = []
        self.filled: list[int] = []
        known: dict[str, Task] = {DRAIN: self._drain, "count": self.done.append}
        self.spread: Spread = spread_by_redis(server.url(), prefix, name, known, _quick)

    def _drain(self) -> None:
        self.drains += 1

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[Peer]:
        jobs = [
            asyncio.create_task(job) for job in self.spread.jobs(EVERY_ROLE, self.filled.append)
        ]
        try:
            yield self
        finally:
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
            await self.spread.close()
            for job in jobs:
                if not job.cancelled():
                    job.result()


def _quick(_first: float, _most: float) -> Backoff:
    return Backoff(0.02, 0.1, lambda: 1.0)


async def told(one: Peer, *others: Peer) -> None:
    """Until each kind of wake-up that `one` gives is noticed: some on the way may be lost."""
    drains, filled = sum(item.drains for item in others), [len(item.filled) for item in others]

    def is_noticed() -> bool:
        one.spread.wakeups.mail_waits()
        one.spread.wakeups.outbox_filled(7)
        heard = all(len(item.filled) > many for item, many in zip(others, filled, strict=True))
        return heard and sum(item.drains for item in (one, *others)) > drains

    await until(is_noticed, 20)


def said(lines: list[Any], *events: str) -> list[str]:
    return [line["event"] for line in lines if line["event"] in events]


def test_mail_wakes_one_worker_and_a_filled_outbox_every_sender(server: Redis) -> None:
    async def main() -> None:
        one, other = Peer(started(server), "one"), Peer(server, "other")
        async with one.at_work(), other.at_work():
            await told(one, one, other)
            assert set(one.filled) == set(other.filled) == {7}

    run(main())


def test_two_installations_share_a_redis_and_hear_nothing_of_each_other(
    server: Redis,
) -> None:
    async def main() -> None:
        one, stranger = Peer(started(server), "one"), Peer(server, "stranger", "rapport:other:1")
        async with one.at_work(), stranger.at_work():
            await told(one, one)
            assert stranger.filled == []
            assert stranger.drains == 0

    run(main())


@pytest.mark.parametrize("trouble", ["missing", "killed", "wiped"])
def test_redis_comes_back_and_all_is_as_before(
    server: Redis, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.runtime.redis_link.STEADY_SECONDS", 0.3)

    async def main() -> None:
        one = Peer(server if trouble == "missing" else started(server), "one")
        async with one.at_work():
            if trouble != "missing":
                await told(one, one)
            if trouble == "killed":
                server.kill()
            elif trouble == "wiped":
                server.wipe()
            await until(lambda: said(lines, "redis_lost") != [])
            if trouble != "wiped":
                server.start()
            await told(one, one)
            await until(lambda: said(lines, "redis_back") != [])

    with structlog.testing.capture_logs() as lines:
        run(main())
    assert said(lines, "redis_lost", "redis_back") == ["redis_lost", "redis_back"]


def link_is_up(peer: Peer) -> bool:
    assert peer.spread.link is not None
    return peer.spread.link.is_up


def test_that_redis_is_back_is_noticed_though_there_is_nothing_to_tell(server: Redis) -> None:
    async def main() -> None:
        one = Peer(server, "one")
        async with one.at_work():
            await one.spread.tasks.give(DRAIN)
            one.spread.wakeups.outbox_filled(7)
            await until(lambda: not link_is_up(one))
            server.start()
            await until(lambda: link_is_up(one))

    run(main())


def test_a_task_that_redis_does_not_take_is_done_here_and_a_drain_is_not(
    server: Redis,
) -> None:
    async def main() -> None:
        one = Peer(server, "one")
        await one.spread.tasks.give("count", 5)
        await one.spread.tasks.give(DRAIN)
        assert one.done == [5]
        assert one.drains == 0
        await one.spread.close()

    run(main())


def test_a_task_is_done_by_one_of_the_workers(server: Redis) -> None:
    async def main() -> None:
        one, other = Peer(started(server), "one"), Peer(server, "other")
        async with one.at_work(), other.at_work():
            await told(one, one, other)
            for number in range(20):
                await one.spread.tasks.give("count", number)
            await until(lambda: len(one.done) + len(other.done) >= 20)
            assert sorted(one.done + other.done) == list(range(20))

    run(main())


def test_a_redis_that_hangs_holds_nobody_up(server: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waking others up returns at once; a task is done here after the time that it may take."""
    for module in ("broker", "redis_wakeups", "redis_link"):
        monkeypatch.setattr(f"rapport.runtime.{module}.TELL_SECONDS", 0.1)

    async def main() -> None:
        one = Peer(started(server), "one")
        async with one.at_work():
            await told(one, one)
            server.hang()
            one.spread.wakeups.mail_waits()
            await one.spread.tasks.give("count", 1)
            assert one.done == [1]
            assert not link_is_up(one)
            server.wake()
            await told(one, one)

    run(main())
