"""What is remembered of customers is what would be loaded, whoever writes beside the turns."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, insert, select, update

from crm.database import DatabaseUnavailable, sqlite_driver
from crm.tables import conversation, customer, metadata, segment, segment_member
from engine.flow import Reads
from rapport.build import open_account
from rapport.runtime.cases import Case, Conversation
from rapport.runtime.deliveries import Outcome, settle
from rapport.runtime.load import cases_of, fill
from rapport.runtime.memory import Memory
from rapport.runtime.turns import Turned, Turns
from rapport.runtime.writer import ThreadWriter
from tests.support.desk import CRM, NOON, Office

FLOWS = """
flow: join
triggers: [{on: command, command: start}]
vars: {n: 1, when: none}
nodes:
  - ask: Your name?
    save_to: first_name
    timeout: {after: 2h, remind: [{after: 30m, text: Still there?}], goto: bye}
  - form: [birth_date, {save_to: size, skip: true}, {ask: Call you?, save_to: nickname}]
    confirm: Right?
    timeout: {after: 1d, goto: bye}
  - {ask: Your code?, save_to: code, skip: true}
  - set: {var.n: "{{ var.n + 1 }}", illness: "{{ customer.size }}", currency: EUR}
  - {tag: {add: [VIP, Asked]}}
  - branch: [{when: {all: [{tags: [VIP]}, {segment: few}]}, goto: few}]
  - {call: more, with: {guess: "{{ customer.birth_date }}"}}
  - {say: "{{ history('first_name') | join }} {{ customer.display_name }} {{ answer.guess }}"}
  - {delay: 45m}
  - {say: "{{ customer.size }} {{ customer.updated_at }} {{ customer.nickname }}", end: joined}
  - {id: few, tag: {remove: VIP}}
  - {set: {nickname: null, size: null}}
  - {id: bye, say: Bye, end: silent}
