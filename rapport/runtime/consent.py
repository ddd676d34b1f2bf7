"""Asks for each customer whether something automatic may be said now, and counts what is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from crm.sql import Statement
from crm.tables import automatic_send, customer
from engine.business import Business
from engine.events import is_automatic
from engine.flow import Flow
from engine.offer import TriggerIndex
from engine.permission import SERVICE, YES, Customer, Verdict, days_begin, permit, purpose_of
from engine.scope import known_zone


class Consent:
    """The answers of one batch. What it lets pass counts at once; `rows` are to be stored."""

    def __init__(self, db: Connection, business_id: int, business: Business) -> None:
        self._db = db
        self._business_id = business_id
        self._business = business
        self._given: dict[tuple[int, str], Verdict] = {}
        self._sent: defaultdict[int, list[datetime]] = defaultdict(list)
        self.rows: list[tuple[Any, ...]] = []

    def ask(
        self, customer_id: int, values: Mapping[str, Any], purpose: str, now: datetime,
        worth_until: datetime | None = None,
    ) -> Verdict:  # fmt: skip
        """Whether a new send of this purpose may begin. values: of the customer."""
        zone = known_zone(values.get("timezone") or "", self._business.timezone)
        opted_out = values.get("opted_out_at") is not None
        asked = Customer(zone, opted_out)
        if purpose != SERVICE and not opted_out:
            today, week = days_begin(now, zone)
            sent = self._sent_since(customer_id, week)
            asked = Customer(
                zone, preferences=self._preferences(customer_id),
                sent_today=sum(at >= today for at in sent), sent_in_week=len(sent),
            )  # fmt: skip
        return permit(purpose, asked, self._business.sending, now, worth_until)

    def let(self, customer_id: int, purpose: str, now: datetime) -> None:
        """A new send begins: what is said of this purpose in this batch belongs to it."""
        self._given[customer_id, purpose] = YES
        self._count(customer_id, purpose, now)

    def given(
        self, customer_id: int, values: Mapping[str, Any], purpose: str, now: datetime
    ) -> Verdict:
        """The answer for something to be said: that of its send, or where it goes on with an older
        one a new answer."""
        known = self._given.get((customer_id, purpose))
        if known is not None and values.get("opted_out_at") is None:
            return known
        verdict = self.ask(customer_id, values, purpose, now)
        self._given[customer_id, purpose] = verdict
        if verdict.may or verdict.until is not None:
            self._count(customer_id, purpose, now)
        return verdict

    def _count(self, customer_id: int, purpose: str, now: datetime) -> None:
        """One more automatic send, where they are capped."""
        if purpose != SERVICE and self._business.sending.get("cap"):
            self._sent[customer_id].append(now)
            self.rows.append((self._business_id, customer_id, purpose, now))

    def _sent_since(self, customer_id: int, since: datetime) -> list[datetime]:
        if not self._business.sending.get("cap"):
            return []
        rows = _SENT.fetch(self._db, customer_id, self._business_id, since)
        return [row[0] for row in rows] + self._sent[customer_id]

    def _preferences(self, customer_id: int) -> Mapping[str, Any]:
        rows = _PREFERENCES.fetch(self._db, customer_id, self._business_id)
        return (rows[0][0] if rows else None) or {}


def is_own_act(cause: str, index: TriggerIndex) -> bool:
    """Whether a run of this cause was begun by the person: a command, a word, a button."""
    known = index.by_id.get(cause)
    if known is not None:
        return not is_automatic(known.on)
    return cause.startswith("detour:") or cause.endswith(("/button", "/always", "/fallback"))


def run_purpose(
    flow: Flow | None, cause: str, event: Mapping[str, Any], index: TriggerIndex
) -> str:
    """Why a run writes: of its flow and what began it."""
    if event.get("purpose") == SERVICE or flow is None:
        return SERVICE
    return purpose_of(flow, index.by_id.get(cause), own_act=is_own_act(cause, index))


COUNT = Statement(lambda _: insert(automatic_send), ("business_id", "customer_id", "purpose", "at"))
_SENT = Statement(
    lambda _: select(automatic_send.c.at).where(
        automatic_send.c.customer_id == bindparam("of"),
        automatic_send.c.business_id == bindparam("business"),
        automatic_send.c.at >= bindparam("since", type_=automatic_send.c.at.type),
    ),
    ("of", "business", "since"),
)
_PREFERENCES = Statement(
    lambda _: select(customer.c.marketing_preferences).where(
        customer.c.id == bindparam("of"), customer.c.business_id == bindparam("business")
    ),
    ("of", "business"),
)
