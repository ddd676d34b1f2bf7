"""The one declaration of the 90 typed slots; the customer table is generated from it."""

from __future__ import annotations

from msgspec import Struct

from engine.fields.types import FieldType


class Slot(Struct, frozen=True):
    """A typed column that a business may give a meaning to. `size` is in characters, or None."""

    name: str
    type: FieldType
    size: int | None


_GROUPS: tuple[tuple[FieldType, int, int | None], ...] = (
    (FieldType.TEXT, 30, 500),
    (FieldType.NUMBER, 15, None),
    (FieldType.DATE, 10, None),
    (FieldType.BOOLEAN, 10, None),
    (FieldType.EMAIL, 5, 254),
    (FieldType.PHONE, 5, 20),
    (FieldType.URL, 5, 2048),
    (FieldType.SELECT, 10, 200),
)

SLOTS: dict[str, Slot] = {
    name: Slot(name, type_, size)
    for type_, count, size in _GROUPS
    for name in (f"custom_{type_}_{number}" for number in range(1, count + 1))
}
"""All slots by name, by type, then by number: the order in which they are handed out."""

SIZES: dict[FieldType, int | None] = {type_: size for type_, _, size in _GROUPS}
"""The most characters a field of a type may have, in a slot or among the extras."""


def slots_of(type_: FieldType) -> tuple[Slot, ...]:
    """The slots of a type, lowest number first; none for time, datetime and list."""
    return tuple(slot for slot in SLOTS.values() if slot.type is type_)
