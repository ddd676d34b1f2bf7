"""Values of a field that take another type or another place, and the room they leave behind.

Nothing is lost on the way. What cannot be read as the new type stays among the extras as it was,
where it counts as absent and comes back when the type does. A row of history is written where a
value says something else than before. Nothing happened to a customer, so there is no event and no
row on a timeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from crm.stored_extras import typed_extra
from crm.tables import customer, field_history
from engine.business import Business
from engine.fields.convert import convert, plain_again
from engine.fields.plain import to_plain
from engine.fields.readings import Read
from engine.fields.types import Field, FieldType, Value
from engine.locales import locale_of

PIECE = 2_000
"""Customers read at once: memory does not grow with how many there are."""

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Move:
    """Where the values of a field are and where they go.

    type: what they are now; None where a flow stored them under a key that nobody had declared.
    slot, to: the columns; None is the extras. extras_first: what is among the extras under the
    field's key is newer than what is in its column.
    """

    field: Field
    type: FieldType | None
    slot: str | None
    to: str | None
    extras_first: bool = False
    by: str = "apply"


class Moved(NamedTuple):
    """How many values were taken along, how many could not be, and some whose those are."""

    taken: int = 0
    left: int = 0
    customers: tuple[int, ...] = ()

    def told(self, type_: FieldType) -> str:
        """`; values moved: 12; kept in the extras, no number: 1 (id:7)`; '' for none."""
        taken = f"; values moved: {self.taken}" if self.taken else ""
        if not self.left:
            return taken
        whose = ", ".join(f"id:{number}" for number in self.customers)
        more = ", ..." if self.left > len(self.customers) else ""
        return f"{taken}; kept in the extras, no {type_}: {self.left} ({whose}{more})"


def move_values(
    db: Connection, business_id: int, business: Business, move: Move, now: datetime
) -> Moved:
    """Bring every value of a field to its type and place."""
    mover = _Mover(db, business_id, business, move, now)
    # What is in its column already need not be looked at.
    elsewhere = None if move.slot == move.to else move.slot
    for piece in _pieces(db, business_id, move.field.key, elsewhere, move.slot):
        mover.move(piece)
    return Moved(mover.taken, mover.left, tuple(mover.customers))


def clear_values(
    db: Connection, business_id: int, key: str, slot: str | None, by: str, now: datetime
) -> int:
    """Take away every value of a field, in its column and among the extras; how many they were.
    The history keeps what they were."""
    cleared = 0
    for piece in _pieces(db, business_id, key, slot, slot):
        changes, history = [], []
        for row in piece:
            extras = dict(row.extras or {})
            held = [row.held, extras.pop(key, None)]
            was = next(to_plain(value) for value in held if value is not None)
            changes.append({"of": row.id, "new_extras": extras or None})
            history.append(_history(business_id, row.id, key, was, None, by, "cleared", now))
        columns: dict[str, Any] = {slot: None} if slot else {}
        _write(db, business_id, columns, changes)
        db.execute(insert(field_history), history)
        cleared += len(piece)
    return cleared


def count_values(db: Connection, business_id: int, key: str, slot: str | None) -> int:
    """How many customers have a value of a field, in its column or among the extras."""
    count = select(func.count()).where(customer.c.business_id == business_id, _has_value(key, slot))
    return int(db.scalar(count) or 0)


class _Mover:
    def __init__(
        self, db: Connection, business_id: int, business: Business, move: Move, now: datetime
    ) -> None:
        self._db, self._business_id, self._move_, self._now = db, business_id, move, now
        self._locale = locale_of({}, business)
        self.taken = self.left = 0
        self.customers: list[int] = []

    def move(self, piece: list[Row[Any]]) -> None:
        changes, history = [], []
        for row in piece:
            change, old = self._moved(row)
            changes.append(change)
            value = change["new_value"]
            if self._says_otherwise(value, old):
                history.append(self._said_otherwise(row.id, old, to_plain(value)))
        self._write(changes)
        if history:
            self._db.execute(insert(field_history), history)

    def _moved(self, row: Row[Any]) -> tuple[dict[str, Any], Any]:
        """What a customer's columns become, and the plain value that counted before."""
        key, to = self._move_.field.key, self._move_.to
        extras = dict(row.extras or {})
        held = [None if row.held is None else to_plain(row.held), extras.pop(key, None)]
        if self._move_.extras_first:
            held.reverse()
        candidates = [one for one in held if one is not None]
        read = [(one, self._become(one)) for one in candidates]
        counted, value = next((pair for pair in read if pair[1] is not None), (read[0][0], None))
        unread = [plain for plain, become in read if become is None]
        if value is not None and to is None:
            extras[key] = to_plain(value)
        elif unread:
            extras[key] = unread[0]
            self.left += 1
            self.customers += [row.id] if len(self.customers) < _EXAMPLES else []
        stayed = unread and self._move_.slot == to
        self.taken += value is not None and not stayed
        change = {"of": row.id, "new_extras": extras or None, "new_value": value}
        return change, counted

    def _become(self, plain: Any) -> Value:
        field = self._move_.field
        if self._move_.type is field.type:
            same = typed_extra(plain, field.type)
            if same is not None:
                return same
        read = convert(plain, field, self._locale, self._now)
        return read.value if isinstance(read, Read) else None

    def _says_otherwise(self, value: Value, held: Any) -> bool:
        """What could not be read as its own type was absent before."""
        if value is None:
            return self._move_.type is not self._move_.field.type
        return not plain_again(value, held)

    def _said_otherwise(self, customer_id: int, old: Any, new: Any) -> dict[str, Any]:
        move = self._move_
        was = move.type or "undeclared"
        reason = f"{was} became {move.field.type}"
        key = move.field.key
        return _history(self._business_id, customer_id, key, old, new, move.by, reason, self._now)

    def _write(self, changes: list[dict[str, Any]]) -> None:
        move = self._move_
        columns: dict[str, Any] = {move.slot: None} if move.slot else {}
        if move.to:
            columns[move.to] = bindparam("new_value", type_=customer.c[move.to].type)
        else:
            changes = [{k: v for k, v in one.items() if k != "new_value"} for one in changes]
        _write(self._db, self._business_id, columns, changes)


