"""The runs of one customer in a batch: begun, stepped and ended, and who holds the question.

Nothing here touches the database but the look-up of a `unique` value: what is decided is
gathered in `writes` and `ledger`, which the turn writes in one go.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from engine.asking.gathering import MERGE
from engine.effects import Effect, Record, SendMessage, SetField, Settle
from engine.facts import Facts
from engine.flow import Flow
from engine.happenings import Happened
from engine.locales import language_of
from engine.moving import stay
from engine.permission import OPTED_OUT, SERVICE, worth_of
from engine.resume import (
    Cancelled,
    Gathered,
    Refused,
    Released,
    Reply,
    Restarted,
    Resume,
    Settled,
    Started,
)
from engine.run import HANDED_OVER, LATE, Frame, Run
from engine.step import step
from rapport.runtime import late
from rapport.runtime.cases import AUTOMATED, LIVE, Case, Conversation, OpenRun
from rapport.runtime.consent import run_purpose
from rapport.runtime.sheet import Sheet
from rapport.runtime.surroundings import Surroundings


class Beginning(Struct, frozen=True):
    """What a run begins by. firing: of a trigger, None for the person's own act."""

    cause: str
    event: Mapping[str, Any]
    lane: int = LIVE
    vars: Mapping[str, Any] = {}
    firing: str | None = None


