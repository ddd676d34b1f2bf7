"""The long form of every fault programme, one after another, and totals at the end.

    python -m tests.crash --minutes 60

Each programme gets its share of the time, in rounds with other seeds; a round that is at fault says
with which seed and command it can be had again.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from tests.crash import fleet, kill, machine, overload, points, worst
from tests.support.servers import PostgreSql


class Round(NamedTuple):
    """What one round counted, and what must not have happened."""

    counts: Counter[str]
    faults: list[str]
    line: str


class Programme(NamedTuple):
    """share: of all the time. hold: one round, by its folder and seed. why_not: why it cannot be
    held on this machine; None where it can."""

    command: str
    share: int
    hold: Callable[[Path, int], Round]
    why_not: Callable[[], str | None] = lambda: None


def _points(folder: Path, seed: int) -> Round:
    found = points.torment(folder, seed)
    counts = Counter(deaths=found.deaths, messages=found.messages, sent_twice=found.repeated)
    return Round(counts, found.faults, str(found))


def _machine(_: Path, seed: int) -> Round:
    return _of_machine(seed, "sqlite", 150)


def _machine_on_postgresql(_: Path, seed: int) -> Round:
    return _of_machine(seed, "postgresql", 50)


def _of_machine(seed: int, store: str, examples: int) -> Round:
    found = machine.torment(examples, seed, store)
    counts = Counter(stories=found.stories, deaths=found.deaths, messages=found.messages)
    return Round(counts, [], f"seed {seed}: {found} on {store}, 0 faults")


def _kill(folder: Path, seed: int) -> Round:
    found = asyncio.run(kill.torment(folder, 20, 100, seed))
    counts = Counter(kills=found.kills, answers=found.answers, messages=found.messages)
    return Round(counts + Counter(sent_twice=found.repeated), found.faults, str(found))


def _fleet(folder: Path, seed: int) -> Round:
    names = random.Random(seed).choices(fleet.EVERY_TROUBLE, k=20)
    return _of_fleet(folder, seed, names)


def _fleet_killed(folder: Path, seed: int) -> Round:
    return _of_fleet(folder, seed, ["kill"] * 30)


def _full_disk(folder: Path, seed: int) -> Round:
    return _of_fleet(folder, seed, ["full"] * 4)


def _of_fleet(folder: Path, seed: int, names: list[str]) -> Round:
    found = asyncio.run(fleet.torment(folder, seed, names, 150))
    counts = Counter(found.troubles)
    counts["kills"] = counts.pop("kill", 0)
    counts += Counter(answers=found.answers, messages=found.messages, sent_twice=found.repeated)
    return Round(counts, found.faults, str(found))


def _worst(folder: Path, seed: int) -> Round:
    found = asyncio.run(worst.torment(folder, seed, 60, 40))
    counts = Counter(calls_that_went_wrong=found.troubles, answers=found.answers)
    counts += Counter(messages=found.messages, sent_twice=found.repeated)
    return Round(counts, found.faults, str(found))


def _overload(folder: Path, _: int) -> Round:
    found = asyncio.run(overload.torment(folder, 10, 100))
    return Round(Counter(messages=found.came), found.faults, str(found))


PROGRAMMES = (
    Programme("points", 1, _points),
    Programme("machine", 1, _machine),
    Programme("machine --store postgresql", 1, _machine_on_postgresql),
    Programme("kill --kills 20 --customers 100", 2, _kill),
    Programme("fleet --times 30 --customers 150 --troubles kill", 3, _fleet_killed,
              fleet.Servers.why_not),
    Programme("fleet --times 20 --customers 150", 3, _fleet, fleet.Servers.why_not),
    Programme("fleet --times 4 --customers 150 --troubles full", 1, _full_disk,
              PostgreSql.why_not_limited),
    Programme("worst --seconds 60 --customers 40", 2, _worst),
    Programme("overload --seconds 10 --rate 100", 1, _overload),
)  # fmt: skip


def hold(programme: Programme, seconds: float, seed: int) -> Round:
    """Rounds until the time is over, at least one; what they counted together."""
    total = Round(Counter(), [], "")
    ends_at = time.monotonic() + seconds
    while not total.counts["rounds"] or time.monotonic() < ends_at:
        with tempfile.TemporaryDirectory() as folder:
            found = _held(programme, Path(folder), seed)
        _say(f"{programme.command}: {found.line}")
        for fault in found.faults:
            _say(f"  FAULT, python -m tests.crash.{programme.command} --seed {seed}: {fault}")
        total.counts.update(found.counts)
        total.counts["rounds"] += 1
        total.faults.extend(found.faults)
        seed += 1
    return total


def _held(programme: Programme, folder: Path, seed: int) -> Round:
    """One round. That it could not be held to its end is a fault like any other: what others have
    counted must not be lost with it."""
    try:
        return programme.hold(folder, seed)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        reason = f"{type(error).__name__}: {error}"
        return Round(Counter(), [reason], f"seed {seed}: not held to its end")


def main() -> int:
    """Read the arguments, hold all, print; 1 where something is at fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument(
        "--only", default="", help="words, with commas: programmes with one of them"
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    given = parser.parse_args()
    # Told to stop, it ends its servers first.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    counts: Counter[str] = Counter()
    faults: list[str] = []
    words = given.only.split(",")
    programmes = [one for one in PROGRAMMES if any(word in one.command for word in words)]
    for programme in programmes:
        reason = programme.why_not()
        if reason is not None:
            _say(f"{programme.command}: not run: {reason}")
            continue
        share = given.minutes * 60 * programme.share / sum(one.share for one in programmes)
        total = hold(programme, share, given.seed)
        counts.update(total.counts)
        faults += total.faults
    told = ", ".join(f"{name.replace('_', ' ')} {times}" for name, times in sorted(counts.items()))
    _say(f"in all: {told}; {len(faults)} faults")
    return 1 if faults else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
