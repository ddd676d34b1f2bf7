"""What is past its time goes, and neither a conversation nor a promise goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta

from sqlalchemy import Connection, Engine, event
from structlog.testing import capture_logs

from crm.services.retention import Retention
from crm.tables import activity, field_history, mail, outbox, run, timer, visit
from crm.tables import event as event_table
from rapport.runtime.clock_watch import CALM, ClockWatch
from rapport.runtime.forgetting import forget_by_clock, forget_old
from rapport.runtime.intake import Broken
from rapport.runtime.reading import Reader
from rapport.runtime.writer import InlineWriter, T
from tests.runtime.test_clock_watch import Machine
from tests.support.desk import Office
from tests.support.invariants import violations

FLOWS = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {ask: Which size?, save_to: size, id: size}
  - {ask: Which code?, save_to: code, timeout: {after: 200d, goto: late}}
  - {say: Thank you, end: ordered}
  - {id: late, say: Too late, end: late}
"""


def forget(office: Office) -> dict[str, int]:
    """A whole pass, three rows in a transaction; how many rows went, by what they were."""
    retention = Retention(office.origin.business_id, piece=3)
    more = True
    while more:
        with office.engine.begin() as db:
            more = retention.tick(db, office.clock.now())
    return {name: count for name, count in retention.forgotten.items() if count}


def wrong(office: Office) -> list[str]:
    """Broken promises among what cannot have been forgotten yet."""
    with office.engine.connect() as db:
        return violations(db, since=office.clock.now() - timedelta(days=3))


def test_done_mail_goes_after_three_days_and_the_open_question_is_still_answered() -> None:
    office = Office(FLOWS).says("/start", "42")
    assert forget(office) == {}
    office.advance("2d").says("/start", peer="bob").advance("25h")
    assert forget(office) == {"done mail": 2}
    assert office.said() == ["Which size?", "Which code?"]
    office.says("A7")
    assert (office.said(), office.customer("code")) == (["Thank you"], "A7")
    assert wrong(office) == []


def test_history_and_timeline_are_never_forgotten() -> None:
    office = Office(FLOWS).says("/start", "42", "A7").advance("500d")
    before = office.rows(field_history, "id"), office.rows(activity, "id")
    forget(office)
    assert (office.rows(field_history, "id"), office.rows(activity, "id")) == before


def test_of_a_year_of_silence_only_the_newest_row_of_each_table_is_left() -> None:
    """Its number would be given again, and with it what belongs to that number."""
    office = Office(FLOWS).says("/start", "42", "A7", "/start", "43", "A8").advance("400d")
    newest = [office.rows(table, "id")[-1] for table in (mail, outbox, run, event_table)]
    assert set(forget(office)) == {
        "done mail", "sent messages", "events", "passed nodes", "ended runs",
    }  # fmt: skip
    tables = (mail, outbox, run, event_table)
    assert [office.rows(table, "id") for table in tables] == [[one] for one in newest]
    office.says("/start")
    assert [office.rows(table, "id")[-1] for table in tables[:3]] > newest[:3]
    assert wrong(office) == []


def test_what_waits_for_a_person_is_kept_however_long() -> None:
    office = Office(FLOWS).says("/start", "42").advance("199d").says("/start", peer="bob")
    forget(office)
    assert office.rows(timer, "run_id") == [1, 2]
    assert office.rows(run, "status") == ["asking", "asking"]
    office.advance("1d")
    assert office.said()[-1] == "Too late"
    assert wrong(office) == []


def test_an_update_that_comes_again_within_a_day_is_still_known() -> None:
    office = Office(FLOWS)
    first = office.inbound("/start")
    office.receives(first).says("42").advance("24h").says("hello", peer="bob")
    forget(office)
    office.said()
    office.receives(first)
    assert office.said() == []
    assert wrong(office) == []


def test_a_dead_letter_can_be_looked_at_for_thirty_days() -> None:
    office = Office(FLOWS)
    office.keep(Broken("test:broken", "it cannot be read", {"update_id": 1}))
    office.says("/start").advance("29d")
    forget(office)
    assert office.rows(mail, "status")[0] == "dead"
    office.advance("2d")
    assert forget(office)["dead mail"] == 1


def test_passed_nodes_of_a_run_that_goes_on_are_forgotten_without_it() -> None:
    office = Office(FLOWS).says("/start", "42").advance("91d").says("/start", "42", peer="bob")
    assert forget(office)["passed nodes"] == 1
    assert set(office.rows(visit, "run_id")) == {2}
    assert office.rows(run, "status") == ["asking", "asking"]


def test_rows_of_a_clock_that_was_wrong_do_not_end_a_pass() -> None:
    office = Office(FLOWS).says("/start", "42", "A7", "hello").advance("10d")
    with office.engine.begin() as db:
        ahead = office.clock.now() + timedelta(days=3650)
        db.execute(mail.update().where(mail.c.id < 4).values(received_at=ahead, done_at=ahead))
    office.says("/start", "44").advance("4d").says("hello")
    assert forget(office) == {"done mail": 3}


class _Pieces(InlineWriter):
    """Counts what is submitted."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.count = 0

    def submit(self, f: Callable[[Connection], T], **options: object) -> Future[T]:
        self.count += 1
        return super().submit(f)


def test_beside_the_turns_a_pass_goes_through_the_writer_and_says_what_it_did() -> None:
    office = Office(FLOWS).says("/start", "42").advance("4d").says("/start", peer="bob")
    writer = _Pieces(office.engine)
    with capture_logs() as logs:
        pass_ = forget_old(writer, office.origin.business_id, office.clock.now())
        assert asyncio.run(pass_)["done mail"] == 2
    assert logs == [{"event": "forgotten", "log_level": "info", "done_mail": 2}]
    assert writer.count > len(("mail", "outbox", "visit"))


def test_nothing_is_forgotten_by_a_clock_that_jumped_ahead() -> None:
    office, machine = Office(FLOWS).says("/start", "42"), Machine()
    said = office.rows(mail, "id")
    watch = ClockWatch(office.clock, lambda: machine.seconds, Reader(office.engine))
    writer = InlineWriter(office.engine)
    forget = forget_by_clock(writer, office.origin.business_id, office.clock, watch)
    office.advance("4d")
    asyncio.run(forget)
    stored = office.rows(mail, "id")
    assert stored[: len(said)] == said
    office.advance("5m")
    machine.passes(CALM)
    asyncio.run(forget_by_clock(writer, office.origin.business_id, office.clock, watch))
    assert not set(said) & set(office.rows(mail, "id"))


def test_a_pass_without_anything_to_forget_reads_a_handful_of_rows() -> None:
    """Not a statement for each row that is kept."""
    office = Office(FLOWS)
    for number in range(40):
        office.says("/start", peer=f"p{number}")
    statements = []
    event.listen(office.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    forget(office)
    assert len(statements) < 40
