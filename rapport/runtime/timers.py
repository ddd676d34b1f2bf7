"""Timers are rows; a pump turns due ones into mail. Millions may wait: only the due are read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    bindparam,
    cast,
    func,
    insert,
    literal,
    null,
    select,
)

from crm.sql import Statement, among, listed
from crm.tables import conversation, mail, timer
from rapport.runtime.cases import LANE_TIMER
from rapport.runtime.intake import make_ready
from rapport.runtime.locks import skipping

AT_ONCE = 1_000
"""Timers turned into mail in one transaction: some tens of milliseconds."""


def ring(db: Connection, business_id: int, now: datetime) -> frozenset[int]:
    """Turn up to AT_ONCE due timers into waiting mail; the conversations that it waits for.

    A timer whose conversation is worked on now is left for the next time: that work may move it.
    """
    due = _DUE.fetch(db, business_id, now, AT_ONCE)
    if not due:
        return frozenset()
    runs = listed(db, [run_id for run_id, _ in due])
    _TO_MAIL.run(db, now, runs, business_id)
    _DROP.run(db, runs, business_id)
    rung = frozenset(where for _, where in due)
    make_ready(db, business_id, rung, now)
    return rung


def next_ring(db: Connection, business_id: int) -> datetime | None:
    """When the next timer is due; None where none waits."""
    rows = _NEXT.fetch(db, business_id)
    return rows[0][0] if rows else None


_NEXT = Statement(
    lambda _: (
        select(timer.c.due_at)
        .where(timer.c.business_id == bindparam("business"))
        .order_by(timer.c.due_at)
        .limit(1)
    ),
    ("business",),
)


def _due(dialect: str) -> Select[Any]:
    statement = (
        select(timer.c.run_id, timer.c.conversation_id)
        .where(
            timer.c.business_id == bindparam("business"),
            timer.c.due_at <= bindparam("now", type_=timer.c.due_at.type),
        )
        .order_by(timer.c.due_at)
        .limit(bindparam("most"))
    )
    if dialect == "postgresql":
        # The lock is on both rows: the timer's, and that of the conversation which gets the mail.
        statement = statement.join(conversation, conversation.c.id == timer.c.conversation_id)
    return skipping(statement, dialect)


_DUE = Statement(_due, ("business", "now", "most"))


def _rung(dialect: str) -> tuple[ColumnElement[bool], ...]:
    return among(timer.c.run_id, "runs", dialect), timer.c.business_id == bindparam("business")


def _to_mail(dialect: str) -> object:
    # One ring is one mail. A timer may be set once more for a moment that has rung (its question
    # was covered then), so the wait and the moment do not name it: the mail before it does too.
    due = cast(timer.c.due_at, Integer) if dialect == "sqlite" else timer.c.due_at
    last = select(func.coalesce(func.max(mail.c.id), 0)).scalar_subquery()
    colon = literal(":")
    key = "timer:" + timer.c.wait_id + colon + cast(due, String) + colon + cast(last, String)
    build = func.json_object if dialect == "sqlite" else func.jsonb_build_object
    rows = select(
        timer.c.business_id,
        timer.c.conversation_id,
        key,
        timer.c.run_id,
        literal(LANE_TIMER),
        literal("timer"),
        null(),
        build("wait_id", timer.c.wait_id),
        literal("waiting"),
        literal(0),
        bindparam("now", type_=mail.c.received_at.type),
    ).where(*_rung(dialect))
    columns = (
        "business_id", "conversation_id", "dedup_key", "run_id", "lane", "kind", "provider_seq",
        "payload", "status", "attempts", "received_at",
    )  # fmt: skip
    return insert(mail).from_select(columns, rows)


_TO_MAIL = Statement(_to_mail, ("now", "runs", "business"))  # type: ignore[arg-type]  # an Insert is executable
_DROP = Statement(lambda dialect: timer.delete().where(*_rung(dialect)), ("runs", "business"))
