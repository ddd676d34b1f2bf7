"""When a turn cannot be done: content holds one conversation, trouble with the store holds all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog
from sqlalchemy import insert

from crm.database import DatabaseUnavailable, clear_errors
from crm.services.dead import list_dead, requeue
from crm.tables import activity, conversation, customer, field_history, mail, outbox, run
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import WORD, Option
from nodes import KINDS
from rapport.runtime.turns import BatchRefused
from tests.support.desk import NOON, Office, load


class Breaking(Node, frozen=True, kw_only=True):
    """A node kind with a mistake in it: it raises for as long as `broken`."""

    KIND: ClassVar[str] = "breaking"
    HELP: ClassVar[str] = "Raises."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "breaking": Option(WORD, "what it says", required=True)
    }
    broken: ClassVar[bool] = True

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: object) -> Breaking:
        return cls(**common)

    def enter(self, at: Passage) -> Next:
        if Breaking.broken:
            raise ZeroDivisionError("a mistake in a node kind")
        return Exit()


FLOWS = """
flow: good
triggers: [{on: command, command: start}]
nodes: [{ask: Your name?, save_to: first_name}, {say: "Hello {{ customer.first_name }}"}]
---
flow: bad
triggers: [{on: command, command: bad}]
nodes: [{say: Look}, {breaking: now}, {say: It works}]
"""

TRIES = (0, 1, 6, 36, 156)
"""Seconds from the first try to each of the five: 1, 5, 30 and 120 between them."""


@pytest.fixture
def office(on_both_stores: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(Breaking, "broken", True)
    # A warning with a traceback for each try is the service's business, not this test's.
    with structlog.testing.capture_logs():
        yield Office(load(FLOWS, kinds=(*KINDS, Breaking)))


def status(office: Office) -> list[tuple[Any, ...]]:
    return office.rows(mail, "kind", "status", "attempts", "last_error")


REASON = "ZeroDivisionError: a mistake in a node kind"


class TestContent:
    def test_one_persons_fault_refuses_the_batch_and_leaves_nothing_of_it(
        self, office: Office
    ) -> None:
        with pytest.raises(BatchRefused, match="a mistake in a node kind"):
            office.take_in(office.inbound("/start", peer="bob"), office.inbound("/bad"))
        assert office.rows(mail, "id") == []
        assert office.rows(customer, "id") == []

    def test_the_others_of_its_batch_go_on_and_it_alone_is_held(self, office: Office) -> None:
        office.receives(
            office.inbound("/start", peer="bob"),
            office.inbound("/bad"),
            office.inbound("/start", peer="cleo"),
        )
        assert (office.said("bob"), office.said("cleo")) == (["Your name?"], ["Your name?"])
        assert office.said("ann") == []
        assert office.rows(mail, "status", "attempts") == [
            ("done", 0), ("waiting", 1), ("done", 0)
        ]  # fmt: skip
        assert sorted(office.rows(conversation, "status", "hold_until"), key=str) == [
            ("idle", None),
            ("idle", None),
            ("ready", NOON + timedelta(seconds=1)),
        ]

    def test_nothing_of_the_turn_that_failed_is_left(self, office: Office) -> None:
        """It had said something and begun a run before it raised."""
        office.says("/bad")
        assert office.rows(outbox, "id") == []
        assert office.rows(run, "id") == []
        assert office.rows(activity, "type") == ["customer_created"]

    def test_it_is_tried_five_times_with_growing_pauses(self, office: Office) -> None:
        office.says("/bad")
        for attempts, (before, at) in enumerate(pairwise(TRIES), start=1):
            assert status(office) == [("command", "waiting", attempts, REASON)]
            office.advance(f"{at - before - 1}s")
            assert office.rows(mail, "attempts") == [attempts]
            office.advance("1s")
        assert status(office) == [("command", "dead", 5, REASON)]

    def test_then_it_is_a_dead_letter_stands_on_the_timeline_and_the_conversation_goes_on(
        self, office: Office
    ) -> None:
        office.says("/bad").says("/start").advance("155s")
        assert office.said() == []
        office.advance("1s")
        assert office.said() == ["Your name?"]
        (dead, _), statuses = zip(*office.rows(mail, "id", "status"), strict=True)
        assert statuses == ("dead", "done")
        assert office.rows(activity, "description", "data", type="mail_failed") == [
            (f"A message could not be handled: {REASON}", {"mail": dead})
        ]
        assert office.rows(conversation, "status", "hold_until") == [("idle", None)]
        assert office.says("Sara").said() == ["Hello Sara"]

    def test_a_dead_letter_can_be_applied_after_all(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        office.says("/bad").advance("1h")
        monkeypatch.setattr(Breaking, "broken", False)
        business = office.library.business_id
        with office.engine.begin() as db:
            (letter,) = list_dead(db, business)
            assert letter.error == REASON
            requeue(db, business, letter.reference, office.clock.now())
        office.drive.settle_down()
        assert office.said() == ["Look", "It works"]
        assert status(office) == [("command", "done", 0, None)]

    def test_a_row_that_breaks_a_constraint_is_its_conversations_fault(
        self, office: Office
    ) -> None:
        """A copy of what ann's mail sends stands in the outbox already."""
        office.says("hello", peer="bob")
        office.keep(office.inbound("/start", peer="bob"), office.inbound("/start"))
        ann = office.rows(mail, "id")[-1]
        with office.engine.begin() as db:
            db.execute(
                insert(outbox).values(
                    business_id=office.library.business_id, account_id=office.origin.account_id,
                    conversation_id=1, dedup_key=f"mail:{ann}:0", peer="bob", lane=0, payload={},
                    status="sent", attempts=1, created_at=NOON, due_at=NOON,
                )
            )  # fmt: skip
        office.drive.settle_down()
        assert office.said("bob") == ["Your name?"]
        assert office.said("ann") == []
        (failed,) = office.rows(mail, "id", "attempts", "last_error", status="waiting")
        assert failed[:2] == (ann, 1)
        assert failed[2].startswith("IntegrityError: ")
        assert "dedup_key" in failed[2]


