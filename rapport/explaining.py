"""Why a customer got what a flow says, or did not: what was decided, and what would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, select, update

from crm.errors import NotFound
from crm.tables import (
    automatic_send,
    customer,
    customer_account,
    expansion,
    run,
    trigger_firing,
    trigger_state,
)
from engine.campaign import PREFIX
from engine.clocked import field_of
from engine.events import EVENTS, is_automatic
from engine.fields.plain import to_plain
from engine.flow import Flow, Trigger
from engine.permission import days_begin, purpose_of, wants
from engine.scope import known_zone
from rapport.decisions import firings_of, in_order, looked_at, told
from rapport.rehearsal import Rehearsal, again
from rapport.runtime.almanac import Almanac, with_movers, zones_of
from rapport.runtime.cursors import Cursor, cursors_of
from rapport.runtime.firings import Planned, expiry_of, plan
from rapport.runtime.library import Library
from rapport.runtime.moments import next_time
from rapport.runtime.sweeps import has_time, page, sweeps_of

LOOKS_AHEAD = timedelta(days=366)
"""So far it is looked when a trigger comes for the customer: each birthday comes within it."""

NOT_COMING = "does not come within a year"
NOT_HAPPENED = "has not happened"
OWN_ACT = "the person has to do it"

Row = dict[str, Any]


class Wanted(Struct, frozen=True):
    """What is asked about. flow, trigger: '' for all."""

    customer_id: int
    flow: str = ""
    trigger: str = ""

    def is_about(self, flow: str, trigger: str) -> bool:
        return self.flow in ("", flow) and self.trigger in ("", trigger)


def require_known(library: Library, wanted: Wanted) -> None:
    """Raises NotFound for a flow and a trigger there is not."""
    if wanted.flow and (wanted.flow, 0) not in library.flows:
        raise NotFound(f"There is no flow '{wanted.flow}'.")
    if wanted.trigger.startswith(PREFIX):
        return  # of a campaign what was decided is all there is
    if wanted.trigger and wanted.trigger not in library.index.by_id:
        raise NotFound(f"There is no trigger '{wanted.trigger}'.")


# -- what was decided


def decided(db: Connection, business_id: int, wanted: Wanted) -> list[Row]:
    """Each occasion that was planned or decided, and each run the person began, oldest first."""
    mine = firings_of(business_id).where(trigger_firing.c.customer_id == wanted.customer_id)
    rows = [told(row) for row in db.execute(mine).mappings()]
    for row in rows:
        row["rules"] = looked_at(row["decision"], row["reason"])
    begun = [row | {"rules": []} for row in _begun(db, business_id, wanted.customer_id)]
    found = (row for row in (*rows, *begun) if wanted.is_about(row["flow"], row["trigger"]))
    return [row | {"forecast": False} for row in in_order(found)]


def _begun(db: Connection, business_id: int, customer_id: int) -> Iterator[Row]:
    """Runs that no firing began: commands, words, buttons."""
    rows = db.execute(
        select(run.c.id, run.c.frames, run.c.flow, run.c.cause, run.c.started_at).where(
            run.c.business_id == business_id,
            run.c.customer_id == customer_id,
            run.c.firing.is_(None),
        )
    )
    for row in rows:
        yield {
            "at": to_plain(row.started_at), "customer": customer_id, "flow": row.flow,
            "trigger": row.cause, "occurrence": f"run:{row.id}", "decision": "send",
            "reason": "the person's own act",
        }  # fmt: skip


# -- what would be


def foreseen(engine: Engine, library: Library, wanted: Wanted, now: datetime) -> Iterator[Row]:
    """For each trigger what would be decided when it comes next, as things are now.

    engine: a copy of this customer (`rapport.rehearsal.copied`), which is worked on.
    """
    for trigger in sorted(library.index.by_id.values(), key=lambda one: one.id):
        if wanted.is_about(trigger.flow, trigger.id):
            yield _foreseen(engine, library, wanted.customer_id, trigger, now) | {"forecast": True}


def _foreseen(
    engine: Engine, library: Library, customer_id: int, trigger: Trigger, now: datetime
) -> Row:
    row: Row = {
        "at": to_plain(now), "customer": customer_id, "flow": trigger.flow,
        "trigger": trigger.id, "occurrence": "", "decision": "skip", "reason": OWN_ACT,
    }  # fmt: skip
    if not is_automatic(trigger.on):
        return row | {"rules": [_rule("event", None, holds=False)]}
    with engine.connect() as db:
        waits_for = _waits_for(db, library, customer_id, trigger)
        coming = _coming(db, library, customer_id, trigger, now)
    if EVENTS[trigger.on].scheduled and coming is None:
        return row | {"reason": NOT_COMING, "rules": [waits_for | {"holds": False}]}
    at, occurrence, event = coming or (now, "", {})
    values = _values(engine, library, customer_id, trigger, at)
    planned = Planned(
        trigger.id, customer_id, occurrence or "rehearsed",
        {"flow": trigger.flow, "event": {**event, "depth": 1}}, at,
        expiry_of(trigger, at, library.business),
    )  # fmt: skip
    decision, reason = _try(engine, library, planned)
    happens = waits_for | {"holds": bool(occurrence)}
    row |= {"at": to_plain(at), "occurrence": occurrence, "decision": decision, "reason": reason}
    row["rules"] = [happens, *looked_at(decision, reason, values)]
    if not occurrence:
        then = f"; then: {decision}" + (f", {reason}" if reason else "")
        row |= {"decision": "skip", "reason": f"{trigger.on} {NOT_HAPPENED}{then}"}
    return row


def _try(copy: Engine, library: Library, planned: Planned) -> tuple[str, str]:
    """What the engine decides of an occasion when it comes."""
    with again(copy) as engine:
        with engine.begin() as db:
            # Nothing else is to come first: what is planned or expanded is another question.
            db.execute(delete(trigger_firing).where(_is(planned)))
            db.execute(update(trigger_firing).values(rings_at=None))
            db.execute(delete(expansion))
            plan(db, library.business_id, [planned])
        Rehearsal(engine, library, planned.due_at).decide()
        with engine.connect() as db:
            mine = firings_of(library.business_id).where(_is(planned))
            row = told(db.execute(mine).mappings().one())
    return row["decision"], row["reason"]


def _is(planned: Planned) -> ColumnElement[bool]:
    return and_(
        trigger_firing.c.trigger == planned.trigger,
        trigger_firing.c.customer_id == planned.customer_id,
        trigger_firing.c.occurrence == planned.occurrence,
    )


def _coming(
    db: Connection, library: Library, customer_id: int, trigger: Trigger, now: datetime
) -> tuple[datetime, str, Mapping[str, Any]] | None:
    """When a trigger of the clock comes next for the customer of a copy, its occasion and event;
    None for others, and where it does not within a year."""
    cursor = cursors_of(db, library.business_id).get(trigger.id)
    if cursor is None:
        return None
    if has_time(library, trigger):
        at = next_time(db, library, trigger, max(cursor.done_at, now))
        return None if at is None else (at, at.isoformat(), {})
    return next(_occasions(db, library, customer_id, trigger, cursor, now), None)


def _occasions(
    db: Connection, library: Library, customer_id: int, trigger: Trigger, cursor: Cursor,
    now: datetime,
) -> Iterator[tuple[datetime, str, Mapping[str, Any]]]:  # fmt: skip
    after = max(cursor.done_at, now)
    almanac = Almanac()
    zones = zones_of(db, library.business_id, library.business.timezone, after)
    known = _known(db, library.business_id, trigger, customer_id)
    due = almanac.due(trigger, after, zones)
    while due is not None and due.at < now + LOOKS_AHEAD:
        at_work = with_movers(db, library.business_id, due)
        for sweep in sweeps_of(db, library, trigger, at_work, cursor.since):
            for _, value in page(db, library.business_id, sweep, due.at, None):
                occurrence = sweep.occurrence(value)
                if occurrence not in known:
                    yield due.at, occurrence, sweep.event(value)
        due = almanac.due(trigger, due.at, zones)


def _known(db: Connection, business_id: int, trigger: Trigger, customer_id: int) -> frozenset[str]:
    rows = db.execute(
        select(trigger_firing.c.occurrence).where(
            trigger_firing.c.business_id == business_id,
            trigger_firing.c.trigger == trigger.id,
            trigger_firing.c.customer_id == customer_id,
        )
    )
    return frozenset(row[0] for row in rows)


# -- the values that the rules see


def _rule(name: str, value: Any, *, holds: bool) -> Row:
    return {"rule": name, "value": to_plain(value), "holds": holds}


def _waits_for(db: Connection, library: Library, customer_id: int, trigger: Trigger) -> Row:
    """What the trigger looks for, with the customer's value of it."""
    if trigger.on in ("date", "birthday", "birthday_approaching"):
        key = field_of(trigger)
        return _rule(key, _stored(db, library, customer_id, key), holds=True)
    if trigger.on in ("inactive", "inactive_for_days"):
        last = _stored(db, library, customer_id, "last_message_at")
        return _rule("last_message_at", last, holds=True)
    return _rule(trigger.on, trigger.options.get("segment"), holds=True)


