"""Four workers on one PostgreSQL: whatever comes in any order, twice, at once, is applied once."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import Engine

from bots.channel import Inbound
from crm.database import DatabaseUnavailable, clear_errors
from crm.tables import customer, mail
from rapport.build import open_account
from rapport.runtime.calls import Call, claim_calls, store_answer
from rapport.runtime.desk import Desk
from rapport.runtime.intake import Origin
from rapport.runtime.performer import LATE
from rapport.runtime.turns import BatchRefused, Turns
from tests.support import desk as support
from tests.support.database import emptied
from tests.support.desk import CRM, NOON, Office
from tests.support.invariants import violations

FLOWS = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {ask: Your name?, save_to: first_name, timeout: {after: 1h, goto: bye}}
  - {ask: Your code?, save_to: code}
  - {tag: {add: [VIP]}}
  - {say: "{{ customer.first_name }}: {{ customer.code }}", end: ordered}
  - {id: bye, say: Bye, end: silent}
---
flow: later
triggers: [{on: command, command: later}]
nodes: [{delay: 30m}, {say: Now}]
---
flow: help
nodes: [{ask: With what?, save_to: var.what}, {say: I see}]
"""

WORKERS, MESSAGES = 4, 160
PEOPLE = ("ann", "bob", "cleo", "dan", "eve")
TEXTS = ("/start", "/later", "help", "Sara", "A1", "A2", "stop", "/cancel", "hello", "B7")


class Crowd:
    """Several processes' worth of work on one office's database, in an order by chance."""

    def __init__(self, office: Office, seed: int) -> None:
        self.office = office
        self.chance = random.Random(seed)
        first = office.origin
        with office.engine.begin() as db:
            second = open_account(db, office.library.business_id, "telegram", "2", "", NOON)
        self.origins = (first, second)
        office.use(*self.origins)
        self.sent = {origin: self._messages() for origin in self.origins}

    def _messages(self) -> list[Inbound]:
        say = self.office.inbound
        return [
            say(self.chance.choice(TEXTS), peer=self.chance.choice(PEOPLE)) for _ in range(MESSAGES)
        ]

    def arrivals(self) -> Iterator[tuple[Origin, list[Inbound]]]:
        """Each message at least once, some twice, none far from its place."""
        for origin, messages in self.sent.items():
            copies = [*messages, *self.chance.sample(messages, MESSAGES // 5)]
            places = {id(one): place for place, one in enumerate(messages)}
            copies.sort(key=lambda one: places[id(one)] + self.chance.uniform(0, 6))
            while copies:
                size = self.chance.randint(1, 6)
                yield origin, copies[:size]
                del copies[:size]

    def jobs(self) -> list[tuple[str, Origin, list[Inbound]]]:
        chunks = list(self.arrivals())
        self.chance.shuffle(chunks[: len(chunks) // 4])
        ways = ("take_in", "take_in", "keep")
        jobs = [(self.chance.choice(ways), origin, chunk) for origin, chunk in chunks]
        idle: list[Inbound] = []
        for what in ("work", "ring") * (len(jobs) // 3):
            jobs.insert(self.chance.randrange(len(jobs)), (what, self.origins[0], idle))
        return jobs

    def work_off(self) -> None:
        jobs = self.jobs()
        with ThreadPoolExecutor(WORKERS) as processes:
            for done in [processes.submit(self._process, jobs[n::WORKERS]) for n in range(WORKERS)]:
                done.result(60)

    def _process(self, jobs: Sequence[tuple[str, Origin, list[Inbound]]]) -> None:
        channels = {origin.account_id: origin.channel for origin in self.origins}
        desk = Desk(Turns(self.office.library, channels, lambda _, message: [message]))
        for number, (what, origin, chunk) in enumerate(jobs):
            now = NOON + timedelta(seconds=number / 50, hours=2 * (what == "ring"))
            try:
                self._try(desk, what, origin, chunk, now)
            except BatchRefused:
                if chunk:
                    self._try(desk, "keep", origin, chunk, now)
                self._try(desk, "work_carefully", origin, [], now)

    def _try(self, desk: Desk, what: str, origin: Origin, chunk: list[Inbound], now: Any) -> None:
        """Again and again, as a service does; what an idle look meets may be left."""
        arguments = (origin, chunk, now) if chunk else (now,)
        for _ in range(20):
            with suppress(DatabaseUnavailable), clear_errors(), self.office.engine.begin() as db:
                getattr(desk, what)(db, *arguments)
                return
        assert not chunk, "what came in was refused twenty times"


@pytest.mark.parametrize("seed", range(3))
def test_everything_is_applied_once_and_in_order(
    postgresql: Engine, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(support, "new_store", lambda: emptied(postgresql))
    office = Office(FLOWS, crm=CRM + "always: [{keywords: [help], flow: help}]\n")
    crowd = Crowd(office, seed)
    with structlog.testing.capture_logs() as lines:
        crowd.work_off()
        office.clock.set(NOON + timedelta(hours=5))
        for drive in office.drives.values():
            drive.settle_down()
    assert [line["event"] for line in lines if line["log_level"] == "error"] == []
    with office.engine.connect() as db:
        assert violations(db) == []
    wanted = {one.dedup_key for messages in crowd.sent.values() for one in messages}
    stored = dict(office.rows(mail, "dedup_key", "status", lane=0))
    assert stored.keys() == wanted
    assert set(stored.values()) == {"done"}
    assert len(office.rows(customer, "id")) == len(PEOPLE)
    codes = [code for code in office.rows(customer, office.library.columns["code"]) if code]
    assert len(codes) == len(set(codes)), "a code is one customer's"


ASKING = """
flow: ask
triggers: [{on: command, command: ask}]
nodes: [{http: "https://api.example.com/x"}, {say: "{{ answer.json.n }}"}]
"""


def test_requests_are_shared_by_workers_and_each_is_answered_once(
    postgresql: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(support, "new_store", lambda: emptied(postgresql))
    office = Office(ASKING)
    people = [f"p{number}" for number in range(40)]
    for name in people:
        office.says("/ask", peer=name)
    business, now = office.library.business_id, office.clock.now()

    def perform(_: int) -> list[Call]:
        """One process: claims a few and answers them, until nothing is left."""
        made: list[Call] = []
        while True:
            with office.engine.begin() as db:
                claimed = claim_calls(db, business, now, 3)
            if not claimed:
                return made
            for call in claimed:
                answer = {"status": 200, "json": {"n": call.run_id}, "text": "", "error": None}
                with office.engine.begin() as db:
                    assert store_answer(db, business, call, answer, now)
                made.append(call)

    # One worker holds a claim that it has not committed; the others pass it by and do not wait.
    with office.engine.begin() as db:
        slow = claim_calls(db, business, now, 5)
        with ThreadPoolExecutor(WORKERS) as processes:
            shares = list(processes.map(perform, range(WORKERS)))
    assert sorted(call.id for share in shares for call in share) == sorted(
        {call.id for share in shares for call in share}
    )
    assert sum(map(len, shares)) == len(people) - len(slow)
    for call in slow:
        with office.engine.begin() as db:
            assert store_answer(db, business, call, {**LATE, "json": {"n": 0}}, now)
    office.drive.settle_down()
    assert [len(office.said(name)) for name in people] == [1] * len(people)
    with office.engine.connect() as db:
        assert violations(db) == []
