"""The audit log: who did or looked at what, when, and from where. Rows are only ever added.

Opening a profile, asking for a list and making an export are of high sensitivity, a dashboard is of
normal. What changes a customer stands on their timeline with its author; `list_audit` shows both as
one log. No value of a customer is ever written here: keys, counts and criteria alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from sqlalchemy import Connection, insert, select

from crm.tables import activity, audit

HIGH: Literal["high"] = "high"
NORMAL: Literal["normal"] = "normal"

Sensitivity = Literal["high", "normal"]

PROFILE_OPENED, LIST_QUERIED, EXPORT_MADE = "profile_opened", "list_queried", "export_made"
DASHBOARD_OPENED, FIELD_REVEALED = "dashboard_opened", "sensitive_field_opened"

SENSITIVITY: Mapping[str, Sensitivity] = {
    PROFILE_OPENED: HIGH, LIST_QUERIED: HIGH, EXPORT_MADE: HIGH, FIELD_REVEALED: HIGH,
    DASHBOARD_OPENED: NORMAL,
}  # fmt: skip
"""How sensitive it is that somebody looked."""

_TALK = ("message_sent", "message_received")
"""On a timeline and no change that anybody made."""


class Entry(Struct, frozen=True):
    """customer_id: None for what was about many. origin: an address, None where unknown. data:
    keys, counts, criteria."""

    at: datetime
    by: str
    what: str
    customer_id: int | None
    sensitivity: Sensitivity
    origin: str | None
    data: Any


def write_audit(
    db: Connection, business_id: int, by: str, what: str, now: datetime, *,
    customer_id: int | None = None, sensitivity: Sensitivity | None = None,
    origin: str | None = None, data: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Note that somebody did or saw something. sensitivity: else that of `what`, or normal."""
    db.execute(
        insert(audit).values(
            business_id=business_id, customer_id=customer_id, at=now, by=by[:200],
            origin=origin, what=what, data=None if data is None else dict(data),
            sensitivity=sensitivity or SENSITIVITY.get(what, NORMAL),
        )
    )  # fmt: skip


def list_audit(
    db: Connection, business_id: int, *, by: str = "", customer_id: int | None = None,
    what: str = "", sensitivity: Sensitivity | None = None, before: datetime | None = None,
    limit: int = 100,
) -> list[Entry]:  # fmt: skip
    """The newest first: what was noted here, and every change on the customers' timelines.

    before: the next page, the moment at which the last one ended; moments are in microseconds.
    """
    entries = [
        Entry(row.at, row.by, row.what, row.customer_id, row.sensitivity, row.origin, row.data)
        for row in db.execute(
            select(audit)
            .where(
                audit.c.business_id == business_id,
                *([audit.c.by == by] if by else []),
                *([audit.c.what == what] if what else []),
                *([audit.c.customer_id == customer_id] if customer_id is not None else []),
                *([audit.c.sensitivity == sensitivity] if sensitivity else []),
                *([audit.c["at"] < before] if before else []),
            )
            .order_by(audit.c.id.desc())
            .limit(limit)
        )
    ]
    if sensitivity != HIGH:
        entries += _changes(db, business_id, by, customer_id, what, before, limit)
    return sorted(entries, key=lambda entry: entry.at, reverse=True)[:limit]


def _changes(
    db: Connection, business_id: int, by: str, customer_id: int | None, what: str,
    before: datetime | None, limit: int,
) -> list[Entry]:  # fmt: skip
    statement = select(
        activity.c["at"], activity.c.by, activity.c.type, activity.c.customer_id, activity.c.data
    ).where(activity.c.business_id == business_id, activity.c.type.not_in(_TALK))
    if by:
        statement = statement.where(activity.c.by == by)
    if what:
        statement = statement.where(activity.c.type == what)
    if customer_id is not None:
        statement = statement.where(activity.c.customer_id == customer_id)
    if before is not None:
        statement = statement.where(activity.c["at"] < before)
    return [
        Entry(row.at, row.by, row.type, row.customer_id, NORMAL, None, _keys_alone(row.data))
        for row in db.execute(statement.order_by(activity.c.id.desc()).limit(limit))
    ]


def _keys_alone(data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Which field, tag or record; what it became is read on the timeline, by whoever may."""
    kept = {key: value for key, value in (data or {}).items() if key in _NAMES}
    return kept or None


_NAMES = frozenset(
    {"field", "tag", "segment", "flow", "note", "task", "purchase", "interaction", "merge",
     "source", "target", "stage", "bulk"}
)  # fmt: skip
