"""Firings: each occasion of a trigger for a customer is decided once, by the key of its row.

    planned ──(its moment)──> mail ──(the turn)──┬──> started
       ^                                         ├──> skipped, with a reason
       │  whoever plans: turns, expansions,      └──> held: a question is open
       │  scans of dates and silence                    │
       │                                                ├── the question closes ──> the turn decides
       │                                                └── it expires ──> mail ──> skipped

Planning uses an occasion up: a row that is there is not planned again. `request` says what is to be
started: {"flow": KEY, "event": what event.x reads}, and "vars" where a node asked for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select, update
from sqlalchemy.sql import Executable

from crm.sql import Statement, insert_for
from crm.tables import event, expansion, trigger_firing
from engine.business import Business
from engine.flow import Trigger
from rapport.runtime.cases import Firing
from rapport.runtime.doors import Door, doors_of, lock, put_mail
from rapport.runtime.library import Library
from rapport.runtime.locks import skipping
from rapport.runtime.states import count, paused

CATCH_UP = timedelta(hours=24)
"""How long after its moment a firing may still start, where its trigger does not say."""

AT_ONCE = 500
"""Firings turned into mail in one transaction."""

HELD_TOO_LONG = "expired"

NOBODY = "no account of the customer's may be written to"


class Planned(NamedTuple):
    """A row to be planned. due_at: when it is to start; expires_at: until when it may."""

    trigger: str
    customer_id: int
    occurrence: str
    request: Mapping[str, Any]
    due_at: datetime
    expires_at: datetime


def expiry_of(trigger: Trigger | None, due_at: datetime, business: Business) -> datetime:
    """Until when a firing that is due at a moment may start."""
    catch_up = trigger.options.get("catch_up") if trigger else None
    catch_up = catch_up or business.sending.get("catch_up")
    if catch_up is None:
        return due_at + CATCH_UP
    later: datetime = catch_up.after(due_at, due_at.tzinfo)
    return later


def plan(db: Connection, business_id: int, rows: Sequence[Planned]) -> None:
    """Plan what is not planned or decided yet."""
    PLAN.many(db, [plan_row(row, business_id) for row in rows])


def plan_row(row: Planned, business_id: int) -> tuple[Any, ...]:
    """The parameters of PLAN."""
    return (
        row.trigger, row.customer_id, row.occurrence, business_id, "planned", None, row.due_at,
        None, row.request, row.expires_at, row.due_at,
    )  # fmt: skip


def decided_row(
    row: Planned, business_id: int, why_not: str | None, now: datetime
) -> tuple[Any, ...]:
    """The parameters of PLAN for a row that is planned where it may still start, and is skipped at
    once where not, or for a reason."""
    if why_not is None and row.expires_at <= now:
        why_not = HELD_TOO_LONG
    if why_not is None:
        return plan_row(row, business_id)
    return (
        row.trigger, row.customer_id, row.occurrence, business_id, "skipped", why_not,
        row.due_at, now, row.request, row.expires_at, None,
    )  # fmt: skip


def ring_firings(db: Connection, library: Library, now: datetime) -> frozenset[int]:
    """Turn up to AT_ONCE firings whose moment has come into mail; the conversations it waits for.

    Who cannot be written to is skipped. A conversation that is worked on now is left for the next
    time.
    """
    business = library.business_id
    rows = [Rung(*row) for row in _DUE.fetch(db, business, now, AT_ONCE)]
    if not rows:
        return frozenset()
    rows.sort(key=lambda row: (row.due_at, -_priority(library, row.trigger)))
    stopped = paused(db, business)
    doors = doors_of(db, business, {row.customer_id for row in rows})
    chosen = [(row, _door(library, row, doors.get(row.customer_id, ()))) for row in rows]
    locked = lock(db, {door.conversation_id for _, door in chosen if door})
    letters, rung, skipped = [], [], []
    for row, door in chosen:
        if row.trigger in stopped:
            why = f"paused: {stopped[row.trigger]}"
            skipped.append(decision(row.key, business, "skipped", why, now))
        elif door is None:
            skipped.append(decision(row.key, business, "skipped", NOBODY, now))
        elif door.conversation_id in locked:
            letters.append((door.conversation_id, _key_of(row), "firing", row.payload()))
            rung.append((*row.key, business))
    put_mail(db, business, letters, now)
    count(db, business, Counter(key[0] for key in rung), library.index.by_id, now)
    _RUNG.many(db, rung)
    DECIDE.many(db, skipped)
    return frozenset(conversation for conversation, *_ in letters)


class Rung(NamedTuple):
    """A firing whose moment has come."""

    trigger: str
    customer_id: int
    occurrence: str
    request: Mapping[str, Any]
    due_at: datetime
    expires_at: datetime
    rings_at: datetime

    @property
    def key(self) -> tuple[str, int, str]:
        return self.trigger, self.customer_id, self.occurrence

    def payload(self) -> dict[str, Any]:
        """What its mail says."""
        return {
            "trigger": self.trigger,
            "occurrence": self.occurrence,
            "request": self.request,
            "due_at": self.due_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
        }


def firing_of(payload: Mapping[str, Any]) -> Firing:
    """The firing that a mail is about."""
    return Firing(
        payload["trigger"],
        payload["occurrence"],
        payload["request"],
        datetime.fromisoformat(payload["due_at"]),
        datetime.fromisoformat(payload["expires_at"]),
    )


def next_planned(db: Connection, business_id: int) -> datetime | None:
    """When something that begins by itself is to be looked at next: a firing, an event that nobody
    has heard of, a segment that is expanded; None where nothing is."""
    (moments,) = _NEXT.fetch(db, business_id, business_id, business_id)
    return min((one for one in moments if one is not None), default=None)


def decision(
    key: tuple[str, int, str],
    business_id: int,
    status: str,
    reason: str | None,
    at: datetime | None,
    rings_at: datetime | None = None,
) -> tuple[Any, ...]:
    """The parameters of DECIDE. at: None for what is only held, until `rings_at`."""
    return status, reason, at, rings_at, *key, business_id


class Started:
    """When triggers last started something for a customer: `once` asks for it."""

    def __init__(self, db: Connection, business_id: int) -> None:
        self._db = db
        self._business_id = business_id
        self._noted: dict[tuple[str, int], datetime] = {}

    def note(self, trigger: str, customer_id: int, at: datetime) -> None:
        """It has started now, which no row says yet."""
        self._noted[trigger, customer_id] = at

    def last(self, trigger: str, customer_id: int) -> datetime | None:
        noted = self._noted.get((trigger, customer_id))
        if noted is not None:
            return noted
        ((found,),) = _LAST.fetch(self._db, trigger, customer_id, self._business_id)
        last: datetime | None = found
        return last


def is_spent(trigger: Trigger, last: Callable[[], datetime | None], now: datetime) -> bool:
    """Whether its `once` lets it start no more now. last: when it last started."""
    once = trigger.options.get("once", "per_occurrence")
    if once == "per_occurrence":
        return False
    started_at = last()
    if started_at is None:
        return False
    return bool(once == "ever" or once.after(started_at, started_at.tzinfo) > now)


def _priority(library: Library, trigger: str) -> int:
    known = library.index.by_id.get(trigger)
    return known.options.get("priority", 0) if known else 0


def _door(library: Library, row: Rung, doors: Sequence[Door]) -> Door | None:
    """Where it may be said: the customer's first way that the trigger and its flow are for."""
    trigger = library.index.by_id.get(row.trigger)
    flow = library.flows.get((row.request["flow"], 0))
    wanted = trigger.options.get("channel") if trigger else None
    channels = flow.channels if flow else ()
    for door in doors:
        if wanted in (None, door.channel) and (not channels or door.channel in channels):
            return door
    return None


