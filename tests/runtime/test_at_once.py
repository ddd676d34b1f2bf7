"""Two processes at once on PostgreSQL: what one is in the middle of, the other meets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from bots.channel import Inbound
from crm.tables import conversation, customer, mail, run
from rapport.build import apply_loaded, load_applied, open_account
from rapport.runtime.desk import Desk
from rapport.runtime.library import Library, LibraryOutdated
from rapport.runtime.moving import move_piece
from rapport.runtime.turns import Turned, Turns
from tests.support import desk as support
from tests.support.database import emptied
from tests.support.desk import CRM, NOON, Office

FLOWS = """
flow: greet
triggers: [{on: command, command: start}]
nodes:
  - {ask: Your name?, save_to: first_name, timeout: {after: 2h, goto: bye}}
  - {say: "Hello {{ customer.first_name }}", end: greeted}
  - {id: bye, say: Bye, end: silent}
---
flow: code
triggers: [{on: command, command: code}]
nodes: [{ask: Your code?, save_to: code}, {say: Thanks}]
---
flow: echo
triggers: [{on: message, any: yes}]
nodes: [{say: "You wrote {{ event.text }}", end: said}]
"""


@pytest.fixture
def office(postgresql: Engine, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(support, "new_store", lambda: emptied(postgresql))
    return Office(FLOWS, crm=CRM)


Work = Callable[[Connection], Any]


@contextmanager
def in_the_middle(office: Office, mine: Work, theirs: Work) -> Iterator[Future[Any]]:
    """`mine` is done and not yet committed, and `theirs` has begun on another connection and waits
    for it, or is done. Ours is committed at the end; then theirs has ended too."""
    engine = office.engine
    with ThreadPoolExecutor(1) as elsewhere, engine.connect() as other:
        pid = other.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]  # psycopg
        second: Future[Any] = Future()
        second.set_result(None)
        try:
            with engine.begin() as db:
                mine(db)
                second = elsewhere.submit(_committed, other, theirs)
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watch:
                    while not second.done() and not watch.scalar(_WAITS, {"pid": pid}):
                        pass
                yield second
        finally:
            second.exception(10)


_WAITS = text("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND pid = :pid")


def _committed(db: Connection, work: Work) -> Any:
    with db.begin():
        return work(db)


def other_process(office: Office) -> Desk:
    """A desk with a memory of its own."""
    channels = {office.origin.account_id: office.channel}
    return Desk(Turns(office.library, channels, lambda _, message: [message]))


def working(office: Office) -> Work:
    return lambda db: other_process(office).work(db, office.clock.now())


def taking_in(office: Office, *arrivals: Inbound) -> Work:
    return lambda db: other_process(office).take_in(db, office.origin, arrivals, NOON)


def keeping(office: Office, *arrivals: Inbound) -> Work:
    return lambda db: other_process(office).keep(db, office.origin, arrivals, NOON)


def ringing(office: Office) -> Work:
    return lambda db: other_process(office).ring(db, NOON + timedelta(hours=3))


class TestOneConversation:
    def test_mail_stored_while_a_turn_ends_its_conversation_is_not_forgotten(
        self, office: Office
    ) -> None:
        """The turn has read all mail and sets the conversation idle; the mail comes in between."""
        office.keep(office.inbound("one"))
        two = office.inbound("two")
        with in_the_middle(office, working(office), keeping(office, two)) as second:
            assert not second.done(), "it waits for the turn's end"
        assert office.rows(mail, "status") == ["done", "waiting"]
        assert office.rows(conversation, "status") == ["ready"]
        office.drive.settle_down()
        assert office.said() == ["You wrote one", "You wrote two"]

    def test_mail_that_is_committed_first_is_left_to_the_next_turn(self, office: Office) -> None:
        """The other order: the intake holds the conversation, and the turn leaves it alone."""
        office.keep(office.inbound("one"))
        two = office.inbound("two")
        with in_the_middle(office, keeping(office, two), working(office)) as second:
            assert second.result(10).conversations == 0
        office.drive.settle_down()
        assert office.said() == ["You wrote one", "You wrote two"]

    def test_mail_that_comes_during_a_turn_is_applied_at_once_when_that_ends(
        self, office: Office
    ) -> None:
        office.keep(office.inbound("/start"))
        name = office.inbound("Ann")
        with in_the_middle(office, working(office), taking_in(office, name)) as second:
            assert not second.done()
        assert second.result().letters == 1
        office.drive.settle_down()
        assert office.said() == ["Your name?", "Hello Ann"]

    def test_a_held_conversation_is_worked_on_by_one(self, office: Office) -> None:
        office.keep(office.inbound("one"), office.inbound("hello", peer="bob"))
        with in_the_middle(office, working(office), working(office)) as second:
            assert second.result(10).conversations == 0
        office.drive.settle_down()
        assert (office.said("ann"), office.said("bob")) == (["You wrote one"], ["You wrote hello"])

    def test_what_a_later_one_overtook_in_another_process_is_marked(self, office: Office) -> None:
        office.says("one")
        two, three = office.inbound("two"), office.inbound("three")
        with in_the_middle(office, taking_in(office, three), taking_in(office, two)):
            pass
        assert office.rows(mail, "payload", "late")[1:] == [
            (three.payload, False), (two.payload, True)
        ]  # fmt: skip


class TestTheSameThingTwice:
    def test_an_update_that_two_take_in_at_once_is_applied_once(self, office: Office) -> None:
        office.says("hello").said()
        again = office.inbound("again")
        with in_the_middle(office, taking_in(office, again), taking_in(office, again)) as second:
            assert not second.done()
        assert second.result() == Turned()
        office.drive.settle_down()
        assert office.said() == ["You wrote again"]

    def test_noise_that_two_take_in_at_once_is_kept_once(self, office: Office) -> None:
        noise = office.inbound("hello", private=False)
        with in_the_middle(office, keeping(office, noise), keeping(office, noise)):
            pass
        assert office.rows(mail, "status") == ["ignored"]

    def test_a_stranger_whom_two_meet_at_once_is_one_customer(self, office: Office) -> None:
        first, second = office.inbound("one"), office.inbound("two")
        with in_the_middle(office, taking_in(office, first), taking_in(office, second)) as other:
            assert not other.done()
        assert other.result().letters == 1
        assert len(office.rows(customer, "id")) == len(office.rows(conversation, "id")) == 1
        office.drive.settle_down()
        assert office.said() == ["You wrote one", "You wrote two"]

    def test_of_a_stranger_whose_first_message_fails_the_second_is_met_anew(
        self, office: Office
    ) -> None:
        first, second = office.inbound("one"), office.inbound("two")
        with (
            pytest.raises(ZeroDivisionError),
            in_the_middle(office, taking_in(office, first), taking_in(office, second)) as other,
        ):
            raise ZeroDivisionError
        assert other.result().letters == 1
        office.drive.settle_down()
        assert office.said() == ["You wrote two"]

    def test_a_timer_rings_once(self, office: Office) -> None:
        office.says("/start").said()
        with in_the_middle(office, ringing(office), ringing(office)) as second:
            assert not second.result(10).more
        office.clock.set(NOON + timedelta(hours=3))
        office.drive.settle_down()
        assert office.said() == ["Bye"]

    def test_a_timer_of_a_conversation_that_is_worked_on_rings_afterwards_or_not_at_all(
        self, office: Office
    ) -> None:
        office.says("/start", "/start", peer="bob").says("/start").said()
        office.keep(office.inbound("Ann"))
        with in_the_middle(office, working(office), ringing(office)) as second:
            assert second.result(10).more, "bob's rings"
        office.clock.set(NOON + timedelta(hours=3))
        office.drive.settle_down()
        assert office.said() == ["Hello Ann"]
        assert office.said("bob")[-1] == "Bye"
        assert office.rows(run, "outcome") == ["restarted", "silent", "greeted"]


class TestOneCustomer:
    def on_a_second_bot(self, office: Office) -> Desk:
        """A desk that serves both bots; the office's people now write to the second."""
        first = office.origin
        with office.engine.begin() as db:
            second = open_account(db, office.library.business_id, "telegram", "2", "", NOON)
        office.use(second, first)
        return office.desk

    def test_two_of_their_conversations_are_not_worked_on_at_once(self, office: Office) -> None:
        office.keep(office.inbound("one"))
        desk = self.on_a_second_bot(office)
        with office.engine.begin() as db:
            working_on_one = desk.work(db, NOON)
            assert working_on_one.conversations == 1
            two = office.inbound("two")
            with office.engine.begin() as other:
                taken = desk.take_in(other, office.origin, [two], NOON)
                assert (taken.letters, taken.more) == (0, True), "stored behind"
            with office.engine.begin() as other:
                assert desk.work(other, NOON).conversations == 0
        office.drive.settle_down()
        assert set(office.rows(mail, "status")) == {"done"}
        assert office.rows(customer, "total_interactions") == [1]

    def test_a_value_that_two_give_at_once_is_given_by_one(self, office: Office) -> None:
        for peer in ("ann", "bob"):
            office.says("/code", peer=peer)
        first, second = office.inbound("A1"), office.inbound("A1", peer="bob")
        with in_the_middle(office, taking_in(office, first), taking_in(office, second)) as other:
            assert not other.done()
        assert office.rows(customer, office.library.columns["code"]) == ["A1", None]
        office.drive.settle_down()
        assert office.said("bob")[-1].startswith("That is already in use.")


