"""Building the indexes that fields want: long work, which a stop may interrupt anywhere."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from threading import Lock, Thread
from typing import Any

import structlog
from sqlalchemy import Engine

from crm.database import clear_errors
from crm.services.slot_indexes import build_wanted_indexes
from rapport.runtime.clock import Clock

CANCEL_SECONDS = 2.0
"""How long the server may take to end a build."""

log = structlog.get_logger(__name__)


class IndexBuilder:
    """Builds the indexes that filterable fields want, on PostgreSQL, beside the work.

    On SQLite an apply builds them: there nothing works beside a build.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = Lock()
        self._at_work: Any = None
        self._stopped = False

    def build(self) -> None:
        """Build what is wanted and not there; one process at a time. Raises DatabaseUnavailable."""
        if self._engine.dialect.name != "postgresql":
            return
        with clear_errors(), self._engine.connect() as pooled:
            db = pooled.execution_options(isolation_level="AUTOCOMMIT")
            # It is not given back: it may have been cancelled in the middle of anything.
            db.detach()
            try:
                if self._begin(db.connection.dbapi_connection):
                    for slot in build_wanted_indexes(db, self._clock.now()):
                        log.info("index_built", column=slot)
            finally:
                self._begin(None)

    def stop(self) -> None:
        """End a build that is going on; what it leaves is removed by the next one."""
        with self._lock:
            self._stopped = True
            if self._at_work is not None:
                # A server that answers nothing is not waited for.
                ask = partial(_cancel, self._at_work)
                Thread(target=ask, name="cancel", daemon=True).start()

    def _begin(self, connection: Any) -> bool:
        """Note what is at work; False once stopped."""
        with self._lock:
            self._at_work = connection
            return not self._stopped


def _cancel(connection: Any) -> None:
    # Not `cancel`, which holds the interpreter up for as long as the server does not answer.
    with suppress(_errors()):
        connection.cancel_safe(timeout=CANCEL_SECONDS)


def _errors() -> type[Exception]:
    """What psycopg raises, which is there where PostgreSQL is."""
    import psycopg

    return psycopg.Error
