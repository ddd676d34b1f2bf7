"""One customer's turns of a batch: each mail decided, stepped and turned into rows.

Nothing here touches the database but the look-up of a `unique` value: what is decided is
gathered in `writes` and `ledger`, which the turn writes in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from bots.channel import Outgoing
from crm.services.ledger import Cause, Ledger
from engine.effects import (
    AddTag,
    Effect,
    LearnDateOrder,
    Leave,
    Record,
    RemoveTag,
    SendMessage,
    SetField,
)
from engine.facts import Facts
from engine.fields.plain import to_plain
from engine.fields.types import Value
from engine.flow import Flow
from engine.jsonable import run_to_json
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
from engine.run import Frame, Run
from engine.step import step
from engine.wording import wording
from rapport.runtime.cases import LANE_PERSON, Case, Conversation, Ids, Mail, OpenRun
from rapport.runtime.library import Library
from rapport.runtime.writes import Writes

SILENCE_BEFORE_A_CHAT = timedelta(hours=6)
"""An inbound message after this much silence is a new interaction of kind chat."""

LIVE, AUTOMATED = 0, 1
"""Lanes of the outbox: what answers a person goes ahead of what a clock sends."""

Parts = Callable[[str, Outgoing], Sequence[Outgoing]]
"""Cuts a message for a channel, by its name, into pieces the platform accepts."""

Clashes = Callable[[str, Value, int], bool]
"""Whether another customer already has this value in a field that is unique."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all cases of a batch share."""

    library: Library
    channels: Mapping[int, str]
    """The channel of each account, by the account's id."""
    parts: Parts
    clashes: Clashes
    ids: Ids
    now: datetime
    turn_id: str


@dataclass(frozen=True, slots=True)
class Press:
    """A pressed button whose progress bar is to be ended."""

    account_id: int
    callback_id: str


