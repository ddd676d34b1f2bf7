"""Field mappings: which typed column holds which field of a business."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from crm.errors import FieldHoldsValues, NoFreeSlot, NotFound
from crm.services.changes import Change
from crm.services.declarations import in_file, text_from_json, to_declaration
from crm.services.slot_indexes import want_indexes
from crm.tables import customer, field
from engine.business import Business
from engine.fields.slots import slots_of
from engine.fields.types import Field, FieldType
from engine.texts import Text


@dataclass(frozen=True, slots=True)
class MappedField:
    """A field as the database knows it; `slot` is None where its values are extras."""

    key: str
    label: Text[str]
    type: FieldType
    slot: str | None
    position: int
    is_active: bool
    is_system: bool


def load_mapping(db: Connection, business_id: int) -> dict[str, str | None]:
    """The typed column of each active field, by key; None where its values are extras."""
    rows = db.execute(
        select(field.c.key, field.c.slot)
        .where(field.c.business_id == business_id, field.c.is_active)
        .order_by(field.c.position, field.c.id)
    )
    return {row.key: row.slot for row in rows}


def stored_columns(db: Connection, business_id: int, business: Business) -> dict[str, str]:
    """The customer column of each field: its typed column, or its own name for a base field.

    A field that is not in it lives in the extras.
    """
    columns = {key: slot for key, slot in load_mapping(db, business_id).items() if slot}
    return columns | {item.key: item.key for item in business.fields.values() if item.base}


def list_fields(db: Connection, business_id: int) -> list[MappedField]:
    """Every field, the inactive too, in the order people see them."""
    rows = db.execute(
        select(field)
        .where(field.c.business_id == business_id)
        .order_by(field.c.is_active.desc(), field.c.position, field.c.id)
    )
    return [
        MappedField(
            key=row.key,
            label=text_from_json(row.declaration["label"]),
            type=FieldType(row.type),
            slot=row.slot,
            position=row.position,
            is_active=row.is_active,
            is_system=row.is_system,
        )
        for row in rows
    ]


def declaration_of(db: Connection, business_id: int, key: str) -> dict[str, Any]:
    """What a file said of a field, in use or not. Raises NotFound, and for one that only a person
    can write down again."""
    row = db.execute(
        select(field.c.type, field.c.declaration).where(
            field.c.business_id == business_id, field.c.key == key
        )
    ).one_or_none()
    if row is None:
        raise NotFound(f"There is no field '{key}', and there was none.")
    try:
        return in_file(row.type, row.declaration)
    except ValueError as error:
        raise NotFound(f"Declare '{key}' in crm.yaml by hand: {error}.") from None


def sync_fields(
    db: Connection, business_id: int, business: Business, now: datetime
) -> tuple[Change, ...]:
    """Make the mappings those that `business` declares, and say what changed.

    A field that is no longer declared is deactivated and keeps its values; declared again, it
    gets its column and values back. Raises NoFreeSlot, and FieldHoldsValues where a type or
    place would change under values.
    """
    rows = db.execute(select(field).where(field.c.business_id == business_id)).all()
    sync = _Sync(db, business_id, {row.key: row for row in rows}, now)
    declared = [item for item in business.fields.values() if not item.base]
    sync.retire_all_but({item.key for item in declared})
    sync.keep(declared)
    want_indexes(db)
    return tuple(sync.changes)


class _Sync:
    def __init__(
        self, db: Connection, business_id: int, rows: Mapping[str, Row[Any]], now: datetime
    ) -> None:
        self._db, self._business_id, self._rows, self._now = db, business_id, rows, now
        self._taken = {row.slot for row in rows.values() if row.is_active and row.slot}
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
        detail = _place(item.type, slot) + self._left_in_extras(item.key, slot)
        self.changes.append(Change("added", "field", item.key, detail))

    def _left_in_extras(self, key: str, slot: str | None) -> str:
        """Values that flows stored under the key before it was mapped stay where they are."""
        count = self._count(has_extra(key)) if slot else 0
        return f"; {count} values under this key stay in the extras" if count else ""

    def _keep_one(self, row: Row[Any], item: Field, position: int) -> None:
        wanted = _described(item) | {"slot": self._slot_to_keep(row, item)}
        changed = [name for name, value in wanted.items() if getattr(row, name) != value]
        if not row.is_active:
            self._update(row, **wanted, position=position, is_active=True, deactivated_at=None)
            detail = _place(item.type, wanted["slot"])
            self.changes.append(Change("restored", "field", item.key, detail))
            return
        if changed or row.position != position:
            self._update(row, **wanted, position=position)
        # A position alone is no news: it moves whenever a field above comes or goes.
        if changed:
            self.changes.append(Change("changed", "field", item.key, ", ".join(changed)))

    def _slot_to_keep(self, row: Row[Any], item: Field) -> str | None:
        """The field's own column, unless its type or place changes or others were given it."""
        if _stays(row, item):
            if row.slot or _is_extra(item):
                return row.slot  # type: ignore[no-any-return]  # Row's attributes are untyped
        elif count := self._count_values(row):
            raise FieldHoldsValues(
                item.key, _place(row.type, row.slot), _kind_of_place(item), count
            )
        elif row.is_active:
            self._taken.discard(row.slot)
        return self._choose_slot(item)

    def _choose_slot(self, item: Field) -> str | None:
        """The lowest column of the type that is free and holds nothing of an older field."""
        if _is_extra(item):
            return None
        slots = slots_of(item.type)
        for slot in slots:
            if slot.name not in self._taken and not self._holds_values(slot.name):
                self._taken.add(slot.name)
                self._forget_owners(slot.name)
                return slot.name
        raise NoFreeSlot(item.key, item.type, len(slots))

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

    def _count_values(self, row: Row[Any]) -> int:
        if not row.slot and not _was_extra(row):
            return 0
        return self._count(customer.c[row.slot].is_not(None) if row.slot else has_extra(row.key))

    def _count(self, has_value: ColumnElement[bool]) -> int:
        mine = customer.c.business_id == self._business_id
        return int(self._db.scalar(select(func.count()).where(mine, has_value)) or 0)

    def _update(self, row: Row[Any], **values: Any) -> None:
        mine = (field.c.id == row.id, field.c.business_id == self._business_id)
        self._db.execute(update(field).where(*mine).values(**values))


def has_extra(key: str) -> ColumnElement[bool]:
    """Whether a customer's extras hold a value under `key`."""
    value: ColumnElement[Any] = customer.c.custom_fields_extra[key].as_string()
    return value.is_not(None)


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


def _kind_of_place(item: Field) -> str:
    return f"{item.type} in {'the extras' if _is_extra(item) else 'a column'}"
