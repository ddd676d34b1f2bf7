"""What one business does changes and shows nothing of another one in the same database."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, event, select

from crm.errors import CrmError
from crm.services import customers as people
from crm.services import interactions, merging, notes, purchases, referrals, tasks
from crm.services.auditing import list_audit
from crm.services.dead import list_dead, requeue, show_dead
from crm.services.duplicates import find_duplicates
from crm.services.erasing import erase_customer
from crm.services.fields import list_fields, load_mapping, stored_columns
from crm.services.find import find, resolve
from crm.services.ledger import Cause
from crm.services.listing import View, page_of
from crm.services.projects import business_id_of, current_versions, flow_source, project_source
from crm.services.records import load_record
from crm.services.retention import RULES, Retention, count_old
from crm.services.show import show_customer
from crm.services.tags import tag_ids
from crm.services.totals import recount
from crm.tables import customer, interaction, mail, note, outbox, purchase, slot_index, task
from crm.tables import merging as merged
from engine.referrals import referral_code
from rapport.build import channels_of
from rapport.cli.customers import read_criteria
from rapport.runtime.deliveries import (
    Delivery,
    Outcome,
    is_pending,
    mark_unreachable,
    move_peer,
    next_due,
    pending,
    settle,
)
from rapport.runtime.leases import leases_of
from rapport.runtime.status import read_status
from tests.support.database import DIALECTS, store_with_tables
from tests.support.desk import NOON
from tests.support.neighbours import PLANTED, Neighbour
from tests.support.scope import is_scoped, tables_of

CAUSE = Cause("api:tests")
SOON = NOON + timedelta(days=1)
LATER = NOON + timedelta(days=2)
FAR = NOON + timedelta(days=3_000)

KNOWN = {
    r"(SELECT|UPDATE|INSERT INTO) .*\bbusiness\b": "found by its key, changed by its own id",
    r".*\bslot_index\b": "columns are shared; names of columns only",
    r"SELECT field\.slot, field\.declaration": "columns that anybody filters by, for all",
    r".*\blease\b": "processes and their roles, by the id of their account",
    r"SELECT max\(anon_1\.id\)": "how far a pass of retention has come: two numbers",
    r"SELECT max\(customer\.id\)": "the next number of a new customer on SQLite",
    r"SELECT visits\.customer_id": "a union of two queries that each name it",
    r"DELETE FROM \w+ WHERE \(?\w+\.\w+.* IN \(__": "keys that retention has just read by business",
}
"""Statements that name no business, by how they begin, each with why it cannot leak."""


class Street(NamedTuple):
    """`we` do things, and `they` live next door. unscoped: statements that named no business."""

    we: Neighbour
    they: Neighbour
    unscoped: set[str]


@pytest.fixture(scope="module", params=DIALECTS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with store_with_tables(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def street(engine: Engine) -> Iterator[Street]:
    """Both settled in; from then on every statement is looked at."""
    we, they = Neighbour(engine, "ours", "", 1), Neighbour(engine, "theirs", PLANTED, 1_000)
    for neighbour in (we, they):
        neighbour.settle_in()
    unscoped: set[str] = set()

    def looked_at(_: Connection, statement: Any, *__: Any) -> None:
        if not is_scoped(statement) and tables_of(statement):
            unscoped.add(" ".join(str(statement).split()))

    event.listen(we.engine, "before_execute", looked_at)
    yield Street(we, they, unscoped)
    event.remove(we.engine, "before_execute", looked_at)


def test_in_every_table_of_a_business_there_is_something_to_change(street: Street) -> None:
    """But for those that nothing writes yet."""
    empty = {name for name, rows in street.they.rows().items() if not rows}

    assert empty <= {
        "automatic_send", "bulk_action", "campaign_run", "effect", "expansion", "field_value",
        "file_job", "imported_row", "known_column", "rejected_cell", "scan_cursor",
        "trigger_firing", "trigger_state",
    }  # fmt: skip


def ours(street: Street) -> Any:
    """What services are asked with: ids, references and a business of ours."""
    return street.we.id, street.we.office.library.business


READ: dict[str, Callable[..., object]] = {
    "fields": lambda db, id_, _: (list_fields(db, id_), load_mapping(db, id_)),
    "columns": stored_columns,
    "tags": lambda db, id_, _: tag_ids(db, id_),
    "versions": lambda db, id_, _: current_versions(db, id_),
    "source": lambda db, id_, _: (flow_source(db, id_, "order", 1), project_source(db, id_)),
    "id": lambda db, _, business: business_id_of(db, business.key),
    "accounts": lambda db, id_, _: (channels_of(db, id_), leases_of(db, id_)),
    "dead": lambda db, id_, _: list_dead(db, id_),
    "status": lambda db, id_, _: read_status(db, id_, SOON),
    "old": lambda db, id_, _: count_old(db, id_, SOON),
    "found": lambda db, id_, _: [
        find(db, id_, text, "IR", 100)
        for text in ("a", "dora", "0912", "example.org", PLANTED, "1", "theirs")
    ],
    "named": lambda db, id_, _: [
        resolve(db, id_, text, "IR")
        for text in ("telegram:ann", "dora@example.org", "09121234567", "+989121234567")
    ],
    "listed": lambda db, id_, business: [
        page_of(db, View(id_, business, SOON, read_criteria(where, business)), "-first_name")
        for where in (
            "first_name__contains: a", "tags__contains: VIP", "segment: friends",
            "not: {first_name: x}", "extra.nickname__isnull: false", "size__gte: 0",
        )
    ],
    "duplicates": lambda db, id_, _: (find_duplicates(db, id_), "none"),
    "merges": lambda db, id_, _: merging.list_merges(db, id_),
    "audit": lambda db, id_, _: list_audit(db, id_),
    "all": lambda db, id_, business: page_of(db, View(id_, business, SOON)),
    "tasks": lambda db, id_, business: tasks.list_tasks(db, id_, business, SOON, state="all"),
    "records": lambda db, id_, business: [
        (
            notes.list_notes(db, id_, business, one),
            purchases.list_purchases(db, id_, one),
            interactions.list_interactions(db, id_, one),
            interactions.due_follow_ups(db, id_, FAR),
            referrals.count_referrals(db, id_, one),
            referrals.top_referrers(db, id_),
            referrals.referrer_of(db, id_, referral_code(one)),
            recount(db, id_, business, [one]),
        )
        for one in range(1, 20)  # theirs too
    ],
    "shown": lambda db, id_, _: [
        show_customer(db, id_, one)
        for one in db.scalars(select(customer.c.id).where(customer.c.business_id == id_))
    ],
}  # fmt: skip
"""What only reads, by what it is for: called with (db, business_id, business)."""


@pytest.mark.parametrize("what", READ)
def test_what_is_read_for_one_shows_nothing_of_the_other(street: Street, what: str) -> None:
    business_id, business = ours(street)
    with street.we.engine.connect() as db:
        found = READ[what](db, business_id, business)

    assert found
    assert PLANTED not in repr(found)


FOREIGN: dict[str, Callable[..., object]] = {
    "show": lambda db, id_, _, theirs: show_customer(db, id_, theirs.customer),
    "by id": lambda db, id_, _, theirs: resolve(db, id_, f"id:{theirs.customer}"),
    "by code": lambda db, id_, _, theirs: resolve(db, id_, "only@theirs.example"),
    "load": lambda db, id_, business, theirs: load_record(
        db, id_, business, stored_columns(db, id_, business), theirs.customer
    ),
    "update": lambda db, id_, business, theirs: people.update_customer(
        db, id_, business, theirs.customer, {"first_name": "Eve"}, CAUSE, SOON
    ),
    "archive": lambda db, id_, business, theirs: people.archive_customer(
        db, id_, business, theirs.customer, CAUSE, SOON
    ),
    "dead mail": lambda db, id_, _, theirs: show_dead(db, id_, f"mail:{theirs.mail}"),
    "dead message": lambda db, id_, _, theirs: show_dead(db, id_, f"outbox:{theirs.message}"),
    "requeue mail": lambda db, id_, _, theirs: requeue(db, id_, f"mail:{theirs.mail}", SOON),
    "requeue": lambda db, id_, _, theirs: requeue(db, id_, f"outbox:{theirs.message}", SOON),
}


FOREIGN_RECORDS: dict[str, Callable[..., object]] = {
    "add note": lambda db, id_, business, theirs: notes.add_note(
        db, id_, business, theirs.customer, {"text": "Eve"}, CAUSE, SOON
    ),
    "edit note": lambda db, id_, business, theirs: notes.edit_note(
        db, id_, business, theirs.note, {"text": "Eve"}, CAUSE, SOON
    ),
    "delete note": lambda db, id_, business, theirs: notes.delete_note(
        db, id_, business, theirs.note, CAUSE, SOON
    ),
    "attach": lambda db, id_, business, theirs: notes.attach(
        db, id_, business, theirs.note, notes.File("a", "text/plain", 1, "k"), CAUSE, SOON
    ),
    "add task": lambda db, id_, business, theirs: tasks.add_task(
        db, id_, business, theirs.customer, {"title": "Eve"}, CAUSE, SOON
    ),
    "edit task": lambda db, id_, business, theirs: tasks.edit_task(
        db, id_, business, theirs.task, {"title": "Eve"}, CAUSE, SOON
    ),
    "complete task": lambda db, id_, business, theirs: tasks.complete_task(
        db, id_, business, theirs.task, CAUSE, SOON
    ),
    "reopen task": lambda db, id_, business, theirs: tasks.reopen_task(
        db, id_, business, theirs.task, CAUSE, SOON
    ),
    "cancel task": lambda db, id_, business, theirs: tasks.cancel_task(
        db, id_, business, theirs.task, CAUSE, SOON
    ),
    "record purchase": lambda db, id_, business, theirs: purchases.record_purchase(
        db, id_, business, theirs.customer, {"amount": 5}, CAUSE, SOON
    ),
    "change status": lambda db, id_, business, theirs: purchases.change_status(
        db, id_, business, theirs.purchase, "void", CAUSE, SOON
    ),
    "refund": lambda db, id_, business, theirs: purchases.refund(
        db, id_, business, theirs.purchase, Decimal(1), CAUSE, SOON
    ),
    "edit draft": lambda db, id_, business, theirs: purchases.edit_draft(
        db, id_, business, theirs.purchase, {"amount": 6}, CAUSE, SOON
    ),
    "record interaction": lambda db, id_, business, theirs: interactions.record_interaction(
        db, id_, business, theirs.customer, {"kind": "call"}, CAUSE, SOON
    ),
    "edit interaction": lambda db, id_, business, theirs: interactions.edit_interaction(
        db, id_, business, theirs.interaction, {"subject": "Eve"}, CAUSE, SOON
    ),
    "complete follow-up": lambda db, id_, business, theirs: interactions.complete_follow_up(
        db, id_, business, theirs.interaction, CAUSE, SOON
    ),
    "set follow-up": lambda db, id_, business, theirs: interactions.set_follow_up(
        db, id_, business, theirs.customer, SOON, CAUSE, SOON
    ),
    "set referrer": lambda db, id_, business, theirs: referrals.set_referrer(
        db, id_, business, theirs.customer, theirs.customer, CAUSE, SOON
    ),
}
FOREIGN |= FOREIGN_RECORDS

FOREIGN |= {
    "look at a merge": lambda db, id_, business, theirs: merging.preview_merge(
        db, id_, business, theirs.customer, ours_of(db, id_)
    ),
    "merge theirs": lambda db, id_, business, theirs: merging.merge(
        db, id_, business, theirs.customer, ours_of(db, id_), CAUSE, SOON
    ),
    "merge into theirs": lambda db, id_, business, theirs: merging.merge(
        db, id_, business, ours_of(db, id_), theirs.customer, CAUSE, SOON
    ),
    "undo": lambda db, id_, business, theirs: merging.undo_merge(
        db, id_, business, theirs.merge, CAUSE, SOON
    ),
    "erase": lambda db, id_, _, theirs: erase_customer(db, id_, theirs.customer, CAUSE, SOON),
}


def ours_of(db: Connection, business_id: int) -> int:
    mine = select(customer.c.id).where(customer.c.business_id == business_id)
    return int(db.scalars(mine.order_by(customer.c.id)).all()[0])


class Theirs(NamedTuple):
    """Ids that are not ours: of a customer and what is recorded, a dead mail, a dead message and
    one to be sent."""

    customer: int
    mail: int
    message: int
    delivery: Delivery
    note: int
    task: int
    purchase: int
    interaction: int
    merge: int


def theirs(street: Street) -> Theirs:
    they = street.they
    with they.engine.connect() as db:

        def first(table: Any, **where: Any) -> int:
            wanted = [table.c[name] == value for name, value in where.items()]
            mine = table.c.business_id == they.id
            return int(db.scalars(select(table.c.id).where(mine, *wanted)).all()[0])

        (delivery, *_) = pending(db, they.office.origin.account_id, LATER, 10)
        return Theirs(
            first(customer), first(mail, status="dead"), first(outbox, status="dead"), delivery,
            first(note), first(task), first(purchase), first(interaction, kind="call"),
            first(merged),
        )  # fmt: skip


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_the_others_is_not_there(street: Street, what: str) -> None:
    before = street.they.rows()
    business_id, business = ours(street)
    with street.we.engine.begin() as db, pytest.raises(CrmError) as refused:
        FOREIGN[what](db, business_id, business, theirs(street))

    assert PLANTED not in str(refused.value)
    assert street.they.rows() == before


def test_a_value_that_the_other_has_is_free_and_says_nothing_of_them(street: Street) -> None:
    they, (business_id, business) = street.they, ours(street)
    only = {"first_name": "Eve", "email": "only@theirs.example", "code": "theirs-alone"}
    with they.engine.begin() as db:
        people.create_customer(db, they.id, they.office.library.business, only, CAUSE, SOON)
    with street.we.engine.begin() as db:
        made = people.create_customer(db, business_id, business, only, CAUSE, SOON)
        people.update_customer(db, business_id, business, made, {"code": "d-2"}, CAUSE, SOON)
        people.archive_customer(db, business_id, business, made, CAUSE, SOON)


def test_an_account_settles_and_moves_only_what_is_its_own(street: Street) -> None:
    they, mine = street.they.rows(), street.we.office.origin.account_id
    foreign = theirs(street).delivery
    with street.we.engine.begin() as db:
        as_ours = replace(foreign, account_id=mine)
        assert not is_pending(db, mine, foreign.id)
        settle(db, mine, [Outcome(foreign.id, "sent", 1, SOON, "7")])
        settle(db, mine, [Outcome(foreign.id, "dead", 1, SOON, error="refused")])
        mark_unreachable(db, as_ours, "telegram", SOON)
        move_peer(db, as_ours, "elsewhere")
        assert PLANTED not in repr(pending(db, mine, LATER, 1_000))
        next_due(db, mine)

    assert street.they.rows() == they


FEWER = "flow: other\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]\n"
"""A project that has lost a field, a tag and its flows."""


def live(street: Street) -> None:
    """All that can happen to a business: people come and go, time passes, things are forgotten."""
    office, engine = street.we.office, street.we.engine
    office.says("help").says("/cancel", peer="cleo").says("stop", peer="bob")
    for kind in ("blocked", "unblocked"):
        office.says("", peer="ann", kind=kind)
    office.says("/start", peer="new").advance("3h")
    with engine.begin() as db:
        for letter in list_dead(db, street.we.id):
            if letter.customer_id is not None:
                requeue(db, street.we.id, letter.reference, office.clock.now())
    office.work()
    retention = Retention(street.we.id)
    for _ in RULES:
        with engine.begin() as db:
            while retention.tick(db, FAR):
                pass
    assert retention.forgotten.total() > 0


def test_a_life_next_door_changes_nothing(street: Street) -> None:
    before = street.they.rows()

    live(street)
    office, kept = street.we.office, street.we.crm.replace(", Asked: {}", "")
    office._crm = "\n".join(line for line in kept.splitlines() if "size" not in line)
    office.apply(FEWER)
    office.says("/start", peer="late").advance("3h")

    assert street.they.rows() == before
    said = [delivery.payload for delivery in street.they.office.shown]
    assert PLANTED in repr(said)
    assert PLANTED not in repr(street.we.office.shown)
    assert PLANTED not in repr(street.we.rows())


def test_an_index_that_the_other_filters_by_stays(street: Street) -> None:
    with street.they.engine.connect() as db:
        wanted = set(db.scalars(select(slot_index.c.slot).where(slot_index.c.wanted)))
        filtered = {"custom_date_1", "custom_number_1", "custom_text_1"}
        assert filtered <= set(load_mapping(db, street.they.id).values())

    assert filtered <= wanted


def test_every_statement_of_that_life_named_its_business_or_is_known(street: Street) -> None:
    """Runs last, with all that the tests before it have asked."""
    live(street)
    unknown = {
        said for said in street.unscoped if not any(re.match(known, said) for known in KNOWN)
    }

    assert unknown == set()
    assert street.unscoped
