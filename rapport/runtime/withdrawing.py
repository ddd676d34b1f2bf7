"""Buttons of questions that are over: they are taken from under their messages, as far as possible.

Which message shows which question is known in memory only, to whoever sent it. After a restart, or
where another process sends, a pressed button still names its message; and an old button that stays
gets a polite answer. So this costs no row, and what goes wrong here is of no consequence.
"""

from __future__ import annotations

from collections import OrderedDict

from msgspec import Struct

from bots.channel import Channel
from bots.limits import Pace
from engine.messages import STARTS_FLOW
from rapport.runtime.cases import Case, Conversation, Mail, OpenRun
from rapport.runtime.clock import Clock
from rapport.runtime.deliveries import Delivery

REMEMBERED = 10_000
"""Chats whose question is remembered; the first of them are forgotten first."""

MESSAGES = 5
"""Of each chat: a question that was asked again has several."""


class Press(Struct, frozen=True):
    """A pressed button whose progress bar is to be ended."""

    account_id: int
    callback_id: str


class Closed(Struct, frozen=True):
    """A question that is over. message_id: the message with the button that was pressed, '' where
    none was."""

    account_id: int
    peer: str
    wait_id: str
    message_id: str = ""


def question_of(token: str | None) -> str:
    """The wait that the token of a button belongs to; '' where it belongs to none."""
    if not token or token.startswith(STARTS_FLOW):
        return ""
    return token.rpartition(".")[0]


def offered_here(asking: OpenRun | None, at: Conversation) -> str:
    """The wait whose choices are on offer in a conversation; '' where none are."""
    wait = asking.run.wait if asking and asking.conversation_id == at.id else None
    return wait.id if wait is not None and wait.choices else ""


def closed_by(letter: Mail, offered: str, case: Case, at: Conversation) -> list[Closed]:
    """The questions whose buttons lead nowhere any more after this mail: the one that was open
    before it, and the older one whose button was pressed."""
    pressed = question_of(letter.payload.get("token"))
    waits = {opened.run.wait.id for opened in case.runs.values() if opened.run.wait is not None}
    return [
        Closed(
            at.account_id,
            at.peer,
            question,
            letter.payload.get("message_id", "") if question == pressed else "",
        )
        for question in sorted({offered, pressed} - waits - {""})
    ]


class Withdrawing:
    """For one account, in the process that sends."""

    def __init__(self, channel: Channel, pace: Pace, clock: Clock) -> None:
        self._channel = channel
        self._pace = pace
        self._clock = clock
        self._shown: OrderedDict[str, list[tuple[str, str]]] = OrderedDict()

    def sent(self, delivery: Delivery, message_id: str) -> None:
        """A message went out; it may show a question."""
        for row in delivery.payload.get("buttons", ()):
            for button in row:
                if question := question_of(button[1]):
                    self._note(delivery.peer, question, message_id)
                    return

    async def close(self, closed: Closed) -> None:
        """Take the buttons away, unless the account has more important things to send."""
        shown = self._shown.get(closed.peer, [])
        messages = [message for question, message in shown if question == closed.wait_id]
        # What was asked next may have gone out already.
        shown[:] = [one for one in shown if one[0] != closed.wait_id]
        if closed.message_id and closed.message_id not in messages:
            messages = [*messages, closed.message_id]
        for message_id in messages:
            now = self._clock.now()
            if self._pace.account_at(now) <= now:
                self._pace.edited(now)
                await self._channel.withdraw(closed.peer, message_id)

    def _note(self, peer: str, question: str, message_id: str) -> None:
        shown = self._shown.pop(peer, [])
        self._shown[peer] = [*shown, (question, message_id)][-MESSAGES:]
        if len(self._shown) > REMEMBERED:
            self._shown.popitem(last=False)
