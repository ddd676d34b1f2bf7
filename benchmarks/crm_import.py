"""Taking customers in from CSV with matching: rows a second, beside a row at a time by the service
that a person's edit takes. A half of the rows is there already, a third of those has changed."""

import csv
import random
import statistics
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import Engine, select

from benchmarks.harness import Bound, Result, percentile, result, run_alone
from benchmarks.population import NOW, Population, person
from crm.database import open_engine
from crm.services.customers import create_customer, update_customer
from crm.services.ledger import Cause
from crm.tables import customer
from rapport.importing import Asked, Place, Source, begin, plan_import, run_import

PEOPLE, ROWS, NAIVE_ROWS = 20_000, 20_000, 300
HEADER = (
    "first_name", "last_name", "phone_number", "email", "city", "birth_date", "loyalty_points",
    "favorite_category", "is_vip", "nickname",
)  # fmt: skip


class _Clock:
    def now(self) -> Any:
        return NOW


def write_people(path: Path, population: Population) -> None:
    """The file: every second person from the middle of those who are there."""
    slots = {key: key for key in population.library.columns}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for place in range(ROWS):
            row = person(PEOPLE // 2 + place, population.business_id, slots)
            if place % 3 == 0:
                row["loyalty_points"] += 1
            writer.writerow(["" if row[key] is None else row[key] for key in HEADER])


def measure(rounds: int) -> list[Result]:
    """Rows a second on SQLite; how long a piece held the store; memory; beside the naive way."""
    speeds, cpu, naive, held, growth = [], [], [], [], 0.0
    for _ in range(rounds):
        with TemporaryDirectory() as folder:
            engine = open_engine(f"sqlite:///{folder}/shop.db")
            population = Population(engine, PEOPLE)
            path = Path(folder) / "people.csv"
            write_people(path, population)
            naive.append(_row_by_row(engine, population, path))
            began, worked = perf_counter(), process_time()
            held += _import(engine, population, path)
            speeds.append(ROWS / (perf_counter() - began))
            cpu.append(ROWS / (process_time() - worked))
            engine.dispose()
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/shop.db")
        population = Population(engine, 100)
        path = Path(folder) / "people.csv"
        write_people(path, population)
        tracemalloc.start()
        _import(engine, population, path)
        growth = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        engine.dispose()
    speed = statistics.median(speeds)
    return [
        result(
            "import of CSV with matching", speed, "rows/s", peer=statistics.median(naive),
            bound=Bound("value", ">=", 5_000),
        ),
        result("the same, by its own CPU", statistics.median(cpu), "rows/s"),
        result("a piece holds the store, p95", percentile(held, 0.95) * 1e3, "ms",
               bound=Bound("value", "<=", 20)),
        result("memory of an import of 20,000 rows", growth, "MiB"),
    ]  # fmt: skip


def _import(engine: Engine, population: Population, path: Path) -> list[float]:
    """How long each transaction took."""
    held: list[float] = []

    def transact(work: Any) -> Any:
        began = perf_counter()
        with engine.begin() as db:
            done = work(db)
        held.append(perf_counter() - began)
        return done

    place = Place(transact, population.business_id, population.library.business, _Clock())
    source = Source.of(path)
    plan = plan_import(place, source, Asked())
    state = run_import(place, source, plan, begin(place, source, plan, {}, "benchmark"))
    assert sum(state.counts.values()) == ROWS, state.counts
    assert state.counts["rejected"] == 0
    return held


def _row_by_row(engine: Engine, population: Population, path: Path) -> float:
    """Rows a second where each is looked up and edited by itself; it takes rows of the end."""
    business_id, business = population.business_id, population.library.business
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rows = random.Random(1).sample(rows, NAIVE_ROWS)
    cause = Cause("import:naive")
    began = perf_counter()
    for row in rows:
        given: dict[str, object] = {key: value for key, value in row.items() if value}
        with engine.begin() as db:
            found = db.scalar(
                select(customer.c.id).where(
                    customer.c.business_id == business_id,
                    customer.c.phone_number == row["phone_number"],
                )
            )
            if found is None:
                create_customer(db, business_id, business, given, cause, NOW)
            else:
                update_customer(db, business_id, business, found, given, cause, NOW)
    return NAIVE_ROWS / (perf_counter() - began)


if __name__ == "__main__":
    sys.exit(run_alone("crm_import", measure))
