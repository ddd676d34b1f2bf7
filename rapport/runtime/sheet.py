"""What one customer's turns write: effects and bookkeeping as rows, gathered for the batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import Connection

from bots.channel import Outgoing
from crm.services.books import Books, keep_record
from crm.services.derived import write_derived
from crm.services.ledger import Cause, Ledger
from crm.services.referrals import refer
from crm.services.totals import COUNTED_BY
from engine.bidi import unmarked
from engine.effects import (
    AddRecord,
    AddTag,
    CallHttp,
    Effect,
    JoinSegment,
    LearnDateOrder,
    Leave,
    QuitSegment,
    Record,
    RemoveTag,
    SendMessage,
    SetField,
    Settle,
    StartFlow,
    TellStaff,
    changes_of,
)
from engine.fields.plain import to_plain
from engine.jsonable import event_to_json, run_to_json
from engine.limits import WINDOWS
from engine.messages import Message
from engine.records import NewNote
from engine.referrals import PREFIX
from engine.run import LATE, Run
from rapport.runtime.agenda import Agenda
from rapport.runtime.cases import Case, Conversation, Mail, OpenRun
from rapport.runtime.surroundings import Surroundings
from rapport.runtime.taken_back import CHANNELS
from rapport.runtime.writes import Writes, arrived

SILENCE_BEFORE_A_CHAT = timedelta(hours=6)
"""An inbound message after this much silence is a new interaction of kind chat."""


class Sheet:
    """The rows of a batch, while one mail after another of one customer after another is applied.

    Changes show in the case at once, so that the next step sees them.
    """

    def __init__(self, around: Surroundings, ledger: Ledger, writes: Writes, books: Books) -> None:
        self._case = Case(0)
        self._around = around
        self._now = around.now
        self._ledger = ledger
        self._writes = writes
        self._books = books
        self._mail_id = 0
        self._source = ""
        self._pieces = 0
        self._slots = frozenset(around.library.business.rules.slots)
        self.agenda = Agenda(around, ledger, writes)

    def begin(self, case: Case, letter: Mail) -> None:
        """What follows is about this customer and because of this mail."""
        self._case, self._mail_id = case, letter.id
        self._source, self._pieces = f"mail:{letter.id}", 0
        self.agenda.begin(case, letter)

    def begin_anew(self, wait_id: str) -> None:
        """What follows comes of a run that begins anew where it waited so: the mail at hand may
        have to wait, and what follows from it then has names of its own."""
        self._source, self._pieces = f"anew:{wait_id}", 0
        self.agenda.begin_anew(self._source)

    def applied(self, letter: Mail, *, left: bool = False) -> None:
        """The mail is done: stored so where it is not yet, else marked. left: to the host."""
        turn, arrival = self._around.turn_id, letter.arrival
        if arrival is None:
            self._writes.mail.append((turn, self._now, letter.id))
            return
        mail = self._writes.left_mail if left else self._writes.new_mail
        row = arrived(self._around.library.business_id, letter, arrival)
        mail.append((*row, turn, self._now))

    def worked_off(self, conversation: Conversation) -> None:
        """No mail of the conversation waits any more."""
        messages = self._case.floods.pop(conversation.id, None)
        if messages is not None:
            self._set_aside(conversation, messages)
        if conversation.status == "ready":
            self._writes.conversations.append(("idle", conversation.id, conversation.revision))

    def hold(
        self, case: Case, conversation: Conversation, letters: Sequence[Mail], until: datetime
    ) -> None:
        """These letters of the conversation wait until that moment, or until they are let go."""
        case.holds = True
        for letter in letters:
            if letter.arrival is not None:
                self._writes.kept_mail.append(
                    arrived(self._around.library.business_id, letter, letter.arrival)
                )
        self._writes.held.append((self._now, until, conversation.id, conversation.revision))

    def carry_out(
        self, effect: Effect, opened: OpenRun, conversation: Conversation, lane: int
    ) -> None:
        """Do what a step of `opened` asked for."""
        self._do[type(effect)](self, effect, opened, conversation, lane)

    def record(
        self, type_: str, description: str, data: Mapping[str, Any] | None, by: str = "engine"
    ) -> None:
        """Put a row on the customer's timeline."""
        self._ledger.record(self._case.customer_id, type_, description, data, by, self._now)

    def touch(self, columns: Mapping[str, Any]) -> None:
        """Set bookkeeping columns of the customer."""
        self._ledger.touch(self._case.customer_id, self._now, columns)

    def settle(self) -> None:
        """Let follow what follows from what has changed: score, stages, segments, smart tags."""
        case, library = self._case, self._around.library
        if self._books:
            self._count_records()
        if case.changed:
            derived = library.business.rules.settle(case, case.changed, self._around.moment)
            case.changed = set()
            if derived:
                write_derived(
                    self._ledger, case.customer_id, derived, self._now, library.tags,
                    library.segments,
                )  # fmt: skip

    def _count_records(self) -> None:
        """Store what was recorded; the totals that follow show in the case."""
        self._writes.write_interactions(self._books.db)  # they are counted too
        totals = self._books.write(self._now).get(self._case.customer_id, {})
        self._case.values.update(totals)
        self._case.changed.update(totals)

    @property
    def papers(self) -> tuple[Connection, Ledger, Writes, int]:
        """The transaction of the batch, what it gathers, and the id of the mail at hand."""
        return self._books.db, self._ledger, self._writes, self._mail_id

    def post(
        self, effect: SendMessage, at: Conversation, lane: int, due_at: datetime | None,
        expires_at: datetime | None,
    ) -> None:  # fmt: skip
        """Send a message from `due_at` on (None: now), and not after `expires_at`."""
        message = Outgoing(at.peer, effect.text, effect.buttons, effect.media)
        self.send(message, at, lane, due_at=due_at, expires_at=expires_at)

    def send(
        self, message: Outgoing, at: Conversation, lane: int, by: str = "bot",
        due_at: datetime | None = None, expires_at: datetime | None = None,
    ) -> None:  # fmt: skip
        """Put a message into the outbox, in the pieces that its channel accepts."""
        channel, now = self._around.channels[at.account_id], self._now
        for piece in self._around.parts(channel, message):
            payload: dict[str, Any] = {"text": piece.text}
            if piece.buttons:
                payload["buttons"] = piece.buttons
            if piece.media is not None:
                payload["media"] = [piece.media.kind, piece.media.source]
            if channel in WINDOWS and by != "bot":
                payload["by"] = by
            key = f"{self._source}:{self._pieces}"
            self._pieces += 1
            self._writes.outbox.append(
                (
                    self._around.ids.next_outbox(), self._around.library.business_id,
                    at.account_id, at.id, key, piece.peer, lane, payload, "pending", 0, now,
                    due_at or now, expires_at,
                )
            )  # fmt: skip
        data = {"channel": channel, "outbox": self._writes.outbox[-1][0]}  # its buttons' piece
        text = unmarked(message.text)
        said = text if message.media is None else message.media.told(text)
        self.record("message_sent", said, data, by)

    def note_inbound(self, letter: Mail, message: Message, channel: str, said: str) -> None:
        """A person did something: when, how often they came by, and that they can be reached."""
        at, values = letter.received_at, self._case.values
        last = values.get("last_message_at")
        columns: dict[str, Any] = {"last_message_at": at, "last_contacted_at": at}
        if not isinstance(last, datetime) or at - last >= SILENCE_BEFORE_A_CHAT:
            columns["total_interactions"] = self._one_more_chat(channel, at)
        values["last_message_at"] = values["last_contacted_at"] = at
        self._case.changed.update(columns)
        self.touch(columns)
        known = {"message": message.message_id} if channel in CHANNELS else {}
        data = {"kind": message.kind, "channel": channel, "mail": letter.id, **known}
        self._writes.reached[self._case.customer_id, channel] = False, at
        self.record("message_received", said, data, by="customer")

    def refer(self, code: str) -> None:
        """A new customer came by somebody's link."""
        case, referrer = self._case, self._around.referrer(code)
        if referrer is None or referrer == case.customer_id:
            return
        case.values["referred_by"] = referrer  # type: ignore[assignment]  # as it is loaded
        cause = Cause(by="customer", reason=f"{PREFIX}{code}", mail_id=self._mail_id or None)
        refer(self._ledger, case.customer_id, referrer, cause, self._now)
        self._writes.referrers.add(referrer)

    def store_run(self, opened: OpenRun, status: str, *, moved: bool) -> None:
        """The row and the timer of a run that began, moved, or changed its status."""
        run, where = opened.run, _where(opened.run)
        ended_at = self._now if status == "ended" else None
        if opened.is_new:
            self._writes.new_runs.append(
                (*self._origin_of(opened), *where, status, run.outcome, ended_at)
            )
        elif status != opened.status:
            self._writes.runs.append((*where, status, run.outcome, ended_at, run.id))
        elif moved or opened.followed:
            self._writes.moved_runs.append((*where, run.id))
        else:
            return
        if opened.followed:
            self._writes.followed.append((run.frames[0].version, run.id))
            opened.followed = False
        self._set_timer(opened)
        opened.status = status

    # -- inside

    def _set_aside(self, conversation: Conversation, messages: int) -> None:
        """All messages of a flood but the one that was answered."""
        why, around = f"{messages} messages waited at once", self._around
        self._writes.floods.append(
            (why, around.turn_id, self._now, conversation.id, around.library.business_id)
        )
        self.record("messages_ignored", why, {"messages": messages})

    def _one_more_chat(self, channel: str, at: datetime) -> int:
        total = int(self._case.values.get("total_interactions") or 0) + 1  # type: ignore[arg-type]  # a whole number
        self._case.values["total_interactions"] = total  # type: ignore[assignment]  # read back as int
        business_id = self._around.library.business_id
        self._writes.interactions.append(
            (business_id, self._case.customer_id, "chat", channel, "inbound", False, at)
        )
        return total

    def _send_message(
        self, effect: SendMessage, _: OpenRun, conversation: Conversation, lane: int
    ) -> None:
        message = Outgoing(conversation.peer, effect.text, effect.buttons, effect.media)
        self.send(message, conversation, lane)

    def _set_field(self, effect: SetField, *_: object) -> None:
        case = self._case
        values = case.values
        values[effect.key] = effect.new
        case.changed.add(effect.key)
        if effect.extra:
            case.extra[effect.key] = to_plain(effect.new)
        elif effect.key in self._slots:
            case.filled += (effect.new is not None) - (effect.old is not None)
        cause = Cause(
            by=f"flow:{effect.flow}", flow=effect.flow, flow_version=effect.version,
            node=effect.node, mail_id=effect.mail_id or self._mail_id or None,
        )  # fmt: skip
        self._ledger.set_field(
            self._case.customer_id, effect.key, values, effect.old, self._now, cause
        )
        if effect.key in COUNTED_BY:
            self._books.count(self._case.customer_id)

    def _add_tag(self, effect: AddTag, opened: OpenRun, *_: object) -> None:
        if self._is_known(effect.name):
            self._case.tags |= {effect.name}
            self._case.changed.update(changes_of(effect))
            self._tag(self._ledger.add_tag, effect, opened)

    def _remove_tag(self, effect: RemoveTag, opened: OpenRun, *_: object) -> None:
        if self._is_known(effect.name):
            self._case.tags -= {effect.name}
            self._case.ruled -= {effect.name}
            self._case.changed.update(changes_of(effect))
            self._tag(self._ledger.remove_tag, effect, opened)

    def _is_known(self, name: str) -> bool:
        known = name in self._around.library.tags
        if not known:
            self.record("flow_problem", f"tag '{name}' does not exist", {"tag": name})
        return known

    def _tag(
        self, change: Callable[..., None], effect: AddTag | RemoveTag, opened: OpenRun
    ) -> None:
        flow = opened.run.frames[-1].flow
        cause = Cause(by=f"flow:{flow}", flow=flow, node=effect.node)
        tag_id = self._around.library.tags[effect.name]
        change(self._case.customer_id, tag_id, effect.name, self._now, cause)

    def _add_record(self, effect: AddRecord, _: OpenRun, __: Conversation, lane: int) -> None:
        cause = Cause(
            by=f"flow:{effect.flow}", flow=effect.flow, flow_version=effect.version,
            node=effect.node, mail_id=self._mail_id or None,
        )  # fmt: skip
        keep_record(
            self._books, self._ledger, self._case.customer_id, effect.record, cause, self._now
        )
        if isinstance(effect.record, NewNote):
            self.agenda.tell_mentioned(effect.record.text, lane)

    def _join_segment(self, effect: JoinSegment, opened: OpenRun, *_: object) -> None:
        self._case.segments |= {effect.key}
        self._segment(effect, opened, is_in=True)

    def _quit_segment(self, effect: QuitSegment, opened: OpenRun, *_: object) -> None:
        self._case.segments -= {effect.key}
        self._segment(effect, opened, is_in=False)

    def _segment(self, effect: JoinSegment | QuitSegment, opened: OpenRun, *, is_in: bool) -> None:
        segment_id = self._around.library.segments.get(effect.key)
        if segment_id is None:
            self.record("flow_problem", f"segment '{effect.key}' does not exist", None)
            return
        self._case.changed.update(changes_of(effect))
        flow = opened.run.frames[-1].flow
        cause = Cause(by=f"flow:{flow}", flow=flow, node=effect.node)
        self._ledger.set_member(
            self._case.customer_id, segment_id, effect.key, self._now, cause, is_in=is_in
        )

    def _put_on_record(self, effect: Record, *_: object) -> None:
        self.record(effect.type, effect.description, effect.data)

    def _leave(self, effect: Leave, opened: OpenRun, *_: object) -> None:
        # Another process may have let it in, whose clock is a little ahead.
        left_at = max(effect.entered_at, self._now)
        self._writes.visits.append(
            (
                opened.run.id, effect.flow, effect.node, effect.entered_at, left_at,
                effect.left_by, effect.way, effect.tries,
            )
        )  # fmt: skip

    def _learn_date_order(self, effect: LearnDateOrder, *_: object) -> None:
        self._case.values["date_order"] = effect.order
        self.touch({"date_order": effect.order})

    def _origin_of(self, opened: OpenRun) -> tuple[Any, ...]:
        """The columns of a run that never change (writes.ORIGIN_VALUES)."""
        run, root = opened.run, opened.run.frames[0]
        return (
            run.id, self._around.library.business_id, self._case.customer_id,
            opened.conversation_id, root.flow, root.version, opened.cause,
            event_to_json(run.event), opened.started_at, opened.firing,
        )  # fmt: skip

    def _set_timer(self, opened: OpenRun) -> None:
        wait = opened.run.wait
        due_at = wait.due_at if wait and LATE not in wait.state else None
        if wait is not None and due_at is not None:
            business_id = self._around.library.business_id
            self._writes.timers.append(
                (opened.run.id, business_id, opened.conversation_id, wait.id, due_at)
            )
        elif not opened.is_new:
            self._writes.stopped_timers.append((opened.run.id,))

    # Not bound: a sheet that held its own methods would be left to the collector, with all that a
    # batch has gathered.
    _do: ClassVar[Mapping[type, Callable[..., None]]] = {
        SendMessage: _send_message, SetField: _set_field, AddTag: _add_tag,
        RemoveTag: _remove_tag, AddRecord: _add_record,
        JoinSegment: _join_segment, QuitSegment: _quit_segment,
        Settle: lambda *_: None, Record: _put_on_record,
        Leave: _leave, LearnDateOrder: _learn_date_order,
        CallHttp: lambda self, *told: self.agenda.call_http(*told),
        StartFlow: lambda self, *told: self.agenda.start_flow(*told),
        TellStaff: lambda self, *told: self.agenda.carry_news(*told),
    }  # fmt: skip


def _where(run: Run) -> tuple[Any, ...]:
    """The columns that say where a run stands (writes.MOVE_VALUES)."""
    wait, node = run.wait, run.frames[-1].node
    frames, stored = run_to_json(run)
    if wait is None:
        return node, None, frames, None, 0, None
    return node, wait.id, frames, stored, wait.attempts, wait.asked_at
