"""The one place that begins and commits.

Every write of the process is a function `f(db)` given to `submit`. On SQLite one thread runs
them; what has queued meanwhile shares a transaction (and its fsync), each behind a savepoint, so
one that raises takes nothing of the others with it. A future is done only after the commit.

A function that confirms nothing to anybody need not be durable: its commit outlives the process,
and what would undo it in a power cut is gone SYNC_SECONDS later, or with the next durable one.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import structlog
from sqlalchemy import Connection, Engine

from crm.database import (
    DatabaseUnavailable,
    begin_now,
    clear_errors,
    commit_now,
    let_commits_sync,
    rollback_now,
    sync_now,
    unavailable_reason,
)
from rapport.runtime.tallies import WriterTally

T = TypeVar("T")

Committed = Callable[[T], None]
"""Called with what a function returned, right after its commit and before the next function runs,
in the order of the functions. It must not raise."""

GROUP_SECONDS = 0.02
"""How long a transaction goes on taking queued work: others wait for the lock no longer."""

BREATH_SECONDS = 0.0005
"""The lock is left free this long after work without a pause, else another process starves."""

SYNC_SECONDS = 0.25
"""How long a commit that need not be durable may be only in the memory of the machine."""

log = structlog.get_logger(__name__)


class Writer(Protocol):
    """Raises nothing itself; a future raises what its function raised, or DatabaseUnavailable
    where the store refused the transaction and nothing of it was written."""

    tally: WriterTally

    def submit(
        self, f: Callable[[Connection], T], *, durable: bool = True,
        committed: Committed[T] | None = None,
    ) -> Future[T]:  # fmt: skip
        """Queue `f`. A future that is cancelled before its turn has come is not run at all.

        durable: False where a power cut may undo it. committed: not called where `f` raised.
        """

    def close(self) -> None:
        """Finish what is queued, then stop."""


class InlineWriter:
    """Runs each function at once, in the caller's thread: for tests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tally = WriterTally()

    def submit(
        self, f: Callable[[Connection], T], *, durable: bool = True,  # noqa: ARG002  # all are
        committed: Committed[T] | None = None,
    ) -> Future[T]:  # fmt: skip
        future: Future[T] = Future()
        try:
            with clear_errors(), self._engine.begin() as db:
                result = f(db)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the future's to raise
            future.set_exception(error)
        else:
            if committed is not None:
                committed(result)
            future.set_result(result)
        return future

    def close(self) -> None:
        return None


class _Job:
    __slots__ = ("committed", "durable", "error", "f", "future", "outcome")

    def __init__(
        self, f: Callable[[Connection], Any], durable: bool, committed: Committed[Any] | None
    ) -> None:
        self.f = f
        self.durable = durable
        self.committed = committed
        self.future: Future[Any] = Future()
        self.outcome: Any = None
        self.error: Exception | None = None

    def finish(self) -> None:
        """Its commit is done."""
        if self.error is not None:
            self.future.set_exception(self.error)
            return
        if self.committed is not None:
            self.committed(self.outcome)
        self.future.set_result(self.outcome)


