"""An hour of steady talk: memory, open files and the write-ahead log must not grow with time.

New people come all the time, a hundred at once, are asked everything and go. What the process
holds is looked at after each hundred; the slopes are over the second half, when caches are full.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from benchmarks.crowd import QUESTIONS, Crowd
from benchmarks.harness import Bound, Result, result, told
from benchmarks.ours import RapportContender

PEOPLE = 100


@dataclass(frozen=True)
class Sample:
    """What the process held at a moment: seconds since the start, MiB, files, MiB of the log."""

    at: float
    memory: float
    files: int
    log: float


async def talk(database: Path, minutes: float) -> tuple[int, list[Sample]]:
    """How many turns there were, and a sample after each hundred people."""
    contender = RapportContender()
    crowd = Crowd(PEOPLE)
    await contender.start(f"sqlite:///{database}", crowd)
    began, samples, turns = monotonic(), [sample(database, 0.0)], 0
    for generation in itertools.count(1):
        async with asyncio.TaskGroup() as group:
            for person in crowd.people:
                group.create_task(_whole_talk(contender, crowd, person.number))
        turns += PEOPLE * (1 + len(QUESTIONS))
        samples.append(sample(database, monotonic() - began))
        if samples[-1].at > minutes * 60:
            break
        crowd = Crowd(PEOPLE, first=generation * PEOPLE)
        contender.meet(crowd)
    await contender.stop()
    return turns, samples


async def _whole_talk(contender: RapportContender, crowd: Crowd, number: int) -> None:
    await contender.turn(crowd.opening(number))
    for question in range(len(QUESTIONS)):
        await contender.turn(crowd.reply(number, question))


def sample(database: Path, at: float) -> Sample:
    """Linux's own figures of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    log = database.with_name(f"{database.name}-wal")
    return Sample(
        at,
        pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - a path that is no folder of ours
        log.stat().st_size / 2**20 if log.exists() else 0.0,
    )


def slope(samples: Sequence[Sample], name: str) -> float:
    """Growth an hour, of the second half."""
    half = samples[len(samples) // 2 :]
    line = statistics.linear_regression(
        [one.at / 3600 for one in half], [getattr(one, name) for one in half]
    )
    return line.slope


def measure(minutes: float) -> list[Result]:
    with TemporaryDirectory() as folder:
        turns, samples = asyncio.run(talk(Path(folder) / "steady.db", minutes))
    last = samples[-1]
    # A line through noise is never quite flat; a leak of one turn in a hundred would be steeper.
    memory = Bound("value", "<=", max(16.0, 0.02 * last.memory))
    return [
        result(f"{minutes:g} minutes of steady talk", turns / last.at, "turns/s"),
        result("memory at the end", last.memory, "MiB"),
        result("memory, growth an hour", slope(samples, "memory"), "MiB/h", bound=memory),
        result(
            "open files, growth an hour",
            slope(samples, "files"),
            "1/h",
            bound=Bound("value", "<=", 1),
        ),
        result("write-ahead log at the end", last.log, "MiB", bound=Bound("value", "<=", 64)),
        result(
            "write-ahead log, growth an hour",
            slope(samples, "log"),
            "MiB/h",
            bound=Bound("value", "<=", 1),
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steady")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--minutes", type=float, default=60.0, help="how long people talk")
    options = parser.parse_args()
    return told(measure(options.minutes), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
