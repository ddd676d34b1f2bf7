"""A business in its database, for the commands that look things up there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Engine, select

from crm.database import clear_errors, open_engine
from crm.errors import NotFound
from crm.tables import business as business_table
from engine.business import Business
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.paths import chosen
from rapport.project import NoProject, find_project, read_applied, read_project
from rapport.runtime.reading import Reader
from rapport.settings import Settings, read_settings
from rapport.storage import refuse_outdated, sqlite_file

if TYPE_CHECKING:
    from rapport.importing import Transact

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Store:
    """`business` is the one that was applied, whatever its files say now."""

    db: Connection
    business_id: int
    business: Business


@contextmanager
def open_database(*, read_only: bool = False) -> Iterator[Engine]:
    """The database of the settings, which must be there. What it refuses becomes one line."""
    url = read_settings().database_url
    file = sqlite_file(url)
    if file is not None and not file.exists():
        raise Refusal(f"there is no database {file}: `rapport apply` makes it")
    with clear_errors():
        engine = open_engine(url, read_only=read_only)
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def open_store() -> Iterator[Store]:
    """The business of the settings, in one transaction; it is committed if nothing is raised."""
    settings = read_settings()
    with open_database() as engine:
        refuse_outdated(engine)
        with engine.begin() as db:
            row = _row_of(settings, db)
            yield Store(db, row.id, read_applied(row.source))


@contextmanager
def open_place() -> Iterator[tuple[Transact, int, Business]]:
    """The business of the settings, for work of many transactions: what runs a function in one,
    the id of the business, and the business."""
    settings = read_settings()
    with open_database() as engine:
        refuse_outdated(engine)

        def transact(work: Callable[[Connection], T]) -> T:
            with engine.begin() as db:
                return work(db)

        row = transact(lambda db: _row_of(settings, db))
        yield transact, row.id, read_applied(row.source)


@dataclass(frozen=True, slots=True)
class Sight:
    """A business to be looked at while others work; `read` never takes a lock they need."""

    read: Reader
    business_id: int
    business: Business


@contextmanager
def open_sight() -> Iterator[Sight]:
    """The business of the settings, read only, by as many short reads as are wanted."""
    settings = read_settings()
    with open_database(read_only=True) as engine:
        refuse_outdated(engine)
        read = Reader(engine)
        row = read(lambda db: _row_of(settings, db))
        yield Sight(read, row.id, read_applied(row.source))


def _row_of(settings: Settings, db: Connection) -> Any:
    return db.execute(
        select(business_table.c.id, business_table.c.source).where(
            business_table.c.key == _key_of(settings, db)
        )
    ).one()


def _key_of(settings: Settings, db: Connection) -> str:
    """The business meant: of RAPPORT_BUSINESS, of the project, or the only one there is."""
    keys = list(db.execute(select(business_table.c.key).order_by(business_table.c.key)).scalars())
    wanted = settings.business or _of_project(keys)
    if wanted in keys:
        return str(wanted)
    if wanted:
        raise NotFound(f"The business '{wanted}' is not in this database. Run `rapport apply`.")
    if len(keys) == 1:
        return str(keys[0])
    there = ", ".join(keys) or "none"
    raise Refusal(f"RAPPORT_BUSINESS does not say which business is meant ({there})", WRONG_USE)


def _of_project(keys: list[str]) -> str:
    """The key of the project that RAPPORT_FLOWS names; '' where it names none, or nobody asks."""
    if len(keys) == 1:
        return ""
    try:
        return read_project(find_project(chosen(None))).business.key
    except NoProject:
        return ""
