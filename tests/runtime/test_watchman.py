"""The staff is told when something keeps the system from its work, and when that is over."""

from __future__ import annotations

import asyncio
import shutil
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest
import structlog
from sqlalchemy import Connection, insert, select, update
from structlog.typing import EventDict

from bots.channel import Conflict, Rejected, Temporary, Unauthorised
from bots.fake import FakeChannel
from bots.limits import UNPACED, Pace
from crm.database import DatabaseUnavailable
from crm.tables import alarm as alarm_table
from crm.tables import lease, mail, outbox
from engine.business import Business
from rapport.build import open_account
from rapport.runtime.alarm_store import store_alarms
from rapport.runtime.alarms import Alarm
from rapport.runtime.backoff import Backoff
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.staff import Staff
from rapport.runtime.tallies import PollerTally, ServiceTally
from rapport.runtime.watched import Watched
from rapport.runtime.watchman import Watchman
from rapport.runtime.writer import InlineWriter
from rapport.settings import Settings
from rapport.watching import Onlookers
from tests.support.aio import run
from tests.support.desk import CRM, Office
from tests.support.service import Place, serving, until
from tests.support.small_project import CRM as SMALL_CRM
from tests.support.small_project import write_project

FLOW = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{ask: Name?, save_to: code}]\n"

STAFF = """
staff:
  - {name: Ali, telegram: 777, role: owner}
  - {name: Zari, telegram: 778}
  - {name: Reza, role: admin}
"""


T = TypeVar("T")


class Unsteady(Reader):
    """A store that can be taken away."""

    gone = ""

    def __call__(self, f: Callable[[Connection], T]) -> T:
        if self.gone:
            raise DatabaseUnavailable(self.gone)
        return super().__call__(f)


@dataclass
class Guard:
    """A process of a business with a bot, whose watchman looks when the test says so."""

    office: Office
    channel: FakeChannel = field(default_factory=FakeChannel)
    poller: PollerTally = field(default_factory=PollerTally)
    lines: list[EventDict] = field(default_factory=list)
    database: Path | None = None

    def __post_init__(self) -> None:
        office, account = self.office, self.office.origin.account_id
        self.read = Unsteady(office.engine)
        self.writer = InlineWriter(office.engine)
        self.sender = Sender(
            self.channel, account, self.writer, self.read, office.clock, Pace(UNPACED),
            Backoff(0.001, 0.002, lambda: 0.0),
        )  # fmt: skip
        self.watched = Watched(
            office.origin.business_id, self.read, office.clock, ServiceTally(), self.writer.tally,
            lambda: {account: self.poller}, lambda: {account: self.sender.tally}, self.database,
        )  # fmt: skip
        self.start()

    def start(self) -> None:
        """The process starts: what it knew is forgotten."""

        def business() -> Business:
            return self.office.library.business

        staff = Staff(business, lambda: {1: self.sender})
        self.watchman = Watchman(self.watched, self.writer, business, staff)

    def looks(self, minutes: float = 0) -> Guard:
        """Look every half minute for so long, and once at the end."""
        end = self.office.clock.now() + timedelta(minutes=minutes)
        with structlog.testing.capture_logs() as lines:
            while self.office.clock.now() < end:
                run(self.watchman.look())
                self.office.clock.set(self.office.clock.now() + timedelta(seconds=30))
            run(self.watchman.look())
        self.lines += lines
        return self

    def heard(self) -> list[tuple[str, str]]:
        """Whom the bot has written to since this was last asked, and the first words."""
        told = [(message.peer, message.text.partition("\n")[0]) for message in self.channel.sent]
        self.channel.sent.clear()
        return told

    def events(self) -> list[str]:
        """The log's lines about alarms and staff since this was last asked."""
        said = [line["event"] for line in self.lines]
        self.lines.clear()
        return said


@pytest.fixture
def guard() -> Guard:
    return Guard(Office(FLOW, crm=CRM + STAFF))


BOT = "telegram:shop_bot"
CONFLICT = f"⚠️ Another program fetches the messages of the bot {BOT}. Only one may."


def test_the_owner_hears_once_that_somebody_else_fetches_and_once_that_it_is_over(
    guard: Guard,
) -> None:
    guard.poller.trouble = Conflict("terminated by other getUpdates request")
    guard.looks(30)
    assert guard.heard() == [("777", CONFLICT)]
    assert guard.events() == ["alarm_raised", "staff_told"]
    guard.poller.fetched(0)
    guard.looks(30)
    assert guard.heard() == [("777", "✅ It is over (12:01 to 12:31):")]
    assert guard.events() == ["alarm_over", "staff_told"]


