"""Where a conversation is held for a test: a real engine, an in-memory database, a moved clock."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, select

from bots.channel import Inbound
from crm.database import open_engine
from crm.services.ledger import Cause, Ledger
from crm.tables import customer, customer_account, customer_tag, metadata, run, tag, task
from engine.durations import Duration
from engine.fields.coerce import coerce
from engine.fields.places import Locale
from engine.fields.plain import to_plain
from engine.fields.readings import Read
from engine.fields.types import Value
from engine.jsonable import run_from_json
from engine.loader import Loaded
from engine.run import Run
from rapport.build import Ready, apply_loaded, open_account, whole
from rapport.runtime.clock import VirtualClock
from rapport.runtime.deliveries import Delivery
from rapport.runtime.desk import Desk
from rapport.runtime.drive import Drive
from rapport.runtime.intake import Origin
from rapport.runtime.library import Library
from rapport.runtime.people import meet
from rapport.runtime.turns import Turns

PEER = "1000"
DEFAULT_NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
"""The moment of a test that names none: a Thursday in winter, so nothing is special about it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message of the bot. buttons: (text, token or None, value) in reading order."""

    text: str
    buttons: tuple[tuple[str, str | None, Any], ...] = ()


@dataclass(slots=True)
class Stage:
    """One customer and one bot of a project. `unread` are the messages nobody has looked at."""

    loaded: Loaded
    channel: str = "telegram"
    now: datetime = DEFAULT_NOW
    customer: Mapping[str, Any] = field(default_factory=dict)
    flow_vars: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    unread: list[Sent] = field(default_factory=list)
    last_buttons: tuple[tuple[str, str | None, Any], ...] = ()
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _engine: Engine = field(init=False)
    _drive: Drive = field(init=False)
    _clock: VirtualClock = field(init=False)
    _library: Library = field(init=False)
    _origin: Origin = field(init=False)

    def __post_init__(self) -> None:
        self._clock = VirtualClock(self.now)
        self._engine = open_engine("sqlite://")
        metadata.create_all(self._engine)
        with self._engine.begin() as db:
            ready = apply_loaded(db, self.loaded, self._clock.now())
            self._library = self._with_vars(ready)
            self._origin = open_account(
                db, ready.applied.business_id, self.channel, "bot", "bot", self._clock.now()
            )
            if self.customer:
                self._make_customer(db)
        turns = Turns(self._library, {self._origin.account_id: self.channel}, whole)
        self._drive = Drive(self._engine, Desk(turns), self._origin, self._clock, self._show)

    def close(self) -> None:
        self._engine.dispose()

    # -- what the customer does

    def say(self, text: str) -> None:
        self._take_in("text", {"text": text}) if text[:1] != "/" else self._command(text)

    def press(self, button: str) -> bool:
        """Press a button of the last message that had any, by its text or value; False: no such."""
        for label, token, value in self.last_buttons:
            if button in (label, str(value)) and token is not None:
                payload = {"token": token, "callback_id": f"press-{next(self._numbers)}"}
                self._take_in("press", {**payload, "message_id": "0"})
                return True
        return False

    def advance(self, duration: Duration) -> None:
        zone = self._library.business.timezone
        self._drive.advance_to(duration.after(self._clock.now(), zone))

    # -- what can be asked

    def value(self, name: str) -> Any:
        """The value of `customer.x`, `var.x`, `node`, `outcome`, `tags` or `tasks`."""
        with self._engine.connect() as db:
            if name == "tags":
                return self._tags(db)
            if name == "tasks":
                return len(db.execute(select(task.c.id).where(task.c.completed_at.is_(None))).all())
            if name.startswith("customer."):
                return self._field(db, name.removeprefix("customer."))
            return self._of_run(self._last_run(db), name)

    def is_equal(self, name: str, expected: Any) -> bool:
        """Whether a value is what a test wrote, read by the type of what it is compared with."""
        actual = self.value(name)
        if name == "tags":
            return set(actual) == set(expected or ())
        field_ = self._library.business.fields.get(name.removeprefix("customer."))
        if name.startswith("customer.") and field_ is not None:
            read = coerce(expected, field_, Locale())
            return isinstance(read, Read) and read.value == actual
        return _letters(actual) == _letters(expected)

    # -- inside

    def _command(self, text: str) -> None:
        command, _, argument = text[1:].partition(" ")
        self._take_in("command", {"text": text, "command": command.lower(), "argument": argument})

    def _take_in(self, kind: Any, payload: dict[str, Any]) -> None:
        number = next(self._numbers)
        self._drive.take_in(
            Inbound(
                f"test:{number}", number, kind, PEER, PEER, True,
                {"message_id": str(number), **payload},
            )
        )  # fmt: skip

    def _show(self, delivery: Delivery) -> str:
        outgoing = delivery.outgoing()
        buttons = tuple(
            (button.label, button.token, self._value_of(button.token))
            for row in outgoing.buttons
            for button in row
        )
        self.unread.append(Sent(outgoing.text, buttons))
        if buttons:
            self.last_buttons = buttons
        return str(delivery.id)

    def _value_of(self, token: str | None) -> Any:
        """The value that a button stands for: its place among the choices of its question."""
        wait_id, _, place = (token or "").rpartition(".")
        with self._engine.connect() as db:
            stored = db.execute(select(run.c.wait).where(run.c.wait_id == wait_id)).scalar()
        if not stored or not place.isdigit() or int(place) >= len(stored["choices"]):
            return None
        return stored["choices"][int(place)][1]

    def _with_vars(self, ready: Ready) -> Library:
        for key, given in self.flow_vars.items():
            for place in [place for place in ready.library.flows if place[0] == key]:
                flow = ready.library.flows[place]
                ready.library.flows[place] = replace(flow, vars={**flow.vars, **given})
        return ready.library

    def _make_customer(self, db: Connection) -> None:
        """The customer as the test describes them, known before the first message."""
        now, library = self._clock.now(), self._library
        hello = Inbound("test:0", 0, "text", PEER, PEER, True, {"text": ""})
        person = meet(
            db, library.business_id, self._origin.account_id, self.channel, library.business,
            hello, now,
        )  # fmt: skip
        ledger = Ledger(library.business_id, library.business.fields, library.columns)
        values: dict[str, Value] = {}
        for key, written in self.customer.items():
            read = coerce(written, library.business.fields[key], Locale())
            if not isinstance(read, Read):
                raise ValueError(f"customer.{key} of the test is not a valid value: {written}")
            values[key] = read.value
            ledger.set_field(person.customer_id, key, values, None, now, Cause(by="test"))
        ledger.write(db)

    def _field(self, db: Connection, key: str) -> Any:
        column = self._library.columns.get(key)
        of = select(customer_account.c.customer_id).scalar_subquery()
        if column is None:
            extras = db.execute(
                select(customer.c.custom_fields_extra).where(customer.c.id == of)
            ).scalar()
            return self._library.typed(key, (extras or {}).get(key))
        return db.execute(select(customer.c[column]).where(customer.c.id == of)).scalar()

    def _tags(self, db: Connection) -> list[str]:
        rows = db.execute(select(tag.c.name).join(customer_tag, customer_tag.c.tag_id == tag.c.id))
        return [row.name for row in rows]

    def _last_run(self, db: Connection) -> Run | None:
        row = db.execute(select(run).order_by(run.c.id.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        stored = {"frames": row.frames, "wait": row.wait, "event": row.event}
        return run_from_json(row.id, stored, row.outcome)

    def _of_run(self, last: Run | None, name: str) -> Any:
        if last is None:
            return None
        if name == "outcome":
            return last.outcome
        if name == "node":
            return "ended" if last.wait is None else last.frames[-1].node
        return last.frames[-1].vars.get(name.removeprefix("var."))


def _letters(value: Any) -> str | None:
    """A value as a file would write it."""
    plain = to_plain(value)
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return None if plain is None else str(plain)
