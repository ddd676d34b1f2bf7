"""Customers to CSV and Excel: rows a second and memory, beside a profile read for each customer."""

import csv
import statistics
import sys
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, select

from benchmarks.harness import Bound, Result, result, run_alone
from benchmarks.population import NOW, Population
from crm.database import open_engine
from crm.services.listing import View
from crm.services.show import show_customer
from crm.tables import customer
from rapport.exporting import export_of, write_export

PEOPLE, NAIVE_PEOPLE = 20_000, 500
FIELDS = (
    "id", "first_name", "last_name", "phone_number", "email", "city", "status", "crm_score",
    "total_spent", "last_contacted_at", "birth_date", "loyalty_points", "shoe_size",
    "favorite_category", "is_vip", "nickname", "tags",
)  # fmt: skip


def measure(rounds: int) -> list[Result]:
    """Rows a second of seventeen columns on SQLite, in pieces."""
    speeds: dict[str, list[float]] = {".csv": [], ".xlsx": []}
    naive = []
    with TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/shop.db")
        population = Population(engine, PEOPLE)
        for _ in range(rounds):
            for suffix, found in speeds.items():
                began = perf_counter()
                _export(engine, population, Path(folder) / f"people{suffix}")
                found.append(PEOPLE / (perf_counter() - began))
            naive.append(_one_by_one(engine, population, Path(folder) / "naive.csv"))
        tracemalloc.start()
        _export(engine, population, Path(folder) / "people.csv")
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        engine.dispose()
    slow = statistics.median(naive)
    return [
        result("export to CSV", statistics.median(speeds[".csv"]), "rows/s", peer=slow,
               bound=Bound("value", ">=", 20_000)),
        result("export to Excel", statistics.median(speeds[".xlsx"]), "rows/s", peer=slow,
               bound=Bound("value", ">=", 4_000)),
        result("memory of an export of 20,000 rows", peak, "MiB"),
    ]  # fmt: skip


def _export(engine: Engine, population: Population, path: Path) -> None:
    def transact(work: Any) -> Any:
        with engine.begin() as db:
            return work(db)

    view = View(population.business_id, population.library.business, NOW)
    assert write_export(transact, export_of(view, path.suffix, FIELDS), path, "b") == PEOPLE


def _one_by_one(engine: Engine, population: Population, path: Path) -> float:
    began = perf_counter()
    with engine.begin() as db, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for id_ in db.scalars(select(customer.c.id).limit(NAIVE_PEOPLE)).all():
            shown = show_customer(db, population.business_id, id_)
            writer.writerow([shown.get(key, shown["fields"].get(key)) for key in FIELDS])
    return NAIVE_PEOPLE / (perf_counter() - began)


if __name__ == "__main__":
    sys.exit(run_alone("crm_export", measure))
