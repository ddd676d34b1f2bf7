"""Anything in any order, on the real desk and its database, beside a model that does one thing
after another in memory.

    python -m tests.crash.machine --seed 1 --examples 500 --store postgresql

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
from dataclasses import dataclass
from datetime import timedelta
from unittest.mock import patch

from hypothesis import seed as seeded
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from bots.channel import Inbound
from rapport.runtime.deliveries import Delivery, Outcome, pending, settle
from rapport.runtime.turns import Turned
from tests.crash.model import ALARMS, Letter, Person
from tests.support import desk
from tests.support.database import DIALECTS, emptied, store_with_tables
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

    def __init__(self) -> None:
        super().__init__()
        self.version, self.deaths = 1, 0
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

    @rule(person=st.sampled_from(PEOPLE), back=st.integers(0, 2))
    def presses(self, person: str, back: int) -> None:
        """The first button of one of the newest messages that have any."""
        heard = [item for item in self.shown.values() if item.peer == person]
        with_buttons = [at for at, item in enumerate(heard) if item.payload.get("buttons")]
        if len(with_buttons) > back:
            at = with_buttons[-1 - back]
            button = heard[at].outgoing().buttons[0][0]
            payload = {"token": button.token, "callback_id": "press"}
            item = self.office.inbound("", peer=person, kind="press", payload=payload)
            self._queue(item, "press", button.label, self.people[person].said[at][1])

    def _queue(self, item: Inbound, kind: str, text: str, wait: int = 0) -> None:
        self.platform.append((item, Letter(kind, item.provider_seq or 0, text, wait)))

    @rule(minutes=st.sampled_from([29, 31, 121]))
    def passes(self, minutes: int) -> None:
        self.office.clock.set(self.office.clock.now() + timedelta(minutes=minutes))

    @rule(minutes=st.sampled_from([31, 121]))
    def sleeps(self, minutes: int) -> None:
        """Time passes, and the process rings what is due."""
        self.passes(minutes)
        self.rings("")
        self.works("")

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
            self._taken(batch, at_once=at_once)
        if not death:
            del self.platform[:count]
            self.confirmed += fetched

    def _taken(self, batch: Sequence[tuple[Inbound, Letter]], *, at_once: bool) -> None:
        fresh = {item.dedup_key: (item.peer, letter) for item, letter in batch}
        for key in self.seen & fresh.keys():
            del fresh[key]
        self.seen |= fresh.keys()
        for name, person in self.people.items():
            theirs = [letter for peer, letter in fresh.values() if peer == name]
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
        if death:
            self.deaths += 1
        else:
            with self.office.engine.begin() as db:
                settle(
                    db,
                    self.office.origin.account_id,
                    [Outcome(item.id, "sent", 1, now, str(item.id)) for item in due],
                )

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
            self.deaths += 1
            self.restarts(new=False)
        return death != "before"

    # -- what must hold

    @invariant()
    def people_hear_what_the_model_says_in_its_order(self) -> None:
        for name, person in self.people.items():
            heard = self._heard(name)
            assert heard == [text for text, _ in person.said][: len(heard)]

    def teardown(self) -> None:
        """Everything is worked off by a process that lives."""
        try:
            while self.platform:
                self.fetches(100, 0, True, random.Random(0), "")
            for _ in range(len(ALARMS) + 1):
                self.works("")
                self.rings("")
            self.sends(1000, False)
            self._compare()
            TOTALS.add(self)
        finally:
            self.office.engine.dispose()

    def _compare(self) -> None:
        with self.office.engine.connect() as db:
            assert violations(db) == []
        for name, person in self.people.items():
            assert self._heard(name) == [text for text, _ in person.said]
            if person.said:
                stored = {
                    "first_name": self.office.customer("first_name", name),
                    **(self.office.customer("custom_fields_extra", name) or {}),
                }
                assert {key: stored[key] for key in person.values} == person.values

    def _heard(self, name: str) -> list[str]:
        """A message that was sent again after a death counts once."""
        return [item.payload["text"] for item in self.shown.values() if item.peer == name]


@dataclass
class Totals:
    """What the machines of this process did."""

    stories: int = 0
    messages: int = 0
    deaths: int = 0

    def add(self, machine: Machine) -> None:
        self.stories += 1
        self.messages += len(machine.shown)
        self.deaths += machine.deaths


TOTALS = Totals()


def torment(examples: int, seed: int, store: str = "sqlite") -> Totals:
    """Raises the first thing that is wrong, as the shortest story that hypothesis finds."""
    TOTALS.__init__()  # type: ignore[misc]  # begun anew
    with ExitStack() as stack:
        if store != "sqlite":
            engine = stack.enter_context(store_with_tables(store))
            stack.enter_context(patch.object(desk, "new_store", lambda: emptied(engine)))
        run_state_machine_as_test(
            seeded(seed)(Machine),
            settings=settings(
                max_examples=examples, stateful_step_count=STEPS, deadline=None, database=None
            ),
        )
    return TOTALS


def main() -> int:
    """Read the arguments, run, print; 1 where something is at fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.machine")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--store", choices=DIALECTS, default="sqlite")
    given = parser.parse_args()
    totals = torment(given.examples, given.seed, given.store)
    sys.stdout.write(f"seed {given.seed}: {totals}, 0 faults\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
