"""Two customers become one, and two again."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from crm.errors import CannotMerge, CrmError, InvalidValues, NotFound
from crm.services import belongings, merging, notes, purchases, referrals, tasks
from crm.services.customers import create_customer
from crm.services.fields import stored_columns
from crm.services.find import resolve
from crm.services.following import Following
from crm.services.ledger import Cause, Ledger
from crm.services.show import show_customer
from crm.services.tags import tag_ids
from crm.tables import (
    customer,
    customer_account,
    metadata,
    run,
    segment,
    segment_member,
    timer,
    trigger_firing,
)
from engine.business import Tag
from tests.crm.businesses import CAUSE, NOW, SEGMENTS, applied, business, conversation_of

PROJECT = business(tags={"VIP": Tag("VIP"), "Old": Tag("Old")}, segments=SEGMENTS)
ALI = Cause("console:Ali")
DAY = timedelta(days=1)


class Shop:
    """Ann is known twice: `old` by her phone, `new` by her chat."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.id = applied(db, PROJECT)
        self.at = (db, self.id, PROJECT)
        self.old = self.make(first_name="Ann", phone_number="+989121234567", nickname="Annie")
        self.new = self.make(
            first_name="Anna", email="ann@example.org", birth_date="1990-05-15", external_id="7"
        )

    def make(self, **given: Any) -> int:
        return create_customer(*self.at, given, CAUSE, NOW)

    def merge(self, source: int | None = None, into: int | None = None, **how: Any) -> int:
        who = (source or self.new, into or self.old)
        return merging.merge(*self.at, *who, ALI, NOW + DAY, **how)

    def undo(self, number: int) -> None:
        merging.undo_merge(*self.at, number, ALI, NOW + 2 * DAY)

    def of(self, customer_id: int, name: str) -> Any:
        return self.db.scalar(select(customer.c[name]).where(customer.c.id == customer_id))

    def tag(self, customer_id: int, *names: str) -> None:
        ledger = Ledger(self.id, PROJECT.fields, stored_columns(*self.at))
        for name in names:
            ledger.add_tag(customer_id, tag_ids(self.db, self.id)[name], name, NOW, ALI)
        ledger.write(self.db)

    def talk(self, customer_id: int, peer: str) -> int:
        made = conversation_of(self.db, self.id, customer_id, peer)
        self.db.execute(
            insert(customer_account).values(
                business_id=self.id, customer_id=customer_id, channel="telegram",
                external_id=peer, created_at=NOW,
            )
        )  # fmt: skip
        return made

    def wait(self, customer_id: int, peer: str, flow: str = "order", status: str = "asking") -> int:
        talk = self.talk(customer_id, peer)
        made: int = self.db.execute(
            insert(run)
            .values(
                business_id=self.id, customer_id=customer_id, conversation_id=talk, flow=flow,
                flow_version=1, node="a", wait_id="1.1", frames=[], wait={"id": "1.1"},
                attempts=0, status=status, cause="x", started_at=NOW, waiting_since=NOW,
            )
            .returning(run.c.id)
        ).scalar_one()  # fmt: skip
        self.db.execute(
            insert(timer).values(
                run_id=made, business_id=self.id, conversation_id=talk, wait_id="1.1",
                due_at=NOW + DAY,
            )
        )  # fmt: skip
        if status == "asking":
            asks = update(customer).where(customer.c.id == customer_id).values(asking_run=made)
            self.db.execute(asks)
        return made

    def fire(self, customer_id: int, occurrence: str, status: str) -> None:
        self.db.execute(
            insert(trigger_firing).values(
                trigger="birthday/1", customer_id=customer_id, occurrence=occurrence,
                business_id=self.id, status=status, due_at=NOW,
            )
        )  # fmt: skip

    def shown(self, customer_id: int) -> dict[str, Any]:
        """What is told of a customer, but for what every change moves."""
        told = show_customer(self.db, self.id, customer_id)
        return {
            name: value
            for name, value in told.items()
            if name
            not in (
                "activities",
                "updated_at",
                "updated_by",
                "lifecycle_at",
                "journey_at",
                "score_parts",
            )
        }


