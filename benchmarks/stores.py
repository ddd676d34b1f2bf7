"""The databases of a race: where everybody's opened conversations are kept and copied from."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from sqlalchemy import create_engine, make_url, text

POSTGRESQL = os.environ.get(
    "RAPPORT_TEST_DATABASE_URL", "postgresql+psycopg://postgres@127.0.0.1:5432/test"
)
"""A server that lets us make databases; its password stays in the environment."""


class Store(Protocol):
    """Databases by the name of the side that they belong to."""

    def empty(self, side: str) -> str:
        """The URL of a new database for a side."""

    def copied(self, side: str) -> AbstractContextManager[str]:
        """A context with the URL of a fresh copy of a side's database."""


class SqliteFiles:
    """SQLite files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def empty(self, side: str) -> str:
        return f"sqlite:///{self._file(side)}"

    @contextmanager
    def copied(self, side: str) -> Iterator[str]:
        run = self._folder / "run.db"
        shutil.copyfile(self._file(side), run)
        try:
            yield f"sqlite:///{run}"
        finally:
            for left in self._folder.glob("run.db*"):
                left.unlink()

    def _file(self, side: str) -> Path:
        return self._folder / f"opened-{side}.db"


class PostgresDatabases:
    """Databases of their own on one server; a copy is made from its template."""

    def __init__(self) -> None:
        self._prefix = f"rapport_bench_{uuid.uuid4().hex[:8]}"
        self._made: list[str] = []

    def empty(self, side: str) -> str:
        return self._create(f"{self._prefix}_{side}", "")

    @contextmanager
    def copied(self, side: str) -> Iterator[str]:
        name = f"{self._prefix}_run"
        yield self._create(name, f"TEMPLATE {self._prefix}_{side}")
        self._drop(name)

    def drop_all(self) -> None:
        for name in list(self._made):
            self._drop(name)

    def _create(self, name: str, how: str) -> str:
        _on_server(f"CREATE DATABASE {name} {how}")
        self._made.append(name)
        return make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)

    def _drop(self, name: str) -> None:
        _on_server(f"DROP DATABASE {name} WITH (FORCE)")
        self._made.remove(name)


def _on_server(statement: str) -> None:
    engine = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@contextmanager
def sqlite_files() -> Iterator[SqliteFiles]:
    with TemporaryDirectory() as folder:
        yield SqliteFiles(Path(folder))


@contextmanager
def postgres_databases() -> Iterator[PostgresDatabases]:
    store = PostgresDatabases()
    try:
        yield store
    finally:
        with suppress(Exception):
            store.drop_all()
