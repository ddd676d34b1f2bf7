"""What every benchmark shares: results with their bounds, medians, the table and the JSON."""

import argparse
import json
import os
import platform
import sqlite3
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Literal, TypeVar

from rich.console import Console
from rich.table import Table

LATEST = Path(__file__).parent / "latest.json"

T = TypeVar("T")
Relation = Literal[">=", "<="]


@dataclass(frozen=True)
class Bound:
    """What a result must keep: its `value`, or its `ratio` to the peer's, at least or at most."""

    of: Literal["value", "ratio"]
    relation: Relation
    limit: float

    def holds(self, value: float, ratio: float | None) -> bool:
        """False also where the ratio is bounded and there is none."""
        measured = value if self.of == "value" else ratio
        if measured is None:
            return False
        return measured >= self.limit if self.relation == ">=" else measured <= self.limit

    def __str__(self) -> str:
        return f"{self.of} {self.relation} {self.limit:g}"


@dataclass(frozen=True)
class Result:
    """One line of `latest.json`.

    `value` is ours and `peer` the other's, both in `unit`; `ratio` is value / peer; `bound` is a
    `Bound` as text, and `ok` whether it holds (True where there is none). None: does not apply.
    """

    name: str
    value: float
    unit: str
    peer: float | None
    ratio: float | None
    bound: str | None
    ok: bool


def result(
    name: str, value: float, unit: str, *, peer: float | None = None, bound: Bound | None = None
) -> Result:
    """The result of a measurement, judged by its bound."""
    ratio = None if peer is None else value / peer
    return Result(
        name=name,
        value=_short(value),
        unit=unit,
        peer=None if peer is None else _short(peer),
        ratio=None if ratio is None else _short(ratio),
        bound=None if bound is None else str(bound),
        ok=bound is None or bound.holds(value, ratio),
    )


def _short(number: float) -> float:
    """Four digits: more would be noise."""
    return float(f"{number:.4g}")


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0 to 1) of them do not exceed."""
    ordered = sorted(values)
    # Whole hundredths of a per cent, so that 0.07 * 100 is 7 and not a hair more.
    rank = -(-round(share * 10_000) * len(ordered) // 10_000)
    return ordered[max(rank, 1) - 1]


def alternate(runs: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Run each in turn, `rounds` times over, so that a machine that drifts slows all alike."""
    measured: dict[str, list[T]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            measured[name].append(run())
    return measured


@cache
def machine() -> str:
    """One line that says on what this was measured, the price of one SQLite commit included."""
    commit = commit_microseconds()
    return (
        f"{os.cpu_count()} x {_processor()}, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}, a bare commit {commit:.0f} µs"
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def commit_microseconds(commits: int = 300) -> float:
    """Median time of a one-row transaction with WAL and synchronous=FULL, in microseconds."""
    times = []
    with TemporaryDirectory() as folder:
        connection = sqlite3.connect(Path(folder) / "commit.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE t (x INTEGER)")
        for number in range(commits):
            began = perf_counter()
            connection.execute("INSERT INTO t VALUES (?)", (number,))
            times.append(perf_counter() - began)
        connection.close()
    return statistics.median(times) * 1e6


def show(results: Sequence[Result]) -> None:
    """Print the machine and a table of results."""
    table = Table("measured", "value", "unit", "peer", "ratio", "bound", "", title=machine())
    for row in results:
        verdict = "" if row.bound is None else "ok" if row.ok else "[red]MISSED[/red]"
        cells = (_cell(row.value), row.unit, _cell(row.peer), _cell(row.ratio), row.bound or "")
        table.add_row(row.name, *cells, verdict)
    Console().print(table)


def _cell(number: float | None) -> str:
    return "" if number is None else f"{number:,.4g}" if number < 1000 else f"{number:,.0f}"


def to_json(results: Sequence[Result]) -> str:
    return json.dumps([asdict(row) for row in results], indent=2, ensure_ascii=False)


def run_alone(name: str, measure: Callable[[int], list[Result]]) -> int:
    """The command line of one benchmark; exit code 1 if a bound is missed."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--rounds", type=int, default=3, help="runs of which the median counts")
    options = parser.parse_args()
    return told(measure(options.rounds), as_json=options.json)


def told(results: Sequence[Result], *, as_json: bool) -> int:
    """Print them; 1 if a bound is missed, else 0."""
    if as_json:
        sys.stdout.write(to_json(results) + "\n")
    else:
        show(results)
    return 0 if all(row.ok for row in results) else 1
