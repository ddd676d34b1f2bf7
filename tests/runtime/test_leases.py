"""Leases: one holder at a time, whatever dies, sleeps or comes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta
from threading import Barrier, Lock, Thread

import pytest
from sqlalchemy import Engine, delete, literal, update

from crm.tables import lease
from rapport.runtime.leases import (
    NOBODY,
    Lease,
    acquire,
    is_current,
    leases_of,
    release,
    renew,
    scheduler_of,
)
from tests.support.database import store_with_tables
from tests.support.desk import NOON

LASTS = timedelta(seconds=10)


class Leases:
    """The table, each call in a transaction of its own, under a clock that is turned."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOON

    def acquire(self, owner: str, name: str = "sender:1") -> Lease | None:
        with self.engine.begin() as db:
            return acquire(db, name, owner, LASTS, self.now)

    def taken(self, owner: str) -> Lease:
        held = self.acquire(owner)
        assert held is not None
        return held

    def renew(self, held: Lease) -> bool:
        with self.engine.begin() as db:
            return renew(db, held, LASTS, self.now)

    def release(self, held: Lease) -> None:
        with self.engine.begin() as db:
            release(db, held, self.now)

    def is_current(self, held: Lease) -> bool:
        with self.engine.begin() as db:
            return is_current(db, held)

    def pass_by(self, time: timedelta = LASTS) -> None:
        """Time goes by; on PostgreSQL, whose clock nobody turns, the leases are made older."""
        self.now += time
        if self.engine.dialect.name == "postgresql":
            with self.engine.begin() as db:
                db.execute(update(lease).values(expires_at=lease.c.expires_at - literal(time)))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with store_with_tables(request.param) as engine:
        yield engine


@pytest.fixture
def leases(store: Engine) -> Leases:
    with store.begin() as db:
        db.execute(delete(lease))
    return Leases(store)


def test_the_second_one_stands_by(leases: Leases) -> None:
    assert leases.taken("a") == Lease("sender:1", "a", 1)
    assert leases.acquire("b") is None
    assert leases.acquire("b", "sender:2") is not None


def test_one_that_expired_goes_to_the_next_with_a_higher_epoch(leases: Leases) -> None:
    old = leases.taken("a")
    leases.pass_by()
    new = leases.taken("b")
    assert (old.epoch, new.epoch) == (1, 2)
    assert not leases.is_current(old)
    assert leases.is_current(new)
    assert not leases.renew(old)


def test_whose_answer_was_lost_on_the_way_takes_it_again(leases: Leases) -> None:
    leases.taken("a")
    assert leases.taken("a").epoch == 2


def test_one_that_was_given_back_is_free_at_once(leases: Leases) -> None:
    leases.release(leases.taken("a"))
    assert leases.taken("b").epoch == 2


def test_one_that_is_renewed_is_kept(leases: Leases) -> None:
    held = leases.taken("a")
    leases.pass_by(LASTS / 2)
    assert leases.renew(held)
    leases.pass_by(LASTS / 2)
    assert leases.acquire("b") is None
    assert leases.is_current(held)


def test_one_that_expired_is_renewed_where_nobody_took_it(leases: Leases) -> None:
    held = leases.taken("a")
    leases.pass_by()
    assert leases.renew(held)
    assert leases.acquire("b") is None


def test_who_lost_it_cannot_give_it_back_in_the_new_holders_place(leases: Leases) -> None:
    old = leases.taken("a")
    leases.pass_by()
    new = leases.taken("b")
    leases.release(old)
    assert leases.is_current(new)
    assert leases.acquire("c") is None


def test_of_eight_that_want_it_at_once_one_gets_it(leases: Leases) -> None:
    together, given, one = Barrier(8), [], Lock()

    def want(owner: str) -> None:
        together.wait()
        # In memory all threads share one connection.
        with one if leases.engine.dialect.name == "sqlite" else nullcontext():
            given.append(leases.acquire(owner))

    threads = [Thread(target=want, args=(f"p{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([held for held in given if held]) == 1


def test_a_business_sees_its_own(leases: Leases) -> None:
    held = leases.acquire("a", scheduler_of(1))
    leases.acquire("a", scheduler_of(2))
    with leases.engine.begin() as db:
        (seen,) = leases_of(db, 1)
    assert held is not None
    assert seen[:3] == ("scheduler:1", "a", 1)
    leases.release(held)
    with leases.engine.begin() as db:
        assert leases_of(db, 1)[0].owner == NOBODY