@dataclass(slots=True)
class Casework:
    """The working copy of one customer, and what its turns write."""

    case: Case
    around: Surroundings
    ledger: Ledger
    writes: Writes
    presses: list[Press] = field(default_factory=list)
    _changed: dict[int, OpenRun] = field(default_factory=dict)
    _asking: int | None = None
    _mail: Mail | None = None
    _known: Facts | None = None
    _pieces: int = 0

    def work(self) -> None:
        """Apply all waiting mail of the customer, conversation by conversation."""
        self._asking = self.case.asking_run
        for conversation, letters in self.case.by_conversation():
            for letter in letters:
                self._mail, self._pieces = letter, 0
                self._apply(letter, conversation)
                self._applied(letter)
            if conversation.status == "ready":
                self.writes.conversations.append(("idle", conversation.id, conversation.revision))
        self._store_runs()

    def _applied(self, letter: Mail) -> None:
        """The mail is done: stored so where it is not stored yet, else marked."""
        turn, now, arrival = self.around.turn_id, self.around.now, letter.arrival
        if arrival is None:
            self.writes.mail.append((turn, now, letter.id))
            return
        self.writes.new_mail.append(
            (
                letter.id, self.around.library.business_id, letter.conversation_id,
                arrival.dedup_key, LANE_PERSON, letter.kind, arrival.provider_seq, letter.payload,
                turn, letter.received_at, now,
            )
        )  # fmt: skip

    # -- one mail

    def _apply(self, letter: Mail, conversation: Conversation) -> None:
        if letter.kind == "timer":
            self._ring(letter)
        elif letter.kind in ("blocked", "unblocked"):
            self._note_reachability(letter, conversation)
        else:
            self._hear(letter, conversation)

    def _ring(self, letter: Mail) -> None:
        """A timer is due: sound the alarms whose moment has come, if the run still waits there."""
        opened = self.case.runs.get(letter.run_id or 0)
        wait = opened.run.wait if opened else None
        if opened is None or wait is None or wait.id != letter.payload["wait_id"]:
            return
        due = [alarm for alarm in wait.alarms if alarm.at <= self.around.now]
        # What the system slept through is not repeated: past its end, a question reminds no more.
        ending = [alarm for alarm in due if alarm.kind != "remind"]
        left = tuple(alarm for alarm in wait.alarms if alarm not in due)
        opened.run = replace(opened.run, wait=replace(wait, alarms=left))
        self._changed[opened.run.id] = opened
        for alarm in ending or due:
            if alarm.kind == "remind" and self.case.values.get("opted_out_at"):
                continue
            self._advance(opened, _ALARMS[alarm.kind](wait.id, alarm.number), AUTOMATED)

    def _note_reachability(self, letter: Mail, conversation: Conversation) -> None:
        blocked = letter.kind == "blocked"
        channel = self._channel(conversation)
        self.writes.accounts.append((blocked, letter.received_at, self.case.customer_id, channel))
        what = "Blocked" if blocked else "Unblocked"
        self._record(f"account_{letter.kind}", f"{what} us on {channel}", {"channel": channel})

    def _hear(self, letter: Mail, conversation: Conversation) -> None:
        """A person did something: note it, then offer it to who may claim it."""
        message = message_of(letter)
        channel = self._channel(conversation)
        if message.callback_id:
            self.presses.append(Press(conversation.account_id, message.callback_id))
        self._note_inbound(letter, message, channel)
        asking = self._asking_run()
        wait = asking.run.wait if asking else None
        decision = decide(
            message,
            wait if asking and asking.conversation_id == conversation.id else None,
            self.around.library.index,
            self._facts(channel),
            self.around.now,
            created=bool(letter.payload.get("created")),
        )
        self._carry_out(decision, message, conversation)

    def _note_inbound(self, letter: Mail, message: Message, channel: str) -> None:
        at = letter.received_at
        last = self.case.values.get("last_message_at")
        columns: dict[str, Any] = {"last_message_at": at, "last_contacted_at": at}
        if not isinstance(last, datetime) or at - last >= SILENCE_BEFORE_A_CHAT:
            total = int(self.case.values.get("total_interactions") or 0) + 1  # type: ignore[arg-type]  # a whole number
            self.case.values["total_interactions"] = total  # type: ignore[assignment]  # read back as int
            columns["total_interactions"] = total
            self.writes.interactions.append(
                (
                    self.around.library.business_id, self.case.customer_id, "chat", channel,
                    "inbound", False, at,
                )
            )  # fmt: skip
        self.case.values["last_message_at"] = at
        self.ledger.touch(self.case.customer_id, self.around.now, **columns)
        self._record(
            "message_received", message.text or f"({message.kind})",
            {"kind": message.kind, "channel": channel, "mail": letter.id}, by="customer",
        )  # fmt: skip

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
        asking = self._asking_run()
        if asking is not None:
            self._end(asking, "interrupted")
        self._begin(flow, trigger, event, at)

    def _detour(self, key: str, cause: str, event: Mapping[str, Any], at: Conversation) -> None:
        """A flow runs on top of the open question, which is asked again once it has ended."""
        flow = self._current(key)
        if flow is not None:
            self._begin(flow, cause, event, at)

    def _fall_back(self, key: str, event: Mapping[str, Any], at: Conversation) -> None:
        if self._asking is not None:
            self._detour(key, f"detour:{self._asking}:{key}/fallback", event, at)
        else:
            self._detour(key, f"{key}/fallback", event, at)

    def _cancel(self, at: Conversation) -> None:
        asking = self._asking_run()
        if asking is not None:
            self._end(asking, "cancelled")
        said = "cancelled" if asking is not None else "nothing_to_cancel"
        self._say(wording(said, self._language()), at)

    def _opt_out(self, at: Conversation) -> None:
        asking = self._asking_run()
        if asking is not None:
            self._end(asking, "opted_out")
        self.case.values["opted_out_at"] = self.around.now
        self.ledger.touch(self.case.customer_id, self.around.now, opted_out_at=self.around.now)
        self._record("opted_out", "Asked for no more automatic messages", None, by="customer")
        self._say(wording("opted_out", self._language()), at)

    def _opt_in(self, then: Decision, message: Message, at: Conversation) -> None:
        self.case.values["opted_out_at"] = None
        self.ledger.touch(self.case.customer_id, self.around.now, opted_out_at=None)
        self._record("opted_in", "Takes automatic messages again", None, by="customer")
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
        self._record(
            "workflow_triggered", f"{flow.key} by {cause}",
            {"flow": flow.key, "version": flow.version, "trigger": cause, "run": started.id},
        )  # fmt: skip
        self._advance(opened, Started(), LIVE)

    def _end(self, opened: OpenRun, outcome: str) -> None:
        self._advance(opened, Cancelled(outcome), LIVE)

    def _advance(self, opened: OpenRun, resume: Resume, lane: int) -> None:
        """Step a run, carry out what it asks for, and go back to the question below a detour."""
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
            self._do(effect, opened, conversation, lane)
        if after.status == "ended" and opened.cause.startswith("detour:"):
            self._return_from(opened, lane)

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

    def _return_from(self, detour: OpenRun, lane: int) -> None:
        below = self.case.runs.get(int(detour.cause.split(":")[1]))
        if below is None or below.run.wait is None or detour.run.outcome in _NO_WAY_BACK:
            return
        self._asking = below.run.id
        self._advance(below, Released(), lane)

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

    def _do(self, effect: Effect, opened: OpenRun, at: Conversation, lane: int) -> None:
        match effect:
            case SendMessage(text, buttons):
                self._send(Outgoing(at.peer, text, buttons), at, lane)
            case SetField():
                self._set_field(effect)
            case AddTag(name, node):
                self._tag(name, node, opened, added=True)
            case RemoveTag(name, node):
                self._tag(name, node, opened, added=False)
            case Record(type_, description, data):
                self._record(type_, description, data)
            case Leave(flow, node, entered_at, left_by):
                self.writes.visits.append(
                    (opened.run.id, flow, node, entered_at, self.around.now, left_by)
                )
            case LearnDateOrder(order):
                self.case.values["date_order"] = order
                self.ledger.touch(self.case.customer_id, self.around.now, date_order=order)

    def _set_field(self, effect: SetField) -> None:
        values = self.case.values
        values[effect.key] = effect.new
        if effect.extra:
            self.case.extra[effect.key] = to_plain(effect.new)
        cause = Cause(
            by=f"flow:{effect.flow}", flow=effect.flow, flow_version=effect.version,
            node=effect.node, mail_id=self._mail.id if self._mail else None,
        )  # fmt: skip
        self.ledger.set_field(
            self.case.customer_id,
            effect.key,
            values,
            effect.old,
            self.around.now,
            cause,
        )

    def _tag(self, name: str, node: str, opened: OpenRun, *, added: bool) -> None:
        tag_id = self.around.library.tags.get(name)
        if tag_id is None:
            self._record("flow_problem", f"tag '{name}' does not exist", {"tag": name})
            return
        flow = opened.run.frames[-1].flow
        cause = Cause(by=f"flow:{flow}", flow=flow, node=node)
        tags = self.case.tags
        self.case.tags = tags | {name} if added else tags - {name}
        change = self.ledger.add_tag if added else self.ledger.remove_tag
        change(self.case.customer_id, tag_id, name, self.around.now, cause)

    def _say(self, text: str, at: Conversation) -> None:
        self._send(Outgoing(at.peer, text), at, LIVE)

    def _send(self, message: Outgoing, at: Conversation, lane: int) -> None:
        """Put a message into the outbox, in the pieces that its channel accepts."""
        channel = self._channel(at)
        now = self.around.now
        for piece in self.around.parts(channel, message):
            payload: dict[str, Any] = {"text": piece.text}
            if piece.buttons:
                payload["buttons"] = [[list(button) for button in row] for row in piece.buttons]
            key = f"mail:{self._mail.id if self._mail else 0}:{self._pieces}"
            self._pieces += 1
            self.writes.outbox.append(
                (
                    self.around.ids.next_outbox(), self.around.library.business_id, at.account_id,
                    at.id, key, piece.peer, lane, payload, "pending", 0, now, now, None,
                )
            )  # fmt: skip
        self._record("message_sent", message.text, {"channel": channel}, by="bot")

    # -- inside

    def _record(
        self,
        type_: str,
        description: str,
        data: Mapping[str, Any] | None,
        by: str = "engine",
    ) -> None:
        self.ledger.record(self.case.customer_id, type_, description, data, by, self.around.now)

    def _asking_run(self) -> OpenRun | None:
        return None if self._asking is None else self.case.runs.get(self._asking)

    def _channel(self, conversation: Conversation) -> str:
        return self.around.channels[conversation.account_id]

    def _conversation(self, opened: OpenRun) -> Conversation:
        return self.case.conversations[opened.conversation_id]

    def _language(self) -> str:
        language = self.case.values.get("language")
        business = self.around.library.business
        return str(language) if language in business.languages else business.language

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
            self.ledger.touch(self.case.customer_id, self.around.now, asking_run=self._asking)
        for opened in (self.case.runs | self._changed).values():
            status = self._status(opened)
            if opened.is_new:
                self.writes.new_runs.append(self._new_run_row(opened, status))
            elif status != opened.status:
                self.writes.runs.append(self._run_row(opened, status))
            elif opened.run.id in self._changed:
                self.writes.moved_runs.append((*_where(opened.run), opened.run.id))
            else:
                continue
            self._set_timer(opened)

    def _status(self, opened: OpenRun) -> str:
        """Only one run of a customer is `asking`; another that waits for a reply sleeps."""
        status = opened.run.status
        return "sleeping" if status == "asking" and opened.run.id != self._asking else status

    def _run_row(self, opened: OpenRun, status: str) -> tuple[Any, ...]:
        run = opened.run
        ended_at = self.around.now if status == "ended" else None
        return (*_where(run), status, run.outcome, ended_at, run.id)

    def _new_run_row(self, opened: OpenRun, status: str) -> tuple[Any, ...]:
        run, root = opened.run, opened.run.frames[0]
        ended_at = self.around.now if status == "ended" else None
        return (
            run.id, self.around.library.business_id, self.case.customer_id, opened.conversation_id,
            root.flow, root.version, opened.cause, run_to_json(run).event, opened.started_at,
            *_where(run), status, run.outcome, ended_at,
        )  # fmt: skip

    def _set_timer(self, opened: OpenRun) -> None:
        wait = opened.run.wait
        due_at = wait.due_at if wait else None
        if wait is None or due_at is None:
            if not opened.is_new:
                self.writes.stopped_timers.append((opened.run.id,))
            return
        self.writes.timers.append(
            (
                opened.run.id, self.around.library.business_id, opened.conversation_id, wait.id,
                due_at,
            )
        )  # fmt: skip


_ALARMS: Mapping[str, Callable[[str, int], Resume]] = {
    "remind": Reminded,
    "timeout": lambda wait_id, _: TimedOut(wait_id),
    "elapsed": lambda wait_id, _: Elapsed(wait_id),
}

_NO_WAY_BACK = frozenset({"interrupted", "cancelled", "opted_out", "restarted"})
"""Outcomes by which the person left a detour for good: the question below stays closed."""


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


def _where(run: Run) -> tuple[Any, ...]:
    """The columns that say where a run stands (writes.MOVE_VALUES)."""
    wait, stored = run.wait, run_to_json(run)
    if wait is None:
        return run.frames[-1].node, None, stored.frames, None, 0, None
    return (
        run.frames[-1].node, wait.id, stored.frames, stored.wait, wait.attempts, wait.asked_at,
    )  # fmt: skip
