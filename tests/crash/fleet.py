"""Many processes serve a crowd on PostgreSQL, and one thing after another goes wrong meanwhile.

    python -m tests.crash.fleet --seed 1 --times 40 --customers 200 --troubles kill,pause

    kill      SIGKILL to a process; another is started in its place
    pause     SIGSTOP for longer than a lease lasts, then SIGCONT
    database  SIGKILL to all of PostgreSQL, which is started again
    cut       every connection to PostgreSQL is lost
    bytes     the same after a number of bytes more, so that it hits any state of the protocol
    slow      every piece on its way to and from PostgreSQL is held up
    full      the disk of PostgreSQL is full for a while
    redis     SIGKILL to Redis, which is started again and knows nothing
    wipe      Redis forgets everything
    lag       every piece on its way to and from Redis is held up

PostgreSQL and Redis are private servers behind proxies. Updates come shuffled, and some of them
twice. At the end everything is counted: nobody's answer lost or applied twice, everything in order,
and sent twice only what was in flight at a trouble.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.crowd import PATIENCE, Crowd
from tests.crash.evidence import faults, repeated, unheard
from tests.support.botapi import BotApi
from tests.support.servers import PostgreSql, Proxy, Redis
from tests.support.service import Place, Program, rapport

EVERY_TROUBLE = ("kill", "pause", "database", "cut", "bytes", "slow", "redis", "wipe", "lag")
"""Those that any machine can make; `full` takes a file system of its own."""

PROJECT = Path(__file__).parent / "project"

LEASE_SECONDS = 2.0

ROOM = 250 * 2**20
"""Bytes that PostgreSQL gets where its disk is to be filled."""

ALL = "poller,worker,sender,scheduler"
FOUR_AND_TWO = ("worker",) * 4 + ("poller,sender,scheduler",) * 2
"""The roles of each process: four take turns, two fetch and send, one of them at a time."""


@dataclass
class Report:
    """What happened, and `faults`: what must not have."""

    seed: int
    processes: int
    customers: int
    troubles: Counter[str] = field(default_factory=Counter)
    answers: int = 0
    messages: int = 0
    repeated: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        troubles = ", ".join(f"{name} {times}" for name, times in sorted(self.troubles.items()))
        return (
            f"seed {self.seed}: {self.processes} processes, {troubles}; {self.customers} "
            f"customers, {self.answers} answers, {self.messages} messages, {self.repeated} of "
            f"them sent twice, {len(self.faults)} faults, {self.seconds:.0f} s"
        )


@dataclass(frozen=True)
class Servers:
    """What the processes need, each behind its proxy."""

    postgresql: PostgreSql
    proxy: Proxy
    redis: Redis
    redis_proxy: Proxy

    @staticmethod
    def why_not() -> str | None:
        """Why there can be none here; None where there can."""
        return PostgreSql.why_not() or Redis.why_not()

    def shop(self, folder: Path) -> Place:
        """The place of a process, which knows only the proxies."""
        settings = {"RAPPORT_REDIS_URL": self.redis.url(self.redis_proxy.port)}
        return Place(PROJECT, folder, settings, server=self.postgresql.url(self.proxy.port))


class Fleet:
    """The processes, and what goes wrong with them. Moments of trouble are kept for the count."""

    def __init__(
        self, shop: Place, crowd: Crowd, roles: Sequence[str], servers: Servers,
        chance: random.Random,
    ) -> None:  # fmt: skip
        self._shop = shop
        self._crowd = crowd
        self._roles = roles
        self._servers = servers
        self._chance = chance
        self._programs: list[Program] = []
        self.moments: list[tuple[float, int]] = []
        self.troubles: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "kill": self._kill,
            "pause": self._pause,
            "database": self._lose_the_database,
            "cut": self._cut,
            "bytes": self._cut_after_some_bytes,
            "slow": self._slow,
            "full": self._fill_the_disk,
            "redis": self._lose_redis,
            "wipe": self._wipe_redis,
            "lag": self._lag,
        }

    async def start(self) -> None:
        for roles in self._roles:
            self._programs.append(await self._started(roles))
        for program in self._programs:
            if not await program.is_ready():
                raise RuntimeError(f"a process did not start: {program.errors[-2000:]}")

    async def stop(self) -> list[int]:
        """SIGTERM to each, once it listens for that: their exit codes."""
        await asyncio.gather(*(program.is_ready() for program in self._programs))
        return list(await asyncio.gather(*(program.stop() for program in self._programs)))

    async def kill_all(self) -> None:
        for program in self._programs:
            program.go_on()
            await program.kill()

    async def look_after(self) -> None:
        """Start those again that found no database as they started, as whoever runs them does.
        RuntimeError where one has ended in any other way."""
        for number, program in enumerate(self._programs):
            if program.exit_code in (None, -signal.SIGKILL):  # at work, or just killed by us
                continue
            if program.exit_code != 1 or "rapport: the database" not in program.errors:
                raise RuntimeError(f"one ended with {program.exit_code}: {program.errors[-3000:]}")
            self._programs[number] = await self._started(self._roles[number])

    # -- troubles

    async def _kill(self) -> None:
        number = self._chance.randrange(len(self._programs))
        await self._programs[number].kill()
        self._note()
        self._programs[number] = await self._started(self._roles[number])

    async def _pause(self) -> None:
        sending = [at for at, roles in enumerate(self._roles) if "sender" in roles]
        program = self._programs[self._chance.choice(sending)]
        program.pause()
        self._note()
        await asyncio.sleep(1.5 * LEASE_SECONDS)
        program.go_on()
        self._note()

    async def _lose_the_database(self) -> None:
        self._servers.postgresql.kill()
        self._note()
        await asyncio.sleep(self._chance.uniform(0, 1.0))
        await asyncio.to_thread(self._servers.postgresql.start)
        self._note()

    async def _cut(self) -> None:
        self._servers.proxy.cut()
        self._note()

    async def _cut_after_some_bytes(self) -> None:
        cuts = self._servers.proxy.cuts
        self._servers.proxy.cut_after = self._chance.randrange(1, 20_000)
        async with asyncio.timeout(PATIENCE):
            while self._servers.proxy.cuts == cuts:  # noqa: ASYNC110 - traffic that has to come
                await asyncio.sleep(0.01)
        self._note()

    async def _slow(self) -> None:
        self._servers.proxy.delay = 0.05
        await asyncio.sleep(self._chance.uniform(0, 2.0))
        self._servers.proxy.delay = 0.0

    async def _fill_the_disk(self) -> None:
        self._note()
        self._servers.postgresql.fill()
        await asyncio.sleep(self._chance.uniform(0.5, 3.0))
        await asyncio.to_thread(self._servers.postgresql.make_room)
        self._note()

    async def _lose_redis(self) -> None:
        self._servers.redis.kill()
        await asyncio.sleep(self._chance.uniform(0, 2.0))
        self._servers.redis.start()

    async def _wipe_redis(self) -> None:
        await asyncio.to_thread(self._servers.redis.wipe)

    async def _lag(self) -> None:
        self._servers.redis_proxy.delay = 0.2
        await asyncio.sleep(self._chance.uniform(0, 2.0))
        self._servers.redis_proxy.delay = 0.0

    def _note(self) -> None:
        self.moments.append((time.time(), len(self._crowd.api.sent)))

    async def _started(self, roles: str) -> Program:
        return await Program.start(
            self._shop, self._crowd.api.url, "worker", "--roles", roles,
            "--lease-seconds", str(LEASE_SECONDS),
        )  # fmt: skip


async def torment(
    folder: Path, seed: int, names: Sequence[str], customers: int,
    roles: Sequence[str] = FOUR_AND_TWO,
) -> Report:  # fmt: skip
    """Hold all conversations over these troubles, and look at what is left."""
    began, chance = time.monotonic(), random.Random(seed)
    report = Report(seed, len(roles), customers)
    room = ROOM if "full" in names else None
    with PostgreSql(room) as server, Redis() as redis:
        async with BotApi(seed=seed) as api, Proxy(server.port) as proxy, Proxy(redis.port) as far:
            shop = Place(PROJECT, folder, server=server.url())
            code, _, errors = await rapport(shop, "apply", str(PROJECT))
            assert code == 0, errors
            crowd = Crowd.of(api, customers, chance)
            servers = Servers(server, proxy, redis, far)
            fleet = Fleet(servers.shop(folder), crowd, roles, servers, chance)
            await _live(fleet, crowd, names, report, chance)
            report.answers = sum(len(customer.answers()) for customer in crowd.customers)
            report.messages = len(api.sent)
            report.repeated, unexplained = repeated(api.sent, fleet.moments)
            report.faults += [*unexplained, *unheard(api.sent, crowd.customers)]
        report.faults += faults(shop, crowd.customers)
        report.faults += shop.violations()
    report.seconds = time.monotonic() - began
    return report


async def _live(
    fleet: Fleet, crowd: Crowd, names: Sequence[str], report: Report, chance: random.Random
) -> None:
    """Give the crowd its words in shares, with a trouble in the middle of each."""
    talking = asyncio.create_task(crowd.talk())
    try:
        await fleet.start()
        share = crowd.words // (len(names) + 1)
        for name in names:
            goal = crowd.heard + chance.randint(0, share)
            crowd.allow(share)
            await _meanwhile(fleet, talking, crowd.has_heard(goal))
            await asyncio.sleep(chance.uniform(0, 0.05))
            await _meanwhile(fleet, talking, fleet.troubles[name]())
            report.troubles[name] += 1
            if talking.done():
                break
        crowd.allow(crowd.words)
        await _meanwhile(fleet, talking, asyncio.wait_for(asyncio.shield(talking), PATIENCE))
        codes = await fleet.stop()
        report.faults += [f"they ended with {codes}"] if any(codes) else []
    finally:
        talking.cancel()
        await fleet.kill_all()


async def _meanwhile(
    fleet: Fleet, talking: asyncio.Task[None], event: Coroutine[Any, Any, Any]
) -> None:
    """Wait for what the processes bring about. RuntimeError if one ends by itself before."""
    happening = asyncio.create_task(event)
    try:
        async with asyncio.timeout(PATIENCE):
            while not happening.done():
                await asyncio.wait([happening], timeout=0.2)
                if talking.done():
                    talking.result()
                await fleet.look_after()
        happening.result()
    finally:
        happening.cancel()


def main() -> int:
    """Read the arguments, run, print; 1 where something is at fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.fleet")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--times", type=int, default=40, help="troubles in all")
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--troubles", default=",".join(EVERY_TROUBLE))
    given = parser.parse_args()
    # Told to stop, it ends its servers first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    reason = Servers.why_not()
    if "full" in given.troubles.split(","):
        reason = reason or PostgreSql.why_not_limited()
    if reason is not None:
        sys.stdout.write(f"not run: {reason}\n")
        return 0
    sys.stdout.write(f"seed {given.seed}\n")
    sys.stdout.flush()
    names = random.Random(given.seed).choices(given.troubles.split(","), k=given.times)
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(torment(Path(folder), given.seed, names, given.customers))
    sys.stdout.write("\n".join([*report.faults, str(report), ""]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
