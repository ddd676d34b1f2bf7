"""Customers made and edited by hand or by a program."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Table, func, select

from crm.errors import EmailTaken, InvalidValues, NotFound
from crm.services.customers import archive_customer, create_customer, update_customer
from crm.services.ledger import Cause
from crm.tables import activity, customer, event, field_history
from engine.business import Business
from engine.fields.types import FieldType, Rules
from tests.crm.businesses import CAUSE, NOW, applied, business, mapped, with_fields

LATER = NOW + timedelta(hours=1)


def _row(db: Connection, customer_id: int) -> dict[str, Any]:
    return dict(db.execute(select(customer).where(customer.c.id == customer_id)).mappings().one())


def _rows(db: Connection, table: Table, customer_id: int) -> list[Any]:
    return list(
        db.execute(select(table).where(table.c.customer_id == customer_id).order_by(table.c.id))
    )


def test_one_made_by_hand_is_active_and_lives_where_the_business_does(db: Connection) -> None:
    project = business()
    row = _row(db, create_customer(db, applied(db, project), project, {}, CAUSE, NOW))
    assert (row["status"], row["customer_type"], row["source"]) == ("active", "individual", "other")
    assert (row["currency"], row["timezone"]) == ("IRT", "Asia/Tehran")
    assert (row["created_by"], row["created_at"]) == ("api:tests", NOW)
    assert row["display_name"] == f"Customer {row['id']}"


def test_values_are_stored_in_their_columns_and_extras_normalised(db: Connection) -> None:
    project = business()
    given = {
        "first_name": "  Sara ",
        "email": "Sara@Example.COM",
        "phone_number": "0912 345 6789",
        "birth_date": "1990-05-15",
        "points": 12.5,
        "category": "clothes",
        "is_vip": False,
        "nickname": "سارا",
        "wakes_at": "07:30",
    }
    row = _row(db, create_customer(db, applied(db, project), project, given, CAUSE, NOW))
    assert row["first_name"] == "Sara"
    assert row["email"] == "sara@example.com"
    assert row["phone_number"] == "+989123456789"
    assert row["custom_date_1"] == date(1990, 5, 15)
    assert row["custom_number_1"] == Decimal("12.5")
    assert row["custom_boolean_1"] is False
    assert row["custom_fields_extra"] == {"nickname": "سارا", "wakes_at": "07:30:00"}
    assert row["name_folded"] == "sara"


def test_each_given_value_is_in_the_history_on_the_timeline_and_an_event(db: Connection) -> None:
    project = business()
    made = create_customer(db, applied(db, project), project, {"points": 3}, CAUSE, NOW)
    [kept] = _rows(db, field_history, made)
    assert (kept.field, kept.old, kept.new, kept.by) == ("points", None, 3, "api:tests")
    wanted = ["customer_created", "field_updated", "score_changed"]
    assert [row.type for row in _rows(db, activity, made)] == wanted
    assert [row.type for row in _rows(db, event, made)] == wanted


def test_every_bad_value_is_told_at_once_and_nothing_is_written(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    given = {
        "first_nam": "Sara",
        "crm_score": 100,
        "email": "no address",
        "birth_date": "2990-01-01",
        "category": "hats",
    }
    with pytest.raises(InvalidValues) as refused:
        create_customer(db, business_id, project, given, CAUSE, NOW)
    reasons = refused.value.reasons
    assert reasons.keys() == given.keys()
    assert "Did you mean 'first_name'?" in reasons["first_nam"]
    assert "computed" in reasons["crm_score"]
    assert "past" in reasons["birth_date"]
    counted = select(func.count()).where(customer.c.business_id == business_id)
    assert db.scalar(counted) == 0


def test_an_organisation_needs_its_company(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    with pytest.raises(InvalidValues, match="company"):
        create_customer(db, business_id, project, {"customer_type": "company"}, CAUSE, NOW)
    given = {"customer_type": "company", "company": "Lotus Ltd", "first_name": "Sara"}
    made = create_customer(db, business_id, project, given, CAUSE, NOW)
    assert _row(db, made)["display_name"] == "Lotus Ltd"


def test_a_required_field_is_asked_for_and_cannot_be_cleared(db: Connection) -> None:
    project = with_fields(business(), mapped("member", required=True))
    business_id = applied(db, project)
    with pytest.raises(InvalidValues, match="member"):
        create_customer(db, business_id, project, {}, CAUSE, NOW)
    made = create_customer(db, business_id, project, {"member": "7"}, CAUSE, NOW)
    with pytest.raises(InvalidValues, match="member"):
        update_customer(db, business_id, project, made, {"member": None}, CAUSE, LATER)


def test_a_second_customer_with_an_address_is_refused_and_the_first_is_named(
    db: Connection,
) -> None:
    project = business()
    business_id = applied(db, project)
    given = {"first_name": "Sara", "email": "sara@example.com"}
    made = create_customer(db, business_id, project, given, CAUSE, NOW)
    with pytest.raises(EmailTaken, match=rf"Sara \(id:{made}\)"):
        create_customer(db, business_id, project, {"email": "SARA@example.com"}, CAUSE, NOW)
    other = create_customer(db, business_id, project, {}, CAUSE, NOW)
    with pytest.raises(EmailTaken):
        update_customer(
            db, business_id, project, other, {"email": "sara@example.com"}, CAUSE, LATER
        )


def test_one_s_own_address_may_be_given_again(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    given = {"email": "sara@example.com"}
    made = create_customer(db, business_id, project, given, CAUSE, NOW)
    assert update_customer(db, business_id, project, made, given, CAUSE, LATER) == ()


def test_archived_customers_and_other_businesses_do_not_hold_an_address(db: Connection) -> None:
    project, other = business(), business("other")
    business_id, other_id = applied(db, project), applied(db, other)
    given = {"email": "sara@example.com"}
    create_customer(db, other_id, other, given, CAUSE, NOW)
    made = create_customer(db, business_id, project, given, CAUSE, NOW)
    archive_customer(db, business_id, project, made, CAUSE, NOW)
    assert create_customer(db, business_id, project, given, CAUSE, NOW) != made


@pytest.mark.parametrize("extra", [False, True])
def test_a_unique_rule_holds_for_columns_and_extras(db: Connection, extra: bool) -> None:
    member = mapped("member", FieldType.NUMBER, extra=extra, rules=Rules(unique=True))
    project = business("lotus", member)
    business_id = applied(db, project)
    create_customer(db, business_id, project, {"member": 7.5, "first_name": "Sara"}, CAUSE, NOW)
    with pytest.raises(InvalidValues, match="belongs to Sara"):
        create_customer(db, business_id, project, {"member": 7.5}, CAUSE, NOW)
    create_customer(db, business_id, project, {"member": 8}, CAUSE, NOW)


def test_an_external_id_names_one_record_for_ever(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    made = create_customer(db, business_id, project, {"external_id": "A1"}, CAUSE, NOW)
    archive_customer(db, business_id, project, made, CAUSE, NOW)
    with pytest.raises(InvalidValues, match="external_id: A1 belongs to"):
        create_customer(db, business_id, project, {"external_id": "A1"}, CAUSE, NOW)


def test_an_edit_writes_what_differs_and_nothing_else(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    given: dict[str, object] = {"first_name": "Sara", "points": 3, "nickname": "S"}
    made = create_customer(db, business_id, project, given, CAUSE, NOW)
    edit = {"first_name": "Sarah", "points": "3.00", "nickname": None, "is_vip": False}
    changed = update_customer(db, business_id, project, made, edit, Cause("console:Ali"), LATER)
    assert set(changed) == {"first_name", "nickname", "is_vip"}
    row = _row(db, made)
    assert (row["display_name"], row["name_folded"]) == ("Sarah", "sarah")
    assert row["custom_boolean_1"] is False
    assert not row["custom_fields_extra"]
    assert (row["updated_at"], row["updated_by"]) == (LATER, "console:Ali")
    assert len(_rows(db, field_history, made)) == len(given) + len(changed)


def test_an_equal_edit_writes_nothing(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    given = {"first_name": "Sara", "birth_date": "1990-05-15", "nickname": "S"}
    made = create_customer(db, business_id, project, given, CAUSE, NOW)
    before = _row(db, made)
    assert update_customer(db, business_id, project, made, given, CAUSE, LATER) == ()
    assert _row(db, made) == before


def test_a_change_of_status_keeps_who_when_and_why(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    made = create_customer(db, business_id, project, {}, CAUSE, NOW)
    cause = Cause("console:Ali", reason="asked to pause")
    update_customer(db, business_id, project, made, {"status": "inactive"}, cause, LATER)
    row = _row(db, made)
    assert (row["status"], row["status_at"], row["status_by"], row["status_reason"]) == (
        "inactive",
        LATER,
        "console:Ali",
        "asked to pause",
    )
    told = next(row for row in _rows(db, activity, made) if row.type == "status_changed")
    assert told.data == {"old": "active", "new": "inactive", "reason": "asked to pause"}


def test_archiving_is_a_status_and_coming_back_another(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    made = create_customer(db, business_id, project, {}, CAUSE, NOW)
    archive_customer(db, business_id, project, made, CAUSE, LATER)
    archive_customer(db, business_id, project, made, CAUSE, LATER + timedelta(days=1))
    assert (_row(db, made)["status"], _row(db, made)["archived_at"]) == ("archived", LATER)
    update_customer(db, business_id, project, made, {"status": "active"}, CAUSE, LATER)
    assert _row(db, made)["archived_at"] is None


def test_a_customer_of_another_business_is_not_found(db: Connection) -> None:
    project, other = business(), business("other")
    applied(db, project)
    theirs = create_customer(db, applied(db, other), other, {}, CAUSE, NOW)
    business_id = applied(db, project)
    with pytest.raises(NotFound):
        update_customer(db, business_id, project, theirs, {"first_name": "x"}, CAUSE, NOW)
    with pytest.raises(NotFound):
        archive_customer(db, business_id, project, theirs, CAUSE, NOW)


def test_a_local_time_is_read_where_the_business_is(db: Connection) -> None:
    project: Business = replace(business(), timezone="Asia/Tehran")
    business_id = applied(db, project)
    given = {"next_follow_up_at": "2026-05-01T10:00"}
    row = _row(db, create_customer(db, business_id, project, given, CAUSE, NOW))
    assert row["next_follow_up_at"] == datetime(2026, 5, 1, 6, 30, tzinfo=UTC)


def test_preferences_are_kept_under_their_own_names_with_their_history(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    asked = {"sms_promotions": False, "newsletters": True}
    made = create_customer(db, business_id, project, {"marketing_preferences": asked}, CAUSE, NOW)
    stored = select(customer.c.marketing_preferences).where(customer.c.id == made)
    assert db.scalar(stored) == {"newsletter": True, "promotion": False}
    more = {"marketing_preferences": {"birthday_messages": False}}
    keys = update_customer(db, business_id, project, made, more, CAUSE, NOW)
    assert keys == ("marketing_preferences",)
    assert db.scalar(stored) == {"newsletter": True, "promotion": False, "birthday": False}
    assert update_customer(db, business_id, project, made, more, CAUSE, NOW) == ()
    rows = db.execute(
        select(field_history.c.old, field_history.c.new)
        .where(field_history.c.field == "marketing_preferences")
        .order_by(field_history.c.id)
    ).all()
    first = {"newsletter": True, "promotion": False}
    assert [tuple(row) for row in rows] == [(None, first), (first, {**first, "birthday": False})]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"horoscope": True}, "'horoscope' is not one of newsletter, promotion"),
        ({"promotion": "no"}, "'promotion' is true or false"),
        (["promotion"], "Write which are allowed"),
    ],
)
def test_preferences_that_are_none_are_refused(db: Connection, given: object, reason: str) -> None:
    project = business()
    business_id = applied(db, project)
    with pytest.raises(InvalidValues, match=reason):
        create_customer(db, business_id, project, {"marketing_preferences": given}, CAUSE, NOW)


_SIZES = {
    "first_name": 100, "last_name": 100, "username": 100, "description": 1_000, "company": 200,
    "job_title": 100, "industry": 100, "address": 500, "city": 100, "state": 100, "country": 100,
    "zip_code": 20, "language": 10, "status_reason": 500, "referral_source": 100,
    "external_id": 100,
}  # fmt: skip


def test_a_text_that_is_too_long_is_refused_with_the_limit_and_never_cut(db: Connection) -> None:
    project = business()
    business_id = applied(db, project)
    given = {key: "x" * (size + 1) for key, size in _SIZES.items()}
    with pytest.raises(InvalidValues) as refused:
        create_customer(db, business_id, project, given, CAUSE, NOW)
    reasons = refused.value.reasons
    assert reasons.keys() == _SIZES.keys()
    for key, size in _SIZES.items():
        assert f"{size:,}" in reasons[key]
    fitting = {key: "x" * size for key, size in _SIZES.items()}
    made = create_customer(db, business_id, project, fitting, CAUSE, NOW)
    row = db.execute(select(customer).where(customer.c.id == made)).mappings().one()
    assert {key: row[key] for key in _SIZES} == fitting
