"""Files of customers for tests, and importing them in one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, select

from crm.imports.jobs import State
from crm.imports.reading import Rejected
from crm.tables import customer
from engine.business import Business
from rapport.importing import Asked, Place, Plan, Source, Transact, begin, plan_import, run_import
from rapport.rejected import rejected_of
from tests.crm.businesses import NOW

T = TypeVar("T")


class Still:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


class Shop:
    """A business that files are imported into. place: how; every transaction is `transact`."""

    def __init__(self, business_id: int, business: Business, transact: Transact) -> None:
        self.place = Place(transact, business_id, business, Still())

    def plan(self, path: Path, **asked: Any) -> tuple[Source, Plan]:
        source = Source.of(path)
        return source, plan_import(self.place, source, Asked(**asked))

    def import_(self, path: Path, **asked: Any) -> State:
        source, plan = self.plan(path, **asked)
        begun = begin(self.place, source, plan, asked.get("columns", {}), "tests")
        return run_import(self.place, source, plan, begun)

    def counts(self, path: Path, **asked: Any) -> dict[str, int]:
        """Only what there was of."""
        counts = self.import_(path, **asked).counts
        return {name: number for name, number in counts.items() if number}

    def rejected(self, state: State) -> list[Rejected]:
        return list(rejected_of(self.place.transact, self.place.business_id, state.job_id))

    def people(self) -> dict[str, Mapping[str, Any]]:
        """Every customer of the business, by the name shown."""
        statement = select(customer).where(customer.c.business_id == self.place.business_id)
        rows = self.place.transact(lambda db: db.execute(statement).mappings().all())
        return {row["display_name"]: dict(row) for row in rows}


def in_one(db: Connection) -> Transact:
    """Every transaction is a part of the one at hand."""

    def transact(work: Callable[[Connection], T]) -> T:
        return work(db)

    return transact


def each_alone(engine: Engine) -> Transact:
    """Every transaction is committed."""

    def transact(work: Callable[[Connection], T]) -> T:
        with engine.begin() as db:
            return work(db)

    return transact


def csv_file(folder: Path, text: str, encoding: str = "utf-8", name: str = "people.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path
