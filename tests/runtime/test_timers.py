"""Time passes: what is due happens at its moment, once, and nothing is read that is not due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm.tables import mail, outbox, run, timer
from tests.support.desk import NOON, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

FLOWS = """
flow: f
triggers: [{on: command, command: go}]
nodes:
  - id: a
    ask: {en: "Long story.\\nWho?"}
    save_to: var.who
    timeout: {after: 2h, remind: [{after: 30m, text: One}, {after: 60m, text: Two}], goto: silent}
  - {say: Thanks, end: answered}
  - {id: silent, say: Bye, end: silent}
---
flow: later
triggers: [{on: command, command: later}]
nodes: [{delay: 1h}, {say: Now}]
"""


@pytest.fixture
def office() -> Office:
    office = Office(FLOWS)
    office.says("/go").said()
    return office


def test_a_reminder_comes_at_its_moment_and_not_before(office: Office) -> None:
    office.advance("29m")
    assert office.said() == []
    assert office.advance("1m").said() == ["One"]
    assert office.rows(outbox, "due_at", "lane")[-1] == (NOON + timedelta(minutes=30), 1)


def test_a_question_that_nobody_answers_leaves_by_its_timeout(office: Office) -> None:
    assert office.advance("2h").said() == ["One", "Two", "Bye"]
    assert office.rows(run, "status", "outcome", "ended_at") == [
        ("ended", "silent", NOON + timedelta(hours=2))
    ]
    assert office.rows(timer, "run_id") == []


def test_an_invalid_reply_does_not_begin_the_time_anew(office: Office) -> None:
    office.advance("90m").receives(office.inbound("", kind="sticker"))
    office.said()
    assert office.advance("30m").said() == ["Bye"]


def test_an_answer_stops_them_all(office: Office) -> None:
    office.advance("30m").says("Sara").said()
    assert office.rows(timer, "run_id") == []
    assert office.advance("3h").said() == []


def test_a_timer_that_is_set_again_for_a_moment_that_has_rung_rings_again(office: Office) -> None:
    """As by a process whose clock is behind, when a covered question is asked again."""
    set_again = office.rows(timer, *timer.c.keys())
    office.clock.set(NOON + timedelta(minutes=30))
    with office.engine.begin() as db:
        office.desk.ring(db, office.clock.now())
    with office.engine.begin() as db:
        db.execute(timer.insert().values(dict(zip(timer.c.keys(), set_again[0], strict=True))))
    with office.engine.begin() as db:
        office.desk.ring(db, office.clock.now())
    office.drive.settle_down()
    assert office.said() == ["One"]
    assert len(office.rows(mail, "id", kind="timer")) == 2


def test_after_downtime_one_message_says_what_a_pile_would(office: Office) -> None:
    """The reminders are past, so only the end of the question is told."""
    office.clock.set(NOON + timedelta(hours=5))
    office.drive.settle_down()
    assert office.said() == ["Bye"]


def test_after_shorter_downtime_the_reminders_missed_are_said_and_the_rest_comes_on_time(
    office: Office,
) -> None:
    office.clock.set(NOON + timedelta(minutes=45))
    office.drive.settle_down()
    assert office.said() == ["One"]
    assert office.advance("15m").said() == ["Two"]


def test_a_timer_whose_run_has_moved_on_does_nothing(office: Office) -> None:
    """It rang before the answer was applied; the answer, in a lower lane, goes first."""
    office.clock.set(NOON + timedelta(hours=2))
    office.keep(office.inbound("Sara"))
    with office.engine.begin() as db:
        assert office.desk.ring(db, office.clock.now()).more
    office.drive.settle_down()
    assert office.said() == ["Thanks"]
    assert office.rows(run, "outcome") == ["answered"]
    assert office.rows(mail, "kind", "status")[-1] == ("timer", "done")


def test_a_timer_rings_once(office: Office) -> None:
    with office.engine.begin() as db:
        due = NOON + timedelta(minutes=30)
        assert office.desk.ring(db, due).more
        assert not office.desk.ring(db, due).more
    assert office.rows(mail, "kind") == ["command", "timer"]


def test_a_delay_is_over_at_its_end(office: Office) -> None:
    office.says("/later", peer="bob").advance("59m")
    assert office.said("bob") == []
    assert office.advance("1m").said("bob") == ["Now"]


def test_more_timers_than_one_transaction_rings_all_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapport.runtime.timers.AT_ONCE", 10)
    office = Office(FLOWS)
    office.receives(*(office.inbound("/later", peer=f"p{number}") for number in range(25)))
    office.advance("1h")
    assert office.rows(timer, "run_id") == []
    assert [one.payload["text"] for one in office.shown] == ["Now"] * 25
