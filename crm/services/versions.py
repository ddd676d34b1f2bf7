"""The versions of flows that a business has: which there are, and who is in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, func, select

from crm.errors import NotFound
from crm.services.projects import open_versions
from crm.tables import flow_version


class FlowVersion(Struct, frozen=True):
    """One version of a flow. is_current: newcomers begin on it. withdrawn_at: when the flow was
    taken out of the project, None while it is there. open_runs: how many are in it now, those that
    another flow has called not counted."""

    flow: str
    number: int
    path: str
    applied_at: datetime
    withdrawn_at: datetime | None
    is_current: bool
    open_runs: int


def versions_of(db: Connection, business_id: int, flow: str | None = None) -> list[FlowVersion]:
    """All versions, of one flow or of all, the oldest first. Raises NotFound for no flow."""
    columns = ("flow", "number", "path", "applied_at", "withdrawn_at")
    statement = (
        select(*(flow_version.c[name] for name in columns))
        .where(flow_version.c.business_id == business_id)
        .order_by(flow_version.c.flow, flow_version.c.number)
    )
    rows = db.execute(statement if flow is None else statement.where(flow_version.c.flow == flow))
    found = rows.all()
    if flow is not None and not found:
        raise NotFound(_unknown(flow, _names(db, business_id)))
    newest = {row.flow: row.number for row in found}
    runs = {(key, number): count for key, number, count in open_versions(db, business_id)}
    return [
        FlowVersion(
            flow=row.flow,
            number=row.number,
            path=row.path,
            applied_at=row.applied_at,
            withdrawn_at=row.withdrawn_at,
            is_current=newest[row.flow] == row.number and row.withdrawn_at is None,
            open_runs=runs.get((row.flow, row.number), 0),
        )
        for row in found
    ]


def newest_number(db: Connection, business_id: int, flow: str) -> int:
    """The number of the newest version, of a withdrawn flow too. Raises NotFound."""
    found = db.scalar(
        select(func.max(flow_version.c.number)).where(
            flow_version.c.business_id == business_id, flow_version.c.flow == flow
        )
    )
    if found is None:
        raise NotFound(_unknown(flow, _names(db, business_id)))
    return int(found)


def _names(db: Connection, business_id: int) -> Sequence[str]:
    return db.execute(
        select(flow_version.c.flow).where(flow_version.c.business_id == business_id).distinct()
    ).scalars().all()  # fmt: skip


def _unknown(flow: str, known: Sequence[str]) -> str:
    there = ", ".join(sorted(known)) or "none"
    return f"There is no flow '{flow}' in this database (there are: {there})."
