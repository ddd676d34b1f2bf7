"""Between the staff and a customer whom a run has handed over: what each writes reaches the other.

    the bot talks ──(`handoff`, `always:`, the staff takes)──> handed over
                  <──(given back, silence, nobody came)──────

While a customer is handed over the bot is silent: everything but an opt-out word goes to the staff
only, no clock of another run rings, and what would begin or go on by itself waits. The run that
handed over rests (engine.run.HANDED_OVER); whatever ends its wait gives the customer back, and the
open question, if there is one, is asked again. What the staff does is mail of kind STAFF.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from bots.channel import Outgoing
from engine.business import Always
from engine.resume import Elapsed, Talked
from engine.run import HANDED_OVER
from engine.wording import wording
from rapport.runtime.cases import AUTOMATED, LIVE, Conversation, Mail, OpenRun
from rapport.runtime.echoes import KIND as ECHO
from rapport.runtime.moves import Beginning, Moves
from rapport.runtime.staff_flow import STAFF_FLOW, staff_flow

KIND = "staff"
"""The kind of mail by which the staff acts: `act` is reply (with `text`), release or take; `by` is
who does it, by name."""

KINDS = frozenset({KIND, ECHO})
"""Kinds of mail by which the staff talks with the customer."""


QUIET = "12h"
"""In the platform's own app nobody can give a customer back, so silence does it."""


class Handovers:
    """The handing over of one customer, beside what else their turns do."""

    __slots__ = ("_case", "_moves", "_sheet")

    def __init__(self, moves: Moves) -> None:
        self._moves = moves
        self._case = moves.case
        self._sheet = moves.sheet

    def hand_over(self, always: Always, at: Conversation) -> None:
        """The person wrote a word by which anybody gets somebody of the staff."""
        text = wording("handed_over", self._moves.language())
        self._sheet.send(Outgoing(at.peer, text), at, LIVE)
        event = {"to": always.handoff}
        if always.resume_after is not None:
            event["resume_after"] = str(always.resume_after)
        self._begin("always", event, at, LIVE)

    def pass_on(self, opened: OpenRun, said: str) -> None:
        """The customer wrote something, which is for the staff alone."""
        wait, to = opened.run.wait, opened.run.handed_over
        assert wait is not None, "it was handed over"
        assert to is not None, "it was handed over"
        self._sheet.agenda.pass_on(to, said)
        self._moves.advance(opened, Talked(wait.id, by_staff=False), LIVE)

    def hear(self, letter: Mail, at: Conversation) -> None:
        """The staff has done something: here, or in the platform's own app."""
        if letter.kind == ECHO:
            self._overhear(letter, at)
            return
        act, by = letter.payload["act"], letter.payload["by"]
        opened = self._moves.handed_over()
        if act == "take":
            self._take(opened, by, at)
        elif act == "release":
            self._release(opened, by)
        else:
            self._reply(opened, letter.payload["text"], by, at)

    def _overhear(self, letter: Mail, at: Conversation) -> None:
        """Somebody of the business has written in the platform's own app: the bot leaves them to
        it, until nobody there has said anything for QUIET."""
        channel = self._moves.channel(at)
        text = letter.payload.get("text") or f"({letter.payload.get('content', 'message')})"
        self._sheet.record("message_sent", text, {"channel": channel}, by=f"staff:{channel}")
        opened = self._moves.handed_over()
        if opened is None:
            event = {"to": channel, "taken": True, "resume_after": QUIET}
            self._begin("taken", event, at, AUTOMATED)
        elif opened.run.wait is not None:
            self._moves.advance(opened, Talked(opened.run.wait.id, by_staff=True), AUTOMATED)

    # -- inside

    def _reply(self, opened: OpenRun | None, text: str, by: str, at: Conversation) -> None:
        self._sheet.send(Outgoing(at.peer, text), at, LIVE, by=f"staff:{by}")
        if opened is not None and opened.run.wait is not None:
            self._moves.advance(opened, Talked(opened.run.wait.id, by_staff=True), LIVE)

    def _release(self, opened: OpenRun | None, by: str) -> None:
        if opened is not None and opened.run.wait is not None:
            self._sheet.record("released", "Given back to the bot", None, by=f"staff:{by}")
            self._moves.advance(opened, Elapsed(opened.run.wait.id), AUTOMATED)

    def _take(self, opened: OpenRun | None, by: str, at: Conversation) -> None:
        """Somebody of the staff has the customer to themselves from now on."""
        if opened is None:
            self._begin("taken", {"to": by, "taken": True}, at, AUTOMATED)
            return
        wait = opened.run.wait
        assert wait is not None, "it was handed over"
        if opened.run.handed_over != by:
            taken = replace(wait, state={**wait.state, HANDED_OVER: by})
            self._moves.alter(opened, replace(opened.run, wait=taken))
            self._sheet.record("taken", f"Taken by {by}", None, by=f"staff:{by}")

    def _begin(self, how: str, event: Mapping[str, Any], at: Conversation, lane: int) -> None:
        """It lies on top of an open question, which is asked again when the bot is back."""
        moves = self._moves
        cause = f"{STAFF_FLOW}/{how}"
        if moves.asking is not None:
            cause = f"detour:{moves.asking}:{cause}"
        moves.begin(staff_flow(), Beginning(cause, event, lane), at)