CHANGED = FLOWS.replace("Hello {{", "Welcome {{")


def applying(office: Office) -> Work:
    changed = support.load(CHANGED, CRM)
    return lambda db: apply_loaded(db, changed, NOON + timedelta(seconds=1))


def moving(office: Office) -> Work:
    """The pass, as the process does it that has applied."""
    library = load_applied_of(office)
    return lambda db: move_piece(db, library, NOON + timedelta(seconds=2))


def load_applied_of(office: Office) -> Library:
    with office.engine.begin() as db:
        return load_applied(db, office.library.business_id)[0]


class TestChangedFlow:
    def test_an_apply_waits_for_the_turns_that_have_begun_and_moves_what_they_began(
        self, office: Office
    ) -> None:
        start = office.inbound("/start")
        with in_the_middle(office, taking_in(office, start), applying(office)) as second:
            assert not second.done(), "it waits for the turn's end"
        assert office.rows(run, "flow_version") == [1]
        with office.engine.begin() as db:
            assert moving(office)(db).fates == {"move": 1}
        assert office.says("Ann").said() == ["Your name?", "Welcome Ann"]

    def test_a_turn_that_begins_during_an_apply_does_nothing_by_the_version_before(
        self, office: Office
    ) -> None:
        start = office.inbound("/start")
        with in_the_middle(office, applying(office), taking_in(office, start)) as second:
            assert not second.done(), "it waits for the apply's end"
        assert isinstance(second.exception(10), LibraryOutdated)
        assert office.rows(run, "flow_version") == []

    def test_the_pass_leaves_nobody_out_who_is_in_a_turn(self, office: Office) -> None:
        office.says("/start")
        with office.engine.begin() as db:
            applying(office)(db)
        library = load_applied_of(office)
        channels = {office.origin.account_id: office.channel}
        newest = Desk(Turns(library, channels, lambda _, message: [message]))
        bob, ann = office.inbound("/start", peer="bob"), office.inbound("no name at all" * 20)

        def turn(db: Connection) -> Any:
            return newest.take_in(db, office.origin, [ann, bob], NOON + timedelta(seconds=2))

        with in_the_middle(office, turn, moving(office)) as second:
            assert not second.done(), "it waits for the turn's end"
        assert second.result(10).fates == {}
        assert office.rows(run, "flow_version") == [2, 2]

    def test_a_turn_leaves_alone_whom_the_pass_moves(self, office: Office) -> None:
        office.says("/start")
        with office.engine.begin() as db:
            applying(office)(db)
        office.drive.settle_down()
        ann = office.inbound("Ann")
        library = load_applied_of(office)
        channels = {office.origin.account_id: office.channel}
        newest = Desk(Turns(library, channels, lambda _, message: [message]))

        def turn(db: Connection) -> Any:
            return newest.take_in(db, office.origin, [ann], NOON + timedelta(seconds=2))

        with in_the_middle(office, moving(office), turn) as second:
            assert second.result(10).letters == 0
        assert office.rows(run, "flow_version") == [2]
        office.drive.settle_down()
        assert office.said() == ["Your name?", "Welcome Ann"]

    def test_two_that_move_take_turns(self, office: Office) -> None:
        office.says("/start")
        with office.engine.begin() as db:
            applying(office)(db)
        with in_the_middle(office, moving(office), moving(office)) as second:
            assert not second.done()
        assert second.result(10).fates == {}
