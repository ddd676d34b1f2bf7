"""Of whom has been erased nothing is left, in whatever table or column it stood."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import JSON, Column, Connection, Engine, String, Table, Text, insert, select, update

from crm.errors import NotFound
from crm.services import belongings
from crm.services.erasing import GOODBYE, erase_customer
from crm.services.ledger import Cause
from crm.services.listing import View, page_of
from crm.services.merging import list_merges, merge, undo_merge
from crm.services.retention import Retention
from crm.services.show import show_customer
from crm.tables import activity, customer, customer_account, mail, metadata, outbox, run
from tests.support.database import DIALECTS, store_with_tables
from tests.support.desk import NOON
from tests.support.neighbours import PLANTED, Neighbour

CAUSE = Cause("cli:tests")
SOON = NOON + timedelta(days=1)

WORDS: dict[str, str] = {
    "activity.by": "who did it: a flow, a person of the staff",
    "activity.type": "a word of ours",
    "automatic_send.purpose": "a word of ours",
    "conversation.status": "a word of ours",
    "customer.created_by": "the channel or file",
    "customer.currency": "of money",
    "customer.customer_type": "a word of ours",
    "customer.health": "a word of ours",
    "customer.journey_stage": "a word of ours",
    "customer.lifecycle_stage": "a word of ours",
    "customer.source": "a word of ours",
    "effect.status": "a word of ours",
    "effect.wait_id": "numbers of ours",
    "interaction.by": "who recorded it: a flow, a person of the staff",
    "interaction.channel": "a word of ours",
    "interaction.direction": "a word of ours",
    "interaction.kind": "a word of ours",
    "mail.dedup_key": "the platform's number of an update: it keeps a second copy out",
    "mail.kind": "a word of ours",
    "mail.status": "a word of ours",
    "mail.turn_id": "numbers of ours",
    "merging.by": "who did it",
    "merging.undone_by": "who did it",
    "outbox.dedup_key": "numbers of ours",
    "outbox.status": "a word of ours",
    "purchase.by": "who recorded it: a flow, a file, a person of the staff",
    "purchase.currency": "of money",
    "purchase.number": "the invoice's: the same one twice still changes nothing",
    "purchase.status": "a word of ours",
    "run.cause": "the trigger",
    "run.flow": "the flow",
    "run.node": "the flow's",
    "run.outcome": "the flow's word",
    "run.status": "a word of ours",
    "run.wait_id": "numbers of ours",
    "task.assigned_to": "one of the staff",
    "task.by": "who made it",
    "task.completed_by": "one of the staff",
    "task.priority": "a word of ours",
    "task.recurrence": "a rule of days",
    "timer.wait_id": "numbers of ours",
    "trigger_firing.occurrence": "a day",
    "trigger_firing.status": "a word of ours",
    "trigger_firing.trigger": "the flow's",
    "visit.flow": "the flow",
    "visit.left_by": "the flow's",
    "visit.node": "the flow's",
    "visit.way": "the flow's",
}
"""Columns of texts that an erasure leaves, each with what stands in it."""


@pytest.fixture(scope="module", params=DIALECTS)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with store_with_tables(request.param) as made:
        yield made


@pytest.fixture(scope="module")
def settled(engine: Engine) -> Neighbour:
    made = Neighbour(engine, "theirs", PLANTED, 1_000)
    made.settle_in()
    return made


@pytest.fixture
def db(settled: Neighbour) -> Iterator[Connection]:
    with settled.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def tables_of_people() -> list[Table]:
    names = {"customer", "merging", *belongings.THROUGH}
    names |= {table.name for table in (*belongings.OWNED, *belongings.SHARED)}
    return [table for table in metadata.sorted_tables if table.name in names]


def written(table: Table) -> list[Column[Any]]:
    """Columns in which anything that a person said may stand."""
    return [
        column
        for column in table.columns
        if isinstance(column.type, String | Text | JSON)
        and f"{table.name}.{column.name}" not in WORDS
    ]


def plant(db: Connection) -> None:
    """The word in every column of every row; `status` and the like stay what they are."""
    for table in tables_of_people():
        keys = list(table.primary_key)
        for row in db.execute(select(*keys)).all():
            mark = "-".join(map(str, row))
            values: dict[str, Any] = {}
            for column in written(table):
                if isinstance(column.type, JSON):
                    values[column.name] = {"said": PLANTED}
                elif not column.primary_key:
                    values[column.name] = f"{PLANTED}{mark}"[
                        : getattr(column.type, "length", None) or 99
                    ]
            if values:
                mine = (key == value for key, value in zip(keys, row, strict=True))
                db.execute(update(table).where(*mine).values(values))


def remains(db: Connection) -> set[str]:
    """The columns in which something that was planted still stands."""
    found = set()
    for table in tables_of_people():
        for column in written(table):
            statement = select(column)
            if table is mail:  # what is nobody's is looked at by itself
                statement = statement.where(mail.c.conversation_id.is_not(None))
            values = db.execute(statement).scalars()
            if any(_is_planted(value) for value in values):
                found.add(f"{table.name}.{column.name}")
    return found


def _is_planted(value: Any) -> bool:
    return PLANTED[:3] in str(value)


def people(db: Connection) -> list[int]:
    return list(db.scalars(select(customer.c.id).order_by(customer.c.id)))


def erase_all(db: Connection, settled: Neighbour) -> None:
    for customer_id in people(db):
        erase_customer(db, settled.id, customer_id, CAUSE, SOON)


def test_nothing_that_was_said_is_left_in_any_column_of_any_table(
    db: Connection, settled: Neighbour
) -> None:
    plant(db)
    assert len(remains(db)) > 60
    erase_all(db, settled)
    assert remains(db) == set()


def test_columns_that_keep_their_words_are_there() -> None:
    there = {f"{table.name}.{column.name}" for table in tables_of_people() for column in table.c}
    assert WORDS.keys() <= there


def test_totals_stay_true_and_nobody_is_known(db: Connection, settled: Neighbour) -> None:
    business = settled.office.library.business
    view = View(settled.id, business, SOON)
    counted = ("id", "total_purchases", "total_spent", "total_interactions", "created_at")
    before = page_of(db, view, "id", names=counted).rows
    erase_all(db, settled)
    assert page_of(db, view, "id", names=counted).rows == before
    told = show_customer(db, settled.id, people(db)[0])
    assert (told["status"], told["accounts"], told["runs"]) == ("archived", [], [])
    assert told["display_name"] == f"Customer {told['id']}"
    assert all(value is None for value in told["fields"].values())


def test_erasing_twice_changes_nothing_more(db: Connection, settled: Neighbour) -> None:
    one = people(db)[0]
    erase_customer(db, settled.id, one, CAUSE, SOON)
    before = show_customer(db, settled.id, one)
    erase_customer(db, settled.id, one, CAUSE, SOON)
    assert show_customer(db, settled.id, one) == before
    with pytest.raises(NotFound):
        erase_customer(db, settled.id + 100, one, CAUSE, SOON)


def test_whoever_was_merged_into_somebody_is_erased_with_them(
    db: Connection, settled: Neighbour
) -> None:
    business = settled.office.library.business
    ann, bob, cleo, *_ = people(db)
    number = merge(db, settled.id, business, ann, bob, CAUSE, SOON)
    erase_customer(db, settled.id, ann, CAUSE, SOON)
    erased = select(customer.c.id).where(customer.c.erased_at.is_not(None))
    assert set(db.scalars(erased)) == {ann, bob}
    (one,) = (one for one in list_merges(db, settled.id) if one.id == number)
    assert not one.can_be_undone
    with pytest.raises(Exception, match="erased"):
        undo_merge(db, settled.id, business, number, CAUSE, SOON)
    with pytest.raises(Exception, match="erased"):
        merge(db, settled.id, business, cleo, bob, CAUSE, SOON)


def test_an_update_that_could_not_be_read_is_erased_if_it_names_one_of_their_accounts(
    db: Connection, settled: Neighbour
) -> None:
    one, other, *_ = people(db)
    ids = select(customer_account.c.customer_id, customer_account.c.external_id)
    names = {row.customer_id: row.external_id for row in db.execute(ids)}
    for number, name in enumerate((names[one], names[other], f"{names[one]}5")):
        db.execute(
            insert(mail).values(
                business_id=settled.id, dedup_key=f"loose:{number}", lane=0, kind="broken",
                payload={"raw": f'{{"from": {{"id": "{name}"}}}}'}, status="dead", attempts=0,
                last_error="odd", received_at=NOON,
            )
        )  # fmt: skip
    erase_customer(db, settled.id, one, CAUSE, SOON)
    rows = select(mail.c.payload, mail.c.last_error).where(mail.c.dedup_key.startswith("loose:"))
    left = [(bool(row.payload), row.last_error) for row in db.execute(rows.order_by(mail.c.id))]
    assert left == [(False, None), (True, "odd"), (True, "odd")]


def test_runs_end_and_nothing_waits_but_the_last_word(db: Connection, settled: Neighbour) -> None:
    last = db.execute(select(outbox).where(outbox.c.status == "pending")).first()
    assert last is not None
    key = f"{GOODBYE}1"
    db.execute(
        update(outbox).where(outbox.c.id == last.id).values(dedup_key=key, payload={"text": "Bye"})
    )
    for customer_id in people(db):
        erase_customer(db, settled.id, customer_id, CAUSE, SOON, goodbye=key)
    assert set(db.scalars(select(run.c.status))) == {"ended"}
    waiting = select(outbox.c.payload).where(outbox.c.status == "pending")
    assert db.scalars(waiting).all() == [{"text": "Bye"}]
    sent = update(outbox).where(outbox.c.dedup_key == key)
    db.execute(sent.values(status="sent", done_at=SOON))
    retention = Retention(settled.id)
    while retention.tick(db, SOON + timedelta(minutes=1)):
        pass
    assert retention.forgotten["goodbyes"] == 1


def test_a_timeline_says_what_happened_and_no_word_of_it(
    db: Connection, settled: Neighbour
) -> None:
    one = people(db)[0]
    kinds = select(activity.c.type).where(activity.c.customer_id == one).order_by(activity.c.id)
    before = list(db.scalars(kinds))
    erase_customer(db, settled.id, one, CAUSE, SOON)
    assert list(db.scalars(kinds)) == before
    texts = select(activity.c.description).where(activity.c.customer_id == one)
    assert set(db.scalars(texts)) == {""}
