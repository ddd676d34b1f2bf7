"""Five questions to each of 2,000 open conversations: ours beside the hand-written bot.

In process, with the channel stubbed at the wire and rate limits off. A turn counts when all it
wrote is committed and all it said is sent. Ours and the peer run in turn on copies of the same
opened conversations; what they stored is checked after each run.
"""

import asyncio
import shutil
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contender import Contender, Stats, open_all, walk
from benchmarks.crowd import Crowd
from benchmarks.harness import Bound, Result, alternate, percentile, result, run_alone
from benchmarks.ours import RapportContender
from benchmarks.peers.aiogram_contender import AiogramContender


@dataclass(frozen=True)
class Load:
    """`opened` conversations, of which `walked` are taken through all questions in a run."""

    opened: int = 2_000
    walked: int = 400


STANDARD = Load()


@dataclass(frozen=True)
class Mode:
    """`in_flight` updates at a time, and what ours must reach beside the peer."""

    in_flight: int
    rate: Bound
    p99: Bound | None = None


MODES = (
    Mode(256, rate=Bound("ratio", ">=", 20)),
    Mode(1, rate=Bound("ratio", ">=", 6), p99=Bound("ratio", "<=", 0.25)),
)


class Field:
    """Where contenders run: a folder with everybody's opened conversations, copied for each run."""

    def __init__(self, folder: Path, load: Load) -> None:
        self._folder = folder
        self._load = load

    def prepare(self, side: str, contender: Contender) -> None:
        asyncio.run(open_all(contender, self._opened(side), Crowd(self._load.opened)))

    def run(self, side: str, contender: Contender, in_flight: int) -> Stats:
        database = self._folder / "run.db"
        shutil.copy(self._opened(side), database)
        crowd = Crowd(self._load.opened)
        stats = asyncio.run(walk(contender, database, crowd, self._load.walked, in_flight))
        for left in self._folder.glob("run.db*"):
            left.unlink()
        return stats

    def _opened(self, side: str) -> Path:
        return self._folder / f"opened-{side}.db"


def race(ours: Contender, peer: Contender, rounds: int, load: Load = STANDARD) -> list[Result]:
    """Ours beside the peer in every mode, medians of `rounds` runs each."""
    with TemporaryDirectory() as scratch:
        field = Field(Path(scratch), load)
        field.prepare("ours", ours)
        field.prepare("peer", peer)
        return [line for mode in MODES for line in _mode(field, mode, ours, peer, rounds)]


def _mode(field: Field, mode: Mode, ours: Contender, peer: Contender, rounds: int) -> list[Result]:
    runs: dict[str, Callable[[], Stats]] = {
        "ours": lambda: field.run("ours", ours, mode.in_flight),
        "peer": lambda: field.run("peer", peer, mode.in_flight),
    }
    stats = alternate(runs, rounds)
    name = f"lead_capture, {mode.in_flight} in flight"
    results = [
        result(name, _rate(stats["ours"]), "turns/s", peer=_rate(stats["peer"]), bound=mode.rate)
    ]
    if mode.p99 is not None:
        mine, other = _p99(stats["ours"]), _p99(stats["peer"])
        results.append(result(f"{name}, p99", mine, "ms", peer=other, bound=mode.p99))
    return results


def _rate(runs: list[Stats]) -> float:
    return statistics.median(run.rate for run in runs)


def _p99(runs: list[Stats]) -> float:
    return statistics.median(percentile(run.latencies, 0.99) for run in runs) * 1e3


def alone(contender: Contender, rounds: int, load: Load = STANDARD) -> list[Result]:
    """One contender by itself: turns per second and p99 at 1, 32 and 256 in flight."""
    with TemporaryDirectory() as scratch:
        field = Field(Path(scratch), load)
        field.prepare("alone", contender)
        results = []
        for in_flight in (1, 32, 256):
            runs = [field.run("alone", contender, in_flight) for _ in range(rounds)]
            name = f"{contender.name}, {in_flight} in flight"
            results.append(result(name, _rate(runs), "turns/s"))
            results.append(result(f"{name}, p99", _p99(runs), "ms"))
        return results


def measure(rounds: int) -> list[Result]:
    return race(RapportContender(), AiogramContender(), rounds)


if __name__ == "__main__":
    sys.exit(run_alone("lead_capture", measure))