class ThreadWriter:
    """SQLite's writer: one thread, one connection, grouped commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tally = WriterTally()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._left: _Job | None = None
        self._busy_since = 0.0
        self._syncs = True
        self._unsynced_since: float | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def submit(
        self, f: Callable[[Connection], T], *, durable: bool = True,
        committed: Committed[T] | None = None,
    ) -> Future[T]:  # fmt: skip
        job = _Job(f, durable, committed)
        if self._closed:
            job.future.set_exception(DatabaseUnavailable("the program is stopping"))
        else:
            self._queue.put(job)
        return job.future

    def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        db: Connection | None = None
        while (first := self._wait(db)) is not None:
            if first is not self._left and not _is_wanted(first):
                continue
            self._left = None
            db = db or self._connect(first)
            if db is not None and not self._one_transaction(db, first):
                break
        if db is not None:
            self._sync(db)
            db.close()

    def _connect(self, first: _Job) -> Connection | None:
        """None, and `first` refused, where the store cannot be opened: the next job tries again."""
        try:
            with clear_errors():
                return self._engine.connect()
        except Exception as error:  # noqa: BLE001  # the future raises it; the thread lives on
            self._refuse([first], error)
            return None

    def _wait(self, db: Connection | None) -> _Job | None:
        """The next job; under load only after a breath every GROUP_SECONDS."""
        if self._left is not None:
            return self._left
        if self._queue.empty():
            first = self._wait_idle(db)
            self._busy_since = time.monotonic()
            return first
        if time.monotonic() - self._busy_since > GROUP_SECONDS:
            time.sleep(BREATH_SECONDS)
            self._busy_since = time.monotonic()
        return self._queue.get()

    def _wait_idle(self, db: Connection | None) -> _Job | None:
        """The next job; what was not synced yet is, where none comes for a while."""
        if db is not None and self._unsynced_since is not None:
            try:
                return self._queue.get(timeout=SYNC_SECONDS)
            except queue.Empty:
                self._sync(db)
        return self._queue.get()

    def _sync(self, db: Connection) -> None:
        """Bring to the disk what is not there yet."""
        if self._unsynced_since is None:
            return
        self._syncs, self._unsynced_since = True, None
        try:
            with clear_errors():
                sync_now(db)
        except DatabaseUnavailable as error:
            # The next durable commit does it too, or says what is wrong to who waits for it.
            log.warning("not_synced", reason=str(error))

    def _one_transaction(self, db: Connection, first: _Job) -> bool:
        """Run `first` and what has queued, then commit; False once told to stop."""
        jobs = [first]
        going_on = True
        try:
            with clear_errors():
                self._let_sync(db, first)
                begin_now(db)
                # It needs no savepoint: what it raises undoes the transaction, and it is alone.
                first.outcome = first.f(db)
                going_on = self._join(db, jobs)
                began = time.perf_counter()
                commit_now(db)
                self.tally.committed(time.perf_counter() - began)
        except Exception as error:  # noqa: BLE001  # the futures raise it; the thread lives on
            rollback_now(db)
            self._refuse(jobs, error)
            return going_on
        self._note_commit()
        for job in jobs:
            job.finish()
        return going_on

    def _let_sync(self, db: Connection, first: _Job) -> None:
        """Have the commit wait for the disk, or not; what is overdue there makes it."""
        since = self._unsynced_since
        durable = first.durable or (since is not None and time.monotonic() > since + SYNC_SECONDS)
        if durable != self._syncs:
            let_commits_sync(db, durable)
            self._syncs = durable

    def _note_commit(self) -> None:
        if self._syncs:
            self._unsynced_since = None
        elif self._unsynced_since is None:
            self._unsynced_since = time.monotonic()

    def _join(self, db: Connection, jobs: list[_Job]) -> bool:
        """Run what has queued meanwhile in the same transaction; False once told to stop."""
        ends_at = time.monotonic() + GROUP_SECONDS
        job, going_on = self._next()
        while job is not None:
            if job.durable and not self._syncs:
                self._left = job
                break
            jobs.append(job)
            _run_behind_savepoint(db, job)
            if time.monotonic() > ends_at:
                break
            job, going_on = self._next()
        return going_on

    def _refuse(self, jobs: list[_Job], error: Exception) -> None:
        if isinstance(error, DatabaseUnavailable):
            self.tally.refuse(error)
        for job in jobs:
            job.future.set_exception(error)

    def _next(self) -> tuple[_Job | None, bool]:
        """The next job that is still wanted, if one waits; False once told to stop."""
        while True:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return None, True
            if job is None or _is_wanted(job):
                return job, job is not None


def _is_wanted(job: _Job) -> bool:
    """False where it was cancelled; where not, it cannot be any more."""
    return job.future.set_running_or_notify_cancel()


def _run_behind_savepoint(db: Connection, job: _Job) -> None:
    """Run one job; what it raises is kept for its future, unless the store itself failed."""
    cursor = db.connection.cursor()
    cursor.execute("SAVEPOINT job")
    try:
        job.outcome = job.f(db)
    except Exception as error:
        if isinstance(error, DatabaseUnavailable) or unavailable_reason(error):
            raise
        job.error = error
        cursor.execute("ROLLBACK TO job")
    finally:
        # After a failure of the store the transaction may already be gone.
        if db.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]  # sqlite3's
            cursor.execute("RELEASE job")
        cursor.close()
