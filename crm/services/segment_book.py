"""Segments by hand: made, changed, paused, put away; their members; how often they are used."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from crm.criteria_sql import compile_sql
from crm.errors import NotAllowed, NotFound
from crm.services.following import Following, store
from crm.services.ledger import Cause, Ledger
from crm.services.rules_pass import ask_for_pass
from crm.tables import business as business_table
from crm.tables import customer, segment, segment_member
from engine.business import Business
from engine.criteria import Criterion
from engine.criteria.ast import to_canonical

PREVIEW = 10

SHOWN = (
    "key", "name", "kind", "status", "color", "description", "criteria", "tags", "position",
    "member_count", "last_calculated_at", "times_used", "last_used_at", "created_at", "created_by",
)  # fmt: skip


def list_segments(
    db: Connection, business_id: int, *, archived: bool = False
) -> list[dict[str, Any]]:
    """All segments in their order, without those put away unless they are asked for."""
    statement = _segments(business_id).order_by(segment.c.position, segment.c.id)
    if not archived:
        statement = statement.where(segment.c.status != "archived")
    return [dict(row) for row in db.execute(statement).mappings()]


def show_segment(db: Connection, business_id: int, key: str) -> dict[str, Any]:
    """Raises NotFound."""
    return {name: value for name, value in _row(db, business_id, key).items() if name != "id"}


def create_segment(
    db: Connection, business_id: int, key: str, name: str, criterion: Criterion | None,
    by: str, now: datetime, **more: Any,
) -> None:  # fmt: skip
    """A segment beside crm.yaml: dynamic with a criterion, else static. more: color, description,
    tags. Raises NotAllowed where the key or the name is taken."""
    taken = db.scalars(
        select(segment.c.key).where(
            segment.c.business_id == business_id, (segment.c.key == key) | (segment.c.name == name)
        )
    ).first()
    if taken is not None:
        raise NotAllowed(f"There is a segment '{taken}' with this key or name already.")
    last = select(func.coalesce(func.max(segment.c.position), 0)).where(
        segment.c.business_id == business_id
    )
    db.execute(
        insert(segment).values(
            business_id=business_id, key=key, name=name, created_at=now, created_by=by,
            kind="static" if criterion is None else "dynamic", status="active", member_count=0,
            criteria=None if criterion is None else to_canonical(criterion),
            position=(db.scalar(last) or 0) + 1, color=more.pop("color", None) or "#000000", **more,
        )
    )  # fmt: skip
    _tell(db, business_id, now)


def edit_segment(
    db: Connection, business_id: int, key: str, changes: Mapping[str, Any], now: datetime
) -> None:
    """changes: name, description, color, position, tags, and criteria as a Criterion. What
    crm.yaml declares is changed there. Raises NotFound, NotAllowed."""
    row = _row(db, business_id, key)
    if row["created_by"] is None:
        raise NotAllowed(f"'{key}' is declared in crm.yaml: change it there.")
    values = dict(changes)
    if "criteria" in values:
        if row["kind"] == "static":
            raise NotAllowed(f"'{key}' is static: its members are put in by hand.")
        values["criteria"] = to_canonical(values["criteria"])
    _update(db, business_id, key, values)
    _tell(db, business_id, now)


def set_status(db: Connection, business_id: int, key: str, status: str, now: datetime) -> None:
    """active, paused (its members stay as they are) or archived. Raises NotFound, and NotAllowed
    where crm.yaml says whether it is there."""
    row = _row(db, business_id, key)
    if row["created_by"] is None and "archived" in (status, row["status"]):
        has = "has" if status == "archived" else "does not have"
        raise NotAllowed(f"crm.yaml {has} '{key}': change that there, then apply.")
    _update(db, business_id, key, {"status": status})
    _tell(db, business_id, now)


def members(
    db: Connection, business_id: int, key: str, limit: int = 100, after: int = 0
) -> list[dict[str, Any]]:
    """Members by their id, a page at a time. Raises NotFound."""
    row = _row(db, business_id, key)
    statement = (
        select(customer.c.id, customer.c.display_name, segment_member.c.entered_at)
        .join(segment_member, segment_member.c.customer_id == customer.c.id)
        .where(
            segment_member.c.business_id == business_id,
            segment_member.c.segment_id == row["id"],
            customer.c.business_id == business_id,
            customer.c.id > after,
        )
        .order_by(customer.c.id)
        .limit(limit)
    )
    return [dict(found) for found in db.execute(statement).mappings()]


def preview(
    db: Connection, business_id: int, business: Business, criterion: Criterion, now: datetime
) -> tuple[int, list[dict[str, Any]]]:
    """How many customers a criterion holds for now, and the newest of them."""
    following = Following(db, business_id, business)
    condition = compile_sql(
        criterion, following.columns, following.moment(now), business_id, db.dialect.name
    )
    fitting = (
        customer.c.business_id == business_id, customer.c.archived_at.is_(None), condition,
    )  # fmt: skip
    count = db.scalar(select(func.count()).select_from(customer).where(*fitting)) or 0
    newest = select(customer.c.id, customer.c.display_name).where(*fitting)
    rows = db.execute(newest.order_by(customer.c.id.desc()).limit(PREVIEW)).mappings()
    return count, [dict(row) for row in rows]


def change_members(
    db: Connection, business_id: int, business: Business, key: str, customers: Collection[int],
    cause: Cause, now: datetime, *, is_in: bool,
) -> int:  # fmt: skip
    """Put customers into a static segment or take them out; how many it changed.

    Raises NotFound, NotAllowed for a segment that follows criteria."""
    row = _row(db, business_id, key)
    if row["kind"] != "static":
        raise NotAllowed(f"The members of '{key}' follow its criteria.")
    following = Following(db, business_id, business)
    ledger = Ledger(business_id, business.fields, following.columns)
    changed = 0
    for person in following.people(db, customers, now):
        if (key in person.segments) is not is_in:
            changed += 1
            ledger.set_member(person.customer_id, row["id"], key, now, cause, is_in=is_in)
    store(db, business_id, business, ledger, now)
    return changed


def mark_as_used(db: Connection, business_id: int, key: str, now: datetime) -> None:
    """Something was done with its members. Raises NotFound."""
    row = _row(db, business_id, key)
    used = {"times_used": row["times_used"] + 1, "last_used_at": now}
    _update(db, business_id, key, used)


def _segments(business_id: int) -> Select[Any]:
    return select(*(segment.c[name] for name in SHOWN)).where(segment.c.business_id == business_id)


def _row(db: Connection, business_id: int, key: str) -> RowMapping:
    statement = _segments(business_id).add_columns(segment.c.id).where(segment.c.key == key)
    row = db.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no segment '{key}'.")
    return row


def _update(db: Connection, business_id: int, key: str, values: Mapping[str, Any]) -> None:
    mine = (segment.c.business_id == business_id, segment.c.key == key)
    db.execute(update(segment).where(*mine).values(**values))


def _tell(db: Connection, business_id: int, now: datetime) -> None:
    """Processes at work go on with the segments as they are now, and a pass begins."""
    mine = business_table.c.id == business_id
    db.execute(update(business_table).where(mine).values(applied_at=now))
    ask_for_pass(db, business_id)
