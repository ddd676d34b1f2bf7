"""Anything in any order, on the real desk and its database, beside a model of a hundred lines.

    python -m tests.crash.machine --seed 1 --examples 500 [--store postgresql]

Hypothesis makes up messages, presses, copies and wrong orders of updates, timers, mail that waits,
new versions of the flow, and deaths before and after commits and sendings; after each of them a
process begins anew on the database. At the end people must have heard what the model says, and the
database must hold what it says.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta

from hypothesis import seed as seeded
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bots.channel import Inbound
from rapport.runtime.deliveries import Delivery, Outcome, pending, settle
from rapport.runtime.turns import Turned
from tests.crash.model import Letter, Person
from tests.support.desk import Office
from tests.support.invariants import violations

PEOPLE = ("ann", "bob")
TEXTS = ("/start", "Sara", "Omid", "Yes")
ANSWERS = {"": "/start", "name": "Sara", "nick": "Sari", "sure": "Yes"}
DEATHS = st.sampled_from(["", "", "before", "after"])
STEPS = 40

FLOWS = """
flow: order
triggers: [{{on: command, command: start}}]
nodes:
  - {{id: name, ask: "Your name, in version {version}?", save_to: first_name}}
  - id: nick
    ask: "A nickname, {{{{ customer.first_name }}}}, in version {version}?"
    save_to: nickname
    timeout: {{after: 2h, remind: [{{after: 30m, text: Still there?}}], goto: silent}}
  - {{id: sure, ask: Sure?, choices: ["Yes", "No"], save_to: var.sure}}
  - {{say: "Thank you, {{{{ customer.first_name }}}}.", end: done}}
  - {{id: silent, say: Bye, end: silent}}