@pytest.fixture
def shop(db: Connection) -> Shop:
    return Shop(db)


def test_the_target_keeps_its_values_and_gets_what_it_lacks(shop: Shop) -> None:
    shop.merge()
    told = show_customer(shop.db, shop.id, shop.old)
    assert (told["first_name"], told["phone_number"]) == ("Ann", "+989121234567")
    assert (told["email"], told["external_id"]) == ("ann@example.org", "7")
    assert told["fields"]["birth_date"] == "1990-05-15"
    assert told["fields"]["nickname"] == "Annie"
    assert shop.of(shop.new, "status") == "archived"
    assert shop.of(shop.new, "merged_into") == shop.old


def test_a_choice_goes_field_by_field_and_is_looked_at_first(shop: Shop) -> None:
    seen = merging.preview_merge(*shop.at, shop.new, shop.old, {"first_name": "source"})
    (name,) = (one for one in seen.fields if one.field == "first_name")
    assert (name.source, name.target, name.taken) == ("Anna", "Ann", "source")
    assert shop.of(shop.old, "first_name") == "Ann"
    shop.merge(choices={"first_name": "source"})
    assert shop.of(shop.old, "display_name") == "Anna"


@pytest.mark.parametrize(
    "choices", [{"first_nam": "source"}, {"crm_score": "source"}, {"first_name": "both"}]
)
def test_a_choice_of_what_is_none_is_refused_by_its_name(
    shop: Shop, choices: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValues) as refused:
        shop.merge(choices=choices)
    assert refused.value.reasons.keys() == choices.keys()


def test_everything_moves_and_the_totals_are_those_of_both(shop: Shop) -> None:
    shop.talk(shop.new, "77")
    for who, amount, day in ((shop.old, 5, 1), (shop.new, 7, 2)):
        given = {"amount": amount, "date": date(2026, 2, day)}
        purchases.record_purchase(*shop.at, who, given, ALI, NOW)
    notes.add_note(*shop.at, shop.new, {"text": "Likes boots"}, ALI, NOW)
    tasks.add_task(*shop.at, shop.new, {"title": "Call"}, ALI, NOW)
    shop.tag(shop.new, "VIP", "Old")
    shop.tag(shop.old, "VIP")
    shop.merge()
    told = show_customer(shop.db, shop.id, shop.old)
    assert told["tags"] == ["Old", "VIP"]
    assert [one["text"] for one in told["notes"]] == ["Likes boots"]
    assert [one["title"] for one in told["tasks"]] == ["Call"]
    assert [one["external_id"] for one in told["accounts"]] == ["77"]
    assert (told["total_purchases"], told["total_spent"], told["total_visits"]) == (2, 12, 2)
    assert {"merged", "purchase_made"} <= {one["type"] for one in told["activities"]}


def test_ids_phones_and_accounts_of_the_source_lead_to_the_target(shop: Shop) -> None:
    shop.talk(shop.new, "77")
    third = shop.make(first_name="A.")
    shop.merge(third, shop.new)
    shop.merge()
    for reference in (f"id:{shop.new}", f"id:{third}", "telegram:77", "ann@example.org"):
        assert resolve(shop.db, shop.id, reference, "IR") == shop.old


def test_of_two_open_questions_the_targets_goes_on(shop: Shop) -> None:
    theirs, ours = shop.wait(shop.new, "77", "survey"), shop.wait(shop.old, "78")
    number = shop.merge()
    assert shop.of(shop.old, "asking_run") == ours
    outcomes = select(run.c.id, run.c.outcome, run.c.customer_id).order_by(run.c.id)
    assert shop.db.execute(outcomes).all() == [(theirs, "merged", shop.old), (ours, None, shop.old)]
    assert shop.db.scalars(select(timer.c.run_id)).all() == [ours]
    shop.undo(number)
    assert (shop.of(shop.new, "asking_run"), shop.of(shop.old, "asking_run")) == (theirs, ours)
    assert set(shop.db.scalars(select(timer.c.run_id))) == {theirs, ours}
    back = select(run.c.status, run.c.customer_id).where(run.c.id == theirs)
    assert shop.db.execute(back).one() == ("asking", shop.new)


