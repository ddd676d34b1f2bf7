"""The conversation that is held over and over, and what outlives the processes that hold it.

It comes by every kind of commit: messages that are applied at once, mail that waits and is worked
off carefully, timers, sendings that are put off, a person who blocks us, an update that is broken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from sqlalchemy import Connection, func, select

from bots.channel import Throttled
from bots.fake import FakeChannel
from bots.limits import UNPACED, Pace
from crm.database import open_engine
from crm.tables import mail, outbox
from engine.loader import Loaded
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import WORD, Option
from nodes import KINDS
from rapport.build import apply_loaded, load_applied, open_account
from rapport.runtime.backoff import Backoff
from rapport.runtime.desk import Desk
from rapport.runtime.following import Following
from rapport.runtime.poller import Poller
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.service import Service
from rapport.runtime.turns import Turns
from rapport.runtime.writer import InlineWriter
from tests.crash.mortal import Fate, MortalChannel, MortalWriter
from tests.support.desk import CRM, Office, load
from tests.support.invariants import violations
from tests.support.service import ShiftedClock


class Mending(Node, frozen=True, kw_only=True):
    """A node kind with a mistake in it, until it is mended."""

    KIND: ClassVar[str] = "mending"
    HELP: ClassVar[str] = "Raises until it is mended."
    OPTIONS: ClassVar[Mapping[str, Option]] = {"mending": Option(WORD, "a word", required=True)}
    is_mended: ClassVar[bool] = False

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], _: object) -> Mending:
        return cls(**common)

    def enter(self, at: Passage) -> Next:
        if not Mending.is_mended:
            raise ZeroDivisionError("a mistake in a node kind")
        return Exit()


FLOWS = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {ask: Your name?, save_to: first_name}
  - id: size
    ask: "Which size, {{ customer.first_name }}?"
    save_to: size
    timeout: {after: 2h, remind: [{after: 30m, text: Still there?}], goto: silent}
  - {id: colour, ask: Which colour?, choices: [Red, Blue], save_to: var.colour}
  - {tag: {add: [Asked]}}
  - {say: Thank you.}
  - {notify: "{{ customer.first_name }} has ordered", to: Ali}
  - {say: Until soon!, end: ordered}
  - {id: silent, say: Bye, end: silent}
---
flow: bad
triggers: [{on: command, command: bad}]
nodes: [{say: Look}, {mending: now}, {say: It works}]
"""


class Step(NamedTuple):
    """What happens, the messages it leads to (rows of the outbox), and the mail it becomes."""

    act: Callable[[World], object]
    messages: int = 1
    mail: int = 1


def _says(peer: str, text: str, messages: int = 1) -> Step:
    return Step(lambda world: world.channel.says(peer, text), messages)


def _passes(time: timedelta, alarms: int = 1) -> Step:
    return Step(lambda world: world.clock.advance(time), alarms, alarms)


def _broken_and_again(world: World) -> None:
    """One update that nobody can read, and one that comes twice."""
    world.channel.receives({"key": "broken", "peer": 7})
    said = world.channel.says("cleo", "/start")
    world.channel.receives(said)


def _mend(world: World) -> None:
    Mending.is_mended = True
    world.clock.advance(timedelta(seconds=1))


def _is_put_off(world: World) -> None:
    world.channel.fail(Throttled(0.01))
    world.channel.says("bob", "stop")


def _presses_red(world: World) -> None:
    world.channel.presses("ann", "Red")


def _leaves(world: World) -> None:
    world.channel.blocked.add("cleo")
    world.channel.says("cleo", "Cleo")


SCRIPT = (
    _says("ann", "/start"),
    _says("ann", "Ann"),
    _passes(timedelta(minutes=31)),
    _says("ann", "ninety"),
    _says("ann", "42"),
    Step(_presses_red, 3),  # one of them tells the staff
    _says("bob", "/bad", 0),
    Step(_broken_and_again, 1, 2),
    Step(_mend, 2, 0),
    Step(_is_put_off),
    Step(_leaves),
    _says("ann", "/start"),
    _says("ann", "Anna"),
    _passes(timedelta(hours=3), 2),  # who has left is not told
)


MOST_IN_FLIGHT = max(step.messages for step in SCRIPT)


