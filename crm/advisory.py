"""Work that one process at a time may do on PostgreSQL: migrating, building indexes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

POLL_SECONDS = 0.1
"""Between two looks at a lock that another process holds."""


@contextmanager
def alone(db: Connection, key: int) -> Iterator[None]:
    """Hold the advisory lock `key` of the database; wait for it where another process has it.

    `db` must be outside of any transaction; what the work leaves uncommitted is rolled back.
    SQLite has one writer by itself, so nothing happens there.

    It is asked for again and again: a statement that waits for a lock holds a snapshot, and
    `CREATE INDEX CONCURRENTLY`, which the other process may be running, waits for every snapshot.
    """
    if db.dialect.name != "postgresql":
        yield
        return
    while not db.scalar(select(func.pg_try_advisory_lock(key))):
        db.commit()
        time.sleep(POLL_SECONDS)
    db.commit()
    try:
        yield
    finally:
        if not db.invalidated:  # a lost connection has taken its locks with it
            db.rollback()
            db.execute(select(func.pg_advisory_unlock(key)))
            db.commit()
