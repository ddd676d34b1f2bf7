"""One customer's turns of a batch: each mail decided, and carried out on their runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from bots.channel import Outgoing
from engine.happenings import Happened, of_message
from engine.jsonable import from_json, to_json
from engine.messages import Message
from engine.offer import (
    Answer,
    Cancel,
    Decision,
    Detour,
    Fallback,
    HandOver,
    Nothing,
    OptIn,
    OptOut,
    OwnData,
    StalePress,
    Start,
    decide,
    is_opt_out,
)
from engine.referrals import code_in
from engine.resume import HttpAnswered, Reply
from engine.wording import wording
from rapport.runtime.calls import KIND
from rapport.runtime.cases import AUTOMATED, LIVE, Case, Conversation, Mail
from rapport.runtime.firings import expiry_of, is_spent
from rapport.runtime.guest import is_the_hosts
from rapport.runtime.handovers import KINDS as OF_STAFF
from rapport.runtime.handovers import Handovers
from rapport.runtime.letters import message_of, said
from rapport.runtime.listening import Listening
from rapport.runtime.moves import Beginning, Moves
from rapport.runtime.own_data import OwnData as AboutThemselves
from rapport.runtime.sheet import Sheet
from rapport.runtime.surroundings import Surroundings
from rapport.runtime.withdrawing import Closed, Press, closed_by, offered_here

_FOR_RUNS = frozenset({"timer", "event", "firing", KIND}) | OF_STAFF
"""Kinds of mail that no person says to the bot."""

_OF_A_QUESTION = (Answer, Fallback, StalePress, Nothing)
"""What becomes of a message that is nothing but an answer."""

_BEFORE_WAITS = (Answer, Detour, HandOver, OptIn, StalePress)
"""What comes before a run that waits for a message."""


class Casework:
    """The working copy of one customer: mail in, steps and decisions, rows on the sheet.

    Pressed buttons are added to `presses`, questions that are over to `closed`.
    """

    def __init__(
        self, case: Case, around: Surroundings, sheet: Sheet, presses: list[Press],
        closed: list[Closed],
    ) -> None:  # fmt: skip
        self.case = case
        self.around = around
        self.sheet = sheet
        self.presses = presses
        self.closed = closed
        self.moves = Moves(case, around, sheet)
        self._restarts = [run for run in case.runs.values() if run.restart is not None]
        self._listening = Listening(self.moves)
        self._handovers = Handovers(self.moves)
        self.left: tuple[str, ...] = ()
        """The keys of messages left to the host."""
        self._leaves_it = False
        self.letter: Mail | None = None
        """The mail being applied: the one at fault where something raises."""

    def work(self) -> None:
        """Apply all waiting mail of the customer, conversation by conversation."""
        for conversation, letters in self.case.by_conversation():
            left = self._work_off(letters, conversation)
            until = self._held_until(conversation)
            if left and until is not None:
                self.sheet.hold(self.case, conversation, left, until)
            else:
                self.sheet.worked_off(conversation)
        if self.letter is not None:
            self.sheet.settle()
        self.moves.store()

    def _work_off(self, letters: Iterable[Mail], at: Conversation) -> list[Mail]:
        """Apply letters in order; those that have to wait behind an answer are left."""
        left: list[Mail] = []
        for letter in letters:
            self._begin_anew(letter)
            if self._waits(letter, at):
                left.append(letter)
                if not self._leaves(letter):
                    continue
                self.sheet.begin(self.case, letter)
                self.moves.close_questions("opted_out")
            else:
                self._take(letter, at)
            while left and self._held_until(at) is None:
                self._take(left.pop(0), at)
        return left

    def _take(self, letter: Mail, at: Conversation) -> None:
        self.letter = letter
        self.sheet.begin(self.case, letter)
        self._leaves_it = False
        self._apply(letter, at)
        self._listening.settle(_lane_of(letter), at)
        self.sheet.applied(letter, left=self._leaves_it)
        if self._leaves_it and letter.arrival is not None:
            self.left = (*self.left, letter.arrival.dedup_key)

    def _begin_anew(self, letter: Mail) -> None:
        """What is to begin anew does so before anything else: it may ask another system, and then
        the mail at hand waits behind the answer."""
        if self._restarts:
            self.letter = letter
            self.sheet.begin(self.case, letter)
        while self._restarts:
            self.moves.begin_anew(self._restarts.pop())

    def _waits(self, letter: Mail, at: Conversation) -> bool:
        """Whether a letter is of those that wait behind an answer. What was said to a question that
        begins anew is not: it would be taken for a reply to the next one."""
        if letter.kind in _FOR_RUNS or self._held_until(at) is None:
            return False
        if at.id not in self.moves.begun_anew or letter.kind in ("blocked", "unblocked", "deleted"):
            return True
        created = bool(letter.payload.get("created"))
        return not isinstance(self._decide(message_of(letter), at, created=created), _OF_A_QUESTION)

    def _held_until(self, at: Conversation) -> datetime | None:
        """Until when what is written here waits; None where it does not."""
        asking = self.moves.asking_run()
        wait = None if asking is None else asking.run.wait
        if asking is None or wait is None or not wait.holds:
            return None
        if asking.conversation_id != at.id or asking.restart is not None:
            return None
        return wait.due_at if self.moves.handed_over() is None else None

    def _leaves(self, letter: Mail) -> bool:
        """Whether the person opts out, which waits for nothing."""
        business = self.around.library.business
        return letter.kind in ("text", "command") and is_opt_out(letter.payload["text"], business)

    @property
    def moved(self) -> list[int]:
        """The runs that have moved so far, in the order in which they first did."""
        return self.moves.moved

    # -- one mail

    def _apply(self, letter: Mail, conversation: Conversation) -> None:
        if letter.kind == "timer":
            self._ring(letter)
        elif letter.kind == KIND:
            self._answered(letter)
        elif letter.kind == "event":
            self._listening.hear(letter)
        elif letter.kind == "firing":
            self._listening.fire(letter, conversation)
        elif letter.kind in OF_STAFF:
            self._handovers.hear(letter, conversation)
        elif letter.kind in ("blocked", "unblocked", "deleted"):
            self.sheet.agenda.notice(letter, self.moves.channel(conversation))
        else:
            offered = offered_here(self.moves.asking_run(), conversation)
            self._hear(letter, conversation)
            self.closed += closed_by(letter, offered, self.case, conversation)

    def _ring(self, letter: Mail) -> None:
        """A timer is due: sound the alarms whose moment has come, if the run still waits there."""
        opened = self.case.runs.get(letter.run_id or 0)
        wait = opened.run.wait if opened else None
        if opened is None or wait is None or wait.id != letter.payload["wait_id"]:
            return
        # Under a detour nothing sounds: the question is not the one the person sees. Nor does the
        # bot say anything while a person of the staff talks. What falls due meanwhile is looked at
        # when the question comes back, or the bot does.
        staff = self.moves.handed_over()
        if staff is not None and staff is not opened:
            return
        until = self.moves.rests_until(opened)
        if until is not None:
            self.moves.let_rest(opened, until)
        elif not wait.asks or self.moves.asking == opened.run.id:
            # A clock set back since the timer rang makes no alarm undue: it rings but once.
            self.moves.sound(opened, max(self.around.now, letter.received_at))

    def _answered(self, letter: Mail) -> None:
        """A request was answered; the step sees whether the run still waits for it."""
        opened = self.case.runs.get(letter.run_id or 0)
        if opened is not None:
            payload = letter.payload
            answered = HttpAnswered(payload["wait_id"], from_json(payload["answer"]))
            waits_for_it = opened.run.wait is not None and opened.run.wait.holds
            self.moves.advance(opened, answered, LIVE if waits_for_it else AUTOMATED)

    def _hear(self, letter: Mail, conversation: Conversation) -> None:
        """A person did something: note it, then offer it to who may claim it."""
        message = message_of(letter)
        channel = self.moves.channel(conversation)
        if message.callback_id:
            self.presses.append(Press(conversation.account_id, message.callback_id))
        asking = self.moves.asking_run()
        wait = asking.run.wait if asking else None
        self.sheet.note_inbound(letter, message, channel, said(message, wait))
        is_new = bool(letter.payload.get("created"))
        if is_new:  # all that is known of somebody is new
            self.case.changed.update(self.around.library.business.rules.names)
        if is_new and (code := code_in(message.argument)):
            self.sheet.refer(code)
        if self.around.library.follows:
            self.sheet.settle()
        if conversation.id in self.case.floods:
            self._say(wording("flooded", self.moves.language()), conversation)
            return
        staff = self.moves.handed_over()
        if staff is not None:
            self._handovers.pass_on(staff, said(message, wait))
            if not self._leaves(letter):
                return
        events = of_message(message, created=is_new) if self._overhears else ()
        decision = self._decide(message, conversation, created=is_new)
        if events and not isinstance(decision, OptOut):
            if self._overheard(events, message, decision):
                return
            decision = self._decide(message, conversation, created=is_new)
        if conversation.id in self.moves.begun_anew and isinstance(decision, _OF_A_QUESTION):
            return  # it was said to a question that has been asked anew in the meantime
        busy = self.moves.asking is not None
        self._leaves_it = self.around.guest and is_the_hosts(decision, message, busy=busy)
        if not self._leaves_it:
            self._carry_out(decision, message, conversation)

    def _decide(self, message: Message, at: Conversation, *, created: bool) -> Decision:
        index = self.around.library.index
        asking = self.moves.asking_run()
        return decide(
            message,
            asking.run.wait if asking and asking.conversation_id == at.id else None,
            index,
            self.moves.facts(self.moves.channel(at)),
            self.around.now,
            created=created,
            spent=self._spent() if index.limited else frozenset(),
        )

    def _spent(self) -> frozenset[str]:
        """The triggers that `once` keeps from starting again now."""
        index, started, now = self.around.library.index, self.around.started, self.around.now
        customer = self.case.customer_id
        return frozenset(
            trigger.id
            for trigger in index.limited
            if is_spent(trigger, partial(started.last, trigger.id, customer), now)
        )

    # -- what is written is an event too

    @property
    def _overhears(self) -> bool:
        return bool(self.case.runs) and bool(self.around.library.overheard)

    def _overheard(self, events: Iterable[Happened], message: Message, decision: Decision) -> bool:
        """Stop the runs that stop for what was written; whether a run waited for it.

        Who waits for it comes after the open question and `always:`, and before triggers; who waits
        for any message comes after those.
        """
        for event in events:
            self._listening.stop(event, LIVE, message)
        if isinstance(decision, _BEFORE_WAITS) or message.kind == "press":
            return False
        if isinstance(decision, Start) and decision.trigger.endswith("/always"):
            return False
        any_too = not isinstance(decision, Start)
        taken = [self._listening.go_on(event, LIVE, message, any_too=any_too) for event in events]
        return any(taken)

    # -- decisions

    def _carry_out(self, decision: Decision, message: Message, at: Conversation) -> None:
        """Nothing is done for `Nothing`."""
        match decision:
            case Answer():
                asking = self.moves.asking_run()
                if asking is not None:
                    self.moves.advance(asking, Reply(message), LIVE)
            case Start(flow, trigger, event):
                self._start(flow, trigger, self._with_given(event), at)
            case Detour(flow, trigger, event):
                self._detour(flow, f"detour:{self.moves.asking}:{trigger}", event, at)
            case HandOver(always):
                self._handovers.hand_over(always, at)
            case Fallback(flow, event):
                self._fall_back(flow, event, at)
            case Cancel():
                self._cancel(at)
            case StalePress():
                self._say(wording("stale_press", self.moves.language()), at)
            case OptOut():
                self._opt_out(at)
            case OptIn(then):
                self._opt_in(then, message, at)
            case OwnData(act):
                self._own_data(act, at)

    def _start(self, key: str, trigger: str, event: Mapping[str, Any], at: Conversation) -> None:
        """A flow starts by the person's own act: what holds the question gives way."""
        flow = self.moves.current(key)
        here = self.moves.of_flow(key)
        if flow is None or (here and flow.again == "ignore") or self._gives_way(trigger, event):
            return
        if flow.again != "parallel":
            for opened in here:
                self.moves.end(opened, "restarted")
        self.moves.close_questions("interrupted")
        self.moves.begin(flow, Beginning(trigger, event), at)
        if any(one.id == trigger for one in self.around.library.index.limited):
            self.sheet.agenda.note_start(trigger)

    def _with_given(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the flow reads as `event`, with what the host's program says of it."""
        given = self.letter.payload.get("event") if self.letter is not None else None
        return {**event, **from_json(given)} if given else event

    def _gives_way(self, trigger: str, event: Mapping[str, Any]) -> bool:
        """Whether a trigger, as it says, waits for the question to close, or does not start."""
        known = self.around.library.index.by_id.get(trigger)
        if known is None or self.moves.asking is None:
            return False
        if_busy: str = known.options.get("if_busy", "interrupt")
        if if_busy == "queue":
            request = {"flow": known.flow, "event": to_json(event)}
            expires_at = expiry_of(known, self.around.now, self.around.library.business)
            self.sheet.agenda.plan(trigger, request, expires_at)
        return if_busy != "interrupt"

    def _detour(self, key: str, cause: str, event: Mapping[str, Any], at: Conversation) -> None:
        """A flow runs on top of the open question, which is asked again once it has ended."""
        flow = self.moves.current(key)
        if flow is None:
            return
        for opened in self.moves.of_flow(key):
            if opened.cause.startswith("detour:"):  # said twice, it begins anew: no pile of them
                self.moves.end(opened, "restarted")
        self.moves.begin(flow, Beginning(cause, event), at)

    def _fall_back(self, key: str, event: Mapping[str, Any], at: Conversation) -> None:
        if self.moves.asking is not None:
            self._detour(key, f"detour:{self.moves.asking}:{key}/fallback", event, at)
        else:
            self._detour(key, f"{key}/fallback", event, at)

    def _cancel(self, at: Conversation) -> None:
        said = "cancelled" if self.moves.close_questions("cancelled") else "nothing_to_cancel"
        self._say(wording(said, self.moves.language()), at)

    def _opt_out(self, at: Conversation) -> None:
        self.moves.close_questions("opted_out")
        self.case.values["opted_out_at"] = self.around.now
        self.sheet.touch({"opted_out_at": self.around.now})
        self.sheet.record("opted_out", "Asked for no more automatic messages", None, by="customer")
        self._say(wording("opted_out", self.moves.language()), at)

    def _opt_in(self, then: Decision, message: Message, at: Conversation) -> None:
        self.case.values["opted_out_at"] = None
        self.sheet.touch({"opted_out_at": None})
        self.sheet.record("opted_in", "Takes automatic messages again", None, by="customer")
        if isinstance(then, Nothing):
            self._say(wording("opted_in", self.moves.language()), at)
        self._carry_out(then, message, at)

    def _own_data(self, act: str, at: Conversation) -> None:
        own = AboutThemselves(self.moves, self.sheet, self.around)
        if not own.do(act, at):
            self._say(wording("stale_press", self.moves.language()), at)

    def _say(self, text: str, at: Conversation) -> None:
        self.sheet.send(Outgoing(at.peer, text), at, LIVE)


def _lane_of(letter: Mail) -> int:
    """How what follows from a mail is sent: as an answer to the person, or by itself."""
    return AUTOMATED if letter.kind in _FOR_RUNS else LIVE
