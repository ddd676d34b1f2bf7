"""Who holds a lease may act, and stops by itself before another one begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pytest
import structlog
from sqlalchemy import Engine, delete, literal, select, update

from crm.tables import lease
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import SystemClock
from rapport.runtime.leases import NOBODY, Lease, sender_of
from rapport.runtime.tenure import Alone, LeaseKeeper, Tenure
from tests.support.aio import run
from tests.support.database import store_with_tables
from tests.support.service import until

SECONDS = 0.3
NAME = sender_of(1)


@pytest.fixture(scope="module")
def store() -> Iterator[Engine]:
    with store_with_tables("postgresql") as engine:
        yield engine


@pytest.fixture
def engine(store: Engine) -> Engine:
    with store.begin() as db:
        db.execute(delete(lease))
    return store


class Machine:
    """A process with a lease keeper, whose monotonic clock may jump as after a sleep."""

    def __init__(self, engine: Engine, owner: str) -> None:
        self.slept = 0.0
        self.tenures: list[Tenure] = []
        self.ended = 0
        self.keeper = LeaseKeeper(
            engine, owner, SystemClock(), Backoff(0.01, 0.02, lambda: 1.0), seconds=SECONDS,
            monotonic=lambda: asyncio.get_running_loop().time() + self.slept,
        )  # fmt: skip

    async def job(self, tenure: Tenure) -> None:
        self.tenures.append(tenure)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1

    def works(self, job: Callable[[Tenure], Awaitable[None]] | None = None) -> asyncio.Task[None]:
        return asyncio.create_task(self.keeper.keep(NAME, job or self.job))

    def is_at_work(self) -> bool:
        return len(self.tenures) > self.ended


async def stopped(*jobs: asyncio.Task[None]) -> None:
    for job in jobs:
        job.cancel()
    await asyncio.gather(*jobs, return_exceptions=True)


def test_a_holder_keeps_its_lease_and_another_one_stands_by_until_it_stops(engine: Engine) -> None:
    async def main() -> None:
        one, other = Machine(engine, "one"), Machine(engine, "other")
        first = one.works()
        await until(one.is_at_work)
        second = other.works()
        began = asyncio.get_running_loop().time()
        # Renewals beyond the end of the first term.
        await until(lambda: asyncio.get_running_loop().time() > began + 2 * SECONDS)
        assert one.is_at_work()
        assert not other.is_at_work()
        assert one.keeper.held() == {NAME: 1}
        await stopped(first)
        await until(other.is_at_work)
        assert not one.is_at_work()
        await stopped(second)

    run(main())
    with engine.begin() as db:
        assert db.execute(select(lease.c.owner, lease.c.epoch)).one() == (NOBODY, 2)


def test_who_was_asleep_may_not_act_and_ends_when_another_one_has_taken_over(
    engine: Engine,
) -> None:
    async def main() -> None:
        one, other = Machine(engine, "one"), Machine(engine, "other")
        first = one.works()
        await until(one.is_at_work)
        # As after SIGSTOP: this clock has gone on, nothing else has run.
        one.slept += 10
        with engine.begin() as db:
            db.execute(update(lease).values(expires_at=lease.c.expires_at - literal(LONG)))
        assert not one.tenures[0].holds()
        second = other.works()
        await until(other.is_at_work)
        await until(lambda: not one.is_at_work())
        assert other.tenures[0].lease == Lease(NAME, "other", 2)
        await stopped(first, second)

    with structlog.testing.capture_logs() as lines:
        run(main())
    assert [line["reason"] for line in lines if line["event"] == "lease_lost"] == [
        "another process has it"
    ]


def test_who_was_asleep_goes_on_where_nobody_has_taken_over(engine: Engine) -> None:
    async def main() -> None:
        one = Machine(engine, "one")
        first = one.works()
        await until(one.is_at_work)
        one.slept += 10
        assert not one.tenures[0].holds()
        await until(lambda: one.tenures[0].holds())
        assert one.ended == 0
        await stopped(first)

    run(main())


def test_without_the_database_the_job_ends_before_the_lease_does(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        one = Machine(engine, "one")
        first = one.works()
        await until(one.is_at_work)
        with monkeypatch.context() as gone:
            gone.setattr("rapport.runtime.tenure.renew", _lost)
            gone.setattr("rapport.runtime.tenure.acquire", _lost)
            await until(lambda: not one.is_at_work())
        await until(one.is_at_work)
        await stopped(first)

    with structlog.testing.capture_logs() as lines:
        run(main())
    events = [line["event"] for line in lines]
    assert events.count("lease_not_renewed") == 1
    assert events.count("lease_lost") == 1
    assert events.count("lease_taken") == 2


def test_what_the_job_raises_is_raised_and_the_lease_is_free(engine: Engine) -> None:
    async def fail(_: Tenure) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await Machine(engine, "one").works(fail)

    run(main())
    with engine.begin() as db:
        assert db.execute(select(lease.c.owner)).scalar_one() == NOBODY


def test_who_is_alone_needs_no_lease() -> None:
    seen: list[bool] = []

    async def job(tenure: Tenure) -> None:
        seen.append(tenure.holds() and tenure.lease is None)

    run(Alone().keep(NAME, job))
    assert seen == [True]


LONG = timedelta(days=1)


def _lost(*_: object) -> None:
    from crm.database import DatabaseUnavailable

    raise DatabaseUnavailable("the connection to the database was lost")
