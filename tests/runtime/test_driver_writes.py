"""What goes straight to the driver's cursor, as turns do, is committed by every writer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, text

from crm.database import open_engine
from rapport.runtime.pooled_writer import PooledWriter
from rapport.runtime.writer import InlineWriter, ThreadWriter, Writer
from tests.support.database import empty_schema


@pytest.fixture(params=["thread", "inline", "pooled"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Engine, Writer]]:
    if request.param == "pooled":
        with empty_schema() as url:
            yield from _opened(url, PooledWriter)
        return
    kind = ThreadWriter if request.param == "thread" else InlineWriter
    yield from _opened(f"sqlite:///{tmp_path / 'store.db'}", kind)


def _opened(
    url: str, kind: type[PooledWriter | ThreadWriter | InlineWriter]
) -> Iterator[tuple[Engine, Writer]]:
    engine = open_engine(url)
    with engine.begin() as db:
        db.execute(text("CREATE TABLE said (word TEXT PRIMARY KEY)"))
    writer: Writer = kind(engine)
    yield engine, writer
    writer.close()
    engine.dispose()


def _say(db: Connection) -> None:
    cursor = db.connection.cursor()
    cursor.execute("INSERT INTO said VALUES ('hello')")
    cursor.close()


@pytest.mark.parametrize("durable", [True, False])
def test_it_is_there_for_others_when_the_future_is_done(
    store: tuple[Engine, Writer], durable: bool
) -> None:
    engine, writer = store
    writer.submit(_say, durable=durable).result(5)
    with engine.connect() as db:
        assert db.execute(text("SELECT word FROM said")).scalars().all() == ["hello"]


def test_it_is_gone_where_the_function_raises_afterwards(store: tuple[Engine, Writer]) -> None:
    engine, writer = store

    def fail(db: Connection) -> None:
        _say(db)
        raise LookupError("after all")

    with pytest.raises(LookupError):
        writer.submit(fail).result(5)
    with engine.connect() as db:
        assert db.execute(text("SELECT word FROM said")).scalars().all() == []
