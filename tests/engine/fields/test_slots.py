"""The 90 slots are declared once."""

from __future__ import annotations

from collections import Counter

from engine.fields.slots import SIZES, SLOTS, slots_of
from engine.fields.types import FieldType


def test_there_are_ninety_slots_of_eight_types() -> None:
    counts = Counter(slot.type.value for slot in SLOTS.values())
    assert counts == {
        "text": 30,
        "number": 15,
        "date": 10,
        "boolean": 10,
        "email": 5,
        "phone": 5,
        "url": 5,
        "select": 10,
    }


def test_slots_of_a_type_come_lowest_number_first() -> None:
    names = [slot.name for slot in slots_of(FieldType.TEXT)]
    assert names[:2] == ["custom_text_1", "custom_text_2"]
    assert names[-1] == "custom_text_30"


def test_times_moments_and_lists_have_no_slot() -> None:
    for type_ in (FieldType.TIME, FieldType.DATETIME, FieldType.LIST):
        assert slots_of(type_) == ()


def test_each_slot_has_the_size_of_its_type() -> None:
    sizes = {slot.type: slot.size for slot in SLOTS.values()}
    assert sizes == SIZES
    assert sizes[FieldType.TEXT] == 500
    assert sizes[FieldType.EMAIL] == 254
    assert sizes[FieldType.URL] == 2048
