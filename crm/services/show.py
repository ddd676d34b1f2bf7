"""Everything known of one customer, as one JSON object that other programs may rely on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, select

from crm.errors import NotFound
from crm.services.fields import load_mapping, masked, sensitive
from crm.services.following import Following
from crm.services.tasks import IS_OPEN
from crm.tables import (
    activity,
    attachment,
    customer,
    customer_account,
    customer_tag,
    interaction,
    note,
    purchase,
    run,
    segment,
    segment_member,
    tag,
    task,
)
from engine.business import Business, Staff
from engine.derive.scores import model_of
from engine.fields.plain import to_plain
from engine.fields.slots import SLOTS
from engine.referrals import referral_code
from engine.staff import sees_sensitive

ACTIVITIES = 50
"""How many rows of the timeline, and of interactions, are shown."""

_NOT_SHOWN = frozenset(
    {
        "business_id",
        "name_folded",
        "asking_run",
        "custom_fields_extra",
        "follow_up_by_hand_at",
        *SLOTS,
    }
)

BASE_COLUMNS = tuple(column.name for column in customer.c if column.name not in _NOT_SHOWN)
"""The columns of a customer that have a meaning by their own name."""

_ACCOUNT = ("channel", "external_id", "username", "blocked", "window_expires_at", "last_seen_at")
_NOTE = ("id", "text", "author", "pinned", "private", "mentions", "created_at", "edited_at")
_TASK = ("id", "title", "description", "priority", "assigned_to", "recurrence", "due_at")
_PURCHASE = ("id", "number", "amount", "currency", "status", "date", "items", "refunded", "revenue")
_INTERACTION = (
    "id", "kind", "channel", "direction", "subject", "notes", "handled_by", "duration_minutes",
    "outcome", "follow_up_required", "follow_up_date", "follow_up_done_at", "at",
)  # fmt: skip
_ACTIVITY = ("at", "type", "description", "data", "by")


def show_customer(
    db: Connection, business_id: int, customer_id: int, looks: Staff | None = None
) -> dict[str, Any]:
    """Base columns by name, then what hangs on the customer, in plain JSON values.

    `fields` has every active key, `run` the run whose question is open, else the open one that
    started last, or None. Open tasks come soonest first, the rest newest first. `looks` is who is
    shown it: of sensitive fields not everybody sees the values (engine.staff). Raises NotFound.
    """
    row = _customer(db, business_id, customer_id)
    extra = row["custom_fields_extra"] or {}
    secret = set() if sees_sensitive(looks, row["assigned_to"]) else sensitive(db, business_id)
    mapping = load_mapping(db, business_id)
    return {
        **{name: to_plain(row[name]) for name in BASE_COLUMNS},
        "fields": masked(
            {key: to_plain(row[slot]) if slot else extra.get(key) for key, slot in mapping.items()},
            secret,
        ),
        "extra": masked(extra, secret),
        "tags": _tags(db, business_id, customer_id),
        "segments": _segments(db, business_id, customer_id),
        **_runs(db, business_id, row),
        **_belongings(db, business_id, customer_id),
        "referral_code": referral_code(customer_id),
        "referrals": _referrals(db, business_id, customer_id),
    }


def show_as_of(
    db: Connection, business_id: int, business: Business, customer_id: int, now: datetime,
    looks: Staff | None = None,
) -> dict[str, Any]:  # fmt: skip
    """As `show_customer`, with the parts that the score has now. They always add up to the score
    shown: where that is another one until the next pass, they are those of it. Raises NotFound."""
    shown = show_customer(db, business_id, customer_id, looks)
    following = Following(db, business_id, business)
    for person in following.people(db, [customer_id], now, locked=False):
        score = model_of(business.scoring, len(following.rules.slots))(person, now)
        if score.value == shown["crm_score"]:
            shown["score_parts"] = dict(score.parts)
    return shown


def _customer(db: Connection, business_id: int, customer_id: int) -> RowMapping:
    statement = select(customer).where(
        customer.c.business_id == business_id, customer.c.id == customer_id
    )
    row = db.execute(statement).mappings().one_or_none()
    if row is None:
        raise NotFound(f"There is no customer {customer_id}.")
    return row


def _belongings(db: Connection, business_id: int, customer_id: int) -> dict[str, Any]:
    def own(table: Table, columns: tuple[str, ...]) -> Select[Any]:
        return select(*(table.c[name] for name in columns)).where(
            table.c.business_id == business_id, table.c.customer_id == customer_id
        )

    queries: Mapping[str, Select[Any]] = {
        "accounts": own(customer_account, _ACCOUNT).order_by(customer_account.c.id),
        "notes": own(note, _NOTE).order_by(note.c.pinned.desc(), note.c.id.desc()),
        "tasks": own(task, _TASK)
        .where(*IS_OPEN)
        .order_by(task.c.due_at.is_(None), task.c.due_at, task.c.id),
        "purchases": own(purchase, _PURCHASE).order_by(
            purchase.c.date.desc(), purchase.c.id.desc()
        ),
        "interactions": own(interaction, _INTERACTION)
        .order_by(interaction.c["at"].desc(), interaction.c.id.desc())
        .limit(ACTIVITIES),
        "activities": own(activity, _ACTIVITY).order_by(activity.c.id.desc()).limit(ACTIVITIES),
    }
    belongings = {name: _objects(db, query) for name, query in queries.items()}
    if belongings["notes"]:
        _add_attachments(db, business_id, customer_id, belongings["notes"])
    return belongings


def _add_attachments(
    db: Connection, business_id: int, customer_id: int, notes: list[dict[str, Any]]
) -> None:
    """The names of the files beside each note."""
    names: dict[int, list[str]] = {}
    rows = db.execute(
        select(attachment.c.note_id, attachment.c.name)
        .where(attachment.c.business_id == business_id, attachment.c.customer_id == customer_id)
        .order_by(attachment.c.id)
    )
    for row in rows:
        names.setdefault(row.note_id, []).append(row.name)
    for one in notes:
        one["attachments"] = names.get(one["id"], [])


def _tags(db: Connection, business_id: int, customer_id: int) -> list[str]:
    statement = (
        select(tag.c.name)
        .join(customer_tag, customer_tag.c.tag_id == tag.c.id)
        .where(customer_tag.c.business_id == business_id, customer_tag.c.customer_id == customer_id)
    )
    return list(db.scalars(statement.order_by(tag.c.folded)))


def _segments(db: Connection, business_id: int, customer_id: int) -> list[str]:
    statement = (
        select(segment.c.key)
        .join(segment_member, segment_member.c.segment_id == segment.c.id)
        .where(
            segment_member.c.business_id == business_id,
            segment_member.c.customer_id == customer_id,
            segment.c.status != "archived",
        )
    )
    return list(db.scalars(statement.order_by(segment.c.position, segment.c.id)))


def _runs(db: Connection, business_id: int, row: RowMapping) -> dict[str, Any]:
    statement = (
        select(run.c.id, run.c.flow, run.c.flow_version, run.c.node, run.c.waiting_since)
        .where(
            run.c.business_id == business_id,
            run.c.customer_id == row["id"],
            run.c.status != "ended",
        )
        .order_by(run.c.started_at.desc(), run.c.id.desc())
    )
    runs = {
        found.id: {
            "flow": found.flow,
            "version": found.flow_version,
            "node": found.node,
            "waiting_since": to_plain(found.waiting_since),
        }
        for found in db.execute(statement)
    }
    shown = list(runs.values())
    return {"run": runs.get(row["asking_run"], shown[0] if shown else None), "runs": shown}


def _referrals(db: Connection, business_id: int, customer_id: int) -> list[dict[str, Any]]:
    statement = select(customer.c.id, customer.c.display_name).where(
        customer.c.business_id == business_id, customer.c.referred_by == customer_id
    )
    return _objects(db, statement.order_by(customer.c.id.desc()))


def _objects(db: Connection, statement: Select[Any]) -> list[dict[str, Any]]:
    return [
        {name: to_plain(value) for name, value in row.items()}
        for row in db.execute(statement).mappings()
    ]
