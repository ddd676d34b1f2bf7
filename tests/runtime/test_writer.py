"""The writer: one place that commits, in groups, where nobody's failure takes others with it."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import Connection, Engine, text

from crm.database import DatabaseUnavailable, open_engine
from rapport.runtime.disk import WARY_FOR
from rapport.runtime.pooled_writer import PooledWriter
from rapport.runtime.writer import InlineWriter, ThreadWriter, Writer, outcome_of
from tests.support.database import empty_store


def _url(folder: Path) -> str:
    return f"sqlite:///{folder / 'store.db'}"


WRITERS: dict[str, type[InlineWriter | PooledWriter | ThreadWriter]] = {
    "thread": ThreadWriter, "inline": InlineWriter, "pool": PooledWriter,
}  # fmt: skip


@pytest.fixture(params=WRITERS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A store for the writer of that name, with a table of words."""
    if request.param != "pool":
        engine = open_engine(_url(tmp_path))
        with engine.begin() as db:
            db.execute(text(WORDS))
        yield engine
        engine.dispose()
        return
    with empty_store("postgresql") as engine:
        with engine.begin() as db:
            db.execute(text(WORDS))
        yield engine


WORDS = "CREATE TABLE said (word TEXT PRIMARY KEY)"


@pytest.fixture
def writer(request: pytest.FixtureRequest, engine: Engine) -> Iterator[Writer]:
    writer: Writer = WRITERS[request.node.callspec.params["engine"]](engine)
    yield writer
    writer.close()


def say(word: str) -> "Say":
    return Say(word)


class Say:
    def __init__(self, word: str) -> None:
        self.word = word

    def __call__(self, db: Connection) -> str:
        db.execute(text("INSERT INTO said VALUES (:word)"), {"word": self.word})
        return self.word


def said(db: Connection) -> list[str]:
    return [row.word for row in db.execute(text("SELECT word FROM said ORDER BY word"))]


def test_what_a_function_returns_comes_after_the_commit(writer: Writer, engine: Engine) -> None:
    assert writer.submit(say("hello")).result(5) == "hello"
    with engine.connect() as outside:
        assert said(outside) == ["hello"]


def test_one_that_raises_takes_nothing_of_the_others_with_it(writer: Writer) -> None:
    futures: list[Future[str]] = [writer.submit(say(word)) for word in ("a", "a", "b")]
    outcomes = [type(future.exception(5)).__name__ for future in futures]
    assert sorted(outcomes) == ["IntegrityError", "NoneType", "NoneType"]
    assert writer.submit(said).result(5) == ["a", "b"]


def test_what_is_written_past_sqlalchemy_is_committed_too(writer: Writer, engine: Engine) -> None:
    """Hot statements run on the driver's cursor: SQLAlchemy's transaction hears nothing of it."""

    def write(db: Connection) -> None:
        cursor = db.connection.cursor()
        cursor.execute("INSERT INTO said VALUES ('a')")
        cursor.close()

    writer.submit(write).result(5)
    with engine.connect() as outside:
        assert said(outside) == ["a"]


def test_who_is_told_of_commits_is_told_after_its_own_and_of_no_other(
    writer: Writer, engine: Engine
) -> None:
    told: list[str] = []

    def committed(word: str) -> None:
        with engine.connect() as outside:
            told.extend(item for item in said(outside) if item == word)

    writer.submit(say("a"), committed=committed).result(5)
    refused = writer.submit(say("a"), committed=committed)
    assert refused.exception(5)
    writer.submit(say("b"), committed=committed, durable=False).result(5)
    assert told == ["a", "b"]


def test_a_store_that_refuses_a_transaction_is_unavailable_and_nothing_of_it_is_written(
    writer: Writer,
) -> None:
    def half(db: Connection) -> None:
        say("a")(db)
        raise DatabaseUnavailable("the disk is full")

    with pytest.raises(DatabaseUnavailable, match="the disk is full"):
        writer.submit(half).result(5)
    assert writer.submit(said).result(5) == []


def test_a_locked_store_refuses_in_one_clear_line_and_serves_again_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.database.BUSY_TIMEOUT_SECONDS", 0.01)
    engine = open_engine(_url(tmp_path))
    with engine.begin() as db:
        db.execute(text("CREATE TABLE said (word TEXT PRIMARY KEY)"))
    writer = ThreadWriter(engine)
    holder = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked by another process"):
        writer.submit(say("a")).result(5)
    holder.execute("ROLLBACK")
    holder.close()
    writer.submit(say("a")).result(5)
    assert writer.submit(said).result(5) == ["a"]
    writer.close()
    engine.dispose()


def test_a_read_only_store_refuses_in_one_clear_line(tmp_path: Path) -> None:
    open_engine(_url(tmp_path)).connect().close()
    engine = open_engine(_url(tmp_path), read_only=True)
    writer = ThreadWriter(engine)
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        writer.submit(lambda db: db.execute(text("CREATE TABLE x (y)"))).result(5)
    writer.close()
    engine.dispose()


