"""The one JSON object that other programs read of a customer."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, update

from crm.errors import NotFound
from crm.services.customers import create_customer
from crm.services.ledger import HIDDEN, Ledger
from crm.services.projects import apply_project
from crm.services.show import ACTIVITIES, show_customer
from crm.services.tags import tag_ids
from crm.tables import (
    customer,
    customer_account,
    note,
    purchase,
    run,
    segment,
    segment_member,
    task,
)
from engine.business import Segment, Staff
from tests.crm.businesses import (
    CAUSE,
    NOW,
    TAGS,
    applied,
    business,
    conversation_of,
    mapped,
    without,
)

PROJECT = business(
    tags=TAGS,
    segments={
        "gone": Segment("gone", "Gone", static=True),
        "friends": Segment("friends", "Friends", static=True),
    },
)


def _made(db: Connection, **given: object) -> tuple[int, int]:
    business_id = applied(db, PROJECT)
    return business_id, create_customer(db, business_id, PROJECT, given, CAUSE, NOW)


def _add(db: Connection, table: Table, business_id: int, customer_id: int, **values: Any) -> int:
    row = insert(table).values(business_id=business_id, customer_id=customer_id, **values)
    return int(db.execute(row.returning(table.c.id)).scalar_one())


def _run(db: Connection, business_id: int, customer_id: int, talk: int, **values: Any) -> int:
    defaults = {
        "conversation_id": talk,
        "flow": "lead",
        "flow_version": 2,
        "node": "name",
        "frames": [],
        "attempts": 0,
        "status": "sleeping",
        "cause": "message",
        "started_at": NOW,
        "waiting_since": NOW,
    }
    return _add(db, run, business_id, customer_id, **defaults | values)


def test_fields_have_every_active_key_in_the_forms_that_programs_read(db: Connection) -> None:
    business_id, made = _made(
        db,
        birth_date="1990-05-15",
        points=20,
        category="clothes",
        is_vip=False,
        nickname="Jo",
        wakes_at="07:30",
    )
    shown = show_customer(db, business_id, made)
    assert shown["fields"] == {
        "birth_date": "1990-05-15",
        "points": 20,
        "category": "clothes",
        "is_vip": False,
        "nickname": "Jo",
        "wakes_at": "07:30:00",
    }
    assert shown["extra"] == {"nickname": "Jo", "wakes_at": "07:30:00"}
    assert json.loads(json.dumps(shown)) == shown


def test_a_field_without_a_value_is_null_and_an_inactive_one_is_not_there(db: Connection) -> None:
    business_id, made = _made(db, points=3)
    apply_project(db, without(PROJECT, "points"), "crm.yaml", {}, NOW)
    fields = show_customer(db, business_id, made)["fields"]
    assert fields["birth_date"] is None
    assert "points" not in fields


def test_base_columns_are_there_by_name_and_the_machinery_is_not(db: Connection) -> None:
    business_id, made = _made(db, first_name="Sara", email="sara@example.com")
    shown = show_customer(db, business_id, made)
    assert shown["id"] == made
    assert shown["display_name"] == "Sara"
    assert shown["created_at"] == "2026-03-01T09:30:00Z"
    assert shown["total_spent"] == 0
    assert shown["score_parts"] is None
    assert shown["marketing_preferences"] is None
    assert not shown.keys() & {"business_id", "name_folded", "asking_run", "custom_text_1"}


def test_numbers_are_in_shortest_form(db: Connection) -> None:
    business_id, made = _made(db, points=12.5)
    db.execute(
        update(customer).where(customer.c.id == made).values(total_spent=Decimal("1500000.00"))
    )
    shown = show_customer(db, business_id, made)
    assert json.dumps(shown["fields"]["points"]) == "12.5"
    assert json.dumps(shown["total_spent"]) == "1500000"


def test_tags_are_names_and_segments_keys_of_those_in_use(db: Connection) -> None:
    business_id, made = _made(db)
    ledger = Ledger(business_id, PROJECT.fields, {})
    ledger.add_tag(made, tag_ids(db, business_id)["VIP"], "VIP", NOW, CAUSE)
    ledger.write(db)
    _join_all_segments(db, business_id, made)
    kept = {"friends": PROJECT.segments["friends"]}
    apply_project(db, business(tags=TAGS, segments=kept), "crm.yaml", {}, NOW)
    shown = show_customer(db, business_id, made)
    assert shown["tags"] == ["VIP"]
    assert shown["segments"] == ["friends"]


def _join_all_segments(db: Connection, business_id: int, customer_id: int) -> None:
    for row in db.execute(segment.select().where(segment.c.business_id == business_id)).all():
        db.execute(
            insert(segment_member).values(
                segment_id=row.id,
                customer_id=customer_id,
                business_id=business_id,
                entered_at=NOW,
            )
        )


def test_the_run_shown_is_the_one_whose_question_is_open(db: Connection) -> None:
    business_id, made = _made(db)
    talk = conversation_of(db, business_id, made)
    asking = _run(db, business_id, made, talk, status="asking")
    _run(db, business_id, made, talk, flow="later", started_at=NOW + timedelta(hours=1))
    _run(db, business_id, made, talk, flow="over", status="ended")
    db.execute(update(customer).where(customer.c.id == made).values(asking_run=asking))
    shown = show_customer(db, business_id, made)
    assert shown["run"] == {
        "flow": "lead",
        "version": 2,
        "node": "name",
        "waiting_since": "2026-03-01T09:30:00Z",
    }
    assert [item["flow"] for item in shown["runs"]] == ["later", "lead"]


def test_without_an_open_question_it_is_the_open_run_that_started_last(db: Connection) -> None:
    business_id, made = _made(db)
    assert show_customer(db, business_id, made)["run"] is None
    talk = conversation_of(db, business_id, made)
    _run(db, business_id, made, talk, flow="later", started_at=NOW + timedelta(hours=1))
    _run(db, business_id, made, talk)
    assert show_customer(db, business_id, made)["run"]["flow"] == "later"


def test_what_hangs_on_the_customer_is_there_in_its_order(db: Connection) -> None:
    business_id, made = _made(db)
    notes = {"author": "Ali", "private": False, "created_at": NOW}
    _add(db, note, business_id, made, text="pinned", pinned=True, **notes)
    _add(db, note, business_id, made, text="older", pinned=False, **notes)
    _add(db, note, business_id, made, text="newer", pinned=False, **notes)
    tasks: dict[str, Any] = {"priority": "normal", "created_at": NOW}
    _add(db, task, business_id, made, title="some day", **tasks)
    _add(db, task, business_id, made, title="soon", due_at=NOW, **tasks)
    _add(db, task, business_id, made, title="done", completed_at=NOW, **tasks)
    _add(
        db,
        purchase,
        business_id,
        made,
        number="F1",
        amount=Decimal("99.90"),
        currency="EUR",
        status="paid",
        date=date(2026, 2, 3),
        created_at=NOW,
    )
    _add(
        db, customer_account, business_id, made, channel="telegram", external_id="7", created_at=NOW
    )
    shown = show_customer(db, business_id, made)
    assert [item["text"] for item in shown["notes"]] == ["pinned", "newer", "older"]
    assert [item["title"] for item in shown["tasks"]] == ["soon", "some day"]
    assert shown["tasks"][0]["due_at"] == "2026-03-01T09:30:00Z"
    [bought] = shown["purchases"]
    assert (bought["number"], bought["amount"], bought["date"]) == ("F1", 99.9, "2026-02-03")
    [account] = shown["accounts"]
    assert (account["channel"], account["external_id"], account["blocked"]) == (
        "telegram",
        "7",
        False,
    )


def test_referrals_are_the_customers_this_one_brought(db: Connection) -> None:
    business_id, made = _made(db)
    brought = create_customer(db, business_id, PROJECT, {"first_name": "Ali"}, CAUSE, NOW)
    db.execute(update(customer).where(customer.c.id == brought).values(referred_by=made))
    assert show_customer(db, business_id, made)["referrals"] == [
        {"id": brought, "display_name": "Ali"}
    ]


def test_the_newest_fifty_of_the_timeline_are_shown_newest_first(db: Connection) -> None:
    business_id, made = _made(db)
    ledger = Ledger(business_id, PROJECT.fields, {})
    for number in range(60):
        ledger.record(made, "note_added", f"note {number}", None, "console:Ali", NOW)
    ledger.write(db)
    activities = show_customer(db, business_id, made)["activities"]
    assert len(activities) == ACTIVITIES
    assert activities[0] == {
        "at": "2026-03-01T09:30:00Z",
        "type": "note_added",
        "description": "note 59",
        "data": None,
        "by": "console:Ali",
    }


def test_a_customer_of_another_business_is_not_shown(db: Connection) -> None:
    _, made = _made(db)
    other = applied(db, business("other"))
    with pytest.raises(NotFound):
        show_customer(db, other, made)


def test_sensitive_values_are_hidden_from_whom_they_are_not_for(db: Connection) -> None:
    secret = mapped("allergies", sensitive=True), mapped("diary", extra=True, sensitive=True)
    project = business("lotus", mapped("size"), *secret)
    business_id = applied(db, project)
    given = {"size": "42", "allergies": "nuts", "assigned_to": "Sara"}
    made = create_customer(db, business_id, project, {**given, "diary": "x"}, CAUSE, NOW)
    hidden = {"size": "42", "allergies": HIDDEN, "diary": HIDDEN}
    seen = {"size": "42", "allergies": "nuts", "diary": "x"}
    eyes = {
        None: seen,
        Staff("Ali", role="owner"): seen,
        Staff("sara", role="agent"): seen,
        Staff("Reza", role="agent"): hidden,
        Staff("Sara", role="viewer"): hidden,
    }
    for looks, fields in eyes.items():
        shown = show_customer(db, business_id, made, looks)
        assert shown["fields"] == fields
        assert shown["extra"] == {"diary": fields["diary"]}
