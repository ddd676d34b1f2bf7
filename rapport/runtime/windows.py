"""Whether a platform lets us write now: some only for a while after the person did.

    inside of the window                              it is sent
    outside, written by a person, within seven days   it is sent as a person's answer, where
                                                      `instagram: {human_agent: true}` allows it
    else                                              it is not sent, and the timeline says so

The end of the window stands in customer_account.window_expires_at; None is not known, and then the
platform is asked by sending. What the platform refuses closes the window at once.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, insert, select, update

from bots.channel import Outgoing, WindowClosed
from crm.sql import Statement
from crm.tables import activity, conversation, customer_account, outbox
from engine.limits import INSTAGRAM_HUMAN_AGENT, WINDOWS
from rapport.runtime.deliveries import Delivery
from rapport.runtime.memory import beside_cases

CLOSED = "outside of the time in which we may write"


def as_allowed(
    db: Connection, delivery: Delivery, channel: str, now: datetime, *, human_agent: bool
) -> Outgoing:
    """What is to be sent of a delivery on a channel of WINDOWS. Raises WindowClosed.

    human_agent: Instagram has approved the app for answers of people.
    """
    rows = _EXPIRES.fetch(db, delivery.conversation_id, delivery.account_id, channel)
    expires_at = rows[0][0] if rows else None
    if expires_at is None or now < expires_at:
        return delivery.outgoing()
    wrote_at = expires_at - WINDOWS[channel]
    is_soon = now < wrote_at + timedelta(hours=INSTAGRAM_HUMAN_AGENT.value)
    if human_agent and "by" in delivery.payload and is_soon:
        return delivery.outgoing()._replace(late_answer=True)
    raise WindowClosed(CLOSED)


def drop(db: Connection, delivery: Delivery, channel: str, now: datetime) -> None:
    """It is not sent: the timeline says what and why, and the window is closed from now on."""
    with beside_cases(db):
        row = db.execute(
            update(outbox)
            .where(
                outbox.c.id == delivery.id,
                outbox.c.account_id == delivery.account_id,
                outbox.c.status == "pending",
            )
            .values(status="expired", last_error=CLOSED, done_at=now)
            .returning(outbox.c.business_id)
        ).one_or_none()
        if row is None:
            return
        of = select(conversation.c.customer_id).where(
            conversation.c.id == delivery.conversation_id,
            conversation.c.business_id == row.business_id,
        )
        customer_id = db.execute(of).scalar_one_or_none()
        if customer_id is None:
            return
        db.execute(
            insert(activity).values(
                business_id=row.business_id, customer_id=customer_id, at=now,
                type="message_not_sent", description=delivery.payload["text"],
                data={"channel": channel, "reason": CLOSED}, by="engine",
            )
        )  # fmt: skip
        db.execute(
            update(customer_account)
            .where(
                customer_account.c.business_id == row.business_id,
                customer_account.c.customer_id == customer_id,
                customer_account.c.channel == channel,
                customer_account.c.window_expires_at > now,
            )
            .values(window_expires_at=now)
        )


_EXPIRES = Statement(
    lambda _: (
        select(customer_account.c.window_expires_at)
        .join(conversation, conversation.c.customer_id == customer_account.c.customer_id)
        .where(
            conversation.c.id == bindparam("at"),
            conversation.c.account_id == bindparam("account"),
            customer_account.c.channel == bindparam("on"),
        )
        .order_by(customer_account.c.window_expires_at.desc())
        .limit(1)
    ),
    ("at", "account", "on"),
)