"""


class Death(Exception):
    """The process ends here."""


class Machine(RuleBasedStateMachine):
    """Rules are what may happen; `platform` holds the updates that are not confirmed."""

    store = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.version = 1
        self.office = Office(FLOWS.format(version=1))
        self.people = {name: Person() for name in PEOPLE}
        self.platform: list[tuple[Inbound, Letter]] = []
        self.confirmed: list[tuple[Inbound, Letter]] = []
        self.seen: set[str] = set()
        self.shown: dict[int, Delivery] = {}

    # -- what people and the platform do

    @rule(person=st.sampled_from(PEOPLE), text=st.sampled_from(TEXTS))
    def says(self, person: str, text: str) -> None:
        self._queue(self.office.inbound(text, peer=person), "text", text)

    @rule(person=st.sampled_from(PEOPLE), times=st.integers(1, 3))
    def answers(self, person: str, times: int) -> None:
        """Says what leads on, and the process keeps up: most of a day is like this."""
        for _ in range(times):
            self.says(person, ANSWERS[self.people[person].asks])
            self.fetches(100, 0, True, random.Random(0), "")
        self.sends(100, False)

    @rule(person=st.sampled_from(PEOPLE), label=st.sampled_from(["Yes", "No"]), back=st.integers(0, 2))
    def presses(self, person: str, label: str, back: int) -> None:
        """A button of one of the newest messages that has any."""
        heard = [item for item in self.shown.values() if item.peer == person]
        with_buttons = [at for at, item in enumerate(heard) if item.payload.get("buttons")]
        if len(with_buttons) > back:
            at = with_buttons[-1 - back]
            token = next(
                one.token
                for row in heard[at].outgoing().buttons
                for one in row
                if one.label == label
            )
            payload = {"token": token, "callback_id": "press"}
            item = self.office.inbound("", peer=person, kind="press", payload=payload)
            self._queue(item, "press", label, self.people[person].said[at][1])

    def _queue(self, item: Inbound, kind: str, text: str, wait: int = 0) -> None:
        letter = Letter(item.dedup_key, item.peer, item.provider_seq or 0, kind, text, wait)
        self.platform.append((item, letter))

    @rule(minutes=st.sampled_from([29, 31, 121]))
    def passes(self, minutes: int) -> None:
        self.office.clock.set(self.office.clock.now() + timedelta(minutes=minutes))

    # -- what the process does

    @rule(
        count=st.integers(1, 5), copies=st.integers(0, 2), at_once=st.booleans(),
        order=st.randoms(use_true_random=False), death=DEATHS,
    )  # fmt: skip
    def fetches(
        self, count: int, copies: int, at_once: bool, order: random.Random, death: str
    ) -> None:
        """An answer of the platform, shuffled, with copies of what was confirmed long ago."""
        fetched = self.platform[:count]
        batch = [*fetched, *self.confirmed[-copies:]] if copies else [*fetched]
        order.shuffle(batch)
        items = [item for item, _ in batch]
        take = self.office.desk.take_in if at_once else self.office.desk.keep
        origin, now = self.office.origin, self.office.clock.now()
        if self._commits(lambda db: take(db, origin, items, now), death):
            self._taken([letter for _, letter in batch], at_once=at_once)
        if not death:
            del self.platform[:count]
            self.confirmed += fetched

    def _taken(self, letters: Sequence[Letter], *, at_once: bool) -> None:
        fresh: dict[str, Letter] = {}
        for letter in letters:
            if letter.key not in self.seen:
                fresh.setdefault(letter.key, letter)
        self.seen |= fresh.keys()
        for name, person in self.people.items():
            theirs = [letter for letter in fresh.values() if letter.person == name]
            if theirs:
                person.take(theirs, self.office.clock.now(), self.version, at_once=at_once)

    @rule(death=DEATHS)
    def works(self, death: str) -> None:
        now = self.office.clock.now()
        if self._commits(lambda db: self.office.desk.work(db, now), death):
            for person in self.people.values():
                person.work(now, self.version)

    @rule(death=DEATHS)
    def rings(self, death: str) -> None:
        now = self.office.clock.now()
        if self._commits(lambda db: self.office.desk.ring(db, now), death):
            for person in self.people.values():
                person.ring(now)

    @rule(count=st.integers(1, 4), death=st.booleans())
    def sends(self, count: int, death: bool) -> None:
        """Dead before it was written back, the process sends the same again."""
        now = self.office.clock.now()
        with self.office.engine.connect() as db:
            due = pending(db, self.office.origin.account_id, now, count)
        for item in due:
            self.shown.setdefault(item.id, item)
        if not death:
            with self.office.engine.begin() as db:
                settle(db, self.office.origin.account_id, [Outcome(item.id, "sent", 1, now, str(item.id)) for item in due])

    @rule(new=st.booleans())
    def restarts(self, new: bool) -> None:
        """With the project as it was, or with a new version of its flow."""
        self.version += new
        self.office.apply(FLOWS.format(version=self.version))

    def _commits(self, f: Callable[..., Turned], death: str) -> bool:
        """Run a transaction; whether it was committed."""
        try:
            with self.office.engine.begin() as db:
                f(db)
                if death == "before":
                    raise Death
        except Death:
            pass
        if death:
            self.restarts(new=False)
        return death != "before"

    # -- what must hold

    @invariant()
    def people_hear_what_the_model_says_in_its_order(self) -> None:
        for name, person in self.people.items():
            heard = [item.payload["text"] for item in self.shown.values() if item.peer == name]
            assert heard == [text for text, _ in person.said][: len(heard)]

    def teardown(self) -> None:
        """Everything is worked off by a process that lives."""
        while self.platform:
            self.fetches(100, 0, True, random.Random(0), "")
        for _ in range(3):  # a reminder sets the next alarm
            self.works("")
            self.rings("")
        self.works("")
        self.sends(1000, False)
        with self.office.engine.connect() as db:
            assert violations(db) == []
        for name, person in self.people.items():
            heard = [item.payload["text"] for item in self.shown.values() if item.peer == name]
            assert heard == [text for text, _ in person.said], (heard, person.said)
            for key, value in person.values.items():
                stored = self.office.customer("custom_fields_extra" if key == "nickname" else key, name)
                assert (stored["nickname"] if key == "nickname" else stored) == value
        self.office.engine.dispose()


def torment(examples: int, seed: int | None = None) -> None:
    """Raises the first that is wrong, as the shortest story that hypothesis finds."""
    limits = settings(max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None)
    if seed is not None:
        Machine = seeded(seed)(globals()["Machine"])
    run_state_machine_as_test(Machine, settings=limits)