def test_a_persian_business_is_told_in_persian_at_its_own_hour() -> None:
    crm = CRM.replace("languages: [en, fa]", "languages: [fa, en], language: fa")
    crm = crm.replace("timezone: UTC", "timezone: Asia/Tehran")
    guard = Guard(Office(FLOW, crm=crm + STAFF))
    guard.sender.tally.failed(Unauthorised("no"))
    guard.looks()
    (message,) = guard.channel.sent
    assert message.text == (
        f"⚠️ توکن ربات \u2068{BOT}\u2069 پذیرفته نمی‌شود. توکن تازه‌ای لازم است.\n"
        "از ساعت ۱۵:۳۰. وقتی برطرف شد خبر می‌دهم."
    )


def test_while_telegram_is_gone_the_log_says_it_and_the_staff_hears_of_it_later(
    guard: Guard,
) -> None:
    guard.poller.trouble = Temporary("no answer")
    guard.channel.fail(*[Temporary("no answer")] * 60)
    guard.looks(20)
    assert guard.heard() == []
    assert guard.events() == ["alarm_raised", "staff_not_told"]
    guard.poller.fetched(0)
    guard.channel._failures.clear()
    guard.looks(3)
    said = [text for _, text in guard.heard()]
    assert said[-1] == "✅ It is over (12:05 to 12:21):"
    assert guard.looks(30).heard() == []


def test_a_message_to_the_staff_that_fails_is_no_trouble_of_the_bot(guard: Guard) -> None:
    guard.channel.blocked.add("777")
    guard.poller.trouble = Conflict("two of us")
    guard.looks(10)
    assert guard.events() == ["alarm_raised", "staff_not_told"]
    assert guard.sender.tally.trouble is None
    assert guard.sender.tally.unreachable == 0
    assert guard.office.rows(outbox, "id") == []
    guard.channel.blocked.clear()
    assert guard.looks(2).heard() == [("777", CONFLICT)]


def test_a_store_that_is_gone_is_told_from_memory_and_its_return_is_told_too(guard: Guard) -> None:
    guard.looks()
    guard.read.gone = "the disk is full"
    guard.looks(10)
    assert guard.heard() == [
        ("777", "⚠️ The database does not work (the disk is full). Nobody is answered meanwhile.")
    ]
    guard.read.gone = ""
    guard.looks(5)
    assert guard.heard() == [("777", "✅ It is over (12:00 to 12:11):")]
    assert guard.looks(30).heard() == []
    assert guard.office.rows(alarm_table, "kind", over_at=None) == []


def test_after_a_restart_nothing_is_told_twice_and_what_is_over_is_told(guard: Guard) -> None:
    guard.poller.trouble = Conflict("two of us")
    assert guard.looks(5).heard() == [("777", CONFLICT)]
    guard.start()
    assert guard.looks(5).heard() == []
    guard.start()
    guard.poller.fetched(0)
    assert [text[:2] for _, text in guard.looks(5).heard()] == ["✅ "]


def test_of_two_processes_that_see_the_same_one_tells_it(guard: Guard) -> None:
    other = Guard(guard.office, guard.channel, guard.poller)
    guard.poller.trouble = Conflict("two of us")
    for _ in range(10):
        guard.looks()
        other.looks()
        guard.office.clock.set(guard.office.clock.now() + timedelta(seconds=20))
    assert guard.heard() == [("777", CONFLICT)]


def test_new_dead_letters_are_told_and_old_ones_are_not(guard: Guard) -> None:
    office = guard.office.says("/start")
    bury_newest(office)
    assert guard.looks(20).heard() == []
    office.says("Ann", peer="bob")
    bury_newest(office)
    said = [text for _, text in guard.looks(1).heard()]
    assert said == ["⚠️ Some messages could not be handled or sent. Dead letters now: 2."]


def bury_newest(office: Office) -> None:
    """The newest mail becomes a dead letter."""
    newest = max(office.rows(mail, "id"))
    with office.engine.begin() as db:
        db.execute(update(mail).where(mail.c.id == newest).values(status="dead"))


def test_mail_that_nobody_works_off_is_told(guard: Guard) -> None:
    guard.office.says("/start")
    guard.office.keep(guard.office.inbound("Ann"))
    said = [text for _, text in guard.looks(10).heard()]
    assert said == ["⚠️ Messages are not worked off: the oldest has waited for 6 minutes."]


def test_answers_that_do_not_go_out_are_told(guard: Guard) -> None:
    guard.office.says("/start")
    with guard.office.engine.begin() as db:
        db.execute(update(outbox).values(status="pending"))
    said = [text for _, text in guard.looks(10).heard()]
    assert said == [f"⚠️ Answers of the bot {BOT} do not go out: the first is 6 minutes late."]


