"""Which column holds which field, and that no field ever reads the values of another."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, insert, select, update

from crm.errors import NoFreeSlot
from crm.services.customers import create_customer
from crm.services.field_sync import sync_fields
from crm.services.fields import list_fields, load_mapping, stored_columns
from crm.tables import customer
from engine.business import Business
from engine.fields.base import BASE_FIELDS
from engine.fields.types import FieldType, Rules
from engine.texts import Text
from tests.crm.businesses import CAUSE, NOW, applied, business, mapped, with_fields, without


def _sync(db: Connection, business_id: int, project: Business) -> list[str]:
    return [str(change) for change in sync_fields(db, business_id, project, NOW)]


def test_each_field_gets_the_lowest_free_column_of_its_type(db: Connection) -> None:
    project = business("lotus", mapped("a"), mapped("b"), mapped("c", FieldType.NUMBER))
    business_id = applied(db, project)
    assert load_mapping(db, business_id) == {
        "a": "custom_text_1",
        "b": "custom_text_2",
        "c": "custom_number_1",
    }


def test_extras_and_types_without_columns_are_mapped_to_none(db: Connection) -> None:
    mapping = load_mapping(db, applied(db, business()))
    assert mapping["nickname"] is None
    assert mapping["wakes_at"] is None


def test_stored_columns_are_the_mapped_ones_and_the_base_ones_by_name(db: Connection) -> None:
    project = business()
    columns = stored_columns(db, applied(db, project), project)
    assert columns["birth_date"] == "custom_date_1"
    assert columns["first_name"] == "first_name"
    assert "nickname" not in columns


def test_a_field_that_is_not_declared_any_more_keeps_its_values_and_gets_them_back(
    db: Connection,
) -> None:
    project = business()
    business_id = applied(db, project)
    create_customer(db, business_id, project, {"points": 12}, CAUSE, NOW)
    assert _sync(db, business_id, without(project, "points")) == [
        "- field points: its values are kept"
    ]
    assert "points" not in load_mapping(db, business_id)
    assert _sync(db, business_id, project) == [
        "+ field points: restored, number in custom_number_1"
    ]


def test_a_column_with_values_of_an_old_field_is_not_given_to_a_new_one(db: Connection) -> None:
    project = business("lotus", mapped("old"))
    business_id = applied(db, project)
    create_customer(db, business_id, project, {"old": "kept"}, CAUSE, NOW)
    newer = business("lotus", mapped("new"))
    _sync(db, business_id, newer)
    assert load_mapping(db, business_id) == {"new": "custom_text_2"}


def test_an_archived_customer_s_value_still_keeps_the_column(db: Connection) -> None:
    project = business("lotus", mapped("old"))
    business_id = applied(db, project)
    made = create_customer(db, business_id, project, {"old": "kept"}, CAUSE, NOW)
    db.execute(update(customer).where(customer.c.id == made).values(archived_at=NOW))
    _sync(db, business_id, business("lotus", mapped("new")))
    assert load_mapping(db, business_id) == {"new": "custom_text_2"}


def test_the_column_of_an_old_field_without_values_is_given_again(db: Connection) -> None:
    business_id = applied(db, business("lotus", mapped("old")))
    _sync(db, business_id, business("lotus", mapped("new")))
    assert load_mapping(db, business_id) == {"new": "custom_text_1"}
    _sync(db, business_id, business("lotus", mapped("new"), mapped("old")))
    assert load_mapping(db, business_id) == {"new": "custom_text_1", "old": "custom_text_2"}


def test_the_values_of_another_business_do_not_take_a_column(db: Connection) -> None:
    other = business("other", mapped("theirs"))
    create_customer(db, applied(db, other), other, {"theirs": "x"}, CAUSE, NOW)
    assert load_mapping(db, applied(db, business("lotus", mapped("ours")))) == {
        "ours": "custom_text_1"
    }


def test_no_free_column_is_refused_with_the_count_and_the_way_out(db: Connection) -> None:
    emails = [mapped(f"email_{number}", FieldType.EMAIL) for number in range(6)]
    with pytest.raises(NoFreeSlot, match=r"'email_5': all 5 email columns.*extra: true") as refused:
        applied(db, business("lotus", *emails))
    assert "۵" not in refused.value.text("en")
    assert "email_5" in refused.value.text("fa")
    assert refused.value.text("fa") != refused.value.text("en")


def test_a_column_freed_by_this_very_change_can_be_used_in_it(db: Connection) -> None:
    emails = [mapped(f"email_{number}", FieldType.EMAIL) for number in range(5)]
    business_id = applied(db, business("lotus", *emails))
    _sync(db, business_id, business("lotus", *emails[1:], mapped("another", FieldType.EMAIL)))
    assert load_mapping(db, business_id)["another"] == "custom_email_1"


def test_a_type_may_change_while_nobody_has_a_value(db: Connection) -> None:
    business_id = applied(db, business("lotus", mapped("size")))
    changes = _sync(db, business_id, business("lotus", mapped("size", FieldType.NUMBER)))
    assert changes == [
        "~ field size: type, slot: text in custom_text_1 becomes number in custom_number_1"
    ]
    assert load_mapping(db, business_id) == {"size": "custom_number_1"}


def test_the_same_declaration_again_changes_nothing(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    assert _sync(db, business_id, project) == []


def test_a_changed_rule_or_label_is_a_change_and_keeps_the_column(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    points = replace(project.fields["points"], label=Text.plain("Points"))
    assert _sync(db, business_id, with_fields(project, points)) == ["~ field points: declaration"]
    zero = replace(points, rules=Rules(min_length=0))
    assert _sync(db, business_id, with_fields(project, zero)) == ["~ field points: declaration"]


def test_fields_are_listed_in_their_order_the_inactive_last(db: Connection) -> None:
    project = business("lotus", mapped("a"), mapped("b", order=9), mapped("c"))
    business_id = applied(db, project)
    _sync(db, business_id, without(project, "a"))
    listed = list_fields(db, business_id)
    assert [(item.key, item.position, item.is_active) for item in listed] == [
        ("b", 9, True),
        ("c", 10, True),
        ("a", 1, False),
    ]


def test_a_field_of_an_industry_template_is_listed_as_of_the_system(db: Connection) -> None:
    business_id = applied(db, business("lotus", mapped("a", is_system=True)))
    assert list_fields(db, business_id)[0].is_system


def test_values_that_got_into_a_column_unnoticed_keep_it_from_a_new_field(db: Connection) -> None:
    business_id = applied(db, business("lotus", mapped("a", FieldType.NUMBER)))
    row = {"display_name": "x", "name_folded": "x", "created_at": NOW, "updated_at": NOW}
    db.execute(insert(customer).values(business_id=business_id, custom_text_1="stray", **row))
    _sync(db, business_id, business("lotus", mapped("new")))
    assert load_mapping(db, business_id) == {"new": "custom_text_2"}


def test_a_field_whose_column_went_to_another_never_reads_the_other_s_values(
    db: Connection,
) -> None:
    """The way there: left without values, its column given away, the other one taken out too."""
    business_id = applied(db, business("lotus", mapped("old")))
    newer = business("lotus", mapped("new"))
    _sync(db, business_id, newer)
    create_customer(db, business_id, newer, {"new": "not for old"}, CAUSE, NOW)
    _sync(db, business_id, business("lotus", mapped("old")))
    assert load_mapping(db, business_id) == {"old": "custom_text_2"}


_KEYS = tuple("abcdefg")
_STEPS = st.lists(
    st.tuples(
        st.lists(st.sampled_from(_KEYS), unique=True, max_size=5),
        st.sampled_from(_KEYS),
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(steps=_STEPS)
def test_whatever_comes_and_goes_a_field_holds_what_was_written_to_it(
    store: Engine, steps: list[tuple[list[str], str]]
) -> None:
    """Five columns and seven fields; each step declares some of them and writes to one."""
    with store.connect() as db, db.begin() as transaction:
        _replay(db, steps)
        transaction.rollback()


def _replay(db: Connection, steps: list[tuple[list[str], str]]) -> None:
    business_id = applied(db, business("lotus", mapped("z")))
    row = {"display_name": "x", "name_folded": "x", "created_at": NOW, "updated_at": NOW}
    db.execute(insert(customer).values(business_id=business_id, **row))
    written: dict[str, str] = {}
    for number, (declared, key) in enumerate(steps):
        fields = {name: mapped(name, FieldType.EMAIL) for name in declared}
        project = replace(business(), fields={**BASE_FIELDS, **fields})
        savepoint = db.begin_nested()
        try:
            sync_fields(db, business_id, project, NOW)
        except NoFreeSlot:
            savepoint.rollback()
        else:
            savepoint.commit()
        mapping = load_mapping(db, business_id)
        slot = mapping.get(key)
        if slot is not None:
            written[key] = f"{key}{number}@example.com"
            mine = update(customer).where(customer.c.business_id == business_id)
            db.execute(mine.values({slot: written[key]}))
        values = db.execute(select(customer).where(customer.c.business_id == business_id))
        stored = values.mappings().one()
        for name, column in mapping.items():
            assert column is not None
            assert stored[column] == written.get(name)
