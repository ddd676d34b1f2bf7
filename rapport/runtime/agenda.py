"""What one customer's turns make begin: firings, requests, news for the staff."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crm.names import display_name_of
from crm.services.ledger import Ledger
from engine.business import Staff
from engine.effects import CallHttp, StartFlow, TellStaff
from engine.happenings import Happened
from engine.jsonable import to_json
from engine.permission import SERVICE
from engine.records import mentions
from engine.wording import wording
from rapport.runtime.calls import row_of
from rapport.runtime.cases import LIVE, Case, Conversation, Firing, Mail, OpenRun
from rapport.runtime.firings import CATCH_UP, Planned, decision, plan_row
from rapport.runtime.staff_news import News, may_tell, reached
from rapport.runtime.writes import Writes

if TYPE_CHECKING:
    from rapport.runtime.surroundings import Surroundings


class Agenda:
    """The part of the sheet that tells what has happened, and what is to be started by it."""

    def __init__(self, around: Surroundings, ledger: Ledger, writes: Writes) -> None:
        self._around = around
        self._now = around.now
        self._ledger = ledger
        self._writes = writes
        self._case = Case(0)
        self._customer_id = 0
        self._source = ""
        self._account_id = 0
        self._planned = 0

    def begin(self, case: Case, letter: Mail) -> None:
        """What follows is about this customer and because of this mail."""
        self._case, self._customer_id = case, case.customer_id
        self._source, self._planned = f"mail:{letter.id}", 0
        self._account_id = case.conversations[letter.conversation_id].account_id

    def begin_anew(self, source: str) -> None:
        """See Sheet."""
        self._source, self._planned = source, 0

    def because(self, depth: int) -> None:
        """What is carried out now follows from so many rules."""
        self._ledger.depth = depth

    def happened(self, run_id: int) -> Sequence[tuple[int, Happened]]:
        """What anybody listens for of what has happened since this was last asked, each with the
        run that made it happen."""
        if not self._ledger.happened:
            return ()
        return [(run_id, event) for event in self._ledger.heard(self._customer_id)]

    def plan(self, trigger: str, request: Mapping[str, Any], expires_at: datetime) -> None:
        """Something is to be started after this turn, once."""
        self._writes.firings.append(
            plan_row(
                Planned(
                    trigger, self._customer_id, self._next_occurrence(), request, self._now,
                    expires_at,
                ),
                self._around.library.business_id,
            )
        )  # fmt: skip

    def note_start(self, trigger: str) -> None:
        """A trigger that may not start again for a while was the person's own act."""
        customer, now = self._customer_id, self._now
        self._around.started.note(trigger, customer, now)
        self._writes.firings.append(
            (
                trigger, customer, self._next_occurrence(), self._around.library.business_id,
                "started", None, now, now, None, None, None,
            )
        )  # fmt: skip

    def decide(
        self, firing: Firing, status: str, reason: str | None = None,
        until: datetime | None = None,
    ) -> None:  # fmt: skip
        """A firing has started, is skipped, or is held: `until` a moment, or the open question
        closes."""
        customer, library = self._customer_id, self._around.library
        held = status == "held"
        if status == "started":
            self._around.started.note(firing.trigger, customer, self._now)
        if status == "skipped":
            self._record(
                "trigger_skipped", f"{firing.trigger}: {reason}",
                {"trigger": firing.trigger, "reason": reason},
            )  # fmt: skip
        self._writes.decisions.append(
            decision(
                (firing.trigger, customer, firing.occurrence), library.business_id, status, reason,
                None if held else self._now, (until or firing.expires_at) if held else None,
            )
        )  # fmt: skip

    def tell_staff(self, to: str, text: str, lane: int, *, talk: bool = False) -> None:
        """Tell people of the business about the customer, after this turn. Where nobody can be
        told, the timeline has it all the same. talk: as in News."""
        people = self._tell(to, text, lane, talk=talk)
        if people:
            self._record("staff_told", text, {"to": to, "people": [one.name for one in people]})

    def pass_on(self, to: str, said: str) -> None:
        """A customer who is handed over has written; it stands on the timeline already."""
        self._tell(to, f"{self._name()}: {said}", LIVE, talk=True)

    def notice(self, letter: Mail, channel: str) -> None:
        """The person blocked us, may be written to again, or has taken a message back."""
        if letter.kind == "deleted":
            self._take_back(letter)
            return
        blocked = letter.kind == "blocked"
        self._writes.reached[self._customer_id, channel] = blocked, letter.received_at
        what = "Blocked" if blocked else "Unblocked"
        self._record(f"account_{letter.kind}", f"{what} us on {channel}", {"channel": channel})

    def _take_back(self, letter: Mail) -> None:
        """What it said is kept nowhere."""
        of, message = self._around.library.business_id, letter.payload["message_id"]
        self._writes.taken_back.append((of, self._customer_id, message))
        self._record("message_taken_back", "Took a message back", {})

    def note_handover(self, opened: OpenRun, before: str | None, lane: int) -> None:
        """Where a run has handed the customer over, or given them back, tell whom it is for.

        before: whom they were handed over to until now.
        """
        to = opened.run.handed_over
        if before is None and to is not None:
            self._record("handed_over", f"Handed over to {to}", {"to": to})
            if not opened.run.event.get("taken"):
                language = self._around.library.business.language
                text = wording("asks_for_staff", language, name=self._name())
                self.tell_staff(to, text, lane, talk=True)
        elif before is not None and to is None:
            self._record("taken_back", "The bot talks again", {"was": before})

    def _tell(self, to: str, text: str, lane: int, *, talk: bool = False) -> Sequence[Staff]:
        """Whom it tells; where that is nobody, the timeline and the log say so."""
        around, assignee = self._around, self._case.values.get("assigned_to")
        people = reached(around.library.business, to, assignee)
        if people and may_tell(around.channels, self._account_id):
            news = News(
                self._source, to, text, people, self._account_id, lane,
                self._customer_id, talk,
            )  # fmt: skip
            self._writes.told.append(news)
            return people
        self._record("staff_not_told", text, {"to": to})
        around.unheard.note(to)
        return ()

    def _name(self) -> str:
        name = display_name_of(self._case.values, self._customer_id)
        return f"{name} (id:{self._customer_id})"

    def tell_mentioned(self, note: str, lane: int) -> None:
        """Tell those whom a note about the customer mentions, where they can be told."""
        business = self._around.library.business
        for name in mentions(note, business):
            if reached(business, name, None):
                text = wording("mentioned", business.language, customer=self._name(), note=note)
                self.tell_staff(name, text, lane)

    def _next_occurrence(self) -> str:
        """Each thing that a mail starts is an occasion of its own."""
        self._planned += 1
        return f"{self._source}:{self._planned}"

    def start_flow(self, effect: StartFlow, opened: OpenRun, _: Conversation, lane: int) -> None:
        trigger = f"{opened.run.frames[-1].flow}/start:{effect.node}"
        event: dict[str, Any] = {"depth": self._ledger.depth + 1}
        request = {"flow": effect.flow, "event": event, "vars": to_json(effect.vars)}
        if effect.segment:
            business_id = self._around.library.business_id
            self._writes.expansions.append(
                (business_id, effect.segment, trigger, request, 0, self._now)
            )
        else:
            if lane == LIVE:  # it answers the person, as what starts it does
                event["purpose"] = SERVICE
            self.plan(trigger, request, self._now + CATCH_UP)

    def call_http(self, effect: CallHttp, opened: OpenRun, *_: object) -> None:
        library = self._around.library
        key, id_ = library.business.key, library.business_id
        self._writes.calls.append(row_of(effect, id_, key, opened.run.id, self._now))

    def carry_news(self, effect: TellStaff, _: OpenRun, __: Conversation, lane: int) -> None:
        self.tell_staff(effect.to, effect.text, lane)

    def _record(self, type_: str, description: str, data: Mapping[str, Any]) -> None:
        self._ledger.record(self._customer_id, type_, description, data, "engine", self._now)
