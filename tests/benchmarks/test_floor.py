"""The floor writes what it says it writes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from benchmarks import floor, floor_postgres
from benchmarks.stores import postgres_databases
from tests.support.database import need_postgresql

INSERTED = {"mail": 1, "field_history": 1, "activity": 3, "event": 1, "visit": 1, "outbox": 1}
CHANGED = {
    "mail": "status = 'done'",
    "outbox": "status = 'sent'",
    "customer": "custom_text_1 IS NOT NULL",
    "run": "node = 'next'",
    "timer": "wait_id <> '0'",
    "conversation": "revision = 1",
}


@pytest.mark.parametrize("per_commit", [1, 3, 64])
def test_every_turn_leaves_all_of_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, per_commit: int
) -> None:
    monkeypatch.setattr(floor, "PEOPLE", 10)
    database = tmp_path / "floor.db"
    floor.create(f"sqlite:///{database}")
    turns = [floor.Turn(number, number) for number in range(1, 8)]
    assert floor.write(database, turns, per_commit) > 0
    with closing(sqlite3.connect(database)) as connection:

        def count(table: str, where: str = "true") -> int:
            (found,) = connection.execute(f"SELECT count(*) FROM {table} WHERE {where}").fetchone()
            return int(found)

        assert {table: count(table) for table in INSERTED} == {
            table: rows * len(turns) for table, rows in INSERTED.items()
        }
        assert {table: count(table, where) for table, where in CHANGED.items()} == dict.fromkeys(
            CHANGED, len(turns)
        )


def test_on_postgresql_every_turn_leaves_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    need_postgresql()
    monkeypatch.setattr(floor, "PEOPLE", 10)
    turns = [floor_postgres.Turn(number, number) for number in range(1, 8)]
    with postgres_databases() as store:
        url = store.empty("floor")
        floor.create(url)
        assert floor_postgres.write(url, turns, 3) > 0
        engine = create_engine(url)
        with engine.connect() as connection:

            def count(table: str, where: str = "true") -> int:
                found = connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))
                return int(found.scalar_one())

            assert {table: count(table) for table in INSERTED} == {
                table: rows * len(turns) for table, rows in INSERTED.items()
            }
            assert {table: count(table, where) for table, where in CHANGED.items()} == (
                dict.fromkeys(CHANGED, len(turns))
            )
        engine.dispose()
