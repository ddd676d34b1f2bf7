"""Where a conversation is held for a test: a real engine, an in-memory database, a moved clock."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, select

from bots import commands
from bots.channel import Inbound, Kind
from crm.services.following import Following
from crm.services.ledger import Cause, Ledger
from crm.tables import run
from engine.asking.choices import item_text
from engine.bidi import unmarked
from engine.durations import Duration
from engine.fields.coerce import coerce
from engine.fields.readings import Refused
from engine.fields.types import Value
from engine.happenings import Happened
from engine.jsonable import run_from_json
from engine.locales import locale_of
from engine.messages import Rows
from engine.transcript import HttpReply
from rapport.build import whole
from rapport.runtime.clock import VirtualClock
from rapport.runtime.deliveries import Delivery
from rapport.runtime.desk import Desk
from rapport.runtime.drive import Drive
from rapport.runtime.inbox import answer, release
from rapport.runtime.intake import Origin
from rapport.runtime.library import Library
from rapport.runtime.people import meet
from rapport.runtime.surroundings import Watch
from rapport.runtime.turns import Turns
from rapport.testing.answers import Answers
from rapport.testing.happening import begin, let_happen
from rapport.testing.names import Names

PEER = "1000"
"""The one customer's id on the channel."""


STAFF = "staff"
"""Who of the staff it is that writes in tests: nobody in particular."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A button as the customer sees it; `value` is what it stands for, None for a link."""

    text: str
    token: str | None = None
    value: Any = None

    def is_called(self, name: str) -> bool:
        """Whether a test that writes `name` means this button: its text, or its value."""
        return name in (self.text, item_text(self.value))


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of the bot; buttons in reading order. media: its kind and where it is from.

    to: the WHO of the staff that it is for, '' where it is for the customer.
    """

    text: str
    buttons: tuple[Shown, ...] = ()
    media: tuple[str, str] | None = None
    to: str = ""


class BadSetting(Exception):
    """A test begins as none can, with a customer who cannot be; the text says what is wrong."""


class Stage:
    """One customer and one bot. `unread` are the messages that nobody has looked at.

    `told` is what the staff was told, once however many people were: by `staff_at`, the bot that
    they write to.
    """

    def __init__(
        self, engine: Engine, library: Library, origin: Origin, staff_at: Origin, now: datetime,
        flow: str, http: Mapping[str, Sequence[HttpReply]], watch: Watch | None = None,
    ) -> None:  # fmt: skip
        self._engine = engine
        self._library = library
        self._origin = origin
        self._flow = flow
        self._clock = VirtualClock(now)
        self._numbers = itertools.count(1)
        channels = {at.account_id: at.channel for at in (origin, staff_at)}
        turns = Turns(library, channels, whole, watch=watch)
        self._drive = Drive(
            engine, Desk(turns), origin, self._clock, self._show, call=Answers(http),
            also=() if staff_at == origin else (staff_at.account_id,),
        )  # fmt: skip
        self.unread: list[Sent] = []
        self.told: list[Sent] = []
        self.buttons: tuple[Shown, ...] = ()

    def introduce(self, customer: Mapping[str, Any]) -> None:
        """Make the customer known before the first message. Raises BadSetting."""
        now, library, business = self._clock.now(), self._library, self._library.business
        typed, tags = self._typed(customer), self._tags(customer)
        with self._engine.begin() as db:
            person, _ = meet(
                db, library.business_id, self._origin.account_id, self._origin.channel, business,
                self._inbound("text", {"text": ""}), now,
            )  # fmt: skip
            # What a test begins with has not happened in it: nobody hears of it.
            unheard: frozenset[str] = frozenset()
            ledger = Ledger(library.business_id, business.fields, library.columns, unheard)
            for key in typed:
                ledger.set_field(person.customer_id, key, typed, None, now, Cause(by="test"))
            for name, tag_id in tags.items():
                ledger.add_tag(person.customer_id, tag_id, name, now, Cause(by="test"))
            ledger.write(db)
            following = Following(db, library.business_id, business)
            following.settle(db, [person.customer_id], now, unheard)

    # -- what the customer does

    def say(self, text: str) -> None:
        """Write a text, or a command with its argument: `/start spring`."""
        command = commands.parse(text)
        if command is None:
            self._take_in("text", {"text": text})
            return
        payload = {"text": text, "command": command.name, "argument": command.argument}
        self._take_in("command", payload)

    def press(self, button: str) -> bool:
        """Press a button of the last message that had any, by its text or value; False: no such."""
        for shown in self.buttons:
            if shown.token is not None and shown.is_called(button):
                press = {"token": shown.token, "callback_id": "press", "message_id": "0"}
                self._take_in("press", press)
                return True
        return False

    def advance(self, duration: Duration) -> None:
        """Let time pass; what falls due happens, at its end included."""
        self._drive.advance_to(duration.after(self._clock.now(), self._zone()))

    # -- what happens beside it

    def happens(self, event: Happened) -> None:
        """Something happens outside of the conversation. Raises CrmError where it cannot be."""
        customer_id, now = self._somebody(), self._clock.now()
        with self._engine.begin() as db:
            let_happen(db, self._library, customer_id, event, now)
        self._drive.settle_down()

    def begin(self, flow: str) -> None:
        """A flow starts by itself, as by a trigger."""
        customer_id, now = self._somebody(), self._clock.now()
        with self._engine.begin() as db:
            begin(db, self._library, customer_id, flow, now)
        self._drive.settle_down()

    def by_staff(self, text: str) -> None:
        """Somebody of the staff writes to the customer, or with '' gives them back to the bot.
        Raises CrmError where nobody is handed over."""
        customer_id, now = self._somebody(), self._clock.now()
        at = self._library.business_id
        with self._engine.begin() as db:
            if text:
                answer(db, at, customer_id, STAFF, text, now)
            else:
                release(db, at, customer_id, STAFF, now)
        self._drive.settle_down()

    def _somebody(self) -> int:
        """The id of the customer, who need not have said anything yet."""
        with self._engine.connect() as db:
            customer_id = self._names(db).customer_id()
        if customer_id is None:
            self.introduce({})
            return self._somebody()
        return customer_id

    # -- what can be asked

    def value(self, name: str) -> Any:
        """The value of a name that `expect` may use. Raises LookupError for one there is not."""
        with self._engine.connect() as db:
            return self._names(db).value(name)

    def is_equal(self, name: str, expected: Any) -> bool:
        """Whether a value is what a test wrote, read by the type of what it is compared with."""
        with self._engine.connect() as db:
            return self._names(db).is_equal(name, expected)

    # -- inside

    def _take_in(self, kind: Kind, payload: dict[str, Any]) -> None:
        self._drive.take_in(self._inbound(kind, payload))

    def _inbound(self, kind: Kind, payload: dict[str, Any]) -> Inbound:
        number = next(self._numbers)
        content = {"message_id": str(number), **payload}
        return Inbound(f"test:{number}", number, kind, PEER, PEER, private=True, payload=content)

    def _show(self, delivery: Delivery) -> str:
        outgoing = delivery.outgoing()
        if delivery.conversation_id is None:
            if not delivery.payload["copy"]:
                self.told.append(Sent(unmarked(outgoing.text), to=delivery.payload["staff"]))
            return str(delivery.id)
        shown = self._shown(outgoing.buttons) if outgoing.buttons else ()
        media = outgoing.media
        sent = None if media is None else (media.kind, media.source)
        self.unread.append(Sent(unmarked(outgoing.text), shown, sent))
        if shown:
            self.buttons = shown
        return str(delivery.id)

    def _shown(self, rows: Rows) -> tuple[Shown, ...]:
        buttons = [button for row in rows for button in row]
        with self._engine.connect() as db:
            return tuple(
                Shown(button.label, button.token, _value_of(db, button.token)) for button in buttons
            )

    def _typed(self, customer: Mapping[str, Any]) -> dict[str, Value]:
        business = self._library.business
        typed: dict[str, Value] = {}
        for key, written in customer.items():
            if key == "tags":
                continue
            if key not in business.fields:
                raise BadSetting(f"customer: there is no field '{key}'")
            read = coerce(written, business.fields[key], locale_of(typed, business))
            if isinstance(read, Refused):
                raise BadSetting(f"customer: {written!r} is no valid {key}")
            typed[key] = read.value
        return typed

    def _tags(self, customer: Mapping[str, Any]) -> dict[str, int]:
        """The ids of the tags that the customer has from the beginning, by name."""
        named = customer.get("tags") or ()
        names = [named] if isinstance(named, str) else list(named)
        for name in names:
            if name not in self._library.tags:
                raise BadSetting(f"customer: there is no tag '{name}'")
        return {name: self._library.tags[name] for name in names}

    def _zone(self) -> ZoneInfo:
        with self._engine.connect() as db:
            return self._names(db).zone()

    def _names(self, db: Connection) -> Names:
        channel, now = self._origin.channel, self._clock.now()
        return Names(db, self._library, channel, self._flow, now)


def _value_of(db: Connection, token: str | None) -> Any:
    """The value that a button stands for: its place among the choices of its question."""
    wait_id, _, place = (token or "").rpartition(".")
    if not place.isdigit():
        return None
    row = db.execute(
        select(run.c.id, run.c.frames, run.c.wait, run.c.event).where(run.c.wait_id == wait_id)
    ).one_or_none()
    wait = run_from_json(*row).wait if row else None
    choices = wait.choices if wait else ()
    return choices[int(place)].value if int(place) < len(choices) else None
