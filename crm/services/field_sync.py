"""Making the mappings of a business those that its crm.yaml declares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from crm.errors import NoFreeSlot
from crm.services.changes import Change
from crm.services.declarations import to_declaration
from crm.services.reshaping import Move, move_values
from crm.services.slot_indexes import want_indexes
from crm.tables import customer, field
from engine.business import Business
from engine.fields.slots import slots_of
from engine.fields.types import Field, FieldType


def sync_fields(
    db: Connection, business_id: int, business: Business, now: datetime
) -> tuple[Change, ...]:
    """Make the mappings those that `business` declares, and say what changed.

    A field that is no longer declared is deactivated and keeps its values; declared again, it
    gets its column and values back. Where its type or place changes, or flows stored values under
    its key before, they move (crm.services.reshaping). Raises NoFreeSlot.
    """
    rows = db.execute(select(field).where(field.c.business_id == business_id)).all()
    sync = _Sync(db, business_id, business, {row.key: row for row in rows}, now)
    declared = [item for item in business.fields.values() if not item.base]
    sync.retire_all_but({item.key for item in declared})
    sync.keep(declared)
    want_indexes(db)
    return tuple(sync.changes)


class _Sync:
    def __init__(
        self, db: Connection, business_id: int, business: Business,
        rows: Mapping[str, Row[Any]], now: datetime,
    ) -> None:  # fmt: skip
        self._db, self._business_id, self._rows, self._now = db, business_id, rows, now
        self._business = business
        self._taken = {row.slot for row in rows.values() if row.is_active and row.slot}
        # Columns given out now: nobody's older values are in them any more.
        self._given: set[str] = set()
        self.changes: list[Change] = []

    def retire_all_but(self, declared: set[str]) -> None:
        """First, so that the columns of fields without values are free for new ones."""
        for key, row in self._rows.items():
            if row.is_active and key not in declared:
                self._update(row, is_active=False, deactivated_at=self._now)
                self._taken.discard(row.slot)
                self.changes.append(Change("retired", "field", key, "its values are kept"))

    def keep(self, declared: Iterable[Field]) -> None:
        """Everybody's own column is theirs before any is given out."""
        ordered = list(_with_positions(declared))
        self._taken.update(self._own_slots(item for item, _ in ordered))
        for item, position in ordered:
            if item.key in self._rows:
                self._keep_one(self._rows[item.key], item, position)
        for item, position in ordered:
            if item.key not in self._rows:
                self._create(item, position)

    def _own_slots(self, declared: Iterable[Field]) -> Iterable[str]:
        for item in declared:
            row = self._rows.get(item.key)
            if row is not None and row.slot and _stays(row, item):
                yield row.slot

    def _create(self, item: Field, position: int) -> None:
        slot = self._choose_slot(item)
        self._db.execute(
            insert(field).values(
                business_id=self._business_id,
                key=item.key,
                slot=slot,
                position=position,
                is_active=True,
                created_at=self._now,
                **_described(item),
            )
        )
        moved = self._move(Move(item, None, None, slot)) if slot else ""
        detail = _place(item.type, slot) + moved
        self.changes.append(Change("added", "field", item.key, detail))

    def _keep_one(self, row: Row[Any], item: Field, position: int) -> None:
        wanted = _described(item) | {"slot": self._slot_to_keep(row, item)}
        changed = [name for name, value in wanted.items() if getattr(row, name) != value]
        if not row.is_active:
            self._update(row, **wanted, position=position, is_active=True, deactivated_at=None)
            self._restored(row, item, wanted["slot"])
            return
        if changed or row.position != position:
            self._update(row, **wanted, position=position)
        # A position alone is no news: it moves whenever a field above comes or goes.
        if changed:
            detail = ", ".join(changed) + self._reshaped(row, item, wanted["slot"])
            self.changes.append(Change("changed", "field", item.key, detail))

    def _restored(self, row: Row[Any], item: Field, slot: str | None) -> None:
        """While it was out of use flows may have gone on to store replies, as extras."""
        moved = ""
        if slot is not None or not _stays(row, item):
            moved = self._move(self._from(row, item, slot, extras_first=True))
        detail = _place(item.type, slot) + moved
        self.changes.append(Change("restored", "field", item.key, detail))

    def _reshaped(self, row: Row[Any], item: Field, slot: str | None) -> str:
        """`: text in custom_text_1 becomes number in custom_number_1; values moved: 12`, or ''."""
        if _stays(row, item):
            return ""
        moved = self._move(self._from(row, item, slot))
        return f": {_place(row.type, row.slot)} becomes {_place(item.type, slot)}{moved}"

    def _from(
        self, row: Row[Any], item: Field, slot: str | None, *, extras_first: bool = False
    ) -> Move:
        own = None if row.slot in self._given and row.slot != slot else row.slot
        return Move(item, FieldType(row.type), own, slot, extras_first)

    def _move(self, move: Move) -> str:
        moved = move_values(self._db, self._business_id, self._business, move, self._now)
        return moved.told(move.field.type)

    def _slot_to_keep(self, row: Row[Any], item: Field) -> str | None:
        """The field's own column, unless its type or place changes or others were given it."""
        if _stays(row, item) and (row.slot or _is_extra(item)):
            return row.slot  # type: ignore[no-any-return]  # Row's attributes are untyped
        return self._choose_slot(item)

    def _choose_slot(self, item: Field) -> str | None:
        """The lowest column of the type that is free and holds nothing of an older field."""
        if _is_extra(item):
            return None
        slots = slots_of(item.type)
        for slot in slots:
            if slot.name not in self._taken and not self._holds_values(slot.name):
                self._taken.add(slot.name)
                self._given.add(slot.name)
                self._forget_owners(slot.name)
                return slot.name
        raise NoFreeSlot(item.key, item.type, len(slots), self._in_the_way(item.type))

    def _in_the_way(self, type_: FieldType) -> tuple[str, ...]:
        """The fields out of use whose values keep columns of a type."""
        retired = (row for row in self._rows.values() if row.slot and row.type == type_)
        return tuple(row.key for row in retired if row.slot not in self._taken)

    def _forget_owners(self, slot: str) -> None:
        """Or an older field, restored some day, would read the values of the new one."""
        self._db.execute(
            update(field)
            .where(field.c.business_id == self._business_id, field.c.slot == slot)
            .where(~field.c.is_active)
            .values(slot=None)
        )

    def _holds_values(self, slot: str) -> bool:
        has_value = select(customer.c.id).where(
            customer.c.business_id == self._business_id, customer.c[slot].is_not(None)
        )
        return bool(self._db.scalar(select(has_value.exists())))

    def _update(self, row: Row[Any], **values: Any) -> None:
        mine = (field.c.id == row.id, field.c.business_id == self._business_id)
        self._db.execute(update(field).where(*mine).values(**values))


def _described(item: Field) -> dict[str, Any]:
    return {
        "type": item.type.value,
        "declaration": to_declaration(item),
        "is_system": item.is_system,
    }


def _with_positions(declared: Iterable[Field]) -> Iterable[tuple[Field, int]]:
    last = 0
    for item in declared:
        last = item.order or last + 1
        yield item, last


def _is_extra(item: Field) -> bool:
    return item.extra or not slots_of(item.type)


def _stays(row: Row[Any], item: Field) -> bool:
    """Whether the field keeps its type, and is a column's or an extra as it was."""
    return bool(row.type == item.type) and _was_extra(row) == _is_extra(item)


def _was_extra(row: Row[Any]) -> bool:
    """By what was declared: an inactive field may have lost its column to another."""
    return bool(row.declaration.get("extra")) or not slots_of(FieldType(row.type))


def _place(type: str, slot: str | None) -> str:
    return f"{type} in {slot or 'the extras'}"
