"""What lies idle costs nothing: the same talk beside a million customers and two million timers.

Ten thousand conversations are open and all answer at once, first in a database of their own, then
in one that also holds a million other customers, each with two runs that wait for a timer. Each
run is a process of its own, so that its memory is its own.
"""

import asyncio
import json
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Table

from benchmarks.contender import open_all, walk
from benchmarks.crowd import QUESTIONS, Crowd
from benchmarks.harness import Bound, Result, alternate, result, run_alone
from benchmarks.ours import RapportContender
from crm.tables import conversation, customer, customer_account, run, timer

FAR_AWAY = 4_102_444_800_000_000
"""The idle timers are due in 2100: microseconds since 1970."""


@dataclass(frozen=True)
class Size:
    """`people` talk, all at once, while `customers` have `runs` sleeping runs each."""

    people: int = 10_000
    customers: int = 1_000_000
    runs: int = 2


@dataclass(frozen=True)
class Talk:
    """What one process measured: turns per second, and the most memory it held, in MiB."""

    rate: float
    mebibytes: float


def fill(database: Path, size: Size) -> None:
    """Add the idle customers, each like the first one there is, with conversation, runs, timers."""
    with closing(sqlite3.connect(database, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous=OFF")
        db.execute("BEGIN")
        first = _next_id(db, "customer")
        for table in (customer, customer_account, conversation):
            _copy(db, table, first, size.customers, _AS[table.name])
        for number in range(size.runs):
            start = _next_id(db, "run")
            offset = {
                "customer_id": f"n - {start - first}",
                "conversation_id": f"n - {start - first}",
            }
            _copy(db, run, start, size.customers, _AS["run"] | offset)
            whose = {"run_id": "n", "conversation_id": f"n - {start - first}"}
            _copy(
                db, timer, start, size.customers, whose | {"due_at": f"{FAR_AWAY} + n + {number}"}
            )
        db.execute("COMMIT")
        db.execute("ANALYZE")


# n numbers the new rows; what is not named is as in the row copied.
_AS: Mapping[str, dict[str, str]] = {
    "customer": {"id": "n", "asking_run": "NULL", "external_id": "NULL"},
    "customer_account": {"id": "n", "customer_id": "n", "external_id": "'idle' || n"},
    "conversation": {"id": "n", "customer_id": "n", "peer": "'idle' || n"},
    "run": {"id": "n", "status": "'sleeping'", "node": "'later'"},
}


def _next_id(db: sqlite3.Connection, table: str) -> int:
    (last,) = db.execute(f"SELECT max(id) FROM {table}").fetchone()
    return int(last) + 1


def _copy(
    db: sqlite3.Connection, table: Table, start: int, count: int, changes: Mapping[str, str]
) -> None:
    names = [column.name for column in table.columns]
    values = ", ".join(changes.get(name, f"was.{name}") for name in names)
    db.execute(
        f"WITH RECURSIVE numbers(n) AS (VALUES({start}) UNION ALL"
        f" SELECT n + 1 FROM numbers WHERE n < {start + count - 1})"
        f" INSERT INTO {table.name} ({', '.join(names)})"
        f" SELECT {values} FROM numbers, (SELECT * FROM {table.name} LIMIT 1) AS was"
    )


def talk(database: Path, people: int) -> Talk:
    """Everybody answers every question, all at once; in a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.idle", "--talk", str(database), str(people)],
        check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return Talk(**json.loads(ended.stdout.splitlines()[-1]))


def _talk(database: Path, people: int) -> Talk:
    crowd = Crowd(people)
    stats = asyncio.run(
        walk(RapportContender(), f"sqlite:///{database}", crowd, people, in_flight=people)
    )
    assert stats.turns == people * len(QUESTIONS)
    return Talk(stats.rate, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def measure(rounds: int, size: Size = Size()) -> list[Result]:
    with TemporaryDirectory() as scratch:
        alone, among = Path(scratch) / "alone.db", Path(scratch) / "among.db"
        url = f"sqlite:///{alone}"
        asyncio.run(open_all(RapportContender(), url, Crowd(size.people)))
        shutil.copyfile(alone, among)
        fill(among, size)
        talks = alternate(
            {
                "alone": lambda: _fresh(alone, size.people),
                "among": lambda: _fresh(among, size.people),
            },
            rounds,
        )
    name = f"{size.people:,} at once among {size.customers:,} idle customers"
    rate = {side: statistics.median(one.rate for one in runs) for side, runs in talks.items()}
    memory = {
        side: statistics.median(one.mebibytes for one in runs) for side, runs in talks.items()
    }
    return [
        result(
            f"{name}, beside none idle", rate["among"], "turns/s", peer=rate["alone"],
            bound=Bound("ratio", ">=", 0.8),
        ),
        result(
            f"{name}, memory", memory["among"], "MiB", peer=memory["alone"],
            bound=Bound("ratio", "<=", 1.1),
        ),
    ]  # fmt: skip


def _fresh(database: Path, people: int) -> Talk:
    """A talk in a copy, so that every round begins at the first question."""
    copy = database.with_name("talk.db")
    shutil.copyfile(database, copy)
    try:
        return talk(copy, people)
    finally:
        for left in database.parent.glob("talk.db*"):
            left.unlink()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--talk"]:
        found = _talk(Path(sys.argv[2]), int(sys.argv[3]))
        sys.stdout.write(json.dumps({"rate": found.rate, "mebibytes": found.mebibytes}) + "\n")
        sys.exit(0)
    sys.exit(run_alone("idle", measure))