def _stored(db: Connection, library: Library, customer_id: int, key: str) -> Any:
    column = library.columns.get(key, key)
    row = db.execute(select(customer).where(customer.c.id == customer_id)).mappings().one()
    return row[column] if column in customer.c else (row["custom_fields_extra"] or {}).get(key)


def _values(
    engine: Engine, library: Library, customer_id: int, trigger: Trigger, at: datetime
) -> Mapping[str, Any]:
    """What each rule of `rapport.decisions` sees, where that is one value."""
    flow, business = library.flows[trigger.flow, 0], library.business
    with engine.connect() as db:
        row = db.execute(select(customer).where(customer.c.id == customer_id)).one()
        zone = known_zone(row.timezone or "", business.timezone)
        today, _ = days_begin(at, zone)
        preferences = row.marketing_preferences or {}
        purpose = _purpose(flow, trigger)
        return {
            "trigger_not_paused": _paused(db, trigger),
            "account": _accounts(db, customer_id),
            "flow": f"{flow.key} version {flow.version}",
            "trigger": trigger.id,
            "not_opted_out": row.opted_out_at,
            "not_in_flow": _open(db, run.c.flow == flow.key),
            "channel": trigger.options.get("channel") or ", ".join(flow.channels) or "any",
            "once": _last(db, trigger),
            "marketing_preference": f"{purpose}: {'yes' if wants(preferences, purpose) else 'no'}",
            "frequency_cap": _sent(db, today),
            "quiet_hours": f"{business.sending.get('quiet_hours', 'none')}, it is "
            f"{at.astimezone(zone):%H:%M} in {zone.key}",
            "no_open_question": _open(db, run.c.status == "asking"),
        }


