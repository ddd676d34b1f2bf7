"""PostgreSQL's writer: transactions side by side, and no wait without an end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, Engine, text

from crm.database import DatabaseUnavailable
from rapport.runtime.pooled_writer import PooledWriter
from rapport.runtime.writer import Writer
from tests.runtime.test_writer import WORDS, said, say
from tests.support.database import empty_store


@pytest.fixture
def engine() -> Iterator[Engine]:
    with empty_store("postgresql") as engine:
        with engine.begin() as db:
            db.execute(text(WORDS))
        yield engine


@pytest.fixture
def writer(engine: Engine) -> Iterator[Writer]:
    writer = PooledWriter(engine)
    yield writer
    writer.close()


def test_one_that_waits_holds_up_no_other(writer: Writer) -> None:
    go = threading.Event()
    waiting = writer.submit(lambda _: go.wait(10))
    assert writer.submit(say("a")).result(5) == "a"
    go.set()
    assert waiting.result(5)


def test_closing_finishes_what_is_queued_and_refuses_what_comes_later(writer: Writer) -> None:
    futures = [writer.submit(say(str(number))) for number in range(20)]
    writer.close()
    assert all(future.done() for future in futures)
    with pytest.raises(DatabaseUnavailable, match="the program is stopping"):
        writer.submit(said).result(5)


def test_of_two_that_wait_for_each_other_one_is_refused(writer: Writer) -> None:
    both = threading.Barrier(2)

    def cross(first: str, second: str) -> Callable[[Connection], str]:
        def work(db: Connection) -> str:
            say(first)(db)
            both.wait(5)
            return say(second)(db)

        return work

    futures = [writer.submit(cross("a", "b")), writer.submit(cross("b", "a"))]
    refused = [error for future in futures if (error := future.exception(10))]
    assert [str(error) for error in refused] == ["the database asked to try again"]
    assert writer.submit(said).result(5) == ["a", "b"]


def test_a_lock_that_somebody_holds_too_long_is_one_clear_line(
    writer: Writer, engine: Engine
) -> None:
    def impatiently(db: Connection) -> None:
        db.execute(text("SET LOCAL lock_timeout = '10ms'"))
        db.execute(text("LOCK TABLE said"))

    with engine.begin() as holder:
        say("a")(holder)
        with pytest.raises(DatabaseUnavailable, match="somebody else holds what is needed"):
            writer.submit(impatiently).result(5)


def test_a_connection_that_was_lost_is_made_anew(writer: Writer, engine: Engine) -> None:
    def give_up(db: Connection) -> None:
        db.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    with pytest.raises(DatabaseUnavailable):
        writer.submit(give_up).result(5)
    assert writer.submit(say("a")).result(5) == "a"


def test_a_function_without_an_end_is_ended(writer: Writer) -> None:
    def for_ever(db: Connection) -> None:
        db.execute(text("SET LOCAL statement_timeout = '10ms'"))
        db.execute(text("SELECT pg_sleep(60)"))

    with pytest.raises(DatabaseUnavailable, match="a statement took too long"):
        writer.submit(for_ever).result(5)
