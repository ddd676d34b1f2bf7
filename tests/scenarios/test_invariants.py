"""The checker finds each broken promise; it would prove nothing if it could not."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bots import plain
from crm.database import open_engine
from crm.tables import metadata
from rapport.build import apply_loaded, open_account, whole
from rapport.project import read_project
from rapport.runtime.clock import VirtualClock
from rapport.runtime.desk import Desk
from rapport.runtime.drive import Drive
from rapport.runtime.turns import Turns
from tests.support.service import Place

PROJECT = Path(__file__).parents[1] / "crash" / "project"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

SARA = ("/start", "Sara", "1990-05-15", "shoes", "41", "sara@example.com")
"""Talks to the end."""

OMID = ("/start", "Omid", "no date", "/start", "Reza")
"""Begins anew, changes the name, and leaves the birthday open."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two conversations as the real engine leaves them, one of them in the middle."""
    place = Place(PROJECT, tmp_path_factory.mktemp("sound"))
    engine = open_engine(place.url)
    metadata.create_all(engine)
    loaded = read_project(PROJECT)
    with engine.begin() as db:
        library = apply_loaded(db, loaded, NOON).library
        origin = open_account(db, library.business_id, "telegram", "1", "bot", NOON)
    clock = VirtualClock(NOON)
    desk = Desk(Turns(library, {origin.account_id: origin.channel}, whole))
    sent = iter(range(1, 100))
    drive = Drive(engine, desk, origin, clock, lambda _: str(next(sent)))
    talk = [*zip(["7"] * len(SARA), SARA, strict=True), *zip(["8"] * len(OMID), OMID, strict=True)]
    for number, (peer, text) in enumerate(talk):
        clock.set(clock.now() + timedelta(seconds=1))
        update = plain.text_update(peer, text) | {"key": str(number), "update_id": number}
        drive.take_in(plain.decode(update, "telegram", "1"))
    engine.dispose()
    return place


@pytest.fixture
def place(sound: Place, tmp_path: Path) -> Place:
    """A copy, to break."""
    shutil.copytree(sound.folder, tmp_path, dirs_exist_ok=True)
    return Place(PROJECT, tmp_path)


