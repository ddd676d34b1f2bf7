"""The outbox as senders see it: what is to be sent, and what became of it.

Everything here is of one account, which belongs to one business.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, bindparam, insert, select, update

from bots.channel import Outgoing
from crm.sql import Statement, among, listed
from crm.tables import activity, conversation, customer_account, outbox
from engine.messages import Button, Media
from rapport.redaction import redacted
from rapport.runtime.cases import LIVE
from rapport.runtime.echoes import expect
from rapport.runtime.leases import Lease, is_current
from rapport.runtime.memory import beside_cases

NOT_REACHED = "they have blocked the bot, or never written to it"
"""Why one of the staff is not told."""


class Delivery(Struct, frozen=True):
    """One piece of one message on its way out. conversation_id: None for news to the staff."""

    id: int
    account_id: int
    conversation_id: int | None
    peer: str
    lane: int
    payload: Mapping[str, Any]
    attempts: int
    created_at: datetime
    due_at: datetime
    expires_at: datetime | None = None

    def outgoing(self) -> Outgoing:
        rows = self.payload.get("buttons", ())
        buttons = tuple(tuple(Button(*button) for button in row) for row in rows)
        media = self.payload.get("media")
        return Outgoing(self.peer, self.payload["text"], buttons, Media(*media) if media else None)


def delivery_of(row: Sequence[Any]) -> Delivery:
    """The delivery of a row as the turn inserts it (writes.OUTBOX_COLUMNS)."""
    (id_, _business, account, conversation_id, _key, peer, lane, payload, _status, attempts,
     created, due, expires) = row  # fmt: skip
    return Delivery(
        id_,
        account,
        conversation_id,
        peer,
        lane,
        payload,
        attempts,
        created,
        due,
        expires,
    )


class Outcome(Struct, frozen=True):
    """What became of one delivery: status sent | dead | cancelled | expired | pending."""

    id: int
    status: str
    attempts: int
    at: datetime
    message_id: str | None = None
    error: str | None = None
    due_at: datetime | None = None
    echo_key: str = ""


def pending(db: Connection, account_id: int, now: datetime, limit: int) -> list[Delivery]:
    """What waits to be sent on an account and is due, oldest first."""
    return [Delivery(*row) for row in _PENDING.fetch(db, account_id, now, limit)]


class Pending(NamedTuple):
    """Deliveries in order of id. all: nothing else is pending."""

    deliveries: list[Delivery]
    all: bool


def next_pending(
    db: Connection, account_id: int, now: datetime, answers: int, automatic: int
) -> Pending:
    """What is to be sent next on an account: up to so many answers to people and so many automatic
    messages. What was to be said before an answer in its chat comes with it."""
    first = _ANSWERS.fetch(db, account_id, now, answers)
    rest = _AUTOMATIC.fetch(db, account_id, now, automatic) if automatic > 0 else []
    found = {row[0]: Delivery(*row) for row in (*first, *rest)}
    is_all = len(first) < answers and len(rest) < automatic
    if first and len(rest) >= automatic:
        chats = listed(db, list({row[2] for row in first if row[2] is not None}))
        found |= {row[0]: Delivery(*row) for row in _BEFORE_ANSWERS.fetch(db, account_id, chats)}
    return Pending([found[number] for number in sorted(found)], is_all)


def next_due(db: Connection, account_id: int) -> datetime | None:
    """When the next pending delivery is due; None where nothing is pending."""
    rows = _NEXT_DUE.fetch(db, account_id)
    return rows[0][0] if rows else None


def is_pending(db: Connection, account_id: int, delivery_id: int) -> bool:
    """Whether a delivery is still to be sent: it may have been cancelled since it was read."""
    return bool(_IS_PENDING.fetch(db, delivery_id, account_id))


def settle(
    db: Connection, account_id: int, outcomes: Sequence[Outcome], fence: Lease | None = None
) -> None:
    """Store what became of deliveries; one that is no longer pending is left as it is.

    fence: the lease of who sent them. Where another sender has it by now, only what was sent is
    stored: that is true whoever says it, and it keeps the other from sending it again.
    """
    if fence is not None and not is_current(db, fence):
        outcomes = [item for item in outcomes if item.status == "sent"]
    with beside_cases(db):
        _settle(db, account_id, outcomes)


def _settle(db: Connection, account_id: int, outcomes: Sequence[Outcome]) -> None:
    # Of several tries the last counts; rows are changed in one order by everybody.
    latest = {item.id: item for item in outcomes}
    outcomes = [latest[number] for number in sorted(latest)]
    _SENT.many(
        db,
        [
            (item.attempts, item.message_id, item.at, item.id, account_id)
            for item in outcomes
            if item.status == "sent"
        ],
    )
    if echoes := [item.echo_key for item in outcomes if item.echo_key]:
        expect(db, account_id, echoes, outcomes[-1].at)
    _SETTLE.many(
        db,
        [
            (
                item.status, item.attempts, item.message_id, redacted(item.error or "") or None,
                None if item.status == "pending" else item.at, item.due_at or item.at, item.id,
                account_id,
            )
            for item in outcomes
            if item.status != "sent"
        ],
    )  # fmt: skip


def mark_unreachable(db: Connection, delivery: Delivery, channel: str, now: datetime) -> None:
    """The person cannot be written to: say so, and send them nothing that still waits.

    News that one of the staff cannot be told become dead letters, which can be sent once they have
    written to the bot; the customer they are about is as reachable as before.
    """
    with beside_cases(db):
        if delivery.conversation_id is None:
            _bury(db, delivery, now)
        else:
            _mark_unreachable(db, delivery, channel, now)


def _bury(db: Connection, delivery: Delivery, now: datetime) -> None:
    buried = db.execute(
        update(outbox)
        .where(*_its_messages(delivery))
        .values(status="dead", last_error=NOT_REACHED, done_at=now)
        .returning(outbox.c.business_id, outbox.c.customer_id, outbox.c.payload)
    ).all()
    rows = [
        {
            "business_id": row.business_id, "customer_id": row.customer_id, "at": now,
            "type": "staff_not_told", "description": row.payload["text"],
            "data": {"to": row.payload["staff"], "number": delivery.peer}, "by": "engine",
        }
        for row in buried
        if row.customer_id is not None
    ]  # fmt: skip
    if rows:
        db.execute(insert(activity), rows)


def _mark_unreachable(db: Connection, delivery: Delivery, channel: str, now: datetime) -> None:
    of = select(conversation.c.customer_id).where(*_its_conversation(delivery))
    db.execute(
        update(customer_account)
        .where(
            customer_account.c.customer_id == of.scalar_subquery(),
            customer_account.c.channel == channel,
        )
        .values(blocked=True)
    )
    db.execute(
        update(outbox)
        .where(*_its_messages(delivery))
        .values(status="cancelled", last_error="unreachable", done_at=now)
    )


def move_peer(db: Connection, delivery: Delivery, new_peer: str) -> None:
    """The chat has a new address: later messages, and those that wait, go there. Of the staff only
    crm.yaml can say where they are to be told in future."""
    db.execute(update(conversation).where(*_its_conversation(delivery)).values(peer=new_peer))
    db.execute(update(outbox).where(*_its_messages(delivery)).values(peer=new_peer))


def _its_conversation(delivery: Delivery) -> tuple[ColumnElement[bool], ...]:
    return (
        conversation.c.id == delivery.conversation_id,
        conversation.c.account_id == delivery.account_id,
    )


def _its_messages(delivery: Delivery) -> tuple[ColumnElement[bool], ...]:
    """What still waits for the same chat; of what the staff is told, for the same person."""
    chat: tuple[ColumnElement[bool], ...]
    if delivery.conversation_id is None:
        chat = (outbox.c.conversation_id.is_(None), outbox.c.peer == delivery.peer)
    else:
        chat = (outbox.c.conversation_id == delivery.conversation_id,)
    return (
        *chat,
        outbox.c.account_id == delivery.account_id,
        outbox.c.status == "pending",
    )


_THIS = (
    outbox.c.id == bindparam("of"),
    outbox.c.account_id == bindparam("account"),
    outbox.c.status == "pending",
)

_COLUMNS = [outbox.c[name] for name in Delivery.__struct_fields__]


def _pending(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Pending deliveries of an account, oldest first."""
    return (
        select(*_COLUMNS)
        .where(
            outbox.c.account_id == bindparam("account"), outbox.c.status == "pending", *conditions
        )
        .order_by(outbox.c.id)
    )