class World:
    """The database, the platform and its people, and the clock: what a death leaves alone."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.url = f"sqlite:///{folder / 'shop.db'}"
        self.channel = FakeChannel(poll_seconds=60)
        self.clock = ShiftedClock()
        self.faults: list[str] = []
        self.in_flight = 0
        """Messages that were accepted and not stored as sent when a process died."""
        self.step, self._is_said = 0, False
        Mending.is_mended = False
        Office(_loaded(), url=self.url).engine.dispose()

    def heard(self) -> list[tuple[str, str]]:
        """Every message in the order of arriving: to whom, and the text."""
        return [(message.peer, message.text) for message in self.channel.sent]

    async def talk(self, life: Life) -> None:
        """Go on with the script, step by step, to its end."""
        while self.step < len(SCRIPT):
            life.begin(self.step)
            if not self._is_said:
                self._is_said = True
                SCRIPT[self.step].act(self)
            await life.until(self._has_settled)
            self.step, self._is_said = self.step + 1, False

    def look_back(self, *, died: bool) -> None:
        """Hold the database against the invariants, and count what was in flight at a death."""
        engine = open_engine(self.url, read_only=True)
        with engine.connect() as db:
            self.faults += violations(db, at_rest=not died)
            stored = db.execute(select(func.count()).where(outbox.c.status == "sent")).scalar_one()
        engine.dispose()
        again = len(self.channel.sent) - stored - self.in_flight
        if again > (MOST_IN_FLIGHT if died else 0):
            self.faults.append(f"{again} messages were sent more often than is stored")
        self.in_flight += again

    def _has_settled(self, db: Connection) -> bool:
        """Whether everything has come of what was said that will."""
        steps = SCRIPT[: self.step + 1]
        letters = db.execute(select(mail.c.status, mail.c.attempts)).all()
        messages = db.execute(select(outbox.c.status)).scalars().all()
        return (
            len(letters) == sum(step.mail for step in steps)
            and not any(letter == ("waiting", 0) for letter in map(tuple, letters))
            and len(messages) == sum(step.messages for step in steps)
            and "pending" not in messages
        )


@cache
def _loaded() -> Loaded:
    return load(FLOWS, f"{CRM}staff: [{{name: Ali, telegram: 777}}]\n", (*KINDS, Mending))


class Life:
    """One process: what `rapport run` puts together, with a seam at what it does outside."""

    def __init__(self, world: World, fate: Fate) -> None:
        self._engines = open_engine(world.url), open_engine(world.url, read_only=True)
        self._fate, self._news = fate, asyncio.Event()
        writer = MortalWriter(InlineWriter(self._engines[0]), fate, self._news.set)
        self._read = Reader(self._engines[1])
        channel, clock, now = MortalChannel(world.channel, fate), world.clock, world.clock.now()
        library = writer.submit(lambda db: apply_loaded(db, _loaded(), now)).result().library
        business = library.business_id
        at = writer.submit(
            lambda db: open_account(db, business, channel.name, channel.account, "bot", now)
        ).result()
        quick = Backoff(0.001, 0.002, lambda: 0.0)
        sender = Sender(channel, at.account_id, writer, self._read, clock, Pace(UNPACED), quick)
        desk = Desk(Turns(library, {at.account_id: at.channel}, lambda _, m: channel.parts(m)))
        follow = Following(desk, self._read, load_applied).look
        self._service = Service(
            desk, writer, self._read, clock, {at.account_id: sender}, quick, follow
        )
        jobs = (Poller(channel, at, self._service, quick).run(), sender.run(), self._service.pump())
        self.jobs = [asyncio.create_task(job) for job in jobs]

    def begin(self, step: int) -> None:
        """A step begins. Time has passed: what is due is looked for at once, not in a second."""
        self._fate.begin(step)
        self._service._work_left.set()

    async def until(self, holds: Callable[[Connection], bool]) -> None:
        """Wait for something of the database, which is looked at after each commit."""
        while not self._read(holds):
            self._news.clear()
            await self._news.wait()

    async def end(self) -> None:
        """As a stop does it; of a dead process just what is left in memory is thrown away."""
        for job in self.jobs:
            job.cancel()
        await asyncio.gather(*self.jobs, return_exceptions=True)
        for engine in self._engines:
            engine.dispose()