def test_a_database_that_the_engine_wrote_keeps_every_promise(place: Place) -> None:
    """And it is not empty: runs that asked, ended and were interrupted, timers, history."""
    assert place.violations() == []
    with closing(sqlite3.connect(place.database)) as db:
        statuses = db.execute("SELECT status, outcome FROM run ORDER BY id").fetchall()
        assert statuses == [("ended", "captured"), ("ended", "restarted"), ("asking", None)]
        for table, least in (("timer", 1), ("field_history", 6), ("visit", 8), ("outbox", 9)):
            (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert count >= least, table


FREE = "CREATE TABLE copy AS SELECT * FROM {0}; DROP TABLE {0}; ALTER TABLE copy RENAME TO {0};"
"""Takes a table's constraints away, so that what they forbid can be planted."""

FIRING = "('f/birthday', 1, '2026', 1, 'started', NULL, 0, 0, NULL, NULL, NULL)"

PLANTS = {
    "the same update is stored twice": (
        FREE.format("mail") + "UPDATE mail SET dedup_key = 'telegram:1:0' WHERE id = 2",
        "mail telegram:1:0 was stored more than once",
    ),
    "a mail is applied twice": (
        (
            "INSERT INTO activity (business_id, customer_id, at, type, description, data, by)"
            " SELECT business_id, customer_id, at, type, description, data, by FROM activity"
            " WHERE type = 'message_received' LIMIT 1"
        ),
        "mail 1 is done and on the timeline 2 times",
    ),
    "a mail is marked done and was not applied": (
        "DELETE FROM activity WHERE data ->> 'mail' = 3",
        "mail 3 is done and on the timeline 0 times",
    ),
    "a dead letter was applied all the same": (
        "UPDATE mail SET status = 'dead', last_error = 'x' WHERE id = 3",
        "mail 3 is dead and on the timeline 1 times",
    ),
    "the timeline tells of mail that is gone": (
        "DELETE FROM mail WHERE id = 1",
        "the timeline tells of mail 1, which does not exist",
    ),
    "done mail does not say when": (
        "UPDATE mail SET done_at = NULL WHERE id = 3",
        "mail 3 is done and does not say when or by which turn",
    ),
    "a dead letter does not say why": (
        "UPDATE mail SET status = 'dead' WHERE id = 3",
        "mail 3 is dead and does not say why",
    ),
    "a later mail overtakes an earlier one": (
        "UPDATE mail SET done_at = done_at + 60000000 WHERE id = 2",
        "mail 3 was applied before 2, which was there and comes first",
    ),
    "what waits together is applied in the order it came in, not the provider's": (
        (
            "UPDATE mail SET done_at = 1, turn_id = 'x' WHERE id IN (2, 3);"
            "UPDATE mail SET provider_seq = 100 WHERE id = 2"
        ),
        "mail 2 was applied before 3, which was there and comes first",
    ),
    "a message that overtook nobody is marked late": (
        "UPDATE mail SET late = true WHERE id = 3",
        "mail 3 is late: False, and is marked True",
    ),
    "what was overtaken is not marked": (
        "UPDATE mail SET provider_seq = 0 WHERE id = 3",
        "mail 3 is late: True, and is marked False",
    ),
    "mail waits and nobody is told of it": (
        "UPDATE mail SET status = 'waiting' WHERE id = 3",
        "conversation 1 has waiting mail and is not ready",
    ),
    "mail was left waiting": (
        "UPDATE mail SET status = 'waiting' WHERE id = 3",
        "mail 3 still waits",
    ),
    "a conversation was left ready": (
        "UPDATE conversation SET status = 'ready' WHERE id = 2",
        "conversation 2 is still ready",
    ),
    "a message of a mail is missing": (
        "UPDATE outbox SET dedup_key = 'mail:6:1' WHERE dedup_key = 'mail:6:0'",
        "the messages of mail:6 are numbered [1]",
    ),
    "a message was never written": (
        "DELETE FROM outbox WHERE dedup_key = 'mail:6:0'",
        "customer 1 was told 6 messages, and the outbox has 5",
    ),
    "a message was written for a mail that was not applied": (
        "UPDATE mail SET status = 'ignored' WHERE id = 3",
        "messages were written for mail 3, which was not applied",
    ),
    "a message went out of order": (
        "UPDATE outbox SET provider_message_id = '90' WHERE id = 2",
        "message 3 to 7 was sent before 2",
    ),
    "two messages share a number of the platform": (
        "UPDATE outbox SET provider_message_id = '2' WHERE id = 3",
        "messages 2 and 3 to 7 are one message 2",
    ),
    "a message is sent without an attempt": (
        "UPDATE outbox SET attempts = 0 WHERE id = 3",
        "message 3 is sent without an attempt or a time",
    ),
    "a message was left unsent": (
        "UPDATE outbox SET status = 'pending' WHERE id = 3",
        "message 3 is pending: None",
    ),
    "a message could not be sent": (
        "UPDATE outbox SET status = 'dead', last_error = 'too long' WHERE id = 3",
        "message 3 is dead: too long",
    ),
    "a timer outlives its run": (
        "INSERT INTO timer VALUES (1, 1, 1, '1-1', 0)",
        "the timer of run 1 is an orphan: the run waits for no moment",
    ),
    "a wait has lost its timer": (
        "DELETE FROM timer",
        "run 3 waits for .* and no timer knows of it",
    ),
    "a timer is of an earlier wait": (
        "UPDATE timer SET wait_id = '3-1'",
        "the timer of run 3 is ('3-1', .*, its wait is ('3-2', .*",
    ),
    "two runs ask one customer": (
        "UPDATE run SET status = 'asking' WHERE id = 2",
        "customer 2 holds [3], and these runs ask: [2, 3]",
    ),
    "a customer holds a run that does not ask": (
        "UPDATE customer SET asking_run = 1 WHERE id = 1",
        "customer 1 holds [1], and these runs ask: []",
    ),
    "an ended run still waits": (
        "UPDATE run SET wait = (SELECT wait FROM run WHERE id = 3), wait_id = '1-9' WHERE id = 1",
        "run 1 has ended with outcome captured, and waits for 1-9",
    ),
    "an ended run has no outcome": (
        "UPDATE run SET outcome = NULL WHERE id = 1",
        "run 1 has ended with outcome None, and waits for None",
    ),
    "an open run waits for nothing": (
        "UPDATE run SET wait = NULL, wait_id = NULL WHERE id = 3",
        "run 3 is asking, waits for None, ended None",
    ),
    "a visit has no run": (
        "UPDATE visit SET run_id = 99 WHERE id = 1",
        "visit 1 belongs to run 99, which does not exist",
    ),
    "a visit ends before it begins": (
        "UPDATE visit SET left_at = entered_at - 1 WHERE id = 1",
        "visit 1 was left before it was entered",
    ),
    "an occurrence was decided twice": (
        FREE.format("trigger_firing") + f"INSERT INTO trigger_firing VALUES {FIRING}, {FIRING}",
        "f/birthday was decided more than once for customer 1, 2026",
    ),
    "a firing started two runs": (
        "UPDATE run SET firing = 'f/birthday:1:2026' WHERE id IN (1, 2)",
        "firing f/birthday:1:2026 started more than one run",
    ),
    "a change was lost between two": (
        "UPDATE field_history SET old = '\"Ali\"' WHERE new = '\"Reza\"'",
        "history 7 of first_name begins with Ali, not Omid",
    ),
    "what is stored is not what was set last": (
        "UPDATE customer SET first_name = 'Ali' WHERE id = 2",
        "customer 2 has first_name Ali, and its history ends with Reza",
    ),
    "a change names mail that was not applied": (
        "UPDATE field_history SET mail_id = 99 WHERE id = 1",
        "history 1 was set by mail 99, which was not applied",
    ),
    "a change is not on the timeline": (
        (
            "DELETE FROM activity WHERE type = 'field_updated' AND customer_id = 1"
            " AND description LIKE 'email%'"
        ),
        "customer 1 has 1 changes of email and 0 rows on the timeline of them",
    ),
    "a change is told twice": (
        (
            "INSERT INTO event (business_id, customer_id, type, data, depth, at)"
            " SELECT business_id, customer_id, type, data, depth, at FROM event"
            " WHERE data ->> 'field' = 'email'"
        ),
        "customer 1 has 1 changes of email and 2 events of them",
    ),
}


@pytest.mark.parametrize("plant", PLANTS)
def test_a_broken_promise_is_found(plant: str, place: Place) -> None:
    """Each is planted by hand into a sound database, and said in a sentence."""
    statements, sentence = PLANTS[plant]
    with closing(sqlite3.connect(place.database)) as db:
        db.executescript(statements)
    pattern = re.escape(sentence).replace(r"\.\*", ".*")
    found = place.violations()
    assert any(re.fullmatch(pattern, violation) for violation in found), found


def test_work_that_was_interrupted_is_no_violation(place: Place) -> None:
    """What waits to be applied or sent is the next process's; it must only know of it."""
    with closing(sqlite3.connect(place.database)) as db:
        db.executescript(
            "INSERT INTO mail (business_id, conversation_id, dedup_key, lane, kind, payload,"
            " status, attempts, received_at) VALUES (1, 2, 'k', 0, 'text', '{}', 'waiting', 0, 0);"
            "UPDATE conversation SET status = 'ready' WHERE id = 2;"
            "UPDATE outbox SET status = 'pending', provider_message_id = NULL WHERE id > 8"
        )
    assert place.violations(at_rest=False) == []
    assert len(place.violations()) == 3 + _unsent(place)


def _unsent(place: Place) -> int:
    with closing(sqlite3.connect(place.database)) as db:
        (count,) = db.execute("SELECT count(*) FROM outbox WHERE id > 8").fetchone()
    return int(count) - 1