def _purpose(flow: Flow, trigger: Trigger) -> str:
    return purpose_of(flow, trigger, own_act=False)


def _paused(db: Connection, trigger: Trigger) -> Any:
    return db.scalar(select(trigger_state.c.paused_at).where(trigger_state.c.trigger == trigger.id))


def _accounts(db: Connection, customer_id: int) -> list[str]:
    rows: Iterable[Any] = db.execute(
        select(customer_account.c.channel, customer_account.c.blocked).where(
            customer_account.c.customer_id == customer_id
        )
    )
    return [f"{row.channel} (blocked)" if row.blocked else row.channel for row in rows]


def _open(db: Connection, where: Any) -> list[str]:
    rows = db.execute(select(run.c.flow, run.c.node).where(run.c.status != "ended", where))
    return [f"{row.flow} at {row.node}" for row in rows]


def _last(db: Connection, trigger: Trigger) -> Any:
    return db.scalar(
        select(func.max(trigger_firing.c.decided_at)).where(
            trigger_firing.c.trigger == trigger.id, trigger_firing.c.status == "started"
        )
    )


def _sent(db: Connection, today: datetime) -> int:
    """Automatic sends of the day; they are counted only where there is a cap."""
    query = select(func.count()).select_from(automatic_send).where(automatic_send.c.at >= today)
    return db.scalar(query) or 0
