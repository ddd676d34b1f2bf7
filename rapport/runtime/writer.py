"""The one place that begins and commits.

Every write of the process is a function `f(db)` given to `submit`. On SQLite one thread runs
them; what has queued meanwhile shares a transaction (and its fsync), each behind a savepoint, so
one that raises takes nothing of the others with it. A future is done only after the commit.

What is small may run in the caller's thread, `here`, where nobody has to be waited for: two ways
between threads cost as much as half a turn. The file's lock is only tried then, the log is copied
into the file by the thread alone, and the disk is waited for only while it is quick.

A function that confirms nothing to anybody need not be durable: its commit outlives the process,
and a power cut may undo it for `disk.SYNC_SECONDS`, or until the next durable one.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from crm.database import (
    DatabaseUnavailable,
    begin_now,
    clear_errors,
    rollback_now,
    sqlite_driver,
    unavailable_reason,
    wait_and_checkpoint,
)
from rapport.runtime import disk
from rapport.runtime.disk import Disk
from rapport.runtime.tallies import WriterTally

T = TypeVar("T")

Committed = Callable[[T], None]
"""Called with what a function returned, right after its commit and before the next function runs,
in the order of the functions. It must not raise."""

GROUP_SECONDS = 0.02
"""How long a transaction goes on taking queued work: others wait for the lock no longer."""

BREATH_SECONDS = 0.0005
"""The lock is left free this long after work without a pause, else another process starves."""

ROWS_HERE = 8_000
"""Rows changed in callers' threads before the writer's own thread gets to commit once, and may copy
the log into the file: some tens of MiB of log at most."""


class Writer(Protocol):
    """Raises nothing itself; a future raises what its function raised, or DatabaseUnavailable
    where the store refused the transaction and nothing of it was written."""

    tally: WriterTally

    def submit(
        self, f: Callable[[Connection], T], *, durable: bool = True,
        here: bool = False, committed: Committed[T] | None = None,
    ) -> Future[T]:  # fmt: skip
        """Queue `f`. A future that is cancelled before its turn has come is not run at all.

        durable: False where a power cut may undo it. here: it is small, and may be run before this
        returns. committed: not called where `f` raised.
        """

    def close(self) -> None:
        """Finish what is queued, then stop."""


async def outcome_of(future: Future[T]) -> T:
    """What a submitted function returned or raised; one that has run already is not waited for."""
    return future.result() if future.done() else await asyncio.wrap_future(future)


class InlineWriter:
    """Runs each function at once, in the caller's thread: for tests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tally = WriterTally()

    def submit(
        self, f: Callable[[Connection], T], *, durable: bool = True,  # noqa: ARG002  # all are
        here: bool = False, committed: Committed[T] | None = None,  # noqa: ARG002  # all are
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

    def tell(self) -> None:
        """Its commit is done."""
        if self.error is None:
            self.future.set_result(self.outcome)
        else:
            self.future.set_exception(self.error)


_WAKE = _Job(lambda _: None, durable=False, committed=None)
"""Queued for no more than that the thread wakes up."""


class ThreadWriter:
    """SQLite's writer: one thread, one connection, grouped commits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tally = WriterTally()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._counting = threading.Lock()
        self._queued = 0
        # Held by the thread that uses the connection and what is said of it below.
        self._using = threading.Lock()
        self._db: Connection | None = None
        self._left: _Job | None = None
        self._busy_since = 0.0
        self._disk = Disk()
        self._watched = False
        self._patient = True
        self._rows_before = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    def submit(
        self, f: Callable[[Connection], T], *, durable: bool = True,
        here: bool = False, committed: Committed[T] | None = None,
    ) -> Future[T]:  # fmt: skip
        job = _Job(f, durable, committed)
        if self._closed:
            job.future.set_exception(DatabaseUnavailable("the program is stopping"))
        elif not (here and self._run_here(job)):
            self._put(job)
        return job.future

    def close(self) -> None:
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    def _put(self, job: _Job) -> None:
        with self._counting:
            self._queued += 1
        self._queue.put(job)

    def _over(self, jobs: int) -> None:
        with self._counting:
            self._queued -= jobs

    # -- in the caller's thread

    def _run_here(self, job: _Job) -> bool:
        """Run a job at once; False where somebody else or the disk would have to be waited for."""
        if self._queued or not self._using.acquire(blocking=False):
            return False
        try:
            db = self._db
            if db is None or not self._may_run_here(db, job) or not self._begin_here(db, job):
                return False
            job.future.set_running_or_notify_cancel()
            self._run([job], db)
            self._watch()
        finally:
            self._using.release()
        job.tell()
        return True

    def _may_run_here(self, db: Connection, job: _Job) -> bool:
        if not self._disk.quick and (job.durable or self._disk.overdue):
            return False
        return sqlite_driver(db).total_changes - self._rows_before < ROWS_HERE

    def _begin_here(self, db: Connection, job: _Job) -> bool:
        try:
            with clear_errors():
                self._be_patient(db, wanted=False)
                self._begin(db, job)
        except DatabaseUnavailable:
            # The writer's thread waits for whoever has the lock, or says what is wrong.
            return False
        return True

    # -- in the writer's thread

    def _work(self) -> None:
        while (first := self._wait()) is not None:
            if first is not self._left and not self._is_wanted(first):
                continue
            self._left = None
            if not self._take_turn(first):
                break
        if self._db is not None:
            with self._using:
                self._be_patient(self._db, wanted=True)
                self._disk.catch_up(self._db)
                self._db.close()

    def _wait(self) -> _Job | None:
        """The next job; under load only after a breath every GROUP_SECONDS."""
        if self._left is not None:
            return self._left
        if self._queue.empty():
            first = self._wait_idle()
            self._busy_since = time.monotonic()
            return first
        if time.monotonic() - self._busy_since > GROUP_SECONDS:
            time.sleep(BREATH_SECONDS)
            self._busy_since = time.monotonic()
        return self._queue.get()

    def _wait_idle(self) -> _Job | None:
        """The next job; what is not synced yet is, where none comes for a while."""
        while True:
            try:
                return self._queue.get(timeout=disk.SYNC_SECONDS if self._watched else None)
            except queue.Empty:
                with self._using:
                    if self._db is not None and self._disk.overdue:
                        self._be_patient(self._db, wanted=True)
                        self._disk.catch_up(self._db)
                    self._watched = self._disk.behind

    def _take_turn(self, first: _Job) -> bool:
        """Run `first` and what has queued in one transaction; False once told to stop."""
        jobs = [first]
        going_on = True
        with self._using:
            try:
                with clear_errors():
                    db = self._db = self._db or self._engine.connect()
                    self._be_patient(db, wanted=True)
                    self._begin(db, first)
            except Exception as error:  # noqa: BLE001  # the future raises it; the thread lives on
                self._refuse(jobs, error)
            else:
                going_on = self._run(jobs, db, join=True)
                self._rows_before = sqlite_driver(db).total_changes
            self._watched = self._disk.behind
        self._over(len(jobs))
        for job in jobs:
            job.tell()
        return going_on

    # -- with the connection in use

    def _begin(self, db: Connection, first: _Job) -> None:
        self._disk.prepare(db, durable=first.durable)
        begin_now(db)

    def _run(self, jobs: list[_Job], db: Connection, *, join: bool = False) -> bool:
        """Run the first job, in `join` what has queued too, and commit; False once told to stop.

        What became of the jobs stands in them.
        """
        going_on = True
        first = jobs[0]
        try:
            with clear_errors():
                # It needs no savepoint: what it raises undoes the transaction, and it is alone.
                first.outcome = first.f(db)
                if join:
                    going_on = self._join(db, jobs)
                self.tally.committed(self._disk.commit(db))
        except BaseException as error:
            rollback_now(db)
            if not isinstance(error, Exception):  # the process is told to end
                raise
            self._refuse(jobs, error)
            return going_on
        for job in jobs:
            if job.committed is not None and job.error is None:
                job.committed(job.outcome)
        return going_on

    def _watch(self) -> None:
        """See to it that the thread wakes up to sync, where it waits for nothing but work."""
        if self._disk.behind and not self._watched:
            self._watched = True
            self._queue.put(_WAKE)

    def _be_patient(self, db: Connection, *, wanted: bool) -> None:
        if wanted != self._patient:
            wait_and_checkpoint(db, wanted)
            self._patient = wanted

    def _join(self, db: Connection, jobs: list[_Job]) -> bool:
        """Run what has queued meanwhile in the same transaction; False once told to stop."""
        ends_at = time.monotonic() + GROUP_SECONDS
        job, going_on = self._next()
        while job is not None:
            if job.durable and not self._disk.syncs:
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
            job.error = error

    def _next(self) -> tuple[_Job | None, bool]:
        """The next job that is still wanted, if one waits; False once told to stop."""
        while True:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return None, True
            if job is None or self._is_wanted(job):
                return job, job is not None

    def _is_wanted(self, job: _Job) -> bool:
        """False where it was cancelled; where not, it cannot be any more."""
        if job is _WAKE:
            return False
        wanted = job.future.set_running_or_notify_cancel()
        if not wanted:
            self._over(1)
        return wanted


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