---
flow: more
vars: {guess: none}
nodes: [{ask: Guess?, save_to: var.guess, choices: [a, b]}, {end: guessed}]
---
flow: help
triggers: [{on: command, command: help}]
nodes: [{ask: With what?, save_to: var.what, timeout: {after: 1h, goto: end}}, {say: I see}]
---
flow: later
triggers: [{on: command, command: later}]
again: parallel
nodes: [{delay: 20m}, {ask: How was it?, save_to: last_name}, {say: "{{ customer.last_name }}"}]
"""

WITH_MORE = CRM + "segments: {few: {static: true}}\nalways: [{keywords: [help], flow: help}]\n"

PEOPLE = ("ann", "bob")

SAYINGS = (
    "/start", "/help", "/later", "/cancel", "help", "stop", "start", "Ann", "Sara", "1990-05-06",
    "۳۸", "38.5", "400", "yes", "no", "a", "skip", "C1", "C2", "Nini", "3",
)  # fmt: skip

Deed = Callable[[Office], object]


def people_say() -> st.SearchStrategy[Deed]:
    def saying(peer: str, what: str, account: int) -> Deed:
        def deed(office: Office) -> None:
            office.drives[list(office.drives)[account]].take_in(office.inbound(what, peer=peer))

        return deed

    return st.builds(
        saying, st.sampled_from(PEOPLE), st.sampled_from(SAYINGS), st.sampled_from((0, 0, 0, 1))
    )


def other_deeds() -> st.SearchStrategy[Deed]:
    return st.sampled_from(
        (
            lambda office: office.advance("25m"),
            lambda office: office.advance("70m"),
            everybody_opts_in_and_out,
            lambda office: office.keep(office.inbound("Sara")),
            lambda office: office.work(),
            press_the_newest,
            join_the_few,
        )
    )


def everybody_opts_in_and_out(office: Office) -> None:
    """In one batch: who leaves has left before the first of their messages is applied."""
    words = [(peer, word) for peer in PEOPLE for word in ("start", "stop")]
    office.receives(*(office.inbound(word, peer=peer) for peer, word in words))


def press_the_newest(office: Office) -> None:
    for delivery in reversed(office.shown):
        for row in delivery.outgoing().buttons:
            office.press(row[0].token or "", peer=delivery.peer)
            return


def join_the_few(office: Office) -> None:
    """The console puts everybody into a segment."""
    with office.engine.begin() as db:
        (few,) = db.execute(select(segment.c.id)).scalars()
        inside = set(db.execute(select(segment_member.c.customer_id)).scalars())
        for found in set(db.execute(select(customer.c.id)).scalars()) - inside:
            row = {"segment_id": few, "customer_id": found, "entered_at": office.clock.now()}
            business = office.library.business_id
            db.execute(insert(segment_member).values(**row, business_id=business))


def remembered(office: Office) -> dict[int, Case]:
    """The cases that a turn would use now."""
    with office.engine.connect() as db:
        office.memory.check(db, office.library)
    return {case.customer_id: case for case in office.memory.cases}


def loaded(office: Office, case: Case) -> Case:
    """What the database gives where nothing is remembered."""
    columns = [conversation.c[name] for name in Conversation._fields]
    with office.engine.connect() as db:
        rows = db.execute(select(*columns).where(conversation.c.id.in_(case.conversations)))
        cases = cases_of(Conversation(*row) for row in rows)
        fill(db, office.library, cases)
    return cases[case.customer_id]


def all_of(case: Case, keys: object = None) -> dict[str, Any]:
    """A case as plain data; `keys`: the values that are read, all of them by default."""
    whole = {name: getattr(case, name) for name in case.__struct_fields__}
    values = {key: case.values[key] for key in (keys or case.values)}  # type: ignore[attr-defined]
    return whole | {"values": values, "written": repr(values), "runs": repr(case.runs)}


def assert_true_to_the_database(office: Office) -> None:
    for case in remembered(office).values():
        fresh = loaded(office, case)
        assert all_of(case, fresh.values) == all_of(fresh)


def office_with_two_bots() -> Office:
    office = Office(FLOWS, crm=WITH_MORE)
    with office.engine.begin() as db:
        business = office.library.business_id
        second = open_account(db, business, "telegram", "2", "second_bot", office.clock.now())
    office.use(office.origin, second)
    return office


def all_rows(office: Office) -> dict[str, list[Any]]:
    return {
        # A turn's id names the process.
        name: office.rows(table, *(column.name for column in table.c if column.name != "turn_id"))
        for name, table in metadata.tables.items()
    }


WHOLE_TALK: list[Deed] = [
    lambda office, said=said: office.says(said)  # type: ignore[misc]  # mypy takes the default for a second argument
    for said in ("/start", "Ann", "1990-05-06", "38.5", "Nini", "yes", "C1", "help", "x", "b")
]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(people_say(), people_say(), other_deeds()), max_size=20))
@example(WHOLE_TALK)
@example([*WHOLE_TALK[:2], everybody_opts_in_and_out])
@example([*WHOLE_TALK[:1], join_the_few, *WHOLE_TALK[1:]])
def test_what_is_remembered_is_what_would_be_loaded_and_leads_to_the_same(
    deeds: list[Deed],
) -> None:
    office, forgetful = office_with_two_bots(), office_with_two_bots()
    for deed in deeds:
        deed(office)
        assert_true_to_the_database(office)
        forgetful.memory.forget()
        deed(forgetful)
    assert all_rows(office) == all_rows(forgetful)


def test_a_turn_of_somebody_remembered_asks_only_whether_the_message_is_new() -> None:
    office = Office(FLOWS, crm=WITH_MORE)
    office.use(replace(office.origin, stream="a poller's"))
    office.says("/start", "Ann")
    asked: list[str] = []
    with office.engine.connect() as db:
        sqlite_driver(db).set_trace_callback(asked.append)
    office.take_in(office.inbound("1990-05-06"))
    reads = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(reads) == 1
    assert "FROM mail" in reads[0]


def test_noise_beside_a_message_takes_no_number_that_the_message_gets() -> None:
    office = Office(FLOWS, crm=WITH_MORE).says("/start")
    turned = office.take_in(office.inbound("hi all", private=False), office.inbound("Ann"))
    assert turned.conversations == 1
    assert office.customer("first_name") == "Ann"


def test_no_more_are_remembered_than_asked_for() -> None:
    office = Office(FLOWS, crm=WITH_MORE)
    office.memory = Memory(most=2)
    turns = Turns(
        office.library, {office.origin.account_id: "telegram"}, lambda _, m: [m], office.memory
    )
    for peer in ("ann", "bob", "cid", "bob"):
        with office.engine.begin() as db:
            arrival = office.inbound("/start", peer=peer)
            turned = turns.take_in(db, office.origin, [arrival], NOON)
        turns.committed(turned)
    peers = [at.peer for case in office.memory.cases for at in case.conversations.values()]
    assert peers == ["cid", "bob"]


def test_a_run_on_an_older_version_of_its_flow_reads_what_that_reads() -> None:
    asking = "flow: f\ntriggers: [{on: command, command: start}]\nnodes:\n  - ask: Name?\n"
    saves = "    save_to: first_name\n"
    office = Office(asking + saves + '  - {say: "{{ customer.size }}"}\n')
    office.says("/start").said()
    with office.engine.begin() as db:
        db.execute(update(customer).values({office.library.columns["size"]: 38}))
    thanks = asking.replace("flow: f", "flow: f\non_update: finish") + saves
    office.apply(thanks + "  - {say: Thanks}\n")
    assert office.says("Ann").said() == ["38"]


def test_what_flows_read_from_now_on_is_loaded_anew() -> None:
    office = Office(FLOWS, crm=WITH_MORE).says("/start")
    assert remembered(office)
    office.library.reads |= Reads(fields=frozenset({"middle_name"}))
    assert not remembered(office)


GREETING = """
flow: f
triggers: [{on: command, command: start}]
nodes: [{ask: What?, save_to: var.what}, {say: "Hello {{ customer.first_name }}"}]
"""


class Bank:
    """An office whose transactions go through a writer's thread, in groups where a test wants."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "shop.db"
        self.office = Office(GREETING, url=f"sqlite:///{self.file}")
        self.writer = ThreadWriter(self.office.engine)

    def together(self, *jobs: Callable[[Connection], Any]) -> list[Future[Any]]:
        """These functions in one transaction; those of the desk are told of its commit."""
        go = threading.Event()
        self.writer.submit(lambda _: go.wait(5))
        futures = [self.writer.submit(job, committed=self._committed) for job in jobs]
        go.set()
        for future in futures:
            future.exception(5)
        return futures

    def says(self, text: str, peer: str = "ann") -> Callable[[Connection], Turned]:
        arrival, office = self.office.inbound(text, peer=peer), self.office
        return lambda db: office.desk.take_in(db, office.origin, [arrival], NOON)

    def _committed(self, result: Any) -> None:
        if isinstance(result, Turned):
            self.office.desk.committed(result)

    def remembered(self) -> list[int]:
        """The customers that a turn would not load now; what is kept of them is true."""

        def look(db: Connection) -> list[int]:
            self.office.memory.check(db, self.office.library)
            return [case.customer_id for case in self.office.memory.cases]

        found = self.writer.submit(look).result(5)
        for case in self.office.memory.cases:
            fresh = loaded(self.office, case)
            assert all_of(case, fresh.values) == all_of(fresh)
        return found


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    bank = Bank(tmp_path)
    yield bank
    bank.writer.close()