class Moves:
    """The working copy of a customer's runs; their rows go to the sheet by `store`, at the end."""

    __slots__ = (
        "_asking", "_changed", "_known", "around", "begun_anew", "case", "happened", "sheet",
    )  # fmt: skip

    def __init__(self, case: Case, around: Surroundings, sheet: Sheet) -> None:
        self.case = case
        self.around = around
        self.sheet = sheet
        self._changed: dict[int, OpenRun] = {}
        self._asking = case.asking_run
        self._known: Facts | None = None
        self.happened: list[tuple[int, Happened]] = []
        """What somebody listens for, with the run that made it happen (0 for none)."""
        self.begun_anew: set[int] = set()
        """The conversations whose open question was asked anew, because its flow has changed."""

    @property
    def moved(self) -> list[int]:
        """The runs that have moved so far, in the order in which they first did."""
        return list(self._changed)

    @property
    def asking(self) -> int | None:
        """The run that holds the open question; None where nothing is asked."""
        return self._asking

    def current(self, key: str) -> Flow | None:
        """The flow as it is now; None where it is gone."""
        return self.around.library.flows.get((key, 0))

    def of_flow(self, key: str) -> list[OpenRun]:
        """The open runs that a flow began."""
        return [run for run in self.case.runs.values() if run.run.frames[0].flow == key]

    def begin(self, flow: Flow, beginning: Beginning, at: Conversation) -> None:
        variables = {**flow.vars, **beginning.vars} if beginning.vars else flow.vars
        frame = Frame(flow.key, flow.version, vars=variables)
        cause, event = beginning.cause, beginning.event
        started = Run(self.around.ids.next_run(), (frame,), event=event)
        opened = OpenRun(started, at.id, cause, self.around.now, firing=beginning.firing)
        self.case.runs[started.id] = opened
        self.sheet.record(
            "workflow_triggered", f"{flow.key} by {cause}",
            {"flow": flow.key, "version": flow.version, "trigger": cause, "run": started.id},
        )  # fmt: skip
        self.advance(opened, Started(), beginning.lane)

    def begin_anew(self, opened: OpenRun) -> None:
        """The flow has changed and wants those who wait in it to begin again. What it says is
        automatic: nothing for who asked to be left alone."""
        place, opened.restart = opened.restart, None
        if place is None or opened.run.id not in self.case.runs:
            return
        opened.followed = True
        if self.case.values.get("opted_out_at") is not None:
            opened.run = stay(opened.run, self.around.library.flows)
            return
        if self._asking in (None, opened.run.id):  # another question stays as it is
            self.begun_anew.add(opened.conversation_id)
        if opened.run.wait is not None:
            self.sheet.begin_anew(opened.run.wait.id)
        self.advance(opened, Restarted(place), AUTOMATED)

    def close_questions(self, outcome: str) -> bool:
        """End every run that waits for a reply, the ones under detours first; False for none."""
        waiting = [run for run in self.case.runs.values() if run.run.status == "asking"]
        for opened in sorted(waiting, key=lambda run: run.run.id == self._asking):
            self.end(opened, outcome)
        return bool(waiting)

    def end(self, opened: OpenRun, outcome: str) -> None:
        self._take_step(opened, Cancelled(outcome), LIVE)

    def advance(self, opened: OpenRun, resume: Resume, lane: int, depth: int = 0) -> None:
        """Step a run; where it leaves the question free, the one underneath is asked again.

        depth: how many rules led to what the run goes on by.
        """
        staff, was = self.handed_over(), opened.run.handed_over
        if staff is not None and staff is not opened and self._put_off(opened, resume, "staff"):
            return
        self._take_step(opened, resume, lane, depth)
        over = opened.run.status == "ended" and opened.cause.startswith("detour:")
        is_back = was is not None and opened.run.handed_over is None
        if (over or is_back or self._asking is None) and self.handed_over() is None:
            self._give_back(lane, but=opened)

    def _take_step(self, opened: OpenRun, resume: Resume, lane: int, depth: int = 0) -> None:
        """Step a run and carry out what it asks for."""
        conversation = self.conversation(opened)
        facts = self.facts(self.channel(conversation))
        flows, now = self.around.library.flows, self.around.now
        after, effects = step(flows, opened.run, resume, facts, now)
        clash = self._clash(effects)
        if clash is not None and isinstance(resume, (Reply, Gathered)):
            after, effects = step(flows, opened.run, Refused(clash, "unique"), facts, now)
        elif clash is not None:
            effects = tuple(self._without(clash, effects))
        if (after.status == "asking" or after.handed_over) and self._must_wait(opened, resume):
            return
        if self.around.watch is not None:
            self.around.watch(opened.run, resume, after, effects)
        before = opened.run.handed_over
        self._keep(opened, after)
        self.sheet.agenda.because(max(depth, opened.run.event.get("depth", 0)))
        withheld = ""
        for effect in effects:
            if lane == AUTOMATED and isinstance(effect, SendMessage):
                withheld = self._say_by_itself(effect, opened, conversation) or withheld
            else:
                self.sheet.carry_out(effect, opened, conversation, lane)
        if before != after.handed_over:
            self.sheet.agenda.note_handover(opened, before, lane)
        if withheld and after.status == "asking" and _asks_anew(after, resume):
            # Nobody sees the question: what is written next is no answer to it.
            self.end(opened, "opted_out" if withheld == OPTED_OUT else "withheld")
        if effects and isinstance(effects[-1], Settle):
            rests = effects[-1]
            self.sheet.settle()
            settled = Settled(rests.reply, rests.value, rests.times, rests.waits, rests.alone)
            self._take_step(opened, settled, lane, depth)
        self.happened += self.sheet.agenda.happened(opened.run.id)

    def _say_by_itself(
        self, effect: SendMessage, opened: OpenRun, conversation: Conversation
    ) -> str:
        """Say what nobody asked for, now or after the quiet hours; else why it is not allowed."""
        purpose, around = self.purpose(opened), self.around
        verdict = around.consent.given(self.case.customer_id, self.case.values, purpose, around.now)
        if not verdict.may and verdict.until is None:
            self.sheet.record("message_withheld", effect.text, {"reason": verdict.reason})
            return verdict.reason
        flow = self.current(opened.run.frames[0].flow)
        worth = None if purpose == SERVICE else worth_of(flow, around.now)
        self.sheet.post(effect, conversation, AUTOMATED, verdict.until, worth)
        return ""

    def purpose(self, opened: OpenRun) -> str:
        """Why a run writes to the customer."""
        flow = self.current(opened.run.frames[0].flow)
        return run_purpose(flow, opened.cause, opened.run.event, self.around.library.index)

    def rests_until(self, opened: OpenRun) -> datetime | None:
        """Until when a run that would wake up now stays asleep: quiet hours are now."""
        purpose = self.purpose(opened)
        if purpose == SERVICE:
            return None
        case, around = self.case, self.around
        return around.consent.ask(case.customer_id, case.values, purpose, around.now).until

    def let_rest(self, opened: OpenRun, until: datetime) -> None:
        """What is due of a wait by now becomes due then."""
        wait, now = opened.run.wait, self.around.now
        assert wait is not None, "its timer rang"
        alarms = tuple(replace(one, at=until) if one.at <= now else one for one in wait.alarms)
        self.alter(opened, replace(opened.run, wait=replace(wait, alarms=alarms)))

    def _must_wait(self, opened: OpenRun, resume: Resume) -> bool:
        """Whether a run that rested would ask, or hand over, while another run's question is open:
        then it goes on once that closes, as if it were only then woken. A detour lies on top of the
        question, and may ask."""
        wait = opened.run.wait
        if opened.cause.startswith("detour:"):
            return False
        if self._asking in (None, opened.run.id) or (wait is not None and wait.asks):
            return False
        return self._put_off(opened, resume, "question")

    def _put_off(self, opened: OpenRun, resume: Resume, behind: str) -> bool:
        """Have a run go on later by what it would go on by now; False for what is not put off."""
        wait, put_off = opened.run.wait, late.put_off(opened.run, resume, behind, self.around.now)
        if put_off is None:
            return False
        self.alter(opened, replace(opened.run, wait=put_off))
        if wait is not None and wait.state.get(HANDED_OVER):
            self.sheet.agenda.note_handover(opened, wait.state[HANDED_OVER], AUTOMATED)
        return True

    def alter(self, opened: OpenRun, run: Run) -> None:
        """Keep what has changed about a run without a step of it."""
        opened.run = run
        self._changed[run.id] = opened

    def wake_late(self) -> None:
        """Runs that had to wait for the open question, or for the bot to be back, go on, the oldest
        first, until one asks."""
        for opened in sorted(self.case.runs.values(), key=lambda one: one.run.id):
            wait = opened.run.wait
            if wait is None or wait.asks or opened.run.id not in self.case.runs:
                continue
            if self.handed_over() or (self.is_busy and wait.state.get(LATE) == "question"):
                continue
            if any(alarm.at <= self.around.now for alarm in wait.alarms):
                self.sound(opened, self.around.now)

    @property
    def is_busy(self) -> bool:
        """Whether a question is open, or a person of the staff talks with the customer."""
        return self._asking is not None or self.handed_over() is not None

    def handed_over(self) -> OpenRun | None:
        """The run that has handed the customer over to the staff; None where the bot talks."""
        for opened in self.case.runs.values():
            wait = opened.run.wait
            if wait is not None and HANDED_OVER in wait.state:
                return opened
        return None

    def _keep(self, opened: OpenRun, after: Run) -> None:
        """Keep the run's new state, and who holds the question."""
        opened.run = after
        self._changed[after.id] = opened
        if after.status == "asking":
            self._asking = after.id
        elif self._asking == after.id:
            self._asking = None
        if after.outcome is not None:
            self.case.runs.pop(after.id, None)

    def _give_back(self, lane: int, *, but: OpenRun) -> None:
        """Ask the open question again in short; where it was covered, the newest one underneath.

        but: the run that has just gone on: what it asks now was asked now.
        """
        below = self.asking_run() or self._newest_covered()
        if below is None or below is but:
            return
        self._asking = below.run.id
        if not self.sound(below, self.around.now, reminding=False) and below.run.wait is not None:
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

    def sound(self, opened: OpenRun, now: datetime, *, reminding: bool = True) -> bool:
        """Let the alarms sound that are due; whether one of them ended the wait."""
        wait = opened.run.wait
        assert wait is not None
        due = [alarm for alarm in wait.alarms if alarm.at <= now]
        # What the system slept through is not repeated: past its end, a question reminds no more.
        ending = [alarm for alarm in due if alarm.kind != "remind"]
        left = tuple(alarm for alarm in wait.alarms if alarm not in due)
        self.alter(opened, replace(opened.run, wait=replace(wait, alarms=left)))
        for alarm in ending or due:
            if alarm.kind == "remind" and not (reminding and self._may_remind()):
                continue
            # What was gathered is a person's reply, though a clock ends the pause after it.
            lane = LIVE if alarm.kind == MERGE else AUTOMATED
            coming = late.resume_of(wait, alarm)
            if isinstance(coming, Settled):  # it rested in the middle of a step
                opened.run = replace(opened.run, wait=None)
            self.advance(opened, coming, lane)
        return bool(ending)

    def _may_remind(self) -> bool:
        """A reminder is automatic: none goes to who asked to be left alone."""
        return self.case.values.get("opted_out_at") is None

    def asking_run(self) -> OpenRun | None:
        return None if self._asking is None else self.case.runs.get(self._asking)

    def channel(self, conversation: Conversation) -> str:
        return self.around.channels[conversation.account_id]

    def conversation(self, opened: OpenRun) -> Conversation:
        at, case = opened.conversation_id, self.case
        return case.conversations.get(at) or case.elsewhere[at]

    def language(self) -> str:
        return language_of(self.case.values, self.around.library.business)

    def facts(self, channel: str) -> Facts:
        """A snapshot, made anew only where lists have changed: it reads `values` itself."""
        case, known = self.case, self._known
        if (
            known is None
            or known.tags is not case.tags
            or known.segments is not case.segments
            or known.channel != channel
        ):
            known = self._known = Facts(
                customer_id=case.customer_id, business=self.around.library.business,
                channel=channel, values=case.values, extra=case.extra, tags=case.tags,
                segments=case.segments, history=case.history,
            )  # fmt: skip
        return known

    def store(self) -> None:
        """Rows of the runs that moved, began, ended, or gave the question away or got it back."""
        if self._asking != self.case.asking_run:
            self.sheet.touch({"asking_run": self._asking})
        for opened in (self.case.runs | self._changed).values():
            moved = opened.run.id in self._changed
            self.sheet.store_run(opened, self._status(opened), moved=moved)

    def _status(self, opened: OpenRun) -> str:
        """Only one run of a customer is `asking`; another that waits for a reply sleeps. `handed`
        is one that has handed the customer over."""
        if opened.run.handed_over is not None:
            return "handed"
        status = opened.run.status
        return "sleeping" if status == "asking" and opened.run.id != self._asking else status


def _asks_anew(run: Run, resume: Resume) -> bool:
    """Whether a step has put a question to the person: not one that they have seen before, nor one
    behind whose reply a request is made."""
    return not isinstance(resume, Released) and run.wait is not None and not run.wait.holds
