"""Where a customer can be written to, for what begins without a word of theirs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, and_, bindparam, insert, select

from crm.sql import Statement, among, listed
from crm.tables import account, conversation, customer, customer_account, mail
from rapport.runtime.cases import LANE_TIMER
from rapport.runtime.intake import make_ready
from rapport.runtime.locks import skipping

Letter = tuple[int, str, str, Mapping[str, Any]]
"""The conversation, the mail's dedup_key, kind and payload."""


class Door(NamedTuple):
    """A conversation of the customer whose account has not blocked us."""

    conversation_id: int
    channel: str


def doors_of(
    db: Connection, business_id: int, customers: Collection[int]
) -> Mapping[int, Sequence[Door]]:
    """The ways to each customer: the preferred channel first, then the one last used."""
    found: defaultdict[int, list[Door]] = defaultdict(list)
    rows = _DOORS.fetch(db, listed(db, sorted(customers)), business_id)
    rows.sort(key=lambda row: (row[3] != row[2], -row[4].timestamp() if row[4] else 0))
    for customer_id, conversation_id, channel, _, _ in rows:
        found[customer_id].append(Door(conversation_id, channel))
    return found


def lock(db: Connection, conversations: Collection[int]) -> frozenset[int]:
    """Lock these conversations; those that nobody else works on."""
    if not conversations:
        return frozenset()
    return frozenset(row[0] for row in _LOCK.fetch(db, listed(db, sorted(conversations))))


def put_mail(db: Connection, business_id: int, letters: Iterable[Letter], now: datetime) -> None:
    """Store mail for conversations, which are locked, and have the turns look at them."""
    rows = [
        (business_id, conversation_id, key, LANE_TIMER, kind, payload, "waiting", 0, now)
        for conversation_id, key, kind, payload in letters
    ]
    _MAIL.many(db, rows)
    make_ready(db, business_id, {row[1] for row in rows}, now)


def _doors(dialect: str) -> Select[Any]:
    reached = and_(
        customer_account.c.customer_id == conversation.c.customer_id,
        customer_account.c.channel == account.c.channel,
        customer_account.c.blocked.is_(False),
    )
    return (
        select(
            conversation.c.customer_id,
            conversation.c.id,
            account.c.channel,
            customer.c.preferred_contact_method,
            customer_account.c.last_seen_at,
        )
        .join(account, account.c.id == conversation.c.account_id)
        .join(customer_account, reached)
        .join(customer, customer.c.id == conversation.c.customer_id)
        .where(
            among(conversation.c.customer_id, "customers", dialect),
            conversation.c.business_id == bindparam("business"),
            customer.c.archived_at.is_(None),
        )
        .order_by(conversation.c.id)
    )


_DOORS = Statement(_doors, ("customers", "business"))
_LOCK = Statement(
    lambda dialect: skipping(
        select(conversation.c.id).where(among(conversation.c.id, "conversations", dialect)), dialect
    ),
    ("conversations",),
)
_MAIL = Statement(
    lambda _: insert(mail),
    (
        "business_id", "conversation_id", "dedup_key", "lane", "kind", "payload", "status",
        "attempts", "received_at",
    ),
)  # fmt: skip