def _key_of(row: Rung) -> str:
    """Of its mail: one that is held rings a second time, when it expires."""
    what = "\n".join((row.trigger, str(row.customer_id), row.occurrence, row.rings_at.isoformat()))
    return f"firing:{blake2b(what.encode(), digest_size=16).hexdigest()}"


FIRING_COLUMNS = (
    "trigger", "customer_id", "occurrence", "business_id", "status", "reason", "due_at",
    "decided_at", "request", "expires_at", "rings_at",
)  # fmt: skip
PLAN = Statement(
    lambda dialect: insert_for(dialect)(trigger_firing).on_conflict_do_nothing(), FIRING_COLUMNS
)

DECIDE = Statement(
    lambda _: (
        update(trigger_firing)
        .where(
            trigger_firing.c.trigger == bindparam("of_trigger"),
            trigger_firing.c.customer_id == bindparam("of_customer"),
            trigger_firing.c.occurrence == bindparam("of_occurrence"),
            trigger_firing.c.business_id == bindparam("of_business"),
        )
        .values(
            status=bindparam("status"),
            reason=bindparam("reason"),
            decided_at=bindparam("at", type_=trigger_firing.c.decided_at.type),
            rings_at=bindparam("rings", type_=trigger_firing.c.rings_at.type),
        )
    ),
    (
        "status",
        "reason",
        "at",
        "rings",
        "of_trigger",
        "of_customer",
        "of_occurrence",
        "of_business",
    ),
)

