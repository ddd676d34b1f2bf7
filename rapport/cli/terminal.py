"""One person's terminal: lines in, messages out, under a clock that may be moved ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from bots import telegram_render
from bots.channel import Outgoing
from bots.chat import TerminalChat, one_line
from crm.database import clear_errors, open_engine
from crm.errors import CrmError
from crm.services.find import resolve
from crm.services.show import show_as_of
from engine.bidi import unmarked
from engine.durations import Duration
from engine.loader import Loaded
from rapport.build import apply_loaded, channels_of, load_applied, open_account, whole
from rapport.cli.output import cell
from rapport.cli.recording import Recorder, StandingClock
from rapport.http_caller import HttpCaller, hosts_of
from rapport.printable import on_one_line, printable
from rapport.runtime.calls import Stored
from rapport.runtime.clock import SystemClock, VirtualClock
from rapport.runtime.deliveries import Delivery
from rapport.runtime.desk import Desk
from rapport.runtime.drive import Drive
from rapport.runtime.inbox import answer, release, talks
from rapport.runtime.library import Library
from rapport.runtime.moving import move_everybody
from rapport.runtime.performer import TRY_SECONDS, Reply
from rapport.runtime.turns import Turns
from rapport.storage import prepare, sqlite_file
from rapport.testing.outcome import expectations, first_flow

CHANNEL = "chat"


class AheadClock:
    """The machine's clock and how far ahead of it the chat's time is.

    That is kept beside the database, so that a later chat does not go back in time.
    """

    def __init__(self, database: Path | None) -> None:
        self._file = database.with_name(f"{database.name}.ahead") if database else None
        self._ahead = timedelta()
        if self._file is not None and self._file.exists():
            self._ahead = timedelta(seconds=float(self._file.read_text(encoding="utf-8")))

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    @property
    def is_kept(self) -> bool:
        return self._file is not None

    def move_to(self, moment: datetime) -> None:
        self._ahead = moment - datetime.now(UTC)
        if self._file is not None:
            self._file.write_text(str(self._ahead.total_seconds()), encoding="utf-8")


@contextmanager
def open_terminal(
    url: str, loaded: Loaded, name: str, language: str, recorder: Recorder | None = None
) -> Iterator[Terminal]:
    """The terminal of `name` on a database, which is created or upgraded and has the project
    applied. language: of `name` as a new customer, '' for none. recorder: writes down what is said;
    then time stands still. Raises what `prepare` and `apply_loaded` do.
    """
    clock = AheadClock(sqlite_file(url)) if recorder is None else recorder.clock
    with clear_errors(), asyncio.Runner() as runner:
        engine = open_engine(url)
        try:
            prepare(engine, SystemClock().now())
            with engine.begin() as db:
                library = apply_loaded(db, loaded, clock.now()).library
            move_everybody(engine, library, clock)
            yield Terminal(engine, library, name, language, clock, runner, recorder)
        finally:
            engine.dispose()


class Terminal:
    """What one person types and reads. Every method returns when nothing is due any more."""

    def __init__(
        self,
        engine: Engine,
        library: Library,
        name: str,
        language: str,
        clock: AheadClock | StandingClock,
        runner: asyncio.Runner,
        recorder: Recorder | None = None,
    ) -> None:
        self._recorder = recorder
        self._engine = engine
        self._library = library
        self._name = name
        self._ahead = clock
        self._clock = VirtualClock(clock.now())
        self._runner = runner
        self._channel = TerminalChat(_print, language)
        self._offset: int | None = None
        with engine.begin() as db:
            origin = open_account(
                db, library.business_id, CHANNEL, self._channel.account, "", self._clock.now()
            )
            self._channels = channels_of(db, library.business_id)
        turns = Turns(library, self._channels, _parts)
        self._call = HttpCaller(lambda: hosts_of(library.business))
        self._drive = Drive(
            engine, Desk(turns), origin, self._clock, self._show, load_applied, self._ask
        )
        if language and self._customer() is not None:
            _note(f"{name} is a customer already: --language is for somebody new")

    def catch_up(self) -> None:
        """Let happen what has fallen due since the last line."""
        self._drive.advance_to(self._ahead.now())
        self._drive.settle_down()

    def take(self, line: str) -> None:
        """One line: a command of the terminal, or something said to the bot."""
        self.catch_up()
        command, _, argument = line.partition(" ")
        match command:
            case "/press":
                self._press(argument.strip())
            case "/advance":
                self._advance(argument.strip())
            case "/show":
                self._show_customer()
            case "/staff" | "/release" if (handed := self._handed_over()) is not None:
                self._as_staff(handed, argument.strip() if command == "/staff" else "")
            case _:
                self._channel.says(self._name, line)
                if self._recorder is not None:
                    self._recorder.user(line)
                self._hear()

    def _press(self, number: str) -> None:
        try:
            self._channel.presses(self._name, int(number))
        except ValueError:
            _note("/press wants the number of a button, as in /press 1")
        except LookupError as error:
            _note(str(error))
        else:
            if self._recorder is not None:
                self._recorder.press(int(number))
            self._hear()

    def _hear(self) -> None:
        fetched = self._runner.run(self._channel.fetch(self._offset))
        self._offset = fetched.next_offset
        self._drive.take_in(*(self._channel.decode(update) for update in fetched.updates))

    def _advance(self, written: str) -> None:
        if others := sorted({name for name in self._channels.values() if name != CHANNEL}):
            _note(f"time cannot be moved here: {', '.join(others)} lives in this database too")
            return
        if not self._ahead.is_kept:
            _note("time can only be moved in an SQLite file")
            return
        try:
            duration = Duration.parse(written)
        except ValueError as error:
            _note(f"/advance 2h: {error}")
            return
        if self._recorder is not None:
            self._recorder.advance(written)
        zone = ZoneInfo(self._library.business.timezone)
        self._drive.advance_to(duration.after(self._clock.now(), zone))
        self._ahead.move_to(self._clock.now())

    def _show_customer(self) -> None:
        found = self._customer()
        if found is None:
            _note(f"nobody knows {self._name} yet: say something first")
            return
        with self._engine.connect() as db:
            library, now = self._library, self._clock.now()
            customer = show_as_of(db, library.business_id, library.business, found, now)
        for name, value in _worth_showing(customer):
            print(f"  {name}: {on_one_line(cell(value))}", flush=True)

    def _handed_over(self) -> int | None:
        """The customer who types here, where a person of the staff is to talk with them: only then
        some lines are for the staff, and no flow's."""
        found = self._customer()
        if found is None:
            return None
        with self._engine.connect() as db:
            return found if talks(db, self._library.business_id, found) else None

    def _as_staff(self, customer_id: int, text: str) -> None:
        """Write to the customer as the staff does, or with '' give them back to the bot."""
        at, now = self._library.business_id, self._clock.now()
        with self._engine.begin() as db:
            if text:
                answer(db, at, customer_id, CHANNEL, text, now)
            else:
                release(db, at, customer_id, CHANNEL, now)
        self._drive.settle_down()

    def _customer(self) -> int | None:
        """The id of the customer who types here; None before the first word."""
        with self._engine.connect() as db:
            try:
                return resolve(db, self._library.business_id, f"{CHANNEL}:{self._name}")
            except CrmError:
                return None

    def _ask(self, stored: Stored) -> Mapping[str, Any]:
        """Make a request of a flow, once; what is on the screen waits for it."""
        answer = self._runner.run(self._try(stored)).answer
        if self._recorder is not None:
            self._recorder.call(stored.request, answer)
        return answer

    async def _try(self, stored: Stored) -> Reply:
        return await self._call(stored, TRY_SECONDS)

    def _show(self, delivery: Delivery) -> str:
        message = delivery.outgoing()
        if delivery.conversation_id is None:
            if not delivery.payload["copy"]:
                _print(f"staff({delivery.payload['staff']}): {one_line(unmarked(message.text))}")
                if self._recorder is not None:
                    self._recorder.staff(message)
            return str(delivery.id)
        if message.peer != self._name:
            _print(f"(to {message.peer}) {message.text!r}")
            return str(delivery.id)
        if self._recorder is not None:
            self._recorder.bot(message)
        return self._runner.run(self._channel.send(message)).message_id

    def write_down(self, recorder: Recorder) -> str | None:
        """What was recorded, as the text of a test; None where no flow answered."""
        with self._engine.connect() as db:
            flow = first_flow(db)
            if flow is None:
                return None
            now = self._clock.now()
            return recorder.text(flow, expectations(db, self._library, CHANNEL, flow, now))


def _parts(channel: str, message: Outgoing) -> Any:
    return telegram_render.parts(message) if channel == "telegram" else whole(channel, message)


_LESS_INTERESTING = ("accounts", "activities", "runs", "fields", "score_parts")


def _worth_showing(customer: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """What is known of a customer, fields first; what is empty is left out."""
    for name, value in customer["fields"].items():
        if value is not None:
            yield name, value
    for name, value in customer.items():
        if name not in _LESS_INTERESTING and value not in (None, [], {}, 0, ""):
            yield name, value


def _print(line: str) -> None:
    print(printable(line), flush=True)


def _note(text: str) -> None:
    """A word of the terminal itself, which the bot did not say."""
    _print(f"note: {text}")
