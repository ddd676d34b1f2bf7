"""A process dies at every commit, every sending and every acknowledgement of a whole conversation.

    python -m tests.crash.points --seed 1 --rounds 1

First the conversation is held undisturbed, and what the process does is written down: each thing is
two points, just before it, and just after it before anybody knows. Then it is held again until the
process has died at every point: at one of them in each step, and each time a new process on the
same database goes on. People must hear the same in the same order; only what was in flight at a
death may come twice. `--rounds`: so often each point, beside other ones by the seed.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import structlog

from tests.crash.mortal import Died, Fate, Point
from tests.crash.script import Life, World

PATIENCE = 30.0
"""Seconds after which a message that did not come is lost."""


@dataclass
class Report:
    """What was tried, and `faults`: what must not have happened."""

    seed: int
    points: int = 0
    kinds: int = 0
    conversations: int = 0
    deaths: int = 0
    messages: int = 0
    repeated: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.points} points of {self.kinds} kinds, {self.deaths} deaths "
            f"in {self.conversations} conversations, {self.messages} messages, "
            f"{self.repeated} of them sent twice, {len(self.faults)} faults"
        )


async def live(world: World, fate: Fate) -> None:
    """One process, from its start until the script has ended or it has died."""
    try:
        life = Life(world, fate)
    except Died:
        return
    talking = asyncio.create_task(world.talk(life))
    dying = asyncio.create_task(fate.died.wait())
    ended, _ = await asyncio.wait(
        [talking, dying, *life.jobs], return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE
    )
    talking.cancel()
    dying.cancel()
    await life.end()
    if fate.end is not None:
        return
    if not ended:
        raise TimeoutError(f"nothing more came after {world.heard()}")
    for job in ended:
        job.result()


def hold(folder: Path, ends: Collection[Point]) -> tuple[World, list[Fate]]:
    """The conversation, by processes that die at these points, and a last one that lives."""
    world = World(folder)
    fates: list[Fate] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the dead say so again
        left = set(ends)
        while not fates or fates[-1].end is not None:
            fate = Fate(left, world.step)
            fates.append(fate)
            await live(world, fate)
            left.discard(fate.end)
            world.look_back(died=fate.end is not None)

    with structlog.testing.capture_logs():
        asyncio.run(main())
    return world, fates


def torment(folder: Path, seed: int, rounds: int = 1) -> Report:
    """Die at every point, `rounds` times; see Report."""
    report, chance = Report(seed), random.Random(seed)
    calm, (fate,) = hold(folder / "calm", ())
    report.faults += calm.faults
    report.points = len(fate.passed)
    report.kinds = len({(point.what, point.side) for point in fate.passed})
    left = [point for point in fate.passed for _ in range(rounds)]
    chance.shuffle(left)
    while left and not report.faults:
        plan = {point.step: point for point in left}  # one for each step
        report.conversations += 1
        world, fates = hold(folder / str(report.conversations), plan.values())
        died = [fate.end for fate in fates if fate.end is not None]
        for point in died:
            left.remove(point)
        report.deaths += len(died)
        report.messages += len(world.channel.sent)
        report.repeated += world.in_flight
        report.faults += [] if died else [f"it never came to {left}"]
        report.faults += [f"{', '.join(map(str, died))}: {fault}" for fault in world.faults]
        if told_once(world) != told_once(calm):
            report.faults.append(f"{', '.join(map(str, died))}: people heard {world.heard()}")
    return report


def told_once(world: World) -> dict[str, list[str]]:
    """What each person heard, where what came twice in a row counts once."""
    told: dict[str, list[str]] = {}
    for peer, text in world.heard():
        told.setdefault(peer, []).append(text)
    return {peer: [text for text, _ in groupby(texts)] for peer, texts in told.items()}


def main() -> int:
    """Read the arguments, run, print; 1 where something is at fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.points")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = torment(Path(folder), given.seed, given.rounds)
    sys.stdout.write("\n".join([*report.faults, str(report), ""]))
    return 1 if report.faults else 0


if __name__ == "__main__":
    sys.exit(main())
