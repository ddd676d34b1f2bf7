"""One thing done to many customers: in pieces, each a transaction, and gone on with after a crash.

An action is stored before it begins, with whom it is for and how far it has come. A piece takes the
next customers by their ids for whom the criterion holds, so each is looked at once. Every change
goes the one way of all changes: a row of history, timeline and event for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, func, insert, select, update

from crm.criteria_sql import compile_sql
from crm.errors import InvalidValues, NotFound
from crm.services.auditing import HIGH, write_audit
from crm.services.bulk_actions import check_action, do_piece
from crm.services.following import Following
from crm.services.ledger import Cause
from crm.tables import bulk_action, customer
from engine.business import Business
from engine.criteria import Criterion, read_criterion
from engine.criteria.ast import to_canonical
from engine.shapes.conditions import customer_catalogue

PIECE = 200
"""Customers of one transaction: some tenths of a second, after which others write."""

REFUSALS = 100
"""How many of those that could not be changed are kept with their reason."""


class Progress(Struct, frozen=True):
    """How far an action has come. refused: the first customers that could not be changed, with the
    reason. files: keys that nobody has any more, which the caller removes after the commit."""

    id: int
    seen: int
    changed: int
    ended: bool
    refused: tuple[tuple[int, str], ...] = ()
    files: tuple[str, ...] = ()


class Listed(Struct, frozen=True):
    id: int
    action: Any
    criteria: Any
    by: str
    begun_at: datetime
    ended_at: datetime | None
    seen: int
    changed: int
    refused: int


def begin(
    db: Connection, business_id: int, business: Business, action: Mapping[str, Any],
    where: Criterion | None, cause: Cause, now: datetime,
) -> int:  # fmt: skip
    """The number of an action that is now to be gone on with, piece by piece.

    action: one key of `bulk_actions.ACTIONS` with what it takes. where: None for everybody. Raises
    InvalidValues, NotFound and NotAllowed for what could be done to nobody.
    """
    checked = check_action(db, business_id, business, action, now)
    last = select(func.max(customer.c.id)).where(customer.c.business_id == business_id)
    criteria = None if where is None else to_canonical(where)
    made: int = db.execute(
        insert(bulk_action)
        .values(
            business_id=business_id, action=checked, by=cause.by, reason=cause.reason,
            criteria=criteria, begun_at=now, after_id=0, last_id=db.scalar(last) or 0,
        )
        .returning(bulk_action.c.id)
    ).scalar_one()  # fmt: skip
    data = {"bulk": made, "action": next(iter(checked)), "criteria": criteria}
    write_audit(db, business_id, cause.by, "bulk_begun", now, sensitivity=HIGH, data=data)
    return made


def go_on(
    db: Connection, business_id: int, business: Business, number: int, now: datetime,
    piece: int = PIECE,
) -> Progress:  # fmt: skip
    """Do one more piece; nothing where it has ended. Raises NotFound."""
    row = _locked(db, business_id, number)
    if row.ended_at is not None:
        return _progress(row)
    ids = _next(db, business_id, business, row, now, piece)
    cause = Cause(row.by, row.reason)
    done = do_piece(db, business_id, business, row.action, ids, cause, now)
    if "erase" not in row.action:
        Following(db, business_id, business).settle(db, ids, now)
    refused = [(id_, reason) for id_, reason in row.refused or ()] + done.refused
    ended = len(ids) < piece
    values = {
        "after_id": ids[-1] if ids else row.after_id,
        "seen": row.seen + len(ids),
        "changed": row.changed + done.changed,
        "refused": [list(item) for item in refused[:REFUSALS]] or None,
        "ended_at": now if ended else None,
    }
    mine = (bulk_action.c.business_id == business_id, bulk_action.c.id == number)
    db.execute(update(bulk_action).where(*mine).values(values))
    return Progress(
        number, row.seen + len(ids), row.changed + done.changed, ended,
        tuple(refused[:REFUSALS]), tuple(done.files),
    )  # fmt: skip


def list_bulk(
    db: Connection, business_id: int, limit: int = 100, *, unfinished: bool = False
) -> list[Listed]:
    """The newest first; unfinished: those alone that can be gone on with."""
    wanted = [bulk_action.c.business_id == business_id]
    if unfinished:
        wanted.append(bulk_action.c.ended_at.is_(None))
    rows = db.execute(
        select(bulk_action).where(*wanted).order_by(bulk_action.c.id.desc()).limit(limit)
    )
    return [
        Listed(
            row.id, row.action, row.criteria, row.by, row.begun_at, row.ended_at, row.seen,
            row.changed, len(row.refused or ()),
        )
        for row in rows
    ]  # fmt: skip


def _locked(db: Connection, business_id: int, number: int) -> Row[Any]:
    mine = (bulk_action.c.business_id == business_id, bulk_action.c.id == number)
    # Of two who go on with one action at once, the second takes the piece after.
    row = db.execute(select(bulk_action).where(*mine).with_for_update()).one_or_none()
    if row is None:
        raise NotFound(f"There is no bulk action {number}.")
    return row


def _progress(row: Row[Any]) -> Progress:
    refused = tuple((id_, reason) for id_, reason in row.refused or ())
    return Progress(row.id, row.seen, row.changed, True, refused)


def _next(
    db: Connection, business_id: int, business: Business, row: Row[Any], now: datetime, piece: int
) -> list[int]:
    """Those of the next piece. Who was merged or erased is nobody any more; the archived are left
    alone but where they are to be erased."""
    wanted = [
        customer.c.business_id == business_id,
        customer.c.id > row.after_id,
        customer.c.id <= row.last_id,
        customer.c.merged_into.is_(None),
        customer.c.erased_at.is_(None),
    ]
    if "erase" not in row.action:
        wanted.append(customer.c.archived_at.is_(None))
    if row.criteria is not None:
        faults: list[str] = []
        criterion = read_criterion(
            row.criteria, customer_catalogue(business), lambda *told: faults.append(str(told[1]))
        )
        if criterion is None:
            # A field that it asks about has gone since it was begun.
            raise InvalidValues({"criteria": "; ".join(faults)})
        following = Following(db, business_id, business)
        moment = following.moment(now)
        wanted.append(
            compile_sql(criterion, following.columns, moment, business_id, db.dialect.name)
        )
    return list(
        db.scalars(select(customer.c.id).where(*wanted).order_by(customer.c.id).limit(piece))
    )