_RUNG = Statement(
    lambda _: (
        update(trigger_firing)
        .where(
            trigger_firing.c.trigger == bindparam("of_trigger"),
            trigger_firing.c.customer_id == bindparam("of_customer"),
            trigger_firing.c.occurrence == bindparam("of_occurrence"),
            trigger_firing.c.business_id == bindparam("of_business"),
        )
        .values(rings_at=None)
    ),
    ("of_trigger", "of_customer", "of_occurrence", "of_business"),
)

_DUE = Statement(
    lambda dialect: skipping(
        select(
            *(
                trigger_firing.c[name]
                for name in (
                    "trigger", "customer_id", "occurrence", "request", "due_at", "expires_at",
                    "rings_at",
                )
            )
        )
        .where(
            trigger_firing.c.business_id == bindparam("business"),
            trigger_firing.c.rings_at.is_not(None),
            trigger_firing.c.rings_at <= bindparam("now", type_=trigger_firing.c.rings_at.type),
        )
        .order_by(trigger_firing.c.rings_at)
        .limit(bindparam("most")),
        dialect,
    ),
    ("business", "now", "most"),
)  # fmt: skip


def _next(_: str) -> Executable:
    firing = (
        select(trigger_firing.c.rings_at)
        .where(
            trigger_firing.c.business_id == bindparam("of_firing"),
            trigger_firing.c.rings_at.is_not(None),
        )
        .order_by(trigger_firing.c.rings_at)
        .limit(1)
        .scalar_subquery()
    )
    unheard = (
        select(event.c.at)
        .where(event.c.business_id == bindparam("of_event"), event.c.unheard.is_not(None))
        .order_by(event.c.id)
        .limit(1)
        .scalar_subquery()
    )
    expanded = (
        select(expansion.c.created_at)
        .where(expansion.c.business_id == bindparam("of_expansion"), expansion.c.done_at.is_(None))
        .order_by(expansion.c.id)
        .limit(1)
        .scalar_subquery()
    )
    return select(firing, unheard, expanded)


_NEXT = Statement(_next, ("of_firing", "of_event", "of_expansion"))

_LAST = Statement(
    lambda _: select(func.max(trigger_firing.c.decided_at)).where(
        trigger_firing.c.trigger == bindparam("of_trigger"),
        trigger_firing.c.customer_id == bindparam("of_customer"),
        trigger_firing.c.business_id == bindparam("business"),
        trigger_firing.c.status == "started",
    ),
    ("of_trigger", "of_customer", "business"),
)