def test_a_disk_that_is_nearly_full_is_told_until_there_is_room_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = Guard(Office(FLOW, crm=CRM + STAFF), database=tmp_path / "shop.db")
    with free(monkeypatch, 499_000_000):
        guard.looks(1)
    assert [text for _, text in guard.heard()] == [
        "⚠️ The disk of the database is nearly full: 499 MB are free."
    ]
    with free(monkeypatch, 550_000_000):
        assert guard.looks(5).heard() == []
    with free(monkeypatch, 800_000_000):
        assert [text[:2] for _, text in guard.looks(5).heard()] == ["✅ "]


@contextmanager
def free(monkeypatch: pytest.MonkeyPatch, size: int) -> Iterator[None]:
    usage = namedtuple("usage", "total used free")  # noqa: PYI024
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage(8_000_000_000, 0, size))
        yield


@pytest.mark.parametrize("pause", [400, 3])
def test_a_bot_that_is_told_to_wait_for_minutes_is_blocked(guard: Guard, pause: int) -> None:
    guard.sender.tally.asked_to_wait = pause
    said = [text for _, text in guard.looks(1).heard()]
    blocked = [f"⚠️ The bot {BOT} may hardly send any more (asked to wait 400 s)."]
    assert said == (blocked if pause == 400 else [])


def test_credentials_that_are_refused_end_a_process_and_the_alarm_is_stored_all_the_same(
    guard: Guard,
) -> None:
    async def main() -> None:
        watching = asyncio.create_task(guard.watchman.run())
        await asyncio.sleep(0)
        guard.poller.trouble = Unauthorised("the token is refused")
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    run(main())
    assert guard.office.rows(alarm_table, "kind", "about", over_at=None) == [("refused", BOT)]


def test_of_a_bot_that_was_replaced_nothing_is_told_for_ever(guard: Guard) -> None:
    office = guard.office.says("/start")
    with office.engine.begin() as db:
        db.execute(update(outbox).values(status="pending"))
        old = open_account(db, 1, "telegram", "2", "old_bot", office.clock.now())
        db.execute(update(outbox).values(account_id=old.account_id))
        store_alarms(db, 1, [Alarm("refused", "telegram:old_bot", "no", office.clock.now())])
    told = guard.looks(20).heard()
    assert told == [
        ("777", "⚠️ The token of the bot telegram:old_bot is refused. It needs a new one.")
    ]
    office.clock.set(office.clock.now() + timedelta(days=1))
    assert [text[:2] for _, text in guard.looks(2).heard()] == ["✅ "]


def test_a_lease_whose_holder_died_is_told_and_one_that_was_given_back_is_not(
    guard: Guard,
) -> None:
    now = guard.office.clock.now()
    with guard.office.engine.begin() as db:
        for name, owner in (("poller:1", "vm:7:abc"), ("sender:1", "")):
            db.execute(insert(lease).values(name=name, owner=owner, epoch=1, expires_at=now))
    told = guard.looks(5).heard()
    assert told == [("777", f"⚠️ No process does this work: poller of {BOT}.")]


def test_a_fault_of_the_watchman_is_said_once_and_costs_nobody_anything(
    guard: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []

    def stumble(*_: object) -> None:
        looks.append(1)
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(guard.watchman, "_sightings", stumble)
    guard.watchman._every = 0

    async def main() -> None:
        watching = asyncio.create_task(guard.watchman.run())
        await until(lambda: len(looks) > 3, 10)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    with structlog.testing.capture_logs() as lines:
        run(main())
    assert [line["event"] for line in lines] == ["look_failed"]


def test_without_staff_there_is_the_log(guard: Guard) -> None:
    lonely = Guard(Office(FLOW))
    lonely.poller.trouble = Conflict("two of us")
    assert lonely.looks(5).heard() == []
    assert lonely.events() == ["alarm_raised"]
    with lonely.office.engine.connect() as db:
        assert db.execute(select(alarm_table.c.told_raised_at)).scalar_one() is None


def test_in_a_process_at_work_the_owner_hears_of_a_dead_letter_on_telegram(tmp_path: Path) -> None:
    crm = f"{SMALL_CRM}staff: [{{name: Ali, telegram: 777, role: owner}}]\n"
    place = Place(write_project(tmp_path / "kiosk", crm=crm), tmp_path)
    channel = FakeChannel(poll_seconds=0.005)
    settings = Settings(RAPPORT_DATABASE_URL=place.url, RAPPORT_HTTP_PORT=0)
    onlookers = Onlookers(settings, look_seconds=0.02)

    async def main() -> None:
        async with serving(place, channel, beside=[onlookers.look]):
            channel.says("ann", "/start")
            await until(lambda: len(channel.sent) == 2, 10)
            channel.fail(Rejected("not in this world"))
            channel.says("ann", "red")
            await until(lambda: any(message.peer == "777" for message in channel.sent), 10)

    run(main())
    (told,) = (message.text for message in channel.sent if message.peer == "777")
    assert told.startswith("⚠️ Some messages could not be handled or sent. Dead letters now: 1.")
