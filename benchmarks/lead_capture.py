"""Five questions to each of 2,000 open conversations: ours beside two hand-written bots.

In process, with the channel stubbed at the wire and rate limits off. A turn counts when all it
wrote is committed and all it said is sent. Ours and the peers run in turn on copies of the same
opened conversations; what they stored is checked after each run.
"""

import asyncio
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.contender import Contender, Stats, open_all, walk
from benchmarks.crowd import Crowd
from benchmarks.harness import Bound, Result, alternate, percentile, result, run_alone
from benchmarks.ours import RapportContender
from benchmarks.peers.aiogram_contender import AiogramContender
from benchmarks.peers.ptb_contender import PtbContender
from benchmarks.stores import Store, sqlite_files


@dataclass(frozen=True)
class Load:
    """`opened` conversations, of which `walked` are taken through all questions in a run."""

    opened: int = 2_000
    walked: int = 400


STANDARD = Load()


@dataclass(frozen=True)
class Mode:
    """`in_flight` updates at a time, and what ours must reach beside the first peer."""

    in_flight: int
    rate: Bound | None = None
    p99: Bound | None = None


MODES = (
    Mode(256, rate=Bound("ratio", ">=", 20)),
    Mode(32),
    Mode(1, rate=Bound("ratio", ">=", 6), p99=Bound("ratio", "<=", 0.25)),
)


class Field:
    """Where contenders run: each side's opened conversations, copied for each run."""

    def __init__(self, store: Store, load: Load = STANDARD) -> None:
        self._store = store
        self._load = load

    def prepare(self, side: str, contender: Contender) -> None:
        asyncio.run(open_all(contender, self._store.empty(side), Crowd(self._load.opened)))

    def run(self, side: str, contender: Contender, in_flight: int) -> Stats:
        crowd = Crowd(self._load.opened)
        with self._store.copied(side) as url:
            return asyncio.run(walk(contender, url, crowd, self._load.walked, in_flight))


def race(
    ours: Contender, peers: Sequence[Contender], rounds: int, load: Load = STANDARD
) -> list[Result]:
    """Ours beside each peer in every mode, medians of `rounds` runs; the bounds are the first's."""
    with sqlite_files() as store:
        field = Field(store, load)
        contenders = {"ours": ours} | {f"peer{n}": peer for n, peer in enumerate(peers)}
        for side, contender in contenders.items():
            field.prepare(side, contender)
        return [line for mode in MODES for line in _mode(field, mode, contenders, rounds)]


def _mode(
    field: Field, mode: Mode, contenders: Mapping[str, Contender], rounds: int
) -> list[Result]:
    runs = {
        side: partial(field.run, side, contender, mode.in_flight)
        for side, contender in contenders.items()
    }
    stats = alternate(runs, rounds)
    mine = stats.pop("ours")
    results = []
    for place, (side, theirs) in enumerate(stats.items()):
        bounds = (mode.rate, mode.p99) if place == 0 else (None, None)
        name = f"lead_capture, {mode.in_flight} in flight, beside {contenders[side].name}"
        results += _compared(name, mine, theirs, *bounds)
    return results


def _compared(
    name: str, mine: list[Stats], theirs: list[Stats], rate: Bound | None, p99: Bound | None
) -> list[Result]:
    return [
        result(name, _rate(mine), "turns/s", peer=_rate(theirs), bound=rate),
        result(f"{name}, p50", _latency(mine, 0.5), "ms", peer=_latency(theirs, 0.5)),
        result(f"{name}, p99", _latency(mine, 0.99), "ms", peer=_latency(theirs, 0.99), bound=p99),
    ]


def _rate(runs: list[Stats]) -> float:
    return statistics.median(run.rate for run in runs)


def _latency(runs: list[Stats], share: float) -> float:
    """Milliseconds that `share` of the turns do not exceed; the median run's."""
    return statistics.median(percentile(run.latencies, share) for run in runs) * 1e3


def measure(rounds: int) -> list[Result]:
    return race(RapportContender(), (AiogramContender(), PtbContender()), rounds)


if __name__ == "__main__":
    sys.exit(run_alone("lead_capture", measure))