_DUE = outbox.c.due_at <= bindparam("now", type_=outbox.c.due_at.type)

_PENDING = Statement(lambda _: _pending(_DUE).limit(bindparam("most")), ("account", "now", "most"))

_ANSWERS = Statement(
    lambda _: _pending(_DUE, outbox.c.lane == LIVE).limit(bindparam("most")),
    ("account", "now", "most"),
)

_AUTOMATIC = Statement(
    lambda _: _pending(_DUE, outbox.c.lane != LIVE).limit(bindparam("most")),
    ("account", "now", "most"),
)

_BEFORE_ANSWERS = Statement(
    lambda dialect: _pending(among(outbox.c.conversation_id, "chats", dialect)),
    ("account", "chats"),
)

_NEXT_DUE = Statement(
    lambda _: (
        select(outbox.c.due_at)
        .where(outbox.c.account_id == bindparam("account"), outbox.c.status == "pending")
        .order_by(outbox.c.due_at)
        .limit(1)
    ),
    ("account",),
)

_IS_PENDING = Statement(
    lambda _: select(outbox.c.id).where(*_THIS),
    ("of", "account"),
)

_SENT = Statement(
    lambda _: (
        update(outbox)
        .where(*_THIS)
        .values(
            status="sent",
            attempts=bindparam("new_attempts"),
            provider_message_id=bindparam("message"),
            last_error=None,
            done_at=bindparam("done", type_=outbox.c.done_at.type),
        )
    ),
    ("new_attempts", "message", "done", "of", "account"),
)

_SETTLE = Statement(
    lambda _: (
        update(outbox)
        .where(*_THIS)
        .values(
            status=bindparam("new_status"),
            attempts=bindparam("new_attempts"),
            provider_message_id=bindparam("message"),
            last_error=bindparam("why"),
            done_at=bindparam("done", type_=outbox.c.done_at.type),
            due_at=bindparam("due", type_=outbox.c.due_at.type),
        )
    ),
    ("new_status", "new_attempts", "message", "why", "done", "due", "of", "account"),
)
