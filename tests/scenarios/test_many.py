"""Many processes at work for one business, as programs, on PostgreSQL with and without Redis."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from crm.tables import lease, slot_index
from rapport.runtime.leases import NOBODY
from tests.support.aio import run
from tests.support.botapi import BotApi
from tests.support.database import empty_database
from tests.support.needs import need
from tests.support.servers import Redis
from tests.support.service import Place, Program, rapport, until

RULES = Path(__file__).parent / "projects" / "rules"

QUESTION, THANKS = "What is your first name?", "Thank you."


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Place]:
    project = tmp_path / "rules"
    shutil.copytree(RULES, project)
    with empty_database() as url:
        yield Place(project, tmp_path, server=url)


@pytest.fixture
def redis() -> Iterator[Redis]:
    need(Redis.why_not())
    with Redis() as server:
        yield server


@asynccontextmanager
async def at_work(shop: Place, api: BotApi, *roles: str) -> AsyncIterator[list[Program]]:
    """A process for each of these roles, all of them ready; killed at the end."""
    code, _, errors = await rapport(shop, "apply")
    assert code == 0, errors
    programs = await asyncio.gather(
        *(Program.start(shop, api.url, "worker", "--roles", role) for role in roles)
    )
    try:
        for program in programs:
            assert await program.is_ready(), program.errors
        yield list(programs)
    finally:
        for program in programs:
            await program.kill()


def test_who_fetches_who_takes_turns_and_who_sends_are_three_processes(
    shop: Place, redis: Redis
) -> None:
    """The worker builds indexes that the scheduler asks for, and all follow what is applied; told
    to stop, they end well and give their leases back."""
    shop.settings["RAPPORT_REDIS_URL"] = redis.url()

    async def main() -> None:
        async with (
            BotApi() as api,
            at_work(shop, api, "poller", "worker", "sender,scheduler") as programs,
        ):
            sara = api.user(7)
            sara.says("/name")
            assert [message["text"] for message in await sara.waits_for(1, 60)] == [QUESTION]
            redis.wipe()
            sara.says("Sara")
            assert (await sara.waits_for(2, 60))[-1]["text"] == THANKS
            built = select(slot_index.c.slot).where(slot_index.c.built_at.is_(None))
            await until(lambda: shop.rows(built) == [])
            change(shop, THANKS, "Thanks a lot.")
            code, _, errors = await rapport(shop, "apply")
            assert code == 0, errors
            # All of them write to one log.
            await until(lambda: programs[0].errors.count("apply_followed") == len(programs))
            sara.says("/name")
            sara.says("Sara")
            assert (await sara.waits_for(4, 60))[-1]["text"] == "Thanks a lot."
            assert await asyncio.gather(*(one.stop() for one in programs)) == [0, 0, 0]

    run(main(), seconds=180)
    assert shop.violations() == []
    assert set(shop.rows(select(lease.c.owner))) == {(NOBODY,)}


def test_one_goes_on_for_another_that_was_stopped_and_it_needs_no_redis(shop: Place) -> None:
    async def main() -> None:
        every = "poller,worker,sender,scheduler"
        async with BotApi() as api, at_work(shop, api, every, every) as (one, other):
            sara = api.user(7)
            sara.says("/name")
            await sara.waits_for(1, 60)
            holder = one if f":{one.pid}:" in shop.rows(select(lease.c.owner))[0][0] else other
            left = other if holder is one else one
            _, findings, _ = await rapport(shop, "doctor", "--format", "csv", api_base=api.url)
            assert f":{holder.pid}:" in next(
                line for line in findings.splitlines() if line.startswith("ok,leases,")
            )
            assert await holder.stop() == 0
            sara.says("Sara")
            assert (await sara.waits_for(2, 60))[-1]["text"] == THANKS
            assert await left.stop() == 0

    run(main(), seconds=180)
    assert shop.violations() == []


def test_on_sqlite_one_process_does_everything(tmp_path: Path) -> None:
    async def main() -> tuple[int, str, str]:
        return await rapport(Place(RULES, tmp_path), "worker", api_base="http://127.0.0.1:1")

    code, _, errors = run(main(), seconds=60)
    assert code == 2
    assert "`rapport run`" in errors


def test_an_unknown_role_is_named(tmp_path: Path) -> None:
    async def main() -> tuple[int, str, str]:
        return await rapport(Place(RULES, tmp_path), "worker", "--roles", "worker,baker")

    code, _, errors = run(main(), seconds=60)
    assert code == 2
    assert "'baker'" in errors


def change(shop: Place, old: str, new: str) -> None:
    """Somebody edits the project's flows."""
    for file in shop.project.rglob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        if file.name != "crm.yaml" and old in text:
            file.write_text(text.replace(old, new), encoding="utf-8")
