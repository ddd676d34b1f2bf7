"""Notes, tasks, purchases, interactions and referrals, as people and programs keep them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Table, select, update

from crm.errors import CrmError, InvalidValues, NotAllowed, NotFound, NumberTaken
from crm.services import interactions, notes, purchases, referrals, tasks
from crm.services.customers import archive_customer, create_customer
from crm.services.ledger import Cause
from crm.services.show import show_customer
from crm.tables import activity, attachment, customer, event, note, task
from engine.business import Staff
from engine.referrals import customer_of, referral_code
from tests.crm.businesses import CAUSE, NOW, applied, business

PROJECT = business(
    staff=(
        Staff("Ali", "owner", ("sales",)),
        Staff("Sara N", "agent", ("sales",)),
        Staff("Mina", "agent"),
    ),
    teams=("sales",),
)
ALI, SARA = Cause("console:Ali"), Cause("console:Sara N")
DAY = timedelta(days=1)


class Shop:
    """A business with two customers. Each method is one call of a service on the first."""

    def __init__(self, db: Connection) -> None:
        self.db = db
        self.id = applied(db, PROJECT)
        self.ann, self.bob = (
            create_customer(db, self.id, PROJECT, {"first_name": name}, CAUSE, NOW)
            for name in ("Ann", "Bob")
        )
        self.at = (db, self.id, PROJECT)

    def note(self, cause: Cause = SARA, **given: Any) -> int:
        return notes.add_note(*self.at, self.ann, given, cause, NOW)

    def task(self, **given: Any) -> int:
        return tasks.add_task(*self.at, self.ann, given, ALI, NOW)

    def buy(self, of: int | None = None, **given: Any) -> purchases.Recorded:
        return purchases.record_purchase(*self.at, of or self.ann, given, ALI, NOW)

    def meet(self, **given: Any) -> int:
        return interactions.record_interaction(*self.at, self.ann, given, ALI, NOW)

    def notes(self, reader: str | None = None, **how: Any) -> list[str]:
        return [one.text for one in notes.list_notes(*self.at, self.ann, reader, **how)]

    def tasks(self, now: datetime = NOW, **how: Any) -> list[str]:
        return [one.title for one in tasks.list_tasks(*self.at, now, **how)]

    def told(self, table: Table = activity) -> list[str]:
        """The types of the rows about recorded things, in order."""
        rows = self.db.scalars(
            select(table.c.type).where(table.c.customer_id == self.ann).order_by(table.c.id)
        )
        others = ("customer_created", "field_updated", "score_changed", "stage_changed")
        return [type_ for type_ in rows if type_ not in others]

    def of_customer(self, name: str) -> Any:
        return self.db.scalar(select(customer.c[name]).where(customer.c.id == self.ann))


@pytest.fixture
def shop(db: Connection) -> Shop:
    return Shop(db)


# -- notes


def test_pinned_notes_come_first_and_then_the_newest_page_by_page(shop: Shop) -> None:
    for text in ("one", "two", "three", "four"):
        shop.note(text=text, pinned=text == "two")
    assert shop.notes() == ["two", "four", "three", "one"]
    (first, second) = notes.list_notes(*shop.at, shop.ann, limit=2)
    after = notes.NotesAfter(second.pinned, second.id)
    assert shop.notes(after=after) == ["three", "one"]
    assert shop.notes(after=notes.NotesAfter(first.pinned, first.id)) == ["four", "three", "one"]


def test_a_private_note_is_its_authors_and_the_admins(shop: Shop) -> None:
    made = shop.note(text="Careful", private=True)
    shop.note(text="Friendly")
    assert shop.notes("Sara N") == ["Friendly", "Careful"]
    assert shop.notes("Ali") == ["Friendly", "Careful"]
    assert shop.notes("Mina") == ["Friendly"]
    assert "Careful" not in str(shop.db.execute(select(activity.c.description)).all())
    with pytest.raises(NotFound):
        notes.edit_note(*shop.at, made, {"text": "x"}, ALI, NOW, "Mina")


def test_a_note_is_edited_by_its_author_and_pinned_by_whoever_sees_it(shop: Shop) -> None:
    made = shop.note(text="Wants @Ali")
    assert notes.edit_note(*shop.at, made, {"pinned": True}, ALI, NOW, "Mina") == ("pinned",)
    with pytest.raises(NotAllowed):
        notes.edit_note(*shop.at, made, {"text": "x"}, ALI, NOW, "Mina")
    changed = notes.edit_note(*shop.at, made, {"text": "For @sara_n", "pinned": True}, SARA, NOW)
    (one,) = notes.list_notes(*shop.at, shop.ann)
    assert changed == ("text",)
    assert (one.text, one.mentions, one.edited_at) == ("For @sara_n", ("Sara N",), NOW)
    assert notes.edit_note(*shop.at, made, {"text": "For @sara_n"}, SARA, NOW) == ()


def test_a_deleted_note_takes_its_attachments_along_and_names_the_files_nobody_has(
    shop: Shop,
) -> None:
    kept, gone = shop.note(text="kept"), shop.note(text="gone")
    for of, key in ((kept, "both"), (gone, "both"), (gone, "alone")):
        file = notes.File("a.pdf", "application/pdf", 10, key)
        notes.attach(*shop.at, of, file, SARA, NOW)
    assert notes.delete_note(*shop.at, gone, SARA, NOW, "Sara N") == ("alone",)
    assert shop.notes() == ["kept"]
    assert shop.db.scalars(select(attachment.c.key)).all() == ["both"]
    (one,) = notes.list_notes(*shop.at, shop.ann)
    assert one.files == (notes.File("a.pdf", "application/pdf", 10, "both"),)
    with pytest.raises(NotAllowed, match="larger than 20 MB"):
        notes.attach(*shop.at, kept, notes.File("b", "x", 30 * 2**20, "k"), SARA, NOW)


# -- tasks


def test_open_tasks_come_soonest_first_and_those_without_a_time_last(shop: Shop) -> None:
    shop.task(title="some day")
    shop.task(title="late", due_at=NOW + 2 * DAY)
    shop.task(title="soon", due_at=NOW + DAY, assigned_to="sales")
    mine = tasks.add_task(*shop.at, None, {"title": "stock", "assigned_to": "mina"}, ALI, NOW)
    assert shop.tasks() == ["soon", "late", "some day", "stock"]
    assert shop.tasks(NOW + 3 * DAY, overdue=True) == ["soon", "late"]
    assert shop.tasks(assignee="Sara N") == ["soon"]  # her team's
    assert shop.tasks(assignee="Mina") == ["stock"]
    assert shop.tasks(customer_id=shop.ann, limit=1) == ["soon"]
    tasks.complete_task(*shop.at, mine, ALI, NOW)
    assert shop.tasks(state="done") == ["stock"]
    assert len(shop.tasks(state="all")) == 4


def test_a_day_is_due_at_its_end(shop: Shop) -> None:
    shop.task(title="a", due_at="2026-03-21")
    shop.task(title="b", due_at=date(2026, 3, 21))
    due = {one.due_at for one in tasks.list_tasks(*shop.at, NOW)}
    assert due == {datetime(2026, 3, 21, 20, 29, 59, tzinfo=UTC)}


def test_a_task_is_done_once_and_opened_again(shop: Shop) -> None:
    made = shop.task(title="Call")
    assert tasks.complete_task(*shop.at, made, SARA, NOW) is None
    assert tasks.complete_task(*shop.at, made, ALI, NOW + DAY) is None
    (done,) = tasks.list_tasks(*shop.at, NOW, state="done")
    assert (done.completed_at, done.completed_by, done.state) == (NOW, "Sara N", "done")
    with pytest.raises(NotAllowed, match="is done"):
        tasks.edit_task(*shop.at, made, {"title": "x"}, ALI, NOW)
    tasks.reopen_task(*shop.at, made, ALI, NOW)
    tasks.cancel_task(*shop.at, made, ALI, NOW)
    with pytest.raises(NotAllowed, match="was cancelled"):
        tasks.complete_task(*shop.at, made, ALI, NOW)
    assert shop.tasks() == []
    wanted = ["task_created", "task_completed", "task_reopened", "task_cancelled"]
    assert shop.told() == shop.told(event) == wanted


def test_doing_a_task_that_repeats_makes_the_next_and_opening_it_again_unmakes_that(
    shop: Shop,
) -> None:
    first = shop.task(title="Water", due_at=NOW, recurrence="daily", assigned_to="Ali")
    second = tasks.complete_task(*shop.at, first, ALI, NOW + 3 * DAY)
    assert second is not None
    (following,) = tasks.list_tasks(*shop.at, NOW)
    assert (following.id, following.due_at, following.assigned_to) == (second, NOW + 4 * DAY, "Ali")
    tasks.reopen_task(*shop.at, first, ALI, NOW)
    assert [one.id for one in tasks.list_tasks(*shop.at, NOW)] == [first]


def test_a_repetition_ends_by_its_count(shop: Shop) -> None:
    made: int | None = shop.task(title="Water", due_at=NOW, recurrence="FREQ=DAILY;COUNT=3")
    times = 0
    while made is not None:
        times += 1
        made = tasks.complete_task(*shop.at, made, ALI, NOW)
    assert times == 3


def test_editing_gives_a_task_another_time_from_which_it_repeats(shop: Shop) -> None:
    made = shop.task(title="Water", due_at=NOW, recurrence="FREQ=WEEKLY")
    moved = NOW + 2 * DAY
    given = {"due_at": moved, "priority": None, "assigned_to": "SALES", "title": "Water"}
    assert tasks.edit_task(*shop.at, made, given, ALI, NOW) == ("due_at", "assigned_to")
    tasks.complete_task(*shop.at, made, ALI, moved)
    (following,) = tasks.list_tasks(*shop.at, NOW)
    assert (following.due_at, following.priority) == (moved + 7 * DAY, "normal")


# -- purchases


def test_the_same_number_twice_changes_nothing(shop: Shop) -> None:
    first = shop.buy(amount=5, number="A-1")
    before = show_customer(shop.db, shop.id, shop.ann)
    again = shop.buy(amount=99, number="A-1", status="draft")
    assert (first.is_new, again) == (True, purchases.Recorded(first.id, is_new=False))
    assert show_customer(shop.db, shop.id, shop.ann) == before
    with pytest.raises(NumberTaken, match="Ann"):
        shop.buy(shop.bob, amount=5, number="A-1")


def test_an_invoice_becomes_a_purchase_when_it_is_paid(shop: Shop) -> None:
    made = shop.buy(amount=5, status="draft").id
    assert shop.told(event) == []
    fixed = {"amount": "7.50", "items": [{"name": "Boots"}]}
    assert purchases.edit_draft(*shop.at, made, fixed, ALI, NOW) == ("amount", "items")
    assert purchases.change_status(*shop.at, made, "paid", ALI, NOW)
    assert not purchases.change_status(*shop.at, made, "paid", ALI, NOW)
    assert shop.told(event) == ["purchase"]
    assert shop.of_customer("total_spent") == shop.of_customer("total_revenue") == Decimal("7.50")
    with pytest.raises(NotAllowed, match="only a draft is edited"):
        purchases.edit_draft(*shop.at, made, {"amount": 1}, ALI, NOW)


def test_what_is_given_back_is_taken_off_until_all_is_refunded(shop: Shop) -> None:
    made = shop.buy(amount=10, currency="EUR", revenue=900).id
    assert purchases.refund(*shop.at, made, Decimal(4), ALI, NOW)
    assert (shop.of_customer("total_spent"), shop.of_customer("total_revenue")) == (0, 540)
    with pytest.raises(InvalidValues, match="At most 6 EUR"):
        purchases.refund(*shop.at, made, Decimal(7), ALI, NOW)
    assert purchases.change_status(*shop.at, made, "refunded", ALI, NOW)
    (one,) = purchases.list_purchases(shop.db, shop.id, shop.ann)
    assert (one.status, one.refunded, one.revenue) == ("refunded", Decimal(10), Decimal(0))
    assert shop.of_customer("total_purchases") == 0
    assert shop.of_customer("total_visits") == 1


@pytest.mark.parametrize(
    ("was", "wanted"),
    [("void", "paid"), ("refunded", "paid"), ("refunded", "void"), ("paid", "draft"),
     ("draft", "refunded"), ("void", "draft")],
)  # fmt: skip
def test_a_status_changes_only_forwards(shop: Shop, was: str, wanted: str) -> None:
    made = shop.buy(amount=5, status=was).id
    with pytest.raises(NotAllowed, match=f"is {was}"):
        purchases.change_status(*shop.at, made, wanted, ALI, NOW)


# -- interactions and follow-ups


def test_due_follow_ups_come_soonest_first_without_archived_customers(shop: Shop) -> None:
    first = shop.meet(kind="call", follow_up_date=date(2026, 3, 5))
    shop.meet(kind="visit", follow_up_date=date(2026, 3, 3), outcome="offer")
    interactions.set_follow_up(*shop.at, shop.bob, NOW - DAY, ALI, NOW)
    soon = NOW + 10 * DAY
    due = interactions.due_follow_ups(shop.db, shop.id, soon)
    assert [one.display_name for one in due] == ["Bob", "Ann"]
    assert interactions.due_follow_ups(shop.db, shop.id, NOW + DAY)[0].customer_id == shop.bob
    archive_customer(shop.db, shop.id, PROJECT, shop.bob, ALI, NOW)
    (ann,) = interactions.due_follow_ups(shop.db, shop.id, soon)
    assert ann.due_at == datetime(2026, 3, 2, 20, 30, tzinfo=UTC)
    (second,) = interactions.list_interactions(shop.db, shop.id, shop.ann, kind="visit")
    assert interactions.complete_follow_up(*shop.at, second.id, ALI, NOW)
    assert not interactions.complete_follow_up(*shop.at, second.id, ALI, NOW)
    (left,) = interactions.list_interactions(shop.db, shop.id, shop.ann, open_follow_ups=True)
    assert left.id == first
    given = {"follow_up_date": date(2026, 3, 9), "duration_minutes": 5}
    changed = interactions.edit_interaction(*shop.at, second.id, given, ALI, NOW)
    assert changed == ("follow_up_date", "duration_minutes")
    assert shop.of_customer("next_follow_up_at") == datetime(2026, 3, 4, 20, 30, tzinfo=UTC)


def test_what_has_not_happened_is_no_interaction(shop: Shop) -> None:
    with pytest.raises(InvalidValues, match="is a task"):
        shop.meet(kind="visit", at=NOW + DAY)


# -- what is refused


@pytest.mark.parametrize(
    ("service", "given", "wrong"),
    [
        ("note", {"text": "x" * 5_001}, {"text"}),
        ("note", {"text": "\x00"}, {"text"}),
        ("note", {}, {"text"}),
        ("task", {"title": None}, {"title"}),
        ("task", {"title": "x" * 201, "priority": "hgih"}, {"title", "priority"}),
        ("task", {"title": "a", "assigned_to": "Nobody"}, {"assigned_to"}),
        ("task", {"title": "a", "recurrence": "often"}, {"recurrence"}),
        ("task", {"title": "a", "due_at": "soon"}, {"due_at"}),
        ("task", {"title": "a", "colour": "red"}, {"colour"}),
        ("buy", {}, {"amount"}),
        ("buy", {"amount": -1}, {"amount"}),
        ("buy", {"amount": 10**30}, {"amount"}),
        ("buy", {"amount": "5.005"}, {"amount"}),
        ("buy", {"amount": 1, "currency": "euro"}, {"currency"}),
        ("buy", {"amount": 1, "status": "gone"}, {"status"}),
        ("buy", {"amount": 1, "items": ["x"] * 101}, {"items"}),
        ("buy", {"amount": 1, "items": object()}, {"items"}),
        ("meet", {"kind": "dance"}, {"kind"}),
        ("meet", {"kind": "call", "duration_minutes": -1}, {"duration_minutes"}),
        ("meet", {"kind": "call", "subject": "x" * 201}, {"subject"}),
    ],
)
def test_a_wrong_value_is_refused_by_its_name_and_nothing_is_written(
    shop: Shop, service: str, given: dict[str, Any], wrong: set[str]
) -> None:
    before = show_customer(shop.db, shop.id, shop.ann)
    with pytest.raises(InvalidValues) as refused:
        getattr(shop, service)(**given)
    assert refused.value.reasons.keys() == wrong
    assert show_customer(shop.db, shop.id, shop.ann) == before


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    for call in (
        lambda: notes.edit_note(*shop.at, 99, {"text": "x"}, ALI, NOW),
        lambda: tasks.complete_task(*shop.at, 99, ALI, NOW),
        lambda: purchases.change_status(*shop.at, 99, "paid", ALI, NOW),
        lambda: interactions.complete_follow_up(*shop.at, 99, ALI, NOW),
        lambda: tasks.add_task(*shop.at, 99, {"title": "x"}, ALI, NOW),
    ):
        with pytest.raises(NotFound):
            call()


# -- referrals


def test_a_code_leads_back_to_its_customer_and_tells_no_number() -> None:
    codes = {referral_code(number) for number in range(2_000)}
    assert len(codes) == 2_000
    assert all(customer_of(referral_code(number)) == number for number in (0, 1, 7, 10**9))
    assert customer_of(referral_code(7).upper().replace("0", "O").replace("1", "I")) == 7
    assert [customer_of(code) for code in ("", "abc", "uuuuuuu", "12345678")] == [None] * 4
    with pytest.raises(ValueError, match="no code"):
        referral_code(2**35)


def test_a_referrer_is_set_once_and_never_in_a_circle(shop: Shop) -> None:
    at, (db, id_) = shop.at, (shop.db, shop.id)
    cleo = create_customer(*at, {"first_name": "Cleo"}, CAUSE, NOW)
    referrals.set_referrer(*at, shop.bob, shop.ann, ALI, NOW)
    referrals.set_referrer(*at, cleo, shop.bob, ALI, NOW)
    for who, by in ((shop.ann, cleo), (shop.ann, shop.ann), (shop.bob, cleo)):
        with pytest.raises(NotAllowed):
            referrals.set_referrer(*at, who, by, ALI, NOW)
    with pytest.raises(NotFound):
        referrals.set_referrer(*at, shop.ann, 99, ALI, NOW)
    assert referrals.count_referrals(db, id_, shop.ann) == 1
    assert [one.display_name for one in referrals.top_referrers(db, id_)] == ["Ann", "Bob"]
    assert [one["id"] for one in show_customer(db, id_, shop.ann)["referrals"]] == [shop.bob]
    assert shop.told(event) == ["referred"]


def test_the_code_of_a_merged_customer_leads_to_the_one_they_are_now(shop: Shop) -> None:
    merged = update(customer).where(customer.c.id == shop.ann).values(merged_into=shop.bob)
    shop.db.execute(merged)
    found = referrals.referrer_of(shop.db, shop.id, referral_code(shop.ann))
    assert found == shop.bob
    assert referrals.referrer_of(shop.db, shop.id, referral_code(10_000)) is None


def test_records_of_another_business_are_not_reached(shop: Shop) -> None:
    other = replace(PROJECT, key="other")
    theirs = applied(shop.db, other)
    made = shop.task(title="Call")
    with pytest.raises(CrmError):
        tasks.complete_task(shop.db, theirs, other, made, ALI, NOW)
    assert shop.db.scalars(select(task.c.completed_at)).all() == [None]
    assert shop.db.scalars(select(note.c.id)).all() == []
