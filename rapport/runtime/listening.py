"""What follows from events: runs stop or go on, flows are planned; and what was planned is decided.

An event of a turn is heard in that turn, once the mail that made it is applied. What it starts is a
firing (rapport.runtime.firings), which becomes mail of its own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.audience import NOTHING_SAID, Offered, is_for, may_run_on, only_holds
from engine.flow import Flow, Trigger
from engine.happenings import MOST_RULES, OF_EFFECTS, Happened, fits, told
from engine.jsonable import from_json
from engine.messages import Message
from engine.permission import OPTED_OUT, worth_of
from engine.resume import EventSeen, Stopped
from engine.stopping import stop_for
from rapport.runtime.cases import AUTOMATED, Conversation, Firing, Mail, OpenRun
from rapport.runtime.consent import run_purpose
from rapport.runtime.firings import HELD_TOO_LONG, expiry_of, firing_of, is_spent
from rapport.runtime.moves import Beginning, Moves


class Listening:
    """The events and firings of one customer, beside what they write."""

    __slots__ = ("_around", "_case", "_moves", "_sheet")

    def __init__(self, moves: Moves) -> None:
        self._moves = moves
        self._case = moves.case
        self._around = moves.around
        self._sheet = moves.sheet

    # -- events

    def settle(self, lane: int, at: Conversation) -> None:
        """After a mail: hear what happened, then start what waited for the question to close; and
        hear what that makes happen."""
        moves = self._moves
        moves.happened += self._sheet.agenda.happened(0)
        while True:
            while moves.happened:
                run_id, event = moves.happened.pop(0)
                self._take(event, run_id, lane)
            if len(self._case.runs) > (moves.asking is not None):
                moves.wake_late()
            if self._case.held:
                self._release(at)
            if not moves.happened:
                return

    def hear(self, letter: Mail) -> None:
        """Something happened outside of turns."""
        payload = letter.payload
        event = Happened(payload["type"], payload["data"], payload["depth"])
        self._moves.happened.append((0, event))

    def stop(self, event: Happened, lane: int, message: Message, *, by: int = 0) -> None:
        """End the runs that stop for this, or send them on. by: the run whose node did it, which
        its own step has stopped where it should."""
        flows = self._around.library.flows
        for opened in list(self._case.runs.values()):
            if opened.run.id == by and event.type in OF_EFFECTS:
                continue
            seen = self._seen(event, opened, message)
            found = stop_for(flows, opened.run.frames, event, seen)
            if found is not None:
                place, stop = found
                coming = Stopped(place, stop.outcome, stop.goto)
                self._moves.advance(opened, coming, lane, event.depth + 1)

    def go_on(
        self, event: Happened, lane: int, message: Message, *, by: int = 0, any_too: bool = True
    ) -> bool:
        """Let the runs go on that wait for this; whether there was one. any_too: those that take
        any message are asked too."""
        waiting = [
            (opened, wanted)
            for opened in self._case.runs.values()
            if opened.run.id != by and (wanted := self._awaited(opened)) is not None
        ]
        taken = False
        for opened, wanted in waiting:
            if not any_too and wanted.options.get("any"):
                continue
            flow = self._around.library.flows[_place(opened)]
            if fits(wanted, event) and is_for(wanted, flow, self._seen(event, opened, message)):
                wait = opened.run.wait
                assert wait is not None, "it waits for an event"
                coming = EventSeen(wait.id, told(event))
                self._moves.advance(opened, coming, lane, event.depth + 1)
                taken = True
        return taken

    def _take(self, event: Happened, run_id: int, lane: int) -> None:
        if event.depth >= MOST_RULES:
            why = f"{MOST_RULES} rules led to {event.type}: nothing more follows from it"
            self._sheet.record("rules_stopped", why, {"event": event.type})
            return
        self.stop(event, lane, NOTHING_SAID, by=run_id)
        self.go_on(event, lane, NOTHING_SAID, by=run_id)
        for trigger in self._around.library.index.automatic.get(event.type, ()):
            if fits(trigger, event):
                self._plan(trigger, event)

    def _plan(self, trigger: Trigger, event: Happened) -> None:
        data = {**told(event), "depth": event.depth + 1}
        request = {"flow": trigger.flow, "event": data}
        around = self._around
        expires_at = expiry_of(trigger, around.now, around.library.business)
        self._sheet.agenda.plan(trigger.id, request, expires_at)

    def _awaited(self, opened: OpenRun) -> Trigger | None:
        wait = opened.run.wait
        flow = None if wait is None or wait.asks else self._around.library.flows.get(_place(opened))
        node = flow.node(opened.run.frames[-1].node) if flow else None
        return node.awaits if node else None

    def _seen(self, event: Happened, opened: OpenRun, message: Message) -> Offered:
        facts = self._moves.facts(self._moves.channel(self._moves.conversation(opened)))
        return Offered(message, facts, self._around.now, told(event))

    # -- firings

    def fire(self, letter: Mail, at: Conversation) -> None:
        """The moment of a firing has come, or that of its expiry."""
        firing = firing_of(letter.payload)
        self._case.held = [one for one in self._case.held if one[:2] != firing[:2]]
        self._decide(firing, at, max(self._around.now, letter.received_at))

    def _release(self, at: Conversation) -> None:
        """The question has closed: what waited for that starts, oldest first, until one asks."""
        waiting, self._case.held = self._case.held, []
        for firing in waiting:
            if self._moves.is_busy:
                self._case.held.append(firing)
            else:
                self._decide(firing, self._place_for(firing, at), self._around.now)

    def _decide(self, firing: Firing, at: Conversation, now: datetime) -> None:
        """Start it, skip it, or let it wait."""
        trigger = self._around.library.index.by_id.get(firing.trigger)
        flow = self._moves.current(firing.request["flow"])
        reason = self._why_not(firing, trigger, flow, at, now)
        if reason or flow is None:
            self._sheet.agenda.decide(firing, "skipped", reason)
            return
        purpose = self._purpose(firing, flow)
        customer, values = self._case.customer_id, self._case.values
        worth_until = min(firing.expires_at, worth_of(flow, firing.due_at))
        verdict = self._around.consent.ask(customer, values, purpose, now, worth_until)
        if verdict.until is not None:
            self._case.held.append(firing)
            self._sheet.agenda.decide(firing, "held", verdict.reason, verdict.until)
            return
        if not verdict.may:
            self._sheet.agenda.decide(firing, "skipped", verdict.reason)
            return
        if_busy = trigger.options.get("if_busy", "queue") if trigger else "queue"
        if self._moves.is_busy and (if_busy == "queue" or self._moves.handed_over()):
            self._case.held.append(firing)
            self._sheet.agenda.decide(firing, "held", "a question is open")
        elif self._moves.is_busy and if_busy == "skip":
            self._sheet.agenda.decide(firing, "skipped", "a question is open")
        else:
            self._around.consent.let(customer, purpose, now)
            self._begin(firing, flow, at)

    def _purpose(self, firing: Firing, flow: Flow) -> str:
        index = self._around.library.index
        return run_purpose(flow, firing.trigger, firing.request["event"], index)

    def _why_not(
        self, firing: Firing, trigger: Trigger | None, flow: Flow | None, at: Conversation,
        now: datetime,
    ) -> str | None:  # fmt: skip
        """Why it does not start, whatever is open now; None where it may."""
        if flow is None:
            return "the flow is gone"
        if trigger is None and "vars" not in firing.request:
            return "the trigger is gone"
        if firing.expires_at <= now:
            return HELD_TOO_LONG
        if self._case.values.get("opted_out_at") is not None:
            return OPTED_OUT
        if self._moves.of_flow(flow.key) and (flow.again or "ignore") == "ignore":
            return "is in the flow already"
        return None if trigger is None else self._why_not_now(firing, trigger, flow, at)

    def _why_not_now(
        self, firing: Firing, trigger: Trigger, flow: Flow, at: Conversation
    ) -> str | None:
        channel, now = self._moves.channel(at), self._around.now
        if not may_run_on(trigger, flow, channel):
            return f"not on {channel}"
        event = from_json(firing.request["event"])
        if not only_holds(trigger, Offered(NOTHING_SAID, self._moves.facts(channel), now, event)):
            return "`only` does not hold"
        customer = self._case.customer_id
        if is_spent(trigger, lambda: self._around.started.last(trigger.id, customer), now):
            return "has started before"
        return None

    def _begin(self, firing: Firing, flow: Flow, at: Conversation) -> None:
        for opened in self._moves.of_flow(flow.key) if flow.again == "restart" else ():
            self._moves.end(opened, "restarted")
        self._moves.close_questions("interrupted")
        self._sheet.agenda.decide(firing, "started")
        request: Any = firing.request
        self._moves.begin(
            flow,
            Beginning(
                cause=firing.trigger,
                event=from_json(request["event"]),
                lane=AUTOMATED,
                vars=from_json(request.get("vars") or {}),
                firing=f"{self._case.customer_id}:{firing.occurrence}:{firing.trigger}",
            ),
            at,
        )

    def _place_for(self, firing: Firing, at: Conversation) -> Conversation:
        """Where a firing that waited is started: here, where its flow is for this channel."""
        trigger = self._around.library.index.by_id.get(firing.trigger)
        flow = self._moves.current(firing.request["flow"])
        if trigger is None or flow is None:
            return at
        known = (at, *self._case.conversations.values(), *self._case.elsewhere.values())
        fitting = (one for one in known if may_run_on(trigger, flow, self._moves.channel(one)))
        return next(fitting, at)


def _place(opened: OpenRun) -> tuple[str, int]:
    frame = opened.run.frames[-1]
    return frame.flow, frame.version