class TestTheStore:
    def test_a_full_disk_rolls_all_of_a_batch_back_and_nobodys_attempts_change(
        self, tmp_path: Path
    ) -> None:
        office = Office(FLOWS.replace("{breaking: now}, ", ""), url=_file(tmp_path))
        office.keep(*(office.inbound("/start", peer=f"p{number}") for number in range(50)))
        with _full(office), pytest.raises(DatabaseUnavailable, match="full"), clear_errors():
            office.work()
        assert set(office.rows(mail, "status", "attempts", "last_error")) == {("waiting", 0, None)}
        assert office.rows(run, "id") == []
        assert office.rows(activity, "type", type="message_sent") == []
        office.drive.settle_down()
        assert {office.said(f"p{number}")[0] for number in range(50)} == {"Your name?"}
        assert set(office.rows(mail, "status", "attempts")) == {("done", 0)}

    def test_what_came_in_meanwhile_is_not_stored_so_that_it_is_fetched_again(
        self, tmp_path: Path
    ) -> None:
        office = Office(FLOWS.replace("{breaking: now}, ", ""), url=_file(tmp_path))
        arrivals = [office.inbound("/start", peer=f"p{number}") for number in range(50)]
        with _full(office), pytest.raises(DatabaseUnavailable), clear_errors():
            office.take_in(*arrivals)
        assert office.rows(mail, "id") == []
        assert office.rows(customer, "id") == []
        office.receives(*arrivals)
        assert len(office.rows(customer, "id")) == 50

    def test_trouble_in_the_middle_of_careful_work_is_nobodys_fault_either(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Breaking, "broken", True)
        office = Office(load(FLOWS, kinds=(*KINDS, Breaking)), url=_file(tmp_path))
        office.keep(office.inbound("/bad"))
        office.keep(*(office.inbound("/start", peer=f"p{number}") for number in range(50)))
        now = office.clock.now()
        with (
            structlog.testing.capture_logs(),
            _full(office),
            pytest.raises(DatabaseUnavailable),
            clear_errors(),
            office.engine.begin() as db,
        ):
            office.desk.work_carefully(db, now)
        assert set(office.rows(mail, "status", "attempts")) == {("waiting", 0)}
        assert office.rows(field_history, "id") == []


def _file(folder: Path) -> str:
    return f"sqlite:///{folder / 'shop.db'}"


@contextmanager
def _full(office: Office) -> Iterator[None]:
    """The database has no room for another page."""
    _limit(office, "page_count")
    yield
    _limit(office, str(2**30))


def _limit(office: Office, pages: str) -> None:
    # The limit is the connection's, which the pool gives to the next transaction.
    with office.engine.connect() as db:
        if pages == "page_count":
            pages = str(db.exec_driver_sql("PRAGMA page_count").scalar_one())
        db.exec_driver_sql(f"PRAGMA max_page_count={pages}")