def rename(db: Connection) -> None:
    """What the console does, or anything else that is no turn."""
    db.execute(update(customer).values(first_name="Zoe"))


def rename_and_fail(db: Connection) -> None:
    rename(db)
    raise ValueError


def greeting(futures: Sequence[Future[Turned]]) -> list[str]:
    return [delivery.payload["text"] for delivery in futures[-1].result(5).deliveries]


def test_what_another_process_changes_the_next_turn_sees(bank: Bank) -> None:
    bank.together(bank.says("/start"))
    assert bank.remembered()
    with closing(sqlite3.connect(bank.file)) as other, other:
        other.execute("UPDATE customer SET first_name = 'Zoe'")
    assert greeting(bank.together(bank.says("x"))) == ["Hello Zoe"]


def test_what_another_function_of_the_process_changes_the_next_turn_sees(bank: Bank) -> None:
    bank.together(bank.says("/start"))
    bank.together(rename)
    assert greeting(bank.together(bank.says("x"))) == ["Hello Zoe"]


def test_what_is_changed_in_the_same_transaction_the_next_turn_sees(bank: Bank) -> None:
    bank.together(bank.says("/start"), rename)
    assert greeting(bank.together(bank.says("x"))) == ["Hello Zoe"]
    bank.together(bank.says("/start"), rename, bank.says("/start", peer="bob"))
    assert bank.remembered() == [2]


def test_two_turns_of_somebody_in_one_transaction_leave_what_the_second_left(bank: Bank) -> None:
    assert greeting(bank.together(bank.says("/start"), bank.says("x"))) == ["Hello "]
    assert bank.remembered() == [1]
    bank.together(bank.says("/start"), bank.says("/start", peer="bob"), bank.says("x"))
    assert bank.remembered() == [2, 1]


def test_a_function_that_is_undone_leaves_what_was_before_it(bank: Bank) -> None:
    bank.together(bank.says("/start"), rename_and_fail)
    bank.remembered()
    assert greeting(bank.together(bank.says("x"))) == ["Hello "]


def test_a_transaction_that_is_rolled_back_leaves_nothing_behind(bank: Bank) -> None:
    def locked(_: Connection) -> None:
        raise DatabaseUnavailable("the disk is full")

    bank.together(bank.says("/start"), bank.says("/start", peer="bob"))
    bank.together(bank.says("x"), locked)
    bank.remembered()
    assert greeting(bank.together(bank.says("y"))) == ["Hello "]


def test_a_timer_that_rings_makes_nobody_forget_but_those_it_rings_for() -> None:
    office = Office(FLOWS, crm=WITH_MORE).says("/start").advance("10m").says("/start", peer="bob")
    office.clock.set(NOON + timedelta(minutes=30))
    with office.engine.begin() as db:
        office.desk.ring(db, office.clock.now())
    assert [at.peer for case in office.memory.cases for at in case.conversations.values()] == [
        "bob"
    ]
    assert_true_to_the_database(office)
    assert office.work().letters == 1
    assert len(remembered(office)) == 1, "its commit was not told of"


def test_a_timer_that_rings_in_the_same_transaction_is_not_lost(bank: Bank) -> None:
    office = bank.office
    bank.together(bank.says("/start"), lambda db: office.desk.ring(db, NOON + timedelta(days=8)))
    assert bank.remembered() == []


def test_settling_messages_makes_nobody_forget(bank: Bank) -> None:
    (first,) = bank.together(bank.says("/start"))
    (delivery,) = first.result(5).deliveries
    account = bank.office.origin.account_id
    bank.together(lambda db: settle(db, account, [Outcome(delivery.id, "sent", 1, NOON, "7")]))
    assert bank.remembered() == [1]
