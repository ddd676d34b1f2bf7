"""Transcript tests as they are written: a conversation that a flow must hold."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct, field

from engine.durations import Duration
from engine.happenings import Happened
from engine.problems import Position


class User(Struct, frozen=True):
    """The customer writes `text`; `/start spring` is a command with its argument."""

    text: str
    position: Position


class Bot(Struct, frozen=True):
    """The bot sends one message. What is None or empty is not asked about.

    text: the whole text. contains, not_contains: pieces of it. matches: an RE2 pattern found in
    it. buttons: text or value of each, all of them, in order. media: the kind of what is sent with
    it (`photo`), or where that is from.
    """

    position: Position
    text: str | None = None
    contains: tuple[str, ...] = ()
    not_contains: tuple[str, ...] = ()
    matches: str | None = None
    buttons: tuple[str, ...] | None = None
    media: str | None = None


class Told(Struct, frozen=True):
    """The staff is told something, once however many people are told; `message` says what."""

    message: Bot

    @property
    def position(self) -> Position:
        return self.message.position


class Press(Struct, frozen=True):
    """The customer presses the button of the last message with this text or value."""

    button: str
    position: Position


class Expect(Struct, frozen=True):
    """Names of "Names and templates", `node`, `outcome`, `tags`, `tasks`, and their values.

    A value is the letters typed (of a list, a tuple of them), None for `null` or nothing: the
    name it is compared with decides what they mean.
    """

    values: Mapping[str, Any]
    position: Position


class Advance(Struct, frozen=True):
    """Time passes; what falls due happens, at its end included.

    silent: and nothing may be sent.
    """

    duration: Duration
    position: Position
    silent: bool = False


class Happens(Struct, frozen=True):
    """Something happens with the customer outside of the conversation."""

    event: Happened
    position: Position


class Begin(Struct, frozen=True):
    """A flow starts by itself, as by a trigger that nobody wrote."""

    flow: str
    position: Position


class ByStaff(Struct, frozen=True):
    """Somebody of the staff writes `text` to the customer; '' gives them back to the bot."""

    text: str
    position: Position


Act = User | Press | Advance | Happens | Begin | ByStaff
"""What happens in a conversation, but for what the bot says."""

Step = Act | Bot | Told | Expect


class HttpReply(Struct, frozen=True):
    """What a request of a test is answered with. error: it is not answered, and this is why."""

    status: int = 200
    json: Any = None
    text: str = ""
    error: str = ""

    @property
    def answer(self) -> Mapping[str, Any]:
        """What `answer` is in templates."""
        good = 200 <= self.status < 300 and not self.error
        why = self.error or f"it was answered with {self.status}"
        status = 0 if self.error else self.status
        return {
            "status": status, "json": self.json, "text": self.text, "error": None if good else why,
        }  # fmt: skip


class Transcript(Struct, frozen=True):
    """One test. flow: the key of the flow it is about. now: aware, None for any time.

    customer: fields by key, the letters typed; vars: variables the flow begins with. arms: the way
    that a flow's `split` takes, by the flow or the id of the node. http: what each address answers,
    one time after the other, the last for ever; before an address may stand a method. arms_at:
    where each of `arms` is written.
    """

    name: str
    flow: str
    position: Position
    channel: str = "telegram"
    customer: Mapping[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    arms: Mapping[str, str] = field(default_factory=dict)
    arms_at: Mapping[str, Position] = field(default_factory=dict)
    http: Mapping[str, tuple[HttpReply, ...]] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()
