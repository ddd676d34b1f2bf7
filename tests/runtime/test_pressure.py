"""More comes in than is worked off: nothing more is fetched until it is."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from bots.fake import FakeChannel
from crm.database import open_engine
from rapport.runtime import pressure
from rapport.runtime.backoff import Backoff
from rapport.runtime.intake import Origin
from rapport.runtime.poller import Poller
from rapport.runtime.pressure import TOO_OLD, Pressure
from rapport.runtime.reading import Reader
from rapport.runtime.turns import Turned
from tests.support.aio import run
from tests.support.desk import Office
from tests.support.service import until

FLOWS = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]"


class Shelf:
    """Where updates go."""

    def __init__(self) -> None:
        self.taken: list[object] = []

    async def take_in(self, origin: Origin, arrivals: object) -> Turned:
        self.taken.append(arrivals)
        return Turned()


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(FLOWS, url=f"sqlite:///{tmp_path / 'shop.db'}")


def test_a_poller_waits_while_mail_waits_too_long_and_then_goes_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pressure, "LOOK_SECONDS", 0.001)
    office.keep(office.inbound("/start"))
    office.clock.set(office.clock.now() + TOO_OLD + timedelta(seconds=1))
    channel, shelf, engine = FakeChannel(poll_seconds=60), Shelf(), _reading(office)
    looks = Pressure(office.library.business_id, Reader(engine), office.clock)
    poller = Poller(channel, office.origin, shelf, Backoff(0.001, 0.002, lambda: 0.0), looks)
    channel.says("bob", "/start")

    async def main() -> None:
        job = asyncio.create_task(poller.run())
        assert await looks.is_high()
        await asyncio.wait([job], timeout=0.05)
        assert shelf.taken == []
        office.work()
        office.clock.set(office.clock.now() + timedelta(seconds=1))
        await until(lambda: bool(shelf.taken))
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

    run(main())


def test_what_is_held_after_a_fault_or_has_only_just_come_is_no_pressure(office: Office) -> None:
    office.keep(office.inbound("/start"))
    office.clock.set(office.clock.now() + TOO_OLD)
    looks = Pressure(office.library.business_id, Reader(_reading(office)), office.clock)
    assert not run(looks.is_high())


def _reading(office: Office) -> Engine:
    return open_engine(str(office.engine.url), read_only=True)
