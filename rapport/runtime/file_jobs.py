"""Imports that wait for a worker: each file is stored by whoever has time, from where it is.

What waits stands in the database. A worker that dies leaves whole pieces, and the next look goes
on behind them; two that have the same file take turns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from crm.errors import CrmError
from crm.imports.jobs import waiting_jobs
from rapport.importing import Place, run_job
from rapport.runtime.clock import Clock
from rapport.runtime.desk import Desk
from rapport.runtime.reading import Reader
from rapport.runtime.writer import Writer

T = TypeVar("T")

log = structlog.get_logger(__name__)


def run_waiting_imports(desk: Desk, writer: Writer, read: Reader, clock: Clock) -> None:
    """Store every file that waits; called in a thread that is not the writer's. A file that cannot
    be read is over, and its job says why. Raises DatabaseUnavailable."""
    library = desk.library

    def transact(work: Callable[[Connection], T]) -> T:
        return writer.submit(work).result()

    place = Place(transact, library.business_id, library.business, clock)
    # Asked by reading: where nothing waits no write lock is taken.
    for job_id in read(lambda db: waiting_jobs(db, library.business_id)):
        try:
            state = run_job(place, job_id)
        except CrmError as error:
            log.warning("import_refused", job=job_id, error=str(error))
        else:
            log.info("imported", job=job_id, **state.counts)
