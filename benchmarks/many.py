"""One, two and four worker processes on PostgreSQL, beside the hand-written bots on PostgreSQL.

This process polls and sends, with the channel stubbed at the wire; each worker is a process of its
own that is told of work through Redis. A turn counts when it is committed, sent, and marked so.
"""

import asyncio
import json
import os
import signal
import statistics
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from unittest.mock import patch

import structlog
from aiogram import Bot

from benchmarks.contender import Contender, Stats
from benchmarks.crowd import BOT_TOKEN, Crowd
from benchmarks.harness import Bound, Result, alternate, result, run_alone
from benchmarks.lead_capture import Field, Load
from benchmarks.ours import PROJECT, CountingSender, check_stored, peer_of
from benchmarks.peers.aiogram_contender import AiogramContender
from benchmarks.peers.ptb_contender import PtbContender
from benchmarks.stores import postgres_databases
from benchmarks.wire import Wire
from bots.channel import Account, Fetched
from bots.limits import UNPACED
from bots.telegram_aiogram import TelegramAiogram
from crm import migrations
from crm.database import open_engine
from engine.limits import TELEGRAM_UPDATES
from rapport import jobs
from rapport.build import applied, applying
from rapport.jobs import Line
from rapport.process import Process
from rapport.project import read_project
from rapport.roles import Role

REDIS = os.environ.get("RAPPORT_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")
LOAD = Load(opened=2_000, walked=1_000)
IN_FLIGHT = 256
KEY = read_project(PROJECT).business.key


class FedTelegram(TelegramAiogram):
    """Telegram whose updates are handed in; what is sent goes over the wire."""

    def __init__(self, crowd: Crowd) -> None:
        super().__init__(Bot(BOT_TOKEN, session=Wire(crowd)))
        self._arrived: list[Any] = []
        self._arrival = asyncio.Event()

    def feed(self, raw: Any) -> None:
        self._arrived.append(raw)
        self._arrival.set()

    async def open(self) -> Account:
        return Account(self.account, "lotus_bot")

    async def fetch(self, offset: int | None) -> Fetched:  # noqa: ARG002 - nothing to confirm
        await self._arrival.wait()
        batch = self._arrived[: TELEGRAM_UPDATES.value]
        del self._arrived[: len(batch)]
        if not self._arrived:
            self._arrival.clear()
        return Fetched(batch, None)


class ManyProcesses:
    """A poller and sender in this process, and `workers` others that take the turns."""

    def __init__(self, workers: int) -> None:
        self.name = f"Rapport, {workers} worker{'s' * (workers != 1)}"
        self._count = workers

    async def start(self, url: str, crowd: Crowd) -> None:
        engine = open_engine(url)
        migrations.upgrade(engine)
        with engine.begin() as db:
            applying(read_project(PROJECT)).find(db, datetime.now(UTC))
        engine.dispose()
        self._channel = FedTelegram(crowd)
        self._sender: asyncio.Future[CountingSender] = asyncio.get_running_loop().create_future()
        self._workers = [await self._worker(url) for _ in range(self._count)]
        with patch.object(jobs, "Sender", self._make_sender):
            self._process = Process(
                url, applied(KEY), [Line(self._channel, UNPACED)],
                roles=frozenset({Role.POLLER, Role.SENDER}), redis_url=REDIS,
            )  # fmt: skip
            self._running = asyncio.create_task(self._process.run(lambda *_: None))
            await self._sender

    async def _worker(self, url: str) -> asyncio.subprocess.Process:
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "benchmarks.many", "--worker", url, stdout=asyncio.subprocess.PIPE
        )
        assert worker.stdout is not None
        await worker.stdout.readline()
        return worker

    def _make_sender(self, *args: Any, **options: Any) -> CountingSender:
        """Made once its lease is taken."""
        sender = CountingSender(*args, **options)
        self._sender.set_result(sender)
        return sender

    async def turn(self, update: str) -> None:
        raw = json.loads(update)
        done = asyncio.get_running_loop().create_future()
        (await self._sender).turns[peer_of(raw)] = done
        self._channel.feed(raw)
        await done

    async def stop(self) -> None:
        for worker in self._workers:
            worker.send_signal(signal.SIGTERM)
        self._process.stop()
        await self._running
        for worker in self._workers:
            await worker.wait()

    def check(self, url: str, crowd: Crowd, walked: int) -> None:
        check_stored(url, crowd, walked)


async def work(url: str) -> None:
    """What a worker's process does, until SIGTERM."""
    line = Line(FedTelegram(Crowd(0)), UNPACED)
    process = Process(url, applied(KEY), [line], roles=frozenset({Role.WORKER}), redis_url=REDIS)
    await process.run(lambda *_: print("ready", flush=True))


def measure(rounds: int) -> list[Result]:
    peers: dict[str, Contender] = {"aiogram": AiogramContender(), "ptb": PtbContender()}
    ours: dict[str, Contender] = {f"ours{count}": ManyProcesses(count) for count in (1, 2, 4)}
    contenders = peers | ours
    with postgres_databases() as store:
        field = Field(store, LOAD)
        for side, contender in (peers | {"ours": ManyProcesses(2)}).items():
            field.prepare(side, contender)
        runs = {
            side: partial(field.run, "ours" if side in ours else side, contender, IN_FLIGHT)
            for side, contender in contenders.items()
        }
        stats = alternate(runs, rounds)
    return _judged(contenders, {side: _rate(found) for side, found in stats.items()})


def _judged(contenders: Mapping[str, Contender], rates: Mapping[str, float]) -> list[Result]:
    lines = [
        result(f"PostgreSQL: {contenders['ptb'].name}", rates["ptb"], "turns/s"),
    ]
    for side in ("ours1", "ours2", "ours4"):
        bound = Bound("ratio", ">=", 10) if side == "ours2" else None
        name = f"PostgreSQL: {contenders[side].name}, beside {contenders['aiogram'].name}"
        lines.append(result(name, rates[side], "turns/s", peer=rates["aiogram"], bound=bound))
    return lines


def _rate(runs: list[Stats]) -> float:
    return statistics.median(run.rate for run in runs)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
        asyncio.run(work(sys.argv[2]))
        sys.exit(0)
    sys.exit(run_alone("many", measure))