def test_a_question_goes_on_where_the_target_is_asked_nothing(shop: Shop) -> None:
    theirs = shop.wait(shop.new, "77")
    shop.wait(shop.old, "78", "delivery", "sleeping")
    seen = merging.preview_merge(*shop.at, shop.new, shop.old)
    shop.merge()
    assert seen.ends == ()
    assert shop.of(shop.old, "asking_run") == theirs


def test_nobody_is_in_one_flow_twice(shop: Shop) -> None:
    theirs = shop.wait(shop.new, "77")
    shop.wait(shop.old, "78", "order", "sleeping")
    shop.merge()
    assert shop.of(shop.old, "asking_run") is None
    assert shop.db.scalar(select(run.c.outcome).where(run.c.id == theirs)) == "merged"


def test_no_second_birthday_comes(shop: Shop) -> None:
    shop.fire(shop.new, "2026-05-15", "started")
    shop.fire(shop.old, "2026-05-15", "planned")
    shop.fire(shop.new, "2025-05-15", "started")
    shop.merge()
    rows = shop.db.execute(
        select(trigger_firing.c.occurrence, trigger_firing.c.status)
        .where(trigger_firing.c.customer_id == shop.old)
        .order_by(trigger_firing.c.occurrence)
    ).all()
    assert rows == [("2025-05-15", "started"), ("2026-05-15", "skipped")]


def test_a_no_of_either_is_a_no_of_the_one(shop: Shop) -> None:
    opted = update(customer).where(customer.c.id == shop.new)
    shop.db.execute(opted.values(opted_out_at=NOW, marketing_preferences={"birthday": False}))
    shop.merge()
    assert shop.of(shop.old, "opted_out_at") == NOW
    assert shop.of(shop.old, "marketing_preferences") == {"birthday": False}


def test_whom_either_brought_the_one_has_brought(shop: Shop) -> None:
    cleo = shop.make(first_name="Cleo")
    referrals.set_referrer(*shop.at, cleo, shop.new, ALI, NOW)
    referrals.set_referrer(*shop.at, shop.old, shop.new, ALI, NOW)
    number = shop.merge()
    assert (shop.of(cleo, "referred_by"), shop.of(shop.old, "referred_by")) == (shop.old, None)
    shop.undo(number)
    assert (shop.of(cleo, "referred_by"), shop.of(shop.old, "referred_by")) == (shop.new, shop.new)


def test_only_chosen_members_of_segments_move(shop: Shop) -> None:
    ambassadors = shop.db.scalars(select(segment.c.id).where(segment.c.business_id == shop.id))
    shop.db.execute(
        insert(segment_member).values(
            segment_id=ambassadors.one(), customer_id=shop.new, business_id=shop.id, entered_at=NOW
        )
    )
    shop.merge()
    assert shop.db.scalars(select(segment_member.c.customer_id)).all() == [shop.old]


def test_an_undo_gives_back_all_that_moved(shop: Shop) -> None:
    shop.talk(shop.new, "77")
    shop.talk(shop.old, "78")
    purchases.record_purchase(*shop.at, shop.new, {"amount": 7}, ALI, NOW)
    notes.add_note(*shop.at, shop.new, {"text": "Likes boots"}, ALI, NOW)
    shop.tag(shop.new, "VIP", "Old")
    shop.tag(shop.old, "VIP")
    Following(*shop.at).settle(shop.db, [shop.new, shop.old], NOW)
    before = shop.shown(shop.new), shop.shown(shop.old)
    shop.undo(shop.merge())
    after = shop.shown(shop.new), shop.shown(shop.old)
    for now, then in zip(after, before, strict=True):
        assert {key: now[key] for key in now if now[key] != then[key]} == {}