def test_what_queues_while_a_transaction_runs_shares_the_next_one(tmp_path: Path) -> None:
    engine = open_engine(_url(tmp_path))
    with engine.begin() as db:
        db.execute(text("CREATE TABLE said (word TEXT PRIMARY KEY)"))
    writer = ThreadWriter(engine)
    go = threading.Event()

    def wait(_: Connection) -> None:
        go.wait(5)

    def transaction(db: Connection) -> object:
        return db.get_transaction()

    blocked = writer.submit(wait)
    seen = [writer.submit(transaction) for _ in range(3)]
    go.set()
    blocked.result(5)
    assert len({id(future.result(5)) for future in seen}) == 1
    writer.close()
    engine.dispose()


def test_closing_finishes_what_is_queued(tmp_path: Path) -> None:
    engine = open_engine(_url(tmp_path))
    with engine.begin() as db:
        db.execute(text("CREATE TABLE said (word TEXT PRIMARY KEY)"))
    writer = ThreadWriter(engine)
    futures = [writer.submit(say(str(number))) for number in range(20)]
    writer.close()
    assert all(future.done() for future in futures)
    with engine.connect() as db:
        assert len(said(db)) == 20
    engine.dispose()


def test_what_is_cancelled_before_its_turn_is_not_run_and_the_next_is(tmp_path: Path) -> None:
    engine = open_engine(_url(tmp_path))
    with engine.begin() as db:
        db.execute(text("CREATE TABLE said (word TEXT PRIMARY KEY)"))
    writer = ThreadWriter(engine)
    go, begun = threading.Event(), threading.Event()

    def wait(_: Connection) -> None:
        begun.set()
        go.wait(5)

    running = writer.submit(wait)
    queued = writer.submit(say("a"))
    begun.wait(5)
    assert not running.cancel(), "what runs is committed, whoever has given up on it"
    assert queued.cancel()
    go.set()
    assert writer.submit(say("b")).result(5) == "b"
    assert writer.submit(said).result(5) == ["b"]
    writer.close()
    engine.dispose()


def syncs(db: Connection) -> int:
    """2 where the commit to come waits for the disk, 1 where it does not."""
    return int(db.execute(text("PRAGMA synchronous")).scalar_one())


def version(outside: sqlite3.Connection) -> int:
    """Changes with every commit of another connection."""
    return int(outside.execute("PRAGMA data_version").fetchone()[0])


@pytest.fixture
def thread_writer(tmp_path: Path) -> Iterator[ThreadWriter]:
    engine = open_engine(_url(tmp_path))
    with engine.begin() as db:
        db.execute(text("CREATE TABLE said (word TEXT PRIMARY KEY)"))
    writer = ThreadWriter(engine)
    yield writer
    writer.close()
    engine.dispose()


def test_only_what_is_durable_waits_for_the_disk(thread_writer: ThreadWriter) -> None:
    modes = [
        thread_writer.submit(syncs, durable=durable).result(5)
        for durable in (True, False, False, True, False)
    ]
    assert modes == [2, 1, 1, 2, 1]


def test_a_group_waits_for_the_disk_if_one_of_it_is_durable(thread_writer: ThreadWriter) -> None:
    go = threading.Event()
    blocked = thread_writer.submit(lambda _: go.wait(5), durable=False)
    seen = [
        thread_writer.submit(lambda db: (syncs(db), db.get_transaction()), durable=durable)
        for durable in (False, True, False)
    ]
    go.set()
    blocked.result(5)
    (first, at_first), (second, at_second), (third, at_third) = [one.result(5) for one in seen]
    assert (first, second, third) == (1, 2, 2)
    assert at_second is at_third is not at_first


