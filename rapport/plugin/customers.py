"""What a host's program reads and writes of customers, in a transaction at hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select

from crm.errors import NotFound
from crm.services.customers import create_customer, update_customer
from crm.services.find import resolve
from crm.services.ledger import Cause
from crm.services.merging import merge
from crm.services.show import show_customer
from crm.tables import customer, customer_account
from engine.business import Business

Who = int | str
"""A person: the id that the channel gives them, or `own:ID` by the id that the host gave them, or
any reference that commands take (`id:7`, a phone number, an email address, `telegram:ID`)."""

OWN = "own:"


def find(db: Connection, business_id: int, business: Business, channel: str, who: Who) -> int:
    """The customer's id. Raises NotFound, and Ambiguous."""
    reference = str(who)
    if reference.startswith(OWN):
        found = _own(db, business_id, reference.removeprefix(OWN))
        if found is None:
            raise NotFound(f"There is no customer {reference}.")
        return found
    if isinstance(who, int):
        reference = f"{channel}:{who}"
    return resolve(db, business_id, reference, business.country)


def shown(db: Connection, business_id: int, customer_id: int) -> dict[str, Any]:
    """Everything known of a customer (crm.services.show)."""
    return show_customer(db, business_id, customer_id)


def changed(
    db: Connection, business_id: int, business: Business, customer_id: int,
    given: Mapping[str, object], cause: Cause, now: datetime,
) -> tuple[str, ...]:  # fmt: skip
    """The keys of the fields that changed. Raises what `update_customer` does."""
    return update_customer(db, business_id, business, customer_id, given, cause, now)


def identify(
    db: Connection, business_id: int, business: Business, channel: str, person: int | str,
    own: str, given: Mapping[str, object], cause: Cause, now: datetime,
) -> int:  # fmt: skip
    """Say that a person of the channel is the one whom the host knows by an id of its own; the id
    of the one customer that they are from now on.

    given: values of fields that are set besides. Who is known by either becomes known by both; two
    customers become one. Raises what making, changing and merging customers raise.
    """
    here, there = _account(db, business_id, channel, str(person)), _own(db, business_id, own)
    if there is None:
        values = {"external_id": own, **given}
        if here is not None:
            update_customer(db, business_id, business, here, values, cause, now)
            return here
        there = create_customer(db, business_id, business, {"status": "lead", **values}, cause, now)
    elif given:
        update_customer(db, business_id, business, there, given, cause, now)
    if here is None:
        db.execute(
            insert(customer_account).values(
                business_id=business_id, customer_id=there, channel=channel,
                external_id=str(person), created_at=now,
            )
        )  # fmt: skip
    elif here != there:
        merge(db, business_id, business, here, there, cause, now)
    return there


def _account(db: Connection, business_id: int, channel: str, person: str) -> int | None:
    found: int | None = db.scalar(
        select(customer_account.c.customer_id).where(
            customer_account.c.business_id == business_id,
            customer_account.c.channel == channel,
            customer_account.c.external_id == person,
        )
    )
    return found


def _own(db: Connection, business_id: int, own: str) -> int | None:
    found: int | None = db.scalar(
        select(customer.c.id).where(
            customer.c.business_id == business_id,
            customer.c.external_id == own,
            customer.c.merged_into.is_(None),
        )
    )
    return found
