"""`rapport run` is killed at random moments while customers talk to it; then everything is counted.

    python -m tests.crash.kill --kills 50 --customers 200 --seed 1

The moments follow from the seed, as far as the machine's own timing lets them. The Bot API server
is in this process; the program is a process of its own, which gets SIGKILL and nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.crowd import PATIENCE, Crowd
from tests.crash.evidence import faults, repeated, unheard
from tests.support.botapi import BotApi
from tests.support.service import Place, Program

PROJECT = Path(__file__).parent / "project"

AT_START = 0.15
"""The share of kills that hit the program while it starts."""

SOON = 0.05
"""Seconds after a message within which the kill comes."""


@dataclass
class Report:
    """What happened, and `faults`: what must not have."""

    seed: int
    customers: int
    kills: int = 0
    kills_at_start: int = 0
    answers: int = 0
    messages: int = 0
    repeated: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.kills} kills ({self.kills_at_start} while it started), "
            f"{self.customers} customers, {self.answers} answers, {self.messages} messages, "
            f"{self.repeated} of them sent twice, {len(self.faults)} faults, {self.seconds:.0f} s"
        )


class Killer:
    """Gives the crowd its words in shares, a life of the program each, and ends the life."""

    def __init__(self, place: Place, crowd: Crowd, seed: int) -> None:
        self._place = place
        self._crowd = crowd
        self._random = random.Random(seed)
        self._start_seconds = 1.0
        self.kills: list[tuple[float, int]] = []
        """When each was, and how many messages had been sent until then."""
        self.at_start = 0

    async def life(self, words: int) -> None:
        """Start the program, let it work off part of what is said, and kill it."""
        program = await Program.start(self._place, self._crowd.api.url)
        try:
            await self._wait_for_the_moment(program, words)
        finally:
            await program.kill()
            self.kills.append((time.time(), len(self._crowd.api.sent)))

    async def last_life(self, talking: asyncio.Task[None]) -> int:
        """Let everybody finish, and the program end by itself: its exit code."""
        program = await self._started()
        self._crowd.allow(self._crowd.words)
        try:
            await self._meanwhile(program, talking)
            return await program.stop()
        finally:
            await program.kill()

    async def _wait_for_the_moment(self, program: Program, words: int) -> None:
        if self._random.random() < AT_START:
            self.at_start += 1
            self._crowd.allow(words)
            await asyncio.sleep(self._random.uniform(0, self._start_seconds))
            return
        await self._is_ready(program)
        goal = self._crowd.heard + self._random.randint(0, words)
        self._crowd.allow(words)
        await self._meanwhile(program, self._crowd.has_heard(goal))
        await asyncio.sleep(self._random.uniform(0, SOON))

    async def _meanwhile(self, program: Program, event: Awaitable[None]) -> None:
        """Wait for what the program brings about. RuntimeError if it ends by itself before."""
        happened = asyncio.ensure_future(event)
        ended = asyncio.create_task(program.ends())
        await asyncio.wait([happened, ended], timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        ended.cancel()
        if not happened.done():
            heard = self._crowd.heard
            raise RuntimeError(f"nothing came after message {heard}: {program.errors[-2000:]}")
        happened.result()

    async def _started(self) -> Program:
        program = await Program.start(self._place, self._crowd.api.url)
        await self._is_ready(program)
        return program

    async def _is_ready(self, program: Program) -> None:
        began = time.monotonic()
        if not await program.is_ready():
            raise RuntimeError(f"the program did not start: {program.errors[-2000:]}")
        self._start_seconds = time.monotonic() - began


async def torment(folder: Path, kills: int, customers: int, seed: int) -> Report:
    """Hold all conversations over so many kills, and look at what is left."""
    began = time.monotonic()
    place = Place(PROJECT, folder)
    async with BotApi(seed=seed) as api:
        crowd = Crowd.of(api, customers)
        killer = Killer(place, crowd, seed)
        talking = asyncio.create_task(crowd.talk())
        share = crowd.words // (kills + 1)
        for _ in range(kills):
            await killer.life(share)
            if talking.done():
                break
        code = await killer.last_life(talking)
        again, unexplained = repeated(api.sent, killer.kills)
        report = Report(
            seed, customers, len(killer.kills), killer.at_start,
            answers=sum(len(customer.answers()) for customer in crowd.customers),
            messages=len(api.sent), repeated=again, seconds=time.monotonic() - began,
        )  # fmt: skip
        report.faults += [f"it ended with code {code}"] if code else []
        report.faults += unexplained
        report.faults += unheard(api.sent, crowd.customers)
    report.faults += faults(place, crowd.customers)
    report.faults += place.violations()
    return report


def main() -> int:
    """Read the arguments, run, print; 1 where something is at fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.kill")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--customers", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    sys.stdout.write(f"seed {given.seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(torment(Path(folder), given.kills, given.customers, given.seed))
    sys.stdout.write("\n".join([*report.faults, str(report), ""]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