def test_what_need_not_be_durable_is_so_as_soon_as_the_writer_is_idle(
    thread_writer: ThreadWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.runtime.disk.SYNC_SECONDS", 0.02)
    with closing(sqlite3.connect(tmp_path / "store.db")) as outside:
        thread_writer.submit(say("a"), durable=False).result(5)
        before, ends_at = version(outside), monotonic() + 5
        while version(outside) == before:
            assert monotonic() < ends_at, "no commit by itself"
    assert thread_writer.submit(said).result(5) == ["a"]


def test_work_without_a_pause_does_not_put_off_the_disk_for_ever(
    thread_writer: ThreadWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.runtime.disk.SYNC_SECONDS", 0.0)
    after: list[Future[int]] = []

    def go_on(_: int) -> None:
        after.append(thread_writer.submit(syncs, durable=False))

    assert thread_writer.submit(syncs, durable=False, committed=go_on).result(5) == 1
    assert after[0].result(5) == 2, "what was committed before is taken along"


KILLED = """
import sys, time
from sqlalchemy import text
from crm.database import open_engine
from rapport.runtime.writer import ThreadWriter

writer = ThreadWriter(open_engine(sys.argv[1]))
writer.submit(
    lambda db: db.execute(text("INSERT INTO said VALUES ('a')")), durable=False,
    committed=lambda _: print("committed", flush=True),
)
time.sleep(60)
"""


def test_what_is_not_durable_outlives_the_process_all_the_same(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db")) as made:
        made.execute("CREATE TABLE said (word TEXT PRIMARY KEY)")
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, _url(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "committed\n"
        process.send_signal(signal.SIGKILL)
    with closing(sqlite3.connect(tmp_path / "store.db")) as left:
        assert left.execute("SELECT word FROM said").fetchall() == [("a",)]


def test_after_the_commit_callbacks_run_in_order_and_for_what_did_not_raise(
    writer: Writer,
) -> None:
    committed: list[str] = []
    futures = [
        writer.submit(say(word), committed=committed.append) for word in ("a", "a", "b", "c")
    ]
    for future in futures:
        future.exception(5)
    if isinstance(writer, PooledWriter):  # whose functions run side by side
        committed.sort()
    assert committed == ["a", "b", "c"]


@pytest.fixture
def warm(thread_writer: ThreadWriter, monkeypatch: pytest.MonkeyPatch) -> ThreadWriter:
    """A writer that knows the disk, which is quick enough whatever it is."""
    monkeypatch.setattr("rapport.runtime.disk.QUICK_SECONDS", 60.0)
    for _ in range(WARY_FOR):
        thread_writer.submit(lambda _: None).result(5)
    return thread_writer


def where(_: object) -> int:
    return threading.get_ident()


@pytest.mark.parametrize("durable", [True, False])
def test_what_is_small_runs_at_once_where_nobody_has_to_be_waited_for(
    warm: ThreadWriter, durable: bool
) -> None:
    future = warm.submit(say("a"), durable=durable, here=True)
    assert future.done()
    assert warm.submit(where, durable=durable, here=True).result(5) == threading.get_ident()
    assert warm.submit(said).result(5) == ["a"]


def test_what_is_small_waits_behind_what_was_submitted_before_it(warm: ThreadWriter) -> None:
    go = threading.Event()
    warm.submit(lambda _: go.wait(5))
    first = warm.submit(said)
    second = warm.submit(say("a"), here=True)
    assert not second.done()
    go.set()
    assert (first.result(5), second.result(5)) == ([], "a")


def test_a_locked_file_keeps_nobody_waiting_but_the_writers_thread(
    warm: ThreadWriter, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        future = warm.submit(where, here=True)
        assert not future.done()
        holder.execute("ROLLBACK")
        assert future.result(10) != threading.get_ident()


def test_a_slow_disk_is_waited_for_by_the_writers_thread_alone(
    warm: ThreadWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = threading.get_ident()
    with monkeypatch.context() as patched:
        patched.setattr("rapport.runtime.disk.QUICK_SECONDS", 0.0)
        assert warm.submit(where, here=True).result(5) == here, "nobody knew"
    places = [warm.submit(where, here=True).result(5) == here for _ in range(WARY_FOR + 1)]
    assert places == [False] * WARY_FOR + [True]
    assert warm.submit(where, here=True, durable=False).result(5) == here


def test_the_thread_gets_its_turn_before_the_log_has_grown_long(
    warm: ThreadWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.runtime.writer.ROWS_HERE", 1)
    places = []
    for word in "abc":
        places.append(warm.submit(where, here=True).result(5) == threading.get_ident())
        warm.submit(say(word), here=True).result(5)
    assert places == [True, False, False]


def test_what_raises_at_once_is_undone_and_its_future_says_so(warm: ThreadWriter) -> None:
    warm.submit(say("a"), here=True)
    again = warm.submit(say("a"), here=True)
    assert type(again.exception(5)).__name__ == "IntegrityError"
    assert warm.submit(say("b"), here=True).result(5) == "b"
    assert warm.submit(said, here=True).result(5) == ["a", "b"]


def test_an_interrupted_function_leaves_no_transaction_open(warm: ThreadWriter) -> None:
    def interrupted(db: Connection) -> None:
        say("a")(db)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        warm.submit(interrupted, here=True)
    assert warm.submit(said, here=True).result(5) == []


def test_what_ran_at_once_is_brought_to_the_disk_too(
    warm: ThreadWriter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapport.runtime.disk.SYNC_SECONDS", 0.02)
    assert warm.submit(say("a"), durable=False, here=True).done()
    with closing(sqlite3.connect(tmp_path / "store.db")) as outside:
        before, ends_at = version(outside), monotonic() + 5
        while version(outside) == before:
            assert monotonic() < ends_at, "no commit by itself"


def test_whoever_awaits_what_has_run_already_goes_on_at_once(warm: ThreadWriter) -> None:
    async def main() -> list[str]:
        order: list[str] = []
        asyncio.get_running_loop().call_soon(order.append, "the loop")
        order.append(await outcome_of(warm.submit(say("here"), here=True)))
        order.append(await outcome_of(warm.submit(say("there"))))
        return order

    assert asyncio.run(main()) == ["here", "the loop", "there"]
