"""Leases: rows that say which process does what only one may do, and until when.

    sender:ACCOUNT_ID      sends what the outbox holds for an account
    poller:ACCOUNT_ID      fetches an account's updates
    scheduler:BUSINESS_ID  wakes what has to happen now and then

Each change of holder raises the epoch. A holder that was asleep for longer than its lease writes
with an old epoch, and `is_current` tells: that is the fence.

On PostgreSQL the server's clock says what has expired, so that the clocks of machines need not
agree. On SQLite it is the caller's `now`: there is one machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, bindparam, func, literal, select, update

from crm.sql import Statement, insert_for
from crm.tables import account, lease

NOBODY = ""
"""The owner of a lease that was given back."""


class Lease(Struct, frozen=True):
    """What a holder has: nobody else was given this name with this epoch."""

    name: str
    owner: str
    epoch: int


class Holding(NamedTuple):
    """A lease as it stands, for people to look at. owner: NOBODY where it is free."""

    name: str
    owner: str
    epoch: int
    expires_at: datetime


def sender_of(account_id: int) -> str:
    """The lease of the one sender of an account."""
    return f"sender:{account_id}"


def poller_of(account_id: int) -> str:
    """The lease of the one who fetches an account's updates."""
    return f"poller:{account_id}"


def scheduler_of(business_id: int) -> str:
    """The lease of the one scheduler of a business."""
    return f"scheduler:{business_id}"


def acquire(db: Connection, name: str, owner: str, lasts: timedelta, now: datetime) -> Lease | None:
    """Take a lease; None where another owner holds it.

    Whose answer was lost on the way takes it again: an owner is one process and knows what it does.
    """
    moment = _moment(db, now)
    insert = insert_for(db.dialect.name)
    taken = (
        insert(lease)
        .values(name=name, owner=owner, epoch=1, expires_at=_after(db, now, lasts))
        .on_conflict_do_update(
            index_elements=[lease.c.name],
            set_={
                "owner": owner,
                "epoch": lease.c.epoch + 1,
                "expires_at": _after(db, now, lasts),
            },
            where=(lease.c.expires_at <= moment) | (lease.c.owner == owner),
        )
        .returning(lease.c.epoch)
    )
    epoch = db.execute(taken).scalar_one_or_none()
    return None if epoch is None else Lease(name, owner, epoch)


def renew(db: Connection, held: Lease, lasts: timedelta, now: datetime) -> bool:
    """Hold it for `lasts` from now; False where somebody else has it by now.

    One that has expired is renewed if nobody took it: then nobody else has acted.
    """
    return _set(db, held, expires_at=_after(db, now, lasts))


def release(db: Connection, held: Lease, now: datetime) -> None:
    """Give it back: the next one need not wait. Nothing where somebody else has it by now."""
    _set(db, held, owner=NOBODY, expires_at=_moment(db, now))


def is_current(db: Connection, held: Lease) -> bool:
    """Whether nobody was given the lease since: what a holder writes is void otherwise."""
    return bool(_CURRENT.fetch(db, held.name, held.epoch))


def leases_of(db: Connection, business_id: int) -> list[Holding]:
    """The leases of a business and of its accounts, in order of name."""
    accounts = db.execute(select(account.c.id).where(account.c.business_id == business_id))
    names = [scheduler_of(business_id)]
    for id_ in accounts.scalars():
        names += [sender_of(id_), poller_of(id_)]
    rows = db.execute(select(*_columns()).where(lease.c.name.in_(names)).order_by(lease.c.name))
    return [Holding(*row) for row in rows]


def _set(db: Connection, held: Lease, **values: Any) -> bool:
    change = update(lease).where(
        lease.c.name == held.name, lease.c.epoch == held.epoch, lease.c.owner == held.owner
    )
    return db.execute(change.values(**values)).rowcount == 1


def _columns() -> Sequence[ColumnElement[Any]]:
    return lease.c.name, lease.c.owner, lease.c.epoch, lease.c.expires_at


def _moment(db: Connection, now: datetime) -> ColumnElement[Any]:
    # Not the beginning of the transaction: the row may have been waited for.
    if db.dialect.name == "postgresql":
        return func.clock_timestamp()
    return literal(now, lease.c.expires_at.type)


def _after(db: Connection, now: datetime, lasts: timedelta) -> ColumnElement[Any]:
    if db.dialect.name == "postgresql":
        return func.clock_timestamp() + literal(lasts)
    return literal(now + lasts, lease.c.expires_at.type)


_CURRENT = Statement(
    lambda _: select(lease.c.epoch).where(
        lease.c.name == bindparam("of"), lease.c.epoch == bindparam("held")
    ),
    ("of", "held"),
)
