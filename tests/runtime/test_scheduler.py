"""The scheduler wakes ticks while its lease lasts, whatever one of them raises."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from rapport.runtime.clock_watch import CALM, ClockWatch
from rapport.runtime.scheduler import Tick, wake
from rapport.runtime.tenure import FOR_GOOD, Tenure
from tests.runtime.test_clock_watch import Machine
from tests.support.aio import run
from tests.support.service import until

SOON = timedelta(seconds=0.05)


class Counted:
    """A tick that counts, and fails as long as it is told to."""

    def __init__(self, name: str = "tick") -> None:
        self.times = 0
        self.fails = False
        self.tick = Tick(name, SOON, self.do)

    async def do(self) -> None:
        self.times += 1
        if self.fails:
            raise OSError("the disk is on fire")


async def scheduled(
    *ticks: Counted, tenure: Tenure = FOR_GOOD, machine: Machine | None = None
) -> asyncio.Task[None]:
    machine = machine or Machine()
    watch = ClockWatch(machine, lambda: machine.seconds, machine)
    return asyncio.create_task(wake([item.tick for item in ticks], tenure, watch, jitter=0))


def test_ticks_are_woken_again_and_again_until_it_is_cancelled() -> None:
    async def main() -> int:
        one, two = Counted("one"), Counted("two")
        job = await scheduled(one, two)
        await until(lambda: one.times >= 3 and two.times >= 3)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
        return one.times

    assert run(main()) >= 3


def test_a_tick_that_fails_is_told_of_once_and_holds_up_no_other() -> None:
    async def main() -> None:
        bad, good = Counted("bad"), Counted("good")
        bad.fails = True
        job = await scheduled(bad, good)
        await until(lambda: bad.times >= 3 and good.times >= 3)
        bad.fails = False
        await until(lambda: bool(told("tick_works_again")))
        job.cancel()

    with structlog.testing.capture_logs() as lines:

        def told(event: str) -> list[object]:
            return [line["tick"] for line in lines if line["event"] == event]

        run(main())
        assert told("tick_failed") == ["bad"]
        assert told("tick_works_again") == ["bad"]


def test_who_does_not_hold_the_lease_any_more_wakes_nothing() -> None:
    async def main() -> None:
        over, mine = Counted(), Counted()
        lost = await scheduled(over, tenure=Tenure(None, 0.0, lambda: 1.0))
        job = await scheduled(mine)
        await until(lambda: mine.times >= 3)
        assert over.times == 0
        lost.cancel()
        job.cancel()

    run(main())


def test_nothing_is_woken_by_a_clock_that_jumped_ahead_until_it_has_been_calm() -> None:
    """Old rows would be deleted by a clock that is wrong."""

    async def main() -> None:
        machine, held, free = Machine(), Counted("held"), Counted("free")
        jumping = await scheduled(held, machine=machine)
        job = await scheduled(free)
        await until(lambda: held.times >= 1)
        machine.wall += timedelta(days=100)
        before, passed = held.times, free.times
        await until(lambda: free.times >= passed + 3)
        assert held.times == before
        machine.passes(CALM)
        await until(lambda: held.times > before)
        jumping.cancel()
        job.cancel()

    run(main())
