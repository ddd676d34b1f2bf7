"""Indexes are built beside the work, and a stop ends a build that waits."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest
from sqlalchemy import Engine, insert, inspect, select, text

from crm.database import open_engine
from crm.tables import metadata, slot_index
from rapport.runtime.clock import SystemClock
from rapport.runtime.upkeep import IndexBuilder
from tests.support.database import empty_database

SLOT = "custom_number_1"

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE query LIKE 'CREATE INDEX%' AND datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def engine() -> Iterator[Engine]:
    with empty_database() as url:
        engine = open_engine(url)
        metadata.create_all(engine)
        with engine.begin() as db:
            db.execute(insert(slot_index).values(slot=SLOT, wanted=True))
        yield engine
        engine.dispose()


def built(engine: Engine) -> bool:
    with engine.begin() as db:
        return db.execute(select(slot_index.c.built_at)).scalar_one() is not None


def test_what_is_wanted_is_built_and_what_is_stopped_builds_nothing(engine: Engine) -> None:
    builder = IndexBuilder(engine, SystemClock())
    builder.stop()
    builder.build()
    assert not built(engine)
    IndexBuilder(engine, SystemClock()).build()
    assert built(engine)
    names = {index["name"] for index in inspect(engine).get_indexes("customer")}
    assert f"ix_customer_{SLOT}" in names


def test_a_stop_ends_a_build_that_waits_for_a_transaction(engine: Engine) -> None:
    builder = IndexBuilder(engine, SystemClock())

    def build() -> None:
        with pytest.raises(Exception, match="took too long"):
            builder.build()

    with engine.begin() as holder:
        # Building beside the work waits for every transaction that has written to the table.
        holder.execute(text("LOCK TABLE customer IN ROW EXCLUSIVE MODE"))
        building = Thread(target=build)
        building.start()
        waiting = text(WAITING)
        with engine.connect() as look:
            while not look.execute(waiting).scalar_one():
                look.rollback()
        builder.stop()
        building.join(10)
        assert not building.is_alive()
    assert not built(engine)
