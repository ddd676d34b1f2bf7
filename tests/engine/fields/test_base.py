"""The base columns that flows and criteria call by name."""

from __future__ import annotations

from engine.fields.base import BASE_FIELDS
from engine.fields.slots import SLOTS
from engine.fields.types import FieldType


def test_every_base_column_is_named_in_both_languages() -> None:
    for field in BASE_FIELDS.values():
        assert field.base
        assert {language for language, _, _ in field.label.variants} == {"en", "fa"}, field.key


def test_texts_have_a_size_and_other_columns_none() -> None:
    sized = {FieldType.TEXT, FieldType.EMAIL, FieldType.PHONE, FieldType.URL, FieldType.SELECT}
    for field in BASE_FIELDS.values():
        assert (field.size is not None) == (field.type in sized), field.key


def test_selects_and_only_they_have_options_that_fit() -> None:
    for field in BASE_FIELDS.values():
        assert bool(field.options) == (field.type is FieldType.SELECT), field.key
        assert all(len(value) <= (field.size or 0) for value in field.values), field.key


def test_no_base_column_has_the_name_of_a_slot() -> None:
    assert not BASE_FIELDS.keys() & SLOTS.keys()


def test_what_follows_from_other_rows_is_read_only() -> None:
    derived = {key for key, field in BASE_FIELDS.items() if field.read_only}
    assert {"id", "crm_score", "total_spent", "health", "display_name", "created_at"} <= derived
    assert not derived & {"first_name", "email", "status", "language"}


def test_a_customer_corrects_only_what_flows_may_write() -> None:
    assert not [f.key for f in BASE_FIELDS.values() if f.self_service and f.read_only]