def _write(
    db: Connection, business_id: int, columns: dict[str, Any], changes: list[dict[str, Any]]
) -> None:
    extras = bindparam("new_extras", type_=customer.c.custom_fields_extra.type)
    statement = (
        update(customer)
        .where(customer.c.id == bindparam("of"), customer.c.business_id == business_id)
        .values({**columns, "custom_fields_extra": extras})
    )
    db.execute(statement, changes)


def _pieces(
    db: Connection, business_id: int, key: str, slot: str | None, shown: str | None
) -> Iterator[list[Row[Any]]]:
    """Customers with a value in the column `slot` or among the extras: their id, what the column
    `shown` holds, and their extras."""
    held: ColumnElement[Any] = customer.c[shown] if shown else literal(None)
    last = 0
    while True:
        rows = db.execute(
            select(
                customer.c.id, held.label("held"), customer.c.custom_fields_extra.label("extras")
            )
            .where(customer.c.business_id == business_id, customer.c.id > last)
            .where(_has_value(key, slot))
            .order_by(customer.c.id)
            .limit(PIECE)
        ).all()
        if not rows:
            return
        yield [*rows]  # type: ignore[list-item]  # SQLAlchemy counts its columns
        last = rows[-1].id


def _has_value(key: str, slot: str | None) -> ColumnElement[bool]:
    extra: ColumnElement[Any] = customer.c.custom_fields_extra[key].as_string()
    return or_(extra.is_not(None), *([customer.c[slot].is_not(None)] if slot else []))


def _history(
    business_id: int, customer_id: int, key: str, old: Any, new: Any, by: str, reason: str,
    now: datetime,
) -> dict[str, Any]:  # fmt: skip
    return {
        "business_id": business_id, "customer_id": customer_id, "field": key,
        "old": old, "new": new, "at": now, "by": by, "reason": reason,
    }  # fmt: skip
