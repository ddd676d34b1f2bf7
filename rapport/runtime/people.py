"""Meeting somebody: the first message of an unknown person makes the customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from bots.channel import Inbound
from crm.names import name_columns
from crm.tables import activity, conversation, customer, customer_account, event
from engine.business import Business
from rapport.runtime.cases import Conversation

SOURCES = frozenset({"telegram", "instagram"})
"""Channels that are a `source` of customers by their own name; the rest count as other."""


def meet(
    db: Connection,
    business_id: int,
    account_id: int,
    channel: str,
    business: Business,
    item: Inbound,
    now: datetime,
) -> tuple[Conversation, bool]:
    """The conversation of a peer nobody has talked with on this account, and whether the customer
    is new too: the same person may be known by another account of the channel."""
    known = db.execute(
        select(customer_account.c.customer_id).where(
            customer_account.c.business_id == business_id,
            customer_account.c.channel == channel,
            customer_account.c.external_id == item.sender,
        )
    ).scalar_one_or_none()
    customer_id = known or _make_customer(db, business_id, channel, business, item, now)
    made = db.execute(
        insert(conversation)
        .values(
            business_id=business_id,
            account_id=account_id,
            customer_id=customer_id,
            peer=item.peer,
            status="idle",
            revision=0,
        )
        .returning(conversation.c.id)
    ).scalar_one()
    at = Conversation(made, account_id, customer_id, item.peer, "idle", 0)
    return at, known is None


def _make_customer(
    db: Connection,
    business_id: int,
    channel: str,
    business: Business,
    item: Inbound,
    now: datetime,
) -> int:
    profile = _profile(item)
    values: dict[str, Any] = {
        **profile,
        "source": channel if channel in SOURCES else "other",
        "status": "lead",
        "status_at": now,
        "customer_type": "individual",
        "currency": business.currency,
        "timezone": business.timezone,
        "created_at": now,
        "created_by": f"channel:{channel}",
        "updated_at": now,
        "lifecycle_at": now,
        "journey_at": now,
    }
    made: int = db.execute(
        insert(customer)
        .values(business_id=business_id, display_name="", name_folded="", **values)
        .returning(customer.c.id)
    ).scalar_one()
    db.execute(
        update(customer)
        .where(customer.c.id == made, customer.c.business_id == business_id)
        .values(name_columns(values, made))
    )
    db.execute(
        insert(customer_account).values(
            business_id=business_id,
            customer_id=made,
            channel=channel,
            external_id=item.sender,
            username=profile.get("username"),
            last_seen_at=now,
            created_at=now,
        )
    )
    _say_so(db, business_id, made, channel, now)
    return made


def _say_so(db: Connection, business_id: int, made: int, channel: str, now: datetime) -> None:
    data = {"channel": channel}
    db.execute(
        insert(activity).values(
            business_id=business_id,
            customer_id=made,
            at=now,
            type="customer_created",
            description=f"First message on {channel}",
            data=data,
            by=f"channel:{channel}",
        )
    )
    db.execute(
        insert(event).values(
            business_id=business_id,
            customer_id=made,
            type="customer_created",
            data=data,
            depth=0,
            at=now,
        )
    )


_LIMITS = {"first_name": 100, "last_name": 100, "username": 100, "language": 10}


def _profile(item: Inbound) -> dict[str, str]:
    """What the channel says of the person, as far as it fits; a value too long is not taken."""
    given = item.payload.get("profile") or {}
    return {
        name: given[name]
        for name, limit in _LIMITS.items()
        if given.get(name) and len(given[name]) <= limit
    }
