"""Which of a SQLite connection's commits the disk has, and how long it takes over one."""

from __future__ import annotations

import time

import structlog
from sqlalchemy import Connection

from crm.database import (
    DatabaseUnavailable,
    clear_errors,
    commit_now,
    let_commits_sync,
    sync_now,
)

QUICK_SECONDS = 0.002
"""What a commit may take that an event loop waits for: on a slower disk it would stand still."""

WARY_FOR = 16
"""So many commits after one that took longer are left to the writer's thread."""

SYNC_SECONDS = 0.25
"""How long a commit that need not be durable may be only in the memory of the machine."""

log = structlog.get_logger(__name__)


class Disk:
    """Used by one thread at a time.

    syncs: the next commit waits for the disk. behind: an earlier one has not, and is not there yet.
    """

    def __init__(self) -> None:
        self.syncs = True
        self._behind_since: float | None = None
        self._wary_for = WARY_FOR

    @property
    def behind(self) -> bool:
        return self._behind_since is not None

    @property
    def overdue(self) -> bool:
        since = self._behind_since
        return since is not None and time.monotonic() >= since + SYNC_SECONDS

    @property
    def quick(self) -> bool:
        """Whether the last commits that waited for it were; False where there were too few."""
        return self._wary_for == 0

    def prepare(self, db: Connection, *, durable: bool) -> None:
        """Outside of a transaction: have the next commit wait, or not. What has long not been
        brought to the disk is taken along by whatever comes next."""
        wanted = durable or self.overdue
        if wanted != self.syncs:
            let_commits_sync(db, wanted)
            self.syncs = wanted

    def commit(self, db: Connection) -> float:
        """Commit; how many seconds it took."""
        began = time.perf_counter()
        commit_now(db)
        seconds = time.perf_counter() - began
        if self.syncs:
            self._behind_since = None
            slow = seconds > QUICK_SECONDS
            self._wary_for = WARY_FOR if slow else max(0, self._wary_for - 1)
        elif self._behind_since is None:
            self._behind_since = time.monotonic()
        return seconds

    def catch_up(self, db: Connection) -> None:
        """Bring to the disk what is not there yet."""
        if not self.behind:
            return
        self.syncs, self._behind_since = True, None
        try:
            with clear_errors():
                sync_now(db)
        except DatabaseUnavailable as error:
            # The next durable commit does it too, or says what is wrong to who waits for it.
            log.warning("not_synced", reason=str(error))
