"""PostgreSQL's writer: a few threads, each with a transaction of its own.

PostgreSQL lets transactions run side by side, so nothing is gained by one thread and one queue:
what belongs together waits for the locks of its rows, everything else for nobody. What deadlocks
or loses its connection is refused as DatabaseUnavailable, and whoever submitted it tries again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

from crm.database import DatabaseUnavailable, clear_errors
from crm.postgresql import CONNECTIONS
from rapport.runtime.tallies import WriterTally
from rapport.runtime.writer import Committed, ThreadWriter, Writer

T = TypeVar("T")


class PooledWriter:
    """Runs each function in a READ COMMITTED transaction of its own, `threads` at a time.

    Those that wait begin in the order in which they came; they need not end in it, nor are the
    `committed` called in it.
    """

    def __init__(self, engine: Engine, threads: int = CONNECTIONS) -> None:
        self._engine = engine
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="writer")
        self._counting = threading.Lock()
        self.tally = WriterTally()

    def submit(
        self, f: Callable[[Connection], T], *, durable: bool = True,
        here: bool = False,  # noqa: ARG002  # a server is waited for
        committed: Committed[T] | None = None,
    ) -> Future[T]:  # fmt: skip
        try:
            return self._pool.submit(self._transaction, f, durable, committed)
        except RuntimeError:  # shut down
            refused: Future[T] = Future()
            refused.set_exception(DatabaseUnavailable("the program is stopping"))
            return refused

    def close(self) -> None:
        self._pool.shutdown(wait=True)

    def _transaction(
        self, f: Callable[[Connection], T], durable: bool, committed: Committed[T] | None
    ) -> T:
        try:
            with clear_errors(), self._engine.connect() as db:
                # Statements go to the driver's own cursor (crm.sql): of a transaction begun by
                # those alone SQLAlchemy knows nothing, and its commit would be none.
                db.begin()
                if not durable:
                    db.exec_driver_sql("SET LOCAL synchronous_commit = off")
                outcome = f(db)
                self._commit(db)
        except DatabaseUnavailable as error:
            with self._counting:
                self.tally.refuse(error)
            raise
        if committed is not None:
            committed(outcome)
        return outcome

    def _commit(self, db: Connection) -> None:
        began = time.perf_counter()
        db.commit()
        with self._counting:
            self.tally.committed(time.perf_counter() - began)


def writer_for(engine: Engine) -> Writer:
    """The writer that the engine's store takes."""
    return ThreadWriter(engine) if engine.dialect.name == "sqlite" else PooledWriter(engine)
