"""One customer's turns of a batch: each mail decided, stepped and turned into rows.

Nothing here touches the database but the look-up of a `unique` value: what is decided is
gathered in `writes` and `ledger`, which the turn writes in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from bots.channel import Outgoing
from engine.effects import Effect, Record, SetField
from engine.facts import Facts
from engine.flow import Flow
from engine.messages import Message
from engine.offer import (
    Answer,
    Cancel,
    Decision,
    Detour,
    Fallback,
    Nothing,
    OptIn,
    OptOut,
    StalePress,
    Start,
    decide,
)
from engine.passage import language_of
from engine.resume import (
    Cancelled,
    Elapsed,
    Refused,
    Released,
    Reminded,
    Reply,
    Resume,
    Started,
    TimedOut,
)
from engine.run import Frame, Run, Wait
from engine.step import step
from engine.wording import wording
from rapport.runtime.cases import Case, Conversation, Mail, OpenRun
from rapport.runtime.sheet import AUTOMATED, LIVE, Sheet, Surroundings


class Press(Struct, frozen=True):
    """A pressed button whose progress bar is to be ended."""

    account_id: int
    callback_id: str


class Casework:
    """The working copy of one customer: mail in, steps and decisions, rows on the sheet.

    Pressed buttons are added to `presses`.
    """

    def __init__(
        self, case: Case, around: Surroundings, sheet: Sheet, presses: list[Press]
    ) -> None:
        self.case = case
        self.around = around
        self.sheet = sheet
        self.presses = presses
        self._changed: dict[int, OpenRun] = {}
        self._asking = case.asking_run
        self._known: Facts | None = None
        self.letter: Mail | None = None
        """The mail being applied: the one at fault where something raises."""

    def work(self) -> None:
        """Apply all waiting mail of the customer, conversation by conversation."""
        for conversation, letters in self.case.by_conversation():
            for letter in letters:
                self.letter = letter
                self.sheet.begin(self.case, letter)
                self._apply(letter, conversation)
                self.sheet.applied(letter)
            self.sheet.worked_off(conversation)
        self._store_runs()

    @property
    def moved(self) -> list[int]:
        """The runs that have moved so far, in the order in which they first did."""
        return list(self._changed)

    # -- one mail

    def _apply(self, letter: Mail, conversation: Conversation) -> None:
        if letter.kind == "timer":
            self._ring(letter)
        elif letter.kind in ("blocked", "unblocked"):
            self.sheet.note_reachability(letter, self._channel(conversation))
        else:
            self._hear(letter, conversation)

    def _ring(self, letter: Mail) -> None:
        """A timer is due: sound the alarms whose moment has come, if the run still waits there."""
        opened = self.case.runs.get(letter.run_id or 0)
        wait = opened.run.wait if opened else None
        if opened is None or wait is None or wait.id != letter.payload["wait_id"]:
            return
        # Under a detour nothing sounds: the question is not the one the person sees. What falls
        # due meanwhile is looked at when the question comes back.
        if not wait.asks or self._asking == opened.run.id:
            # A clock set back since the timer rang makes no alarm undue: it rings but once.
            self._sound(opened, max(self.around.now, letter.received_at))

    def _sound(self, opened: OpenRun, now: datetime, *, reminding: bool = True) -> bool:
        """Let the alarms sound that are due; whether one of them ended the wait."""
        wait = opened.run.wait
        assert wait is not None
        due = [alarm for alarm in wait.alarms if alarm.at <= now]
        # What the system slept through is not repeated: past its end, a question reminds no more.
        ending = [alarm for alarm in due if alarm.kind != "remind"]
        left = tuple(alarm for alarm in wait.alarms if alarm not in due)
        opened.run = replace(opened.run, wait=replace(wait, alarms=left))
        self._changed[opened.run.id] = opened
        for alarm in ending or due:
            if alarm.kind == "remind" and not (reminding and self._may_remind()):
                continue
            self._advance(opened, _ALARMS[alarm.kind](wait.id, alarm.number), AUTOMATED)
        return bool(ending)

    def _may_remind(self) -> bool:
        """A reminder is automatic: none goes to who asked to be left alone."""
        return self.case.values.get("opted_out_at") is None

    def _hear(self, letter: Mail, conversation: Conversation) -> None:
        """A person did something: note it, then offer it to who may claim it."""
        message = message_of(letter)
        channel = self._channel(conversation)
        if message.callback_id:
            self.presses.append(Press(conversation.account_id, message.callback_id))
        asking = self._asking_run()
        wait = asking.run.wait if asking else None
        self.sheet.note_inbound(letter, message, channel, _said(message, wait))
        if conversation.id in self.case.floods:
            self._say(wording("flooded", self._language()), conversation)
            return
        decision = decide(
            message,
            wait if asking and asking.conversation_id == conversation.id else None,
            self.around.library.index,
            self._facts(channel),
            self.around.now,
            created=bool(letter.payload.get("created")),
        )
        self._carry_out(decision, message, conversation)

    # -- decisions

    def _carry_out(self, decision: Decision, message: Message, at: Conversation) -> None:
        match decision:
            case Answer():
                asking = self._asking_run()
                if asking is not None:
                    self._advance(asking, Reply(message), LIVE)
            case Start(flow, trigger, event):
                self._start(flow, trigger, event, at)
            case Detour(flow, trigger, event):
                self._detour(flow, f"detour:{self._asking}:{trigger}", event, at)
            case Fallback(flow, event):
                self._fall_back(flow, event, at)
            case Cancel():
                self._cancel(at)
            case StalePress():
                self._say(wording("stale_press", self._language()), at)
            case OptOut():
                self._opt_out(at)
            case OptIn(then):
                self._opt_in(then, message, at)
            case Nothing(_):
                pass

    def _start(self, key: str, trigger: str, event: Mapping[str, Any], at: Conversation) -> None:
        """A flow starts by the person's own act: what holds the question gives way."""
        flow = self._current(key)
        if flow is None:
            return
        here = [run for run in self.case.runs.values() if run.run.frames[0].flow == key]
        if here and flow.again == "ignore":
            return
        if flow.again != "parallel":
            for opened in here:
                self._end(opened, "restarted")
        self._close_questions("interrupted")
        self._begin(flow, trigger, event, at)

    def _detour(self, key: str, cause: str, event: Mapping[str, Any], at: Conversation) -> None:
        """A flow runs on top of the open question, which is asked again once it has ended."""
        flow = self._current(key)
        if flow is None:
            return
        for opened in [run for run in self.case.runs.values() if run.run.frames[0].flow == key]:
            if opened.cause.startswith("detour:"):  # said twice, it begins anew: no pile of them
                self._end(opened, "restarted")
        self._begin(flow, cause, event, at)

    def _fall_back(self, key: str, event: Mapping[str, Any], at: Conversation) -> None:
        if self._asking is not None:
            self._detour(key, f"detour:{self._asking}:{key}/fallback", event, at)
        else:
            self._detour(key, f"{key}/fallback", event, at)

    def _cancel(self, at: Conversation) -> None:
        said = "cancelled" if self._close_questions("cancelled") else "nothing_to_cancel"
        self._say(wording(said, self._language()), at)

    def _opt_out(self, at: Conversation) -> None:
        self._close_questions("opted_out")
        self.case.values["opted_out_at"] = self.around.now
        self.sheet.touch({"opted_out_at": self.around.now})
        self.sheet.record("opted_out", "Asked for no more automatic messages", None, by="customer")
        self._say(wording("opted_out", self._language()), at)

    def _opt_in(self, then: Decision, message: Message, at: Conversation) -> None:
        self.case.values["opted_out_at"] = None
        self.sheet.touch({"opted_out_at": None})
        self.sheet.record("opted_in", "Takes automatic messages again", None, by="customer")
        if isinstance(then, Nothing):
            self._say(wording("opted_in", self._language()), at)
        self._carry_out(then, message, at)

    # -- runs

    def _current(self, key: str) -> Flow | None:
        return self.around.library.flows.get((key, 0))

    def _begin(self, flow: Flow, cause: str, event: Mapping[str, Any], at: Conversation) -> None:
        frame = Frame(flow.key, flow.version, vars=flow.vars)
        started = Run(self.around.ids.next_run(), (frame,), event=event)
        opened = OpenRun(started, at.id, cause, self.around.now)
        self.case.runs[started.id] = opened
        self.sheet.record(
            "workflow_triggered", f"{flow.key} by {cause}",
            {"flow": flow.key, "version": flow.version, "trigger": cause, "run": started.id},
        )  # fmt: skip
        self._advance(opened, Started(), LIVE)

    def _close_questions(self, outcome: str) -> bool:
        """End every run that waits for a reply, the ones under detours first; False for none."""
        waiting = [run for run in self.case.runs.values() if run.run.status == "asking"]
        for opened in sorted(waiting, key=lambda run: run.run.id == self._asking):
            self._end(opened, outcome)
        return bool(waiting)

    def _end(self, opened: OpenRun, outcome: str) -> None:
        self._take_step(opened, Cancelled(outcome), LIVE)

    def _advance(self, opened: OpenRun, resume: Resume, lane: int) -> None:
        """Step a run; where it leaves the question free, the one underneath is asked again."""
        self._take_step(opened, resume, lane)
        over = opened.run.status == "ended" and opened.cause.startswith("detour:")
        if over or self._asking is None:
            self._give_back(lane)

    def _take_step(self, opened: OpenRun, resume: Resume, lane: int) -> None:
        """Step a run and carry out what it asks for."""
        conversation = self._conversation(opened)
        facts = self._facts(self._channel(conversation))
        flows, now = self.around.library.flows, self.around.now
        after, effects = step(flows, opened.run, resume, facts, now)
        clash = self._clash(effects)
        if clash is not None and isinstance(resume, Reply):
            after, effects = step(flows, opened.run, Refused(clash, "unique"), facts, now)
        elif clash is not None:
            effects = tuple(self._without(clash, effects))
        self._settle_run(opened, after)
        for effect in effects:
            self.sheet.carry_out(effect, opened, conversation, lane)

    def _settle_run(self, opened: OpenRun, after: Run) -> None:
        """Keep the run's new state, and who holds the question."""
        opened.run = after
        self._changed[after.id] = opened
        if after.status == "asking":
            self._asking = after.id
        elif self._asking == after.id:
            self._asking = None
        if after.status == "ended":
            self.case.runs.pop(after.id, None)

    def _give_back(self, lane: int) -> None:
        """Ask the open question again in short; where it was covered, the newest one underneath."""
        below = self._asking_run() or self._newest_covered()
        if below is None:
            return
        self._asking = below.run.id
        if not self._sound(below, self.around.now, reminding=False) and below.run.wait is not None:
            self._take_step(below, Released(), lane)

    def _newest_covered(self) -> OpenRun | None:
        waiting = [run for run in self.case.runs.values() if run.run.status == "asking"]
        return max(waiting, key=lambda run: run.run.id, default=None)

    def _clash(self, effects: Iterable[Effect]) -> str | None:
        """The first field whose new value must be unique and is somebody else's."""
        fields = self.around.library.business.fields
        for effect in effects:
            if isinstance(effect, SetField) and effect.new is not None:
                declared = fields.get(effect.key)
                if declared is not None and declared.rules.unique:
                    if self.around.clashes(effect.key, effect.new, self.case.customer_id):
                        return effect.key
        return None

    def _without(self, clash: str, effects: Iterable[Effect]) -> Iterator[Effect]:
        """Nobody is there to be asked again: the value that is somebody else's is not stored."""
        for effect in effects:
            if isinstance(effect, SetField) and effect.key == clash:
                yield Record("flow_problem", f"{clash}: somebody else has this value", {})
            else:
                yield effect

    # -- effects

    def _say(self, text: str, at: Conversation) -> None:
        self.sheet.send(Outgoing(at.peer, text), at, LIVE)

    # -- inside

    def _asking_run(self) -> OpenRun | None:
        return None if self._asking is None else self.case.runs.get(self._asking)

    def _channel(self, conversation: Conversation) -> str:
        return self.around.channels[conversation.account_id]

    def _conversation(self, opened: OpenRun) -> Conversation:
        at, case = opened.conversation_id, self.case
        return case.conversations.get(at) or case.elsewhere[at]

    def _language(self) -> str:
        return language_of(self.case.values, self.around.library.business)

    def _facts(self, channel: str) -> Facts:
        """A snapshot, made anew only where tags have changed: it reads `values` itself."""
        case, known = self.case, self._known
        if known is None or known.tags is not case.tags or known.channel != channel:
            known = self._known = Facts(
                customer_id=case.customer_id, business=self.around.library.business,
                channel=channel, values=case.values, extra=case.extra, tags=case.tags,
                segments=case.segments, history=case.history,
            )  # fmt: skip
        return known

    def _store_runs(self) -> None:
        """Rows of the runs that moved, began, ended, or gave the question away or got it back."""
        if self._asking != self.case.asking_run:
            self.sheet.touch({"asking_run": self._asking})
        for opened in (self.case.runs | self._changed).values():
            moved = opened.run.id in self._changed
            self.sheet.store_run(opened, self._status(opened), moved=moved)

    def _status(self, opened: OpenRun) -> str:
        """Only one run of a customer is `asking`; another that waits for a reply sleeps."""
        status = opened.run.status
        return "sleeping" if status == "asking" and opened.run.id != self._asking else status


_ALARMS: Mapping[str, Callable[[str, int], Resume]] = {
    "remind": Reminded,
    "timeout": lambda wait_id, _: TimedOut(wait_id),
    "elapsed": lambda wait_id, _: Elapsed(wait_id),
}


def message_of(letter: Mail) -> Message:
    """The engine's view of an inbound mail."""
    payload = letter.payload
    return Message(
        kind=letter.kind,
        text=payload.get("text", ""),
        token=payload.get("token", ""),
        command=payload.get("command", ""),
        argument=payload.get("argument", ""),
        media=payload.get("media") or payload.get("contact") or payload.get("location") or {},
        callback_id=payload.get("callback_id", ""),
        message_id=payload.get("message_id", ""),
        album=payload.get("album", ""),
        mail_id=letter.id,
    )


def _said(message: Message, wait: Wait | None) -> str:
    """What a message reads as on a timeline: its text, the pressed button's, or its kind."""
    if message.kind == "press" and wait is not None:
        wait_id, _, place = message.token.rpartition(".")
        if wait_id == wait.id and place.isdigit() and int(place) < len(wait.choices):
            return wait.choices[int(place)].label
    return message.text or f"({message.kind})"
