"""Values of a field that take another type or place: none is lost, and what happens is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, select, update

from crm.services.customers import create_customer
from crm.services.field_sync import sync_fields
from crm.services.fields import load_mapping, stored_columns
from crm.services.records import load_record
from crm.tables import activity, customer, event, field_history
from engine.business import Business
from engine.fields.types import FieldType, Option, Rules
from engine.texts import Text
from tests.crm.businesses import CAUSE, NOW, applied, business, mapped

OTHER = mapped("other")


def sync(db: Connection, business_id: int, project: Business) -> list[str]:
    return [str(change) for change in sync_fields(db, business_id, project, NOW)]


def with_values(db: Connection, project: Business, *values: object) -> tuple[int, list[int]]:
    """The id of the applied business, and a customer for each value of the field `size`."""
    business_id = applied(db, project)
    made = [
        create_customer(db, business_id, project, {"size": value}, CAUSE, NOW) for value in values
    ]
    return business_id, made


def value(db: Connection, business_id: int, project: Business, customer_id: int) -> Any:
    columns = stored_columns(db, business_id, project)
    return load_record(db, business_id, project, columns, customer_id).values["size"]


def extras(db: Connection, customer_id: int) -> Any:
    return db.scalar(select(customer.c.custom_fields_extra).where(customer.c.id == customer_id))


def put_extras(db: Connection, customer_id: int, stored: dict[str, Any]) -> None:
    mine = update(customer).where(customer.c.id == customer_id)
    db.execute(mine.values(custom_fields_extra=stored))


def history(db: Connection, customer_id: int) -> list[tuple[Any, Any, str | None]]:
    """Old, new and why, of the field `size`."""
    rows = db.execute(
        select(field_history.c.old, field_history.c.new, field_history.c.reason)
        .where(field_history.c.customer_id == customer_id, field_history.c.field == "size")
        .order_by(field_history.c.id)
    )
    return [tuple(row) for row in rows]


def test_texts_that_are_numbers_become_numbers_and_the_rest_is_kept(db: Connection) -> None:
    project = business("lotus", mapped("size"), OTHER)
    business_id, (plain, persian, worded) = with_values(db, project, "42", "۴۲٫۵", "large")
    newer = business("lotus", mapped("size", FieldType.NUMBER), OTHER)
    assert sync(db, business_id, newer) == [
        (
            "~ field size: type, slot: text in custom_text_1 becomes number in custom_number_1; "
            f"values moved: 2; kept in the extras, no number: 1 (id:{worded})"
        )
    ]
    values = [value(db, business_id, newer, one) for one in (plain, persian, worded)]
    assert values == [Decimal(42), Decimal("42.5"), None]
    assert (extras(db, plain), extras(db, worded)) == (None, {"size": "large"})
    assert history(db, plain) == [(None, "42", None), ("42", 42, "text became number")]
    assert history(db, worded)[-1] == ("large", None, "text became number")


def test_a_type_that_is_taken_back_takes_every_value_back(db: Connection) -> None:
    project = business("lotus", mapped("size"), OTHER)
    business_id, (plain, worded) = with_values(db, project, "42", "large")
    sync(db, business_id, business("lotus", mapped("size", FieldType.NUMBER), OTHER))
    sync(db, business_id, project)
    assert [value(db, business_id, project, one) for one in (plain, worded)] == ["42", "large"]
    assert extras(db, worded) is None


def test_nothing_has_happened_to_a_customer_whose_value_only_moved(db: Connection) -> None:
    project = business("lotus", mapped("size"), OTHER)
    business_id, (one,) = with_values(db, project, "42")
    mine = [select(table.c.id).where(table.c.customer_id == one) for table in (activity, event)]
    before = [len(db.execute(rows).all()) for rows in mine]
    sync(db, business_id, business("lotus", mapped("size", FieldType.NUMBER), OTHER))
    assert [len(db.execute(rows).all()) for rows in mine] == before


def test_the_column_that_values_left_is_free_for_another_field(db: Connection) -> None:
    project = business("lotus", mapped("size"), OTHER)
    business_id, _ = with_values(db, project, "42")
    newer = business("lotus", mapped("size", FieldType.NUMBER), OTHER)
    sync(db, business_id, newer)
    sync(db, business_id, business("lotus", *_of(newer), mapped("third")))
    assert load_mapping(db, business_id)["third"] == "custom_text_1"


def _of(project: Business) -> list[Any]:
    return [item for item in project.fields.values() if not item.base]


def test_values_that_flows_stored_under_a_key_move_into_its_column(db: Connection) -> None:
    project = business("lotus", OTHER)
    business_id = applied(db, project)
    one, two = (create_customer(db, business_id, project, {}, CAUSE, NOW) for _ in range(2))
    put_extras(db, one, {"size": "1403/01/05", "kept": 1})
    put_extras(db, two, {"size": "soon"})
    newer = business("lotus", OTHER, mapped("size", FieldType.DATE, rules=Rules(future=True)))
    assert sync(db, business_id, newer) == [
        (
            "+ field size: date in custom_date_1; values moved: 1; kept in the extras, no date: 1 "
            f"(id:{two})"
        )
    ]
    assert value(db, business_id, newer, one) == date(2024, 3, 24)
    assert (extras(db, one), extras(db, two)) == ({"kept": 1}, {"size": "soon"})


def test_extras_of_another_business_stay_where_they_are(db: Connection) -> None:
    theirs = business("other", OTHER)
    stranger = create_customer(db, applied(db, theirs), theirs, {}, CAUSE, NOW)
    put_extras(db, stranger, {"size": "42"})
    sync(db, applied(db, business("lotus", OTHER)), business("lotus", OTHER, mapped("size")))
    assert extras(db, stranger) == {"size": "42"}


def test_a_field_moves_between_its_column_and_the_extras_as_it_is(db: Connection) -> None:
    project = business("lotus", mapped("size", FieldType.NUMBER), OTHER)
    business_id, (one,) = with_values(db, project, "42.5")
    outside = business("lotus", mapped("size", FieldType.NUMBER, extra=True), OTHER)
    assert sync(db, business_id, outside) == [
        (
            "~ field size: declaration, slot: number in custom_number_1 becomes "
            "number in the extras; "
            "values moved: 1"
        )
    ]
    assert (extras(db, one), value(db, business_id, outside, one)) == (
        {"size": 42.5},
        Decimal("42.5"),
    )
    sync(db, business_id, project)
    assert (extras(db, one), value(db, business_id, project, one)) == (None, Decimal("42.5"))
    assert len(history(db, one)) == 1


def test_a_rule_that_is_new_does_not_keep_a_value_from_moving(db: Connection) -> None:
    project = business("lotus", mapped("size"), OTHER)
    business_id, (one,) = with_values(db, project, "42")
    rules = Rules(max=Decimal(10))
    newer = business("lotus", mapped("size", FieldType.NUMBER, rules=rules), OTHER)
    sync(db, business_id, newer)
    assert value(db, business_id, newer, one) == Decimal(42)


def test_a_text_becomes_the_option_whose_label_it_is(db: Connection) -> None:
    project = business("lotus", mapped("size"), OTHER)
    business_id, made = with_values(db, project, "Large", "بزرگ", "huge")
    options = (Option("l", Text.by_language({"en": "Large", "fa": "بزرگ"})),)
    newer = business("lotus", mapped("size", FieldType.SELECT, options=options), OTHER)
    sync(db, business_id, newer)
    assert [value(db, business_id, newer, one) for one in made] == ["l", "l", None]


def test_dates_booleans_and_lists_become_texts_that_people_read(db: Connection) -> None:
    for type_, given, text in (
        (FieldType.DATE, "2026-01-05", "2026-01-05"),
        (FieldType.BOOLEAN, False, "false"),
        (FieldType.NUMBER, "0", "0"),
        (FieldType.LIST, ["a", "b"], "a, b"),
    ):
        project = business(f"of_{type_}", mapped("size", type_), OTHER)
        business_id, (one,) = with_values(db, project, given)
        newer = business(f"of_{type_}", mapped("size"), OTHER)
        sync(db, business_id, newer)
        assert value(db, business_id, newer, one) == text


def test_replies_stored_while_a_field_was_out_of_use_are_its_values_again(db: Connection) -> None:
    project = business("lotus", mapped("size", FieldType.NUMBER), OTHER)
    business_id, (one, two, three) = with_values(db, project, 40, 41, 42)
    sync(db, business_id, business("lotus", OTHER))
    put_extras(db, one, {"size": "44"})
    put_extras(db, two, {"size": "no idea"})
    assert sync(db, business_id, project) == [
        (
            "+ field size: restored, number in custom_number_1; values moved: 1; "
            f"kept in the extras, no number: 1 (id:{two})"
        )
    ]
    values = [value(db, business_id, project, made) for made in (one, two, three)]
    assert values == [Decimal(44), Decimal(41), Decimal(42)]
    assert extras(db, two) == {"size": "no idea"}


def test_two_fields_that_change_their_types_do_not_take_each_other_s_values(
    db: Connection,
) -> None:
    project = business("lotus", mapped("size"), mapped("age", FieldType.NUMBER), OTHER)
    business_id = applied(db, project)
    given = {"size": "42", "age": 7}
    one = create_customer(db, business_id, project, given, CAUSE, NOW)
    newer = business("lotus", mapped("size", FieldType.NUMBER), mapped("age"), OTHER)
    sync(db, business_id, newer)
    columns = stored_columns(db, business_id, newer)
    values = load_record(db, business_id, newer, columns, one).values
    assert (values["size"], values["age"]) == (Decimal(42), "7")


def test_more_customers_than_a_piece_are_all_moved(db: Connection, monkeypatch: Any) -> None:
    monkeypatch.setattr("crm.services.reshaping.PIECE", 2)
    project = business("lotus", mapped("size"), OTHER)
    business_id, made = with_values(db, project, "1", "2", "3", "4", "5")
    newer = business("lotus", mapped("size", FieldType.NUMBER), OTHER)
    sync(db, business_id, newer)
    assert [value(db, business_id, newer, one) for one in made] == [1, 2, 3, 4, 5]
