"""Who brought whom: set once on a new customer, by the code of the one who brought them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from sqlalchemy import Connection, func, select

from crm.errors import NotAllowed
from crm.services.following import store
from crm.services.ledger import Cause, Ledger
from crm.services.recording import lock_customer
from crm.tables import customer
from engine.business import Business
from engine.referrals import customer_of

_DEEPEST = 1_000
"""Steps up a chain of referrals: a longer one is no chain of people."""


class Referrer(Struct, frozen=True):
    """count: how many customers they brought, those merged into others not counted."""

    customer_id: int
    display_name: str
    count: int


def referrer_of(db: Connection, business_id: int, code: str) -> int | None:
    """The customer whose code it is, or into whom they were merged; None for nobody."""
    id_ = customer_of(code)
    for _ in range(_DEEPEST):
        if id_ is None:
            return None
        row = db.execute(
            select(customer.c.id, customer.c.merged_into).where(
                customer.c.business_id == business_id, customer.c.id == id_
            )
        ).one_or_none()
        if row is None or row.merged_into is None:
            return None if row is None else int(row.id)
        id_ = row.merged_into
    return None


def set_referrer(
    db: Connection, business_id: int, business: Business, customer_id: int, referrer: int,
    cause: Cause, now: datetime,
) -> None:  # fmt: skip
    """Keep who brought a customer; the journey of both goes on. Raises NotFound, and NotAllowed
    where it is known already, is the customer, or was brought by them, near or far."""
    for id_ in sorted((customer_id, referrer)):
        lock_customer(db, business_id, id_)
    of = select(customer.c.referred_by).where(customer.c.business_id == business_id)
    known = db.execute(of.where(customer.c.id == customer_id)).scalar_one()
    if known is not None:
        raise NotAllowed(f"Customer {customer_id} was brought by {known} already.")
    above: int | None = referrer
    for _ in range(_DEEPEST):
        if above == customer_id:
            raise NotAllowed(f"Customer {customer_id} cannot be brought by themselves.")
        row = db.execute(of.where(customer.c.id == above)).one_or_none()
        if row is None or row.referred_by is None:
            break
        above = row.referred_by
    ledger = Ledger(business_id, business.fields, {"referred_by": "referred_by"})
    refer(ledger, customer_id, referrer, cause, now)
    store(db, business_id, business, ledger, now, besides=[referrer])


def refer(ledger: Ledger, customer_id: int, referrer: int, cause: Cause, now: datetime) -> None:
    """Put who brought a customer into a ledger, and on the timelines of both."""
    ledger.set_field(
        customer_id, "referred_by", {"referred_by": Decimal(referrer)}, None, now, cause
    )
    ledger.touch(customer_id, now, {"referred_by": referrer})  # an id is stored as a whole number
    data = {"customer": customer_id}
    ledger.record(referrer, "referred", f"Brought customer {customer_id}", data, cause.by, now)
    ledger.emit(referrer, "referred", data, now, cause.depth)


def count_referrals(db: Connection, business_id: int, customer_id: int) -> int:
    """How many customers somebody brought, those merged into others not counted."""
    statement = select(func.count()).where(
        customer.c.business_id == business_id,
        customer.c.referred_by == customer_id,
        customer.c.merged_into.is_(None),
    )
    return int(db.execute(statement).scalar_one())


def top_referrers(db: Connection, business_id: int, limit: int = 10) -> list[Referrer]:
    """Who brought most customers, the most first."""
    brought = (
        select(customer.c.referred_by.label("id"), func.count().label("many"))
        .where(
            customer.c.business_id == business_id,
            customer.c.referred_by.is_not(None),
            customer.c.merged_into.is_(None),
        )
        .group_by(customer.c.referred_by)
        .subquery()
    )
    rows = db.execute(
        select(customer.c.id, customer.c.display_name, brought.c.many)
        .join(brought, brought.c.id == customer.c.id)
        .where(customer.c.business_id == business_id)
        .order_by(brought.c.many.desc(), customer.c.id)
        .limit(limit)
    )
    return [Referrer(*row) for row in rows]
