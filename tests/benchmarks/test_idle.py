"""The benchmarks of what lasts and of what lies idle measure what they say."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from benchmarks.contender import open_all
from benchmarks.crowd import QUESTIONS, Crowd
from benchmarks.idle import Size, fill
from benchmarks.ours import RapportContender
from benchmarks.steady import Sample, slope, talk


def test_the_idle_customers_are_whole_customers_whose_timers_ring_in_2100(tmp_path: Path) -> None:
    database = tmp_path / "idle.db"
    asyncio.run(open_all(RapportContender(), f"sqlite:///{database}", Crowd(3)))
    fill(database, Size(people=3, customers=50, runs=2))
    with closing(sqlite3.connect(database)) as db:

        def count(what: str) -> int:
            (found,) = db.execute(f"SELECT count(*) FROM {what}").fetchone()
            return int(found)

        assert count("customer") == count("customer_account") == count("conversation") == 53
        assert count("run") == 3 + 2 * 50
        assert count("timer WHERE datetime(due_at / 1000000, 'unixepoch') >= '2100'") == 2 * 50
        assert not db.execute("PRAGMA foreign_key_check").fetchall()


def test_steady_talk_goes_on_with_new_people_until_its_time_is_over(tmp_path: Path) -> None:
    turns, samples = asyncio.run(talk(tmp_path / "steady.db", minutes=0.01))
    generations = len(samples) - 1
    assert generations >= 1
    assert turns == generations * 100 * (1 + len(QUESTIONS))
    assert all(sample.memory > 0 and sample.files > 0 for sample in samples)


def test_a_slope_is_growth_an_hour_of_the_second_half() -> None:
    early = [Sample(float(at), 100.0 - at, 9, 0.0) for at in range(10)]
    late = [Sample(10.0 + at, 50.0 + at / 3600, 9, 0.0) for at in range(10)]
    assert abs(slope([*early, *late], "memory") - 1) < 1e-6
    assert slope([*early, *late], "files") == 0