def test_what_came_after_a_merge_stays_with_the_target(shop: Shop) -> None:
    number = shop.merge()
    made = notes.add_note(*shop.at, shop.old, {"text": "Later"}, ALI, NOW + DAY)
    columns = stored_columns(*shop.at)
    ledger = Ledger(shop.id, PROJECT.fields, columns)
    values = {"birth_date": date(1991, 1, 1)}
    ledger.set_field(shop.old, "birth_date", values, date(1990, 5, 15), NOW + DAY, ALI)
    ledger.write(shop.db)
    shop.undo(number)
    told = show_customer(shop.db, shop.id, shop.old)
    assert [one["id"] for one in told["notes"]] == [made]
    assert (told["fields"]["birth_date"], told["email"]) == ("1991-01-01", None)
    assert show_customer(shop.db, shop.id, shop.new)["fields"]["birth_date"] == "1990-05-15"


def test_what_cannot_be_merged_or_undone_is_said(shop: Shop) -> None:
    third = shop.make(first_name="Third")
    with pytest.raises(CannotMerge, match="with itself"):
        shop.merge(shop.old, shop.old)
    first = shop.merge()
    for pair in ((shop.new, third), (third, shop.new)):
        with pytest.raises(CannotMerge, match="already"):
            shop.merge(*pair)
    second = shop.merge(shop.old, third)
    with pytest.raises(CannotMerge, match="undo that first"):
        shop.undo(first)
    shop.undo(second)
    shop.undo(first)
    with pytest.raises(CannotMerge, match="undone already"):
        shop.undo(first)
    with pytest.raises(NotFound):
        shop.undo(99_999)
    assert [one.can_be_undone for one in merging.list_merges(shop.db, shop.id)] == [False, False]


def test_another_businesss_customers_are_not_merged(shop: Shop) -> None:
    other = business("other")
    theirs = applied(shop.db, other)
    number = shop.merge()
    with pytest.raises(NotFound):
        merging.undo_merge(shop.db, theirs, other, number, ALI, NOW)
    with pytest.raises(NotFound):
        merging.merge(shop.db, theirs, other, shop.new, shop.old, ALI, NOW)
    with pytest.raises(CrmError):
        merging.preview_merge(shop.db, theirs, other, shop.new, shop.old)


# -- nothing is forgotten


def test_every_table_that_knows_customers_has_its_place() -> None:
    owned = {table.name for table in belongings.OWNED}
    shared = {table.name for table in belongings.SHARED}
    placed = owned | shared | set(belongings.THROUGH) | belongings.NOBODYS
    placed |= {"customer", "audit", "imported_row", "merging"}
    assert {table.name for table in metadata.sorted_tables} == placed
    assert all("id" in table.c for table in belongings.OWNED)


def test_every_column_that_holds_a_customers_id_has_its_place() -> None:
    columns = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if _of_a_customer(column)
    }
    moved = {f"{table.name}.customer_id" for table in (*belongings.OWNED, *belongings.SHARED)}
    assert columns == moved | set(belongings.LOOKED_UP) - {"customer.asking_run"}


def _of_a_customer(column: Any) -> bool:
    points = {key.column.table.name for key in column.foreign_keys}
    return "customer" in points or column.name in ("customer_id", "referred_by", "merged_into")


def test_every_number_without_a_foreign_key_is_known_to_be_no_customers() -> None:
    """A column of ids that points nowhere could be a customer's all the same."""
    loose = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith(("_id", "_run", "_by", "_into"))
        and not column.foreign_keys
        and column.type.python_type is int
    }
    assert loose == {
        "bulk_action.after_id", "bulk_action.last_id", "customer.asking_run",
        "campaign_run.after_id", "customer.merged_into", "customer.referred_by",
        "expansion.after_id",
        "field_history.mail_id", "mail.run_id", "scan_cursor.business_id", "task.follows_id",
        "timer.run_id", "trigger_firing.customer_id",
    }  # fmt: skip
