"""Old versions of flows that nobody is in any more are forgotten, a piece of the work at a time.

A version goes when a newer one has been there for 90 days, when it is not among the ten newest of
its flow (somebody may want to go back to those), and when no run is in it: neither as its own flow,
ended runs that are kept included, nor as one that another flow has called. Who was called stands in
the frames of the runs alone, so these are walked through where there is anything to forget. Nobody
comes into an older version meanwhile: runs begin on the newest, and move to it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, select, tuple_

from crm.services.movings import in_runs_after, open_runs_of
from crm.tables import flow_version, run

KEEP = timedelta(days=90)
"""How long a version stays after a newer one has come: as long as ended runs are kept."""

NEWEST = 10
"""So many versions of each flow stay, whatever their age."""

Version = tuple[str, int]


class OldVersions:
    """Walks through a business's open runs, then forgets what none of them is in."""

    def __init__(self, business_id: int, piece: int) -> None:
        self._business_id = business_id
        self._piece = piece
        self._unused: set[Version] | None = None
        self._after = 0

    def tick(self, db: Connection, now: datetime) -> tuple[int, bool]:
        """Do one piece in the caller's transaction: how many versions were forgotten, and whether
        there is more to do. After a rollback just go on."""
        if self._unused is None:
            self._after = 0
            self._unused = _candidates(db, self._business_id, now - KEEP)
        elif self._unused:
            self._look(db)
        if not self._unused:
            self._unused = None
            return 0, False
        if self._after < 0:
            unused, self._unused = self._unused, None
            return _forget(db, self._business_id, unused), False
        return 0, True

    def count(self, db: Connection, now: datetime) -> int:
        """How many would be forgotten, in one go."""
        self._after, self._unused = 0, _candidates(db, self._business_id, now - KEEP)
        while self._unused and self._after >= 0:
            self._look(db)
        unused, self._unused = self._unused, None
        return len(unused)

    def _look(self, db: Connection) -> None:
        """Take out the versions that the next runs are in; then -1 is where it would go on."""
        assert self._unused is not None
        customers = in_runs_after(db, self._business_id, self._after, self._piece)
        for row in open_runs_of(db, self._business_id, customers):
            self._unused -= {(frame["flow"], frame["version"]) for frame in row.frames}
        self._after = customers[-1] if len(customers) == self._piece else -1


def _candidates(db: Connection, business_id: int, before: datetime) -> set[Version]:
    newer = flow_version.alias()
    same = (newer.c.business_id == flow_version.c.business_id, newer.c.flow == flow_version.c.flow)
    later = select(func.count()).where(*same, newer.c.number > flow_version.c.number)
    replaced = select(newer.c.id).where(
        *same, newer.c.number > flow_version.c.number, newer.c.applied_at < before
    )
    of_its_own = select(run.c.id).where(
        run.c.business_id == business_id, run.c.flow == flow_version.c.flow,
        run.c.flow_version == flow_version.c.number,
    )  # fmt: skip
    rows = db.execute(
        select(flow_version.c.flow, flow_version.c.number).where(
            flow_version.c.business_id == business_id,
            later.scalar_subquery() >= NEWEST,
            replaced.exists(),
            ~of_its_own.exists(),
        )
    )
    return {(row.flow, row.number) for row in rows}


def _forget(db: Connection, business_id: int, versions: set[Version]) -> int:
    gone = db.execute(
        delete(flow_version).where(
            flow_version.c.business_id == business_id,
            tuple_(flow_version.c.flow, flow_version.c.number).in_(sorted(versions)),
        )
    )
    return gone.rowcount
