"""Carrying out what a person asks about themselves: shown, corrected, handed out, forgotten."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from bots.channel import Outgoing
from crm.services.erasing import GOODBYE
from crm.services.ledger import Cause
from crm.services.notes import list_notes
from crm.services.preferences import set_preferences
from crm.services.purchases import list_purchases
from crm.services.records import load_record, typed_column
from crm.tables import activity, customer
from engine import own_data as own
from engine.fields.decimals import round_half_up
from engine.fields.moments import spell
from engine.fields.show import show_number
from engine.fields.types import Value
from engine.locales import locale_of
from engine.messages import Rows
from engine.preferences import PREFERENCES
from engine.wording import wording
from rapport.runtime.cases import LIVE, Conversation
from rapport.runtime.moves import Beginning, Moves
from rapport.runtime.sheet import Sheet
from rapport.runtime.surroundings import Surroundings
from rapport.runtime.writes import OUTBOX_KEY

MESSAGES = 200
"""How many of the last messages /mydata tells; all of the rest is told whole."""

_SAID = ("message_received", "message_sent")


class OwnData:
    """One customer's own data, in the turn at hand."""

    def __init__(self, moves: Moves, sheet: Sheet, around: Surroundings) -> None:
        self._moves, self._sheet, self._around = moves, sheet, around
        self._db, self._ledger, self._writes, self._mail_id = sheet.papers
        self._business = around.library.business
        self._of = (self._db, around.library.business_id)
        self._customer = moves.case.customer_id
        self._language = moves.language()

    def do(self, act: str, at: Conversation) -> bool:
        """Do what a command or button asks for; False for a button of something that is gone."""
        name, _, rest = act.partition(":")
        match name:
            case "me":
                self._tell(at)
            case "mydata":
                self._hand_out(at)
            case "forgetme":
                self._ask_to_forget(at)
            case own.FIELDS:
                buttons = own.field_buttons(self._business, self._locale())
                self._say(wording("own_which", self._language), at, buttons)
            case own.MESSAGES:
                self._show_preferences(at)
            case own.MAIL:
                return self._prefer(rest, at)
            case own.FIX:
                return self._correct(rest, at)
            case own.FORGET:
                return self._forget(rest, at)
            case own.KEEP:
                self._say(wording("own_kept", self._language), at)
            case _:
                return False
        return True

    def _tell(self, at: Conversation) -> None:
        values, locale = self._values(), self._locale()
        spent, last = values.get("total_spent"), values.get("last_message_at")
        totals = {
            "purchases": str(values.get("total_purchases") or 0),
            "spent": f"{show_number(spent or 0)} {values.get('currency') or ''}".strip(),  # type: ignore[arg-type]  # a number field's
            "last_activity": spell(last, locale) if last is not None else "",  # type: ignore[arg-type]  # a moment
        }
        told = own.profile(self._business, values, totals, locale)
        self._say(told, at, own.profile_buttons(self._language))

    def _hand_out(self, at: Conversation) -> None:
        """Everything that is known of them, but for what the staff keeps to itself."""
        sections = [
            ("own_purchases", self._purchases()),
            ("own_notes", self._notes()),
            ("own_said", self._said()),
        ]  # fmt: skip
        told = own.report(self._business, self._values(), sections, self._locale())
        self._say(told or wording("own_nothing", self._language), at)
        self._sheet.record("data_handed_out", "Asked for their data", None, by="customer")

    def _purchases(self) -> list[str]:
        return [_purchase(one) for one in list_purchases(*self._of, self._customer)]

    def _notes(self) -> list[str]:
        notes = list_notes(*self._of, self._business, self._customer, limit=1_000)
        return [f"{one.created_at:%Y-%m-%d}: {one.text}" for one in notes if not one.private]

    def _said(self) -> list[str]:
        rows = self._db.execute(
            select(activity.c["at"], activity.c.type, activity.c.description)
            .where(
                activity.c.business_id == self._around.library.business_id,
                activity.c.customer_id == self._customer,
                activity.c.type.in_(_SAID),
            )
            .order_by(activity.c.id.desc())
            .limit(MESSAGES)
        ).all()
        arrow = {"message_received": "→", "message_sent": "←"}
        return [
            f"{row.at:%Y-%m-%d %H:%M} {arrow[row.type]} {row.description}" for row in reversed(rows)
        ]

    def _correct(self, mark: str, at: Conversation) -> bool:
        field = own.field_of(self._business, mark)
        flow = None
        if field is not None:
            flow = self._around.library.version_of(self._db, own.correcting_key(field), 1)
        if flow is None:
            return False
        for opened in self._moves.of_flow(flow.key):
            self._moves.end(opened, "restarted")
        asking = self._moves.asking
        cause = "own_data" if asking is None else f"detour:{asking}:own_data"
        self._moves.begin(flow, Beginning(cause, {}), at)
        return True

    def _show_preferences(self, at: Conversation) -> None:
        buttons = own.preference_buttons(self._preferences(), self._language)
        self._say(wording("own_preferences", self._language), at, buttons)

    def _prefer(self, rest: str, at: Conversation) -> bool:
        kind, _, wanted = rest.partition(":")
        if kind not in PREFERENCES or wanted not in (own.ON, own.OFF):
            return False
        before = self._preferences()
        # What was written under another name goes under its own from now on.
        refused = {name: False for name, ok in own.allowed_kinds(before).items() if not ok}
        cause = Cause(by="customer", mail_id=self._mail_id or None)
        given, now = refused | {kind: wanted == own.ON}, self._around.now
        set_preferences(self._ledger, self._customer, before, given, cause, now)
        self._show_preferences(at)
        return True

    def _ask_to_forget(self, at: Conversation) -> None:
        buttons = own.forget_buttons(self._around.now, self._language)
        self._say(wording("own_forget_ask", self._language), at, buttons)

    def _forget(self, stamp: str, at: Conversation) -> bool:
        if not own.is_fresh(stamp, self._around.now):
            return False
        self._moves.close_questions("erased")
        self._say(wording("own_forgotten", self._language), at)
        # The last word is found by its key when everything else is erased, and then itself.
        row = list(self._writes.outbox[-1])
        row[OUTBOX_KEY] = key = f"{GOODBYE}{self._mail_id}"
        self._writes.outbox[-1] = tuple(row)
        self._writes.leaving[self._customer] = key
        # What is remembered would be of somebody who is nobody any more.
        self._moves.case.holds = True
        return True

    # -- what is known

    def _values(self) -> dict[str, Value]:
        """As stored, with what this batch has changed and not written yet."""
        library = self._around.library
        record = load_record(*self._of, self._business, library.columns, self._customer)
        now = self._moves.case.values
        fields = self._business.fields
        unwritten = {key: typed_column(fields[key], now[key]) for key in now if key in fields}
        return record.values | unwritten

    def _preferences(self) -> dict[str, Any]:
        unwritten = self._ledger.columns_of(self._customer)
        if "marketing_preferences" in unwritten:
            return dict(unwritten["marketing_preferences"] or {})
        stored = self._db.scalar(
            select(customer.c.marketing_preferences).where(
                customer.c.business_id == self._around.library.business_id,
                customer.c.id == self._customer,
            )
        )
        return dict(stored or {})

    def _locale(self) -> Any:
        return locale_of(self._moves.case.values, self._business)

    def _say(self, text: str, at: Conversation, buttons: Rows = ()) -> None:
        self._sheet.send(Outgoing(at.peer, text, buttons), at, LIVE)


def _purchase(one: Any) -> str:
    number = f"{one.number}: " if one.number else ""
    return (
        f"{one.date}: {number}{show_number(round_half_up(one.amount))} {one.currency}, {one.status}"
    )
