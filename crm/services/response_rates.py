"""How often customers answer what is sent to them: a score asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from crm.tables import activity

ANSWERED_WITHIN = timedelta(hours=24)
ANSWERS_OF = timedelta(days=90)


def response_rates(
    db: Connection, business_id: int, customers: Collection[int], now: datetime
) -> dict[int, tuple[int, int]]:
    """By customer: how many of the last 90 days' messages to them were answered or are too old to
    be, and how many were answered: the customer wrote within 24 hours."""
    rows = db.execute(
        select(activity.c.customer_id, activity.c.type, activity.c["at"])
        .where(
            activity.c.business_id == business_id,
            activity.c.customer_id.in_(list(customers)),
            activity.c.type.in_(("message_sent", "message_received")),
            activity.c["at"] >= now - ANSWERS_OF,
        )
        .order_by(activity.c.customer_id, activity.c.id.desc())
    )
    rates: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    replied: dict[int, datetime] = {}
    for row in rows:
        if row.type == "message_received":
            replied[row.customer_id] = row.at
            continue
        reply = replied.get(row.customer_id)
        is_answered = reply is not None and reply - row.at <= ANSWERED_WITHIN
        if is_answered or now - row.at > ANSWERED_WITHIN:
            rates[row.customer_id][0] += 1
            rates[row.customer_id][1] += is_answered
    return {id_: (asked, answered) for id_, (asked, answered) in rates.items()}
