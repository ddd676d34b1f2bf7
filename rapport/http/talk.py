"""What a visitor of the site and the business have said to each other, as their page shows it.

It is read from the timeline, which is kept for as long as the customer is. What was sent by another
channel, or waits to be sent, is not in it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Table, func, select

from bots.web_chat import NAME
from crm.tables import activity, conversation, mail, outbox
from engine.bidi import unmarked
from engine.messages import Button, Rows
from rapport.runtime.cases import LIVE

SHOWN = 50
"""The last messages, in both directions."""

_READ = 4 * SHOWN
"""Rows that are looked through for them: some may be of another channel of the customer."""


class Line(NamedTuple):
    """One message. by: `me`, `bot` or `staff`. key: the page's own of what it has sent, while that
    is known (three days)."""

    id: int
    by: str
    text: str
    at: datetime
    buttons: Rows = ()
    key: str | None = None


def talk_of(
    db: Connection, business_id: int, account_id: int, visitor: str, now: datetime
) -> list[Line]:
    """The last SHOWN messages, the oldest first; none of somebody who has not written yet."""
    at = db.execute(
        select(conversation.c.id, conversation.c.customer_id).where(
            conversation.c.business_id == business_id,
            conversation.c.account_id == account_id,
            conversation.c.peer == visitor,
        )
    ).first()
    if at is None:
        return []
    rows = _timeline(db, business_id, at.customer_id)
    sent = _by_id(db, outbox, business_id, [row.data.get("outbox") for row in rows])
    heard = _by_id(db, mail, business_id, [row.data.get("mail") for row in rows])
    page = _Page(at.id, _is_alone(db, business_id, account_id, at.customer_id), now)
    found = [
        page.heard(row, heard.get(row.data.get("mail")))
        if row.type == "message_received"
        else page.said(row, sent.get(row.data.get("outbox")))
        for row in rows
    ]
    return [line for line in found if line is not None][:SHOWN][::-1]


class _Page(NamedTuple):
    """conversation: the visitor's. is_alone: it is the only one of its customer here, so that what
    is known of the timeline alone belongs to it."""

    conversation: int
    is_alone: bool
    now: datetime

    def heard(self, row: Row[Any], letter: Row[Any] | None) -> Line | None:
        if letter is None:
            return Line(row.id, "me", row.description, row.at) if self.is_alone else None
        if letter.conversation_id != self.conversation:
            return None
        key = letter.dedup_key.rpartition(":")[2]
        return Line(row.id, "me", row.description, row.at, key=key)

    def said(self, row: Row[Any], piece: Row[Any] | None) -> Line | None:
        by = "bot" if row.by == "bot" else "staff"
        if piece is None:
            return Line(row.id, by, row.description, row.at) if self.is_alone else None
        if piece.conversation_id != self.conversation or not self._is_out(piece):
            return None
        text = piece.payload["text"]
        if unmarked(text) != row.description:  # it was cut; the whole of it is one message here
            text = row.description
        buttons = tuple(
            tuple(Button(*button) for button in row_) for row_ in piece.payload.get("buttons", ())
        )
        return Line(row.id, by, text, row.at, buttons)

    def _is_out(self, piece: Row[Any]) -> bool:
        """Whether it was sent, or is an answer on its way: that nothing can stop."""
        if piece.status == "pending":
            return bool(piece.lane == LIVE and piece.due_at <= self.now)
        return bool(piece.status == "sent")


def _timeline(db: Connection, business_id: int, customer_id: int) -> Sequence[Row[Any]]:
    """What was said on this channel, the newest first."""
    statement = (
        select(
            activity.c.id, activity.c.type, activity.c.description, activity.c.at, activity.c.by,
            activity.c.data,
        )
        .where(
            activity.c.business_id == business_id,
            activity.c.customer_id == customer_id,
            activity.c.type.in_(("message_received", "message_sent")),
        )
        .order_by(activity.c.id.desc())
        .limit(_READ)
    )  # fmt: skip
    found: Sequence[Any] = db.execute(statement).all()
    return [row for row in found if row.data and row.data.get("channel") == NAME]


def _by_id(
    db: Connection, table: Table, business_id: int, ids: Collection[int | None]
) -> dict[int | None, Row[Any]]:
    wanted = {one for one in ids if one is not None}
    found = select(table).where(table.c.business_id == business_id, table.c.id.in_(wanted))
    return {row.id: row for row in db.execute(found)}


def _is_alone(db: Connection, business_id: int, account_id: int, customer_id: int) -> bool:
    counted = db.execute(
        select(func.count())
        .select_from(conversation)
        .where(
            conversation.c.business_id == business_id,
            conversation.c.account_id == account_id,
            conversation.c.customer_id == customer_id,
        )
    )
    return counted.scalar_one() == 1
