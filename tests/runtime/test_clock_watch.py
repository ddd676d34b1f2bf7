"""A clock that jumps or differs from the database's is not believed, and that is said once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from crm.database import DatabaseUnavailable
from rapport.runtime.clock_watch import BIG, CALM, ClockWatch
from rapport.runtime.reading import Reader
from tests.support.aio import run
from tests.support.desk import NOON


class Machine(Reader):
    """Its wall clock, its monotonic seconds, and a database whose clock is right."""

    def __init__(self) -> None:
        self.wall, self.seconds, self.server = NOON, 1_000.0, NOON
        self.is_away = False

    def now(self) -> datetime:
        return self.wall

    def passes(self, time: timedelta) -> None:
        self.wall, self.server = self.wall + time, self.server + time
        self.seconds += time.total_seconds()

    def __call__(self, f: Callable[[Any], Any]) -> Any:
        if self.is_away:
            raise DatabaseUnavailable("away")
        return self.server


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def watch(machine: Machine) -> ClockWatch:
    return ClockWatch(machine, lambda: machine.seconds, machine)


def test_time_that_passes_is_no_jump_however_much_of_it(
    machine: Machine, watch: ClockWatch
) -> None:
    """A machine that slept for a day: the monotonic seconds that we read go on meanwhile."""
    for time in (timedelta(seconds=1), timedelta(days=1)):
        machine.passes(time)
        watch.look()
        assert watch.doubt == ""


def test_a_jump_forward_holds_what_is_scheduled_until_the_clock_has_been_calm(
    machine: Machine, watch: ClockWatch
) -> None:
    with capture_logs() as logs:
        machine.wall += timedelta(days=1)
        watch.look()
        assert watch.doubt == "it jumped ahead"
        machine.passes(CALM - timedelta(seconds=1))
        watch.look()
        assert watch.doubt
        machine.passes(timedelta(seconds=1))
        watch.look()
    assert watch.doubt == ""
    said = [entry["event"] for entry in logs]
    assert said == ["clock_jumped", "clock_not_believed", "clock_believed_again"]


def test_a_jump_back_makes_nothing_due_and_ends_the_distrust_of_the_one_before(
    machine: Machine, watch: ClockWatch
) -> None:
    machine.wall += timedelta(hours=1)
    watch.look()
    machine.wall -= timedelta(hours=1)
    watch.look()
    assert watch.doubt == ""


def test_a_clock_that_is_set_by_little_is_believed(machine: Machine, watch: ClockWatch) -> None:
    machine.wall += BIG - timedelta(seconds=1)
    watch.look()
    assert watch.doubt == ""


def test_a_clock_that_differs_from_the_databases_is_not_believed_while_it_does(
    machine: Machine, watch: ClockWatch
) -> None:
    machine.wall += timedelta(minutes=2)
    run(watch.compare())
    assert watch.doubt == "0:02:00 ahead of the database's clock"
    machine.is_away = True
    run(watch.compare())
    assert watch.doubt
    machine.is_away, machine.server = False, machine.wall
    run(watch.compare())
    assert watch.doubt == ""


def test_summer_time_is_none_of_its_business(machine: Machine, watch: ClockWatch) -> None:
    """The wall clock that is watched is in UTC, which has no gap and no fold."""
    machine.wall = machine.server = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    watch = ClockWatch(machine, lambda: machine.seconds, machine)
    machine.passes(timedelta(seconds=2))
    watch.look()
    assert watch.doubt == ""
