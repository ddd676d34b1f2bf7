"""What a batch of turns works on: customers, each with their conversations, runs and mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct, field

from bots.channel import Inbound, Outgoing
from engine.fields.types import Value
from engine.run import Run

LIVE, AUTOMATED = 0, 1
"""Lanes of the outbox: what answers a person goes ahead of what a clock sends."""

LANE_ANSWER, LANE_PERSON, LANE_TIMER = -1, 0, 1
"""Mail of a lower lane is applied first: what a person wrote while a request was being answered
comes after the answer, and what a clock did after what a person did."""

LIVE, AUTOMATED = 0, 1
"""Lanes of the outbox: what answers a person goes ahead of what a clock sends."""

Parts = Callable[[str, Outgoing], Sequence[Outgoing]]
"""Cuts a message for a channel, by its name, into pieces the platform accepts."""


class Conversation(NamedTuple):
    """status: idle, or ready where mail waits for it."""

    id: int
    account_id: int
    customer_id: int
    peer: str
    status: str
    revision: int


class Mail(NamedTuple):
    """One thing that waits for its conversation. arrival: what it was decoded from where it has
    only just come in and is not stored yet; None for stored mail. late: a later one is applied."""

    id: int
    conversation_id: int
    kind: str
    run_id: int | None
    payload: Mapping[str, Any]
    attempts: int
    received_at: datetime
    arrival: Inbound | None = None
    late: bool = False


class OpenRun(Struct):
    """A run that has not ended, with what its row says beyond the run itself.

    status: what is stored; '' for a new one. followed: it stands in another version than is stored,
    or is known to stay in its own. restart: the place of the frame that begins anew before anything
    else happens to the run.
    """

    run: Run
    conversation_id: int
    cause: str
    started_at: datetime
    status: str = ""
    followed: bool = False
    restart: int | None = None
    firing: str | None = None

    @property
    def is_new(self) -> bool:
        return self.status == ""


class Firing(NamedTuple):
    """One occasion of a trigger for the customer, to be started or skipped.

    request: what is to be started: `flow`, its `event`, and `vars` where a node asked for it.
    """

    trigger: str
    occurrence: str
    request: Mapping[str, Any]
    due_at: datetime
    expires_at: datetime


class Case(Struct):
    """One customer of the batch: everything their turns may read.

    conversations: those that are worked on now; elsewhere: others in which the customer's runs
    live, whose own mail is not at hand. floods: of the first, how many messages were set aside for
    the one that is among `mail`, by the conversation's id. ruled: those of the tags that a rule
    put on. filled, asked, answered: what a score asks for (engine.derive.scores). changed: the
    names, as rules read them, that have changed since the rules were asked last. holds: mail is
    left that has to wait. held: what waits for the open
    question to close, in the order in which it is started then.
    """

    customer_id: int
    asking_run: int | None = None
    values: dict[str, Value] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    tags: frozenset[str] = frozenset()
    ruled: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    filled: int = 0
    asked: int = 0
    answered: int = 0
    changed: set[str] = field(default_factory=set)
    history: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    conversations: dict[int, Conversation] = field(default_factory=dict)
    elsewhere: dict[int, Conversation] = field(default_factory=dict)
    runs: dict[int, OpenRun] = field(default_factory=dict)
    mail: list[Mail] = field(default_factory=list)
    floods: dict[int, int] = field(default_factory=dict)
    holds: bool = False
    held: list[Firing] = field(default_factory=list)

    def by_conversation(self) -> list[tuple[Conversation, list[Mail]]]:
        """Each conversation with its mail, which may be none; that of the oldest mail first."""
        if len(self.conversations) == 1:
            return [(at, self.mail) for at in self.conversations.values()]
        letters: dict[int, list[Mail]] = {item: [] for item in self.conversations}
        for letter in self.mail:
            letters[letter.conversation_id].append(letter)
        oldest = sorted(letters, key=lambda item: min((one.id for one in letters[item]), default=0))
        return [(self.conversations[item], letters[item]) for item in oldest]
