"""How the store stands at a moment: read by indexes, of one business alone, true on both stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, insert, text, update

from crm.sql import Statement
from crm.tables import account, business, conversation, customer, lease, mail, outbox, timer
from crm.tables import run as run_table
from rapport.runtime import status as module
from rapport.runtime.alarm_store import alarms_of, mark_told, store_alarms
from rapport.runtime.alarms import Alarm
from rapport.runtime.glance import glance, rates
from rapport.runtime.status import AT_MOST, Requests, Status, read_status
from tests.support.database import store_with_tables
from tests.support.desk import NOON, Office

FLOW = """
flow: order
triggers: [{on: command, command: start}]
nodes: [{ask: Which size?, save_to: size, timeout: {after: 1h}}]
"""

OURS, THEIRS = 1, 2


def put(db: Connection, business_id: int, letters: int) -> None:
    """A business with a bot and one customer, for whom `letters` wait and as many are to go."""
    made = {"created_at": NOON}
    db.execute(insert(business).values(id=business_id, key=f"b{business_id}", name="B", **made))
    at = {"business_id": business_id}
    name = f"bot{business_id}"
    db.execute(
        insert(account).values(
            id=business_id, channel="telegram", external_id="1", username=name, **at, **made
        )
    )
    db.execute(
        insert(customer).values(
            id=business_id, display_name="Ann", name_folded="ann", updated_at=NOON, **at, **made
        )
    )  # fmt: skip
    held = {"status": "ready", "ready_at": NOON, "hold_until": NOON + timedelta(minutes=2)}
    db.execute(
        insert(conversation).values(
            id=business_id, account_id=business_id, customer_id=business_id, peer="ann",
            revision=0, **held, **at,
        )
    )  # fmt: skip
    where = {"conversation_id": business_id, **at}
    for number in range(letters):
        moment = NOON + timedelta(seconds=number)
        db.execute(
            insert(mail).values(
                dedup_key=f"{business_id}:{number}", lane=0, kind="text", payload={}, attempts=1,
                status="waiting", last_error="a mistake", received_at=moment, **where,
            )
        )  # fmt: skip
        db.execute(
            insert(outbox).values(
                account_id=business_id, dedup_key=f"{business_id}:{number}", peer="ann",
                lane=number % 2, payload={}, status="pending", attempts=0, created_at=moment,
                due_at=moment, **where,
            )
        )  # fmt: skip
    db.execute(
        insert(run_table).values(
            id=business_id, customer_id=business_id, flow="f", flow_version=1, frames=[],
            attempts=0, status="sleeping", cause="x", started_at=NOON, **where,
        )
    )  # fmt: skip
    db.execute(insert(timer).values(run_id=business_id, wait_id="w", due_at=NOON, **where))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with store_with_tables(request.param) as engine:
        yield engine


@pytest.fixture
def db(store: Engine) -> Iterator[Connection]:
    """A connection whose transaction is rolled back after the test."""
    with store.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def test_a_status_tells_what_waits_of_one_business_on_either_store(db: Connection) -> None:
    now = NOON + timedelta(minutes=1)
    put(db, OURS, 3)
    put(db, THEIRS, 5)
    db.execute(insert(lease).values(name="sender:1", owner="a", epoch=4, expires_at=now))
    seen = read_status(db, OURS, now)
    waiting = seen.waiting
    assert (waiting.mail, waiting.ready, waiting.held) == (3, 1, 1)
    assert waiting.oldest_at == NOON
    assert [(lane.account, lane.lane, lane.pending) for lane in seen.outbox] == [
        ("telegram:bot1", 0, 2), ("telegram:bot1", 1, 1),
    ]  # fmt: skip
    assert [lane.lag(now).total_seconds() for lane in seen.outbox] == [60, 59]
    assert (seen.timers, seen.next_timer_at) == (1, NOON)
    assert [(one.label, one.epoch) for one in seen.leases] == [("sender of telegram:bot1", 4)]
    assert seen.last_error == "a mistake"


def test_dead_letters_are_counted_and_the_newest_error_is_told(db: Connection) -> None:
    put(db, OURS, 2)
    db.execute(update(mail).values(status="dead", last_error="cannot be read"))
    db.execute(update(outbox).where(outbox.c.lane == 0).values(status="dead", last_error="no"))
    seen = read_status(db, OURS, NOON)
    ids = (max(db.execute(mail.select()).scalars()), min(db.execute(outbox.select()).scalars()))
    assert (seen.dead.mail, seen.dead.outbox, seen.dead.newest) == (2, 1, ids)
    assert seen.last_error == "no"


def test_of_an_empty_business_there_is_nothing_to_tell(db: Connection) -> None:
    put(db, OURS, 0)
    db.execute(timer.delete())
    seen = read_status(db, OURS, NOON)
    assert seen == Status(
        NOON,
        seen.waiting,
        (),
        0,
        seen.dead,
        0,
        None,
        Requests(0, None),
        (),
        {1: "telegram:bot1"},
        None,
        (),
    )
    assert (seen.waiting.mail, seen.waiting.oldest_at, seen.waiting.newest) == (0, None, 0)


def test_counting_stops_where_more_makes_no_difference() -> None:
    office = Office(FLOW).says("/start")
    many = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {AT_MOST + 5})"
    with office.engine.begin() as db:
        db.execute(
            text(
                f"{many} INSERT INTO mail "
                "(business_id, dedup_key, lane, kind, payload, status, attempts, received_at) "
                "SELECT 1, 'dead:' || i, 0, 'text', '{}', 'dead', 5, 0 FROM n"
            )
        )
        assert read_status(db, 1, NOON).dead.mail == AT_MOST


def test_every_query_of_a_status_reads_by_an_index() -> None:
    office = Office(FLOW).says("/start")
    with office.engine.connect() as db:
        read_status(db, 1, NOON)
        statements = [one for one in vars(module).values() if isinstance(one, Statement)]
        scans = []
        for statement in statements:
            sql = statement._compiled["sqlite"].text  # whatever other tests compiled
            cursor = db.connection.cursor()
            cursor.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))
            scans += [(sql, row[3]) for row in cursor.fetchall() if row[3].startswith("SCAN ")]
    # From the end of the ids the first row is taken; `anon` is what a limited query brought.
    wrong = [(sql, plan) for sql, plan in scans if not plan.startswith("SCAN anon")]
    assert [plan for sql, plan in wrong if "ORDER BY" not in sql or "LIMIT 1" not in sql] == []


def test_what_a_second_brought_is_the_difference_of_two_looks() -> None:
    office = Office(FLOW)

    def look() -> Status:
        with office.engine.connect() as db:
            return read_status(db, 1, office.clock.now())

    before = look()
    for peer in ("ann", "bob", "cem", "dan"):
        office.says("/start", peer=peer)
    office.keep(office.inbound("40"))
    office.clock.set(NOON + timedelta(seconds=2))
    after = look()
    assert rates(before, after) == {"received": 2.5, "applied": 2.0, "sent": 2.0}
    assert rates(after, after) == {"received": 0.0, "applied": 0.0, "sent": 0.0}
    assert glance(None, after)["per_second"] is None
    assert glance(before, after)["mail"] == {
        "waiting": 1, "oldest_seconds": 2.0, "ready": 1, "held": 0,
    }  # fmt: skip


def test_an_alarm_is_raised_told_and_ended_by_one_process_whatever_others_do(
    db: Connection,
) -> None:
    put(db, OURS, 0)
    put(db, THEIRS, 0)
    first = Alarm("conflict", "bot", "two of us", NOON)
    again = Alarm("conflict", "bot", "two of us", NOON + timedelta(seconds=1))
    store_alarms(db, OURS, [first])
    store_alarms(db, OURS, [again])
    assert alarms_of(db, OURS) == [first]
    assert alarms_of(db, THEIRS) == []
    assert mark_told(db, OURS, first, "raised", None, NOON)
    assert not mark_told(db, OURS, first, "raised", None, NOON)
    assert not mark_told(db, OURS, again, "raised", NOON, NOON)
    (told,) = alarms_of(db, OURS)
    assert told.is_told
    told.over_at = NOON + timedelta(minutes=5)
    store_alarms(db, OURS, [told])
    assert not alarms_of(db, OURS)[0].stands
    later = Alarm("conflict", "bot", "x" * 2000, NOON + timedelta(hours=1))
    store_alarms(db, OURS, [later])
    (stands,) = alarms_of(db, OURS)
    assert (stands.raised_at, stands.stands, len(stands.reason)) == (later.raised_at, True, 500)
