"""What follows by itself over all customers: the nightly pass, and a smart tag that is new.

python -m benchmarks.crm_rules [--customers 1000000] [--stores sqlite postgresql]

Peer: a customer at a time, each read, reckoned and written in turn (some thousand of them, scaled).
A twentieth of the customers have something to change in the night; a few in a hundred get the tag.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import perf_counter

from msgspec.structs import replace
from sqlalchemy import Engine, select, text, update

from benchmarks.harness import Bound, Result, result, told
from benchmarks.population import NOW, Population
from benchmarks.stores import postgres_databases, sqlite_files
from crm.database import open_engine
from crm.services.following import Following
from crm.services.rules_pass import Pass
from crm.tables import customer
from engine.business import Business, SmartTag
from engine.criteria import read_criterion
from engine.shapes.conditions import customer_catalogue
from rapport.runtime.rules_pass import PIECE

BOUNDS = {200_000: 2.0, 1_000_000: 10.0}
"""Seconds for all, by how many customers there are."""

SAMPLE = 2_000
"""Customers of which the naive way is measured."""

LATER = NOW + timedelta(hours=1)
"""No customer's completed days differ from those an hour before but by what is changed here."""

PIECE_MS = 20
"""How long a piece may keep others from writing to an SQLite file."""


def measure(customers: int, stores: tuple[str, ...]) -> list[Result]:
    return [line for store in stores for line in _measure(store, customers)]


def _measure(store: str, customers: int) -> Iterator[Result]:
    with _database(store) as engine:
        people = Population(engine, customers)
        business = people.library.business
        first, _, changed = _pass(people, business, 500)
        yield _line(f"{store}: first pass of all ({changed} changes)", first, customers)
        quiet, _, changed = _pass(people, business, 500)
        yield _line(f"{store}: a night without any change ({changed})", quiet, customers)
        _age_a_twentieth(engine)
        night, slowest, changed = _pass(people, business, PIECE)
        peer = _one_by_one(people, business) * customers / SAMPLE
        yield _line(
            f"{store}: a night where 5 % change ({changed})", night, customers, peer, bound=True
        )
        yield result(
            f"{store}: its slowest piece", slowest * 1000, "ms",
            bound=Bound("value", "<=", PIECE_MS) if store == "sqlite" else None,
        )  # fmt: skip
        tagging = _with_smart_tag(business)
        tagged, _, changed = _pass(people, tagging, 500)
        yield _line(
            f"{store}: a new smart tag over all ({changed})", tagged, customers, peer, bound=True
        )


def _line(
    name: str, seconds: float, customers: int, peer: float | None = None, *, bound: bool = False
) -> Result:
    limit = BOUNDS.get(customers) if bound else None
    return result(
        f"{name}, {customers:,} customers", seconds, "s", peer=peer,
        bound=None if limit is None else Bound("value", "<=", limit),
    )  # fmt: skip


@contextmanager
def _database(store: str) -> Iterator[Engine]:
    with sqlite_files() if store == "sqlite" else postgres_databases() as databases:
        engine = open_engine(databases.empty("rules"))
        try:
            yield engine
        finally:
            engine.dispose()


def _pass(people: Population, business: Business, piece: int) -> tuple[float, float, int]:
    """Seconds, those of the slowest piece, and how many things changed."""
    walk, more, slowest, began = (
        Pass(people.business_id, business, piece),
        True,
        0.0,
        perf_counter(),
    )
    while more:
        started = perf_counter()
        with people.engine.begin() as db:
            more = walk.tick(db, LATER)
        slowest = max(slowest, perf_counter() - started)
    return perf_counter() - began, slowest, sum(walk.changed.values())


def _age_a_twentieth(engine: Engine) -> None:
    """Some have talked more meanwhile, past every service."""
    with engine.begin() as db:
        some = update(customer).where(customer.c.id % 20 == 7)
        db.execute(
            some.values(
                total_interactions=customer.c.total_interactions % 19 + 1,
                total_purchases=customer.c.total_purchases % 3 + 1,
            )
        )
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
        db.execute(text("ANALYZE"))


def _one_by_one(people: Population, business: Business) -> float:
    """Seconds for some customers, each in turn."""
    began = perf_counter()
    with people.engine.begin() as db:
        following = Following(db, people.business_id, business)
        for id_ in db.scalars(select(customer.c.id).order_by(customer.c.id).limit(SAMPLE)).all():
            following.settle(db, [id_], LATER)
    return perf_counter() - began


def _with_smart_tag(business: Business) -> Business:
    criterion = read_criterion(
        {"total_purchases__gte": 12}, customer_catalogue(business), lambda *_: None
    )
    assert criterion is not None
    return replace(business, smart_tags=(SmartTag("Inactive", criterion),))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crm_rules")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--stores", nargs="+", default=["sqlite", "postgresql"])
    options = parser.parse_args()
    return told(measure(options.customers, tuple(options.stores)), as_json=options.json)


if __name__ == "__main__":
    sys.exit(main())
