"""The rows of two customers who become one: locked, ended, moved, and given back."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from crm.services.belongings import OWNED, SHARED, give, give_key, ids_of, keys_of
from crm.services.recording import lock_customer
from crm.tables import conversation, customer, effect, run, segment, timer, trigger_firing
from engine.fields.plain import to_plain

MERGED = "merged"
"""The outcome of a run that gave way to one of the target's, and why a firing is none any more."""

_RUN = ("status", "outcome", "wait_id", "wait", "waiting_since", "ended_at", "attempts")
_TIMER = ("run_id", "conversation_id", "wait_id", "due_at")


def lock_all(db: Connection, business_id: int, people: Collection[int]) -> None:
    """Nobody takes a turn of these customers until the transaction ends: conversations first, then
    customers, each in the order of their ids, as turns do. Raises NotFound."""
    db.execute(
        select(conversation.c.id)
        .where(conversation.c.business_id == business_id, conversation.c.customer_id.in_(people))
        .order_by(conversation.c.id)
        .with_for_update(key_share=True)
    ).all()
    for customer_id in sorted(people):
        lock_customer(db, business_id, customer_id)


def rival_runs(db: Connection, business_id: int, source_id: int, target_id: int) -> list[Row[Any]]:
    """Open runs of the source that give way: those of a flow that the target is in too, and what
    waits for a reply where the target is asked something."""
    theirs = (run.c.business_id == business_id, run.c.customer_id == target_id)
    open_flows = select(run.c.flow).where(*theirs, run.c.status != "ended")
    asked = select(customer.c.id).where(
        customer.c.business_id == business_id, customer.c.id == target_id,
        customer.c.asking_run.is_not(None),
    )  # fmt: skip
    return list(
        db.execute(
            select(run)
            .where(
                run.c.business_id == business_id,
                run.c.customer_id == source_id,
                run.c.status != "ended",
                or_(run.c.flow.in_(open_flows), and_(run.c.status == "asking", asked.exists())),
            )
            .order_by(run.c.id)
        )
    )


def end_rival_runs(
    db: Connection, business_id: int, source_id: int, target_id: int, now: datetime
) -> list[dict[str, Any]]:
    """End them; what an undo needs to open them again."""
    rivals = rival_runs(db, business_id, source_id, target_id)
    ids = [row.id for row in rivals]
    timers = {
        row.run_id: {name: to_plain(getattr(row, name)) for name in _TIMER}
        for row in db.execute(
            select(timer).where(timer.c.business_id == business_id, timer.c.run_id.in_(ids))
        )
    }
    end_runs(db, business_id, ids, MERGED, now)
    return [
        {"id": row.id, "timer": timers.get(row.id)}
        | {name: to_plain(getattr(row, name)) for name in _RUN}
        for row in rivals
    ]


def end_runs(db: Connection, business_id: int, ids: list[int], outcome: str, now: datetime) -> None:
    """End open runs without a step: their waits, timers and requests are over."""
    mine = (run.c.business_id == business_id, run.c.id.in_(ids))
    over = {"status": "ended", "outcome": outcome, "ended_at": now, "wait": None, "wait_id": None,
            "waiting_since": None}  # fmt: skip
    db.execute(update(run).where(*mine).values(over))
    db.execute(delete(timer).where(timer.c.business_id == business_id, timer.c.run_id.in_(ids)))
    calls = (effect.c.business_id == business_id, effect.c.run_id.in_(ids))
    db.execute(
        update(effect).where(*calls, effect.c.status == "pending").values(status="cancelled")
    )


def reopen_runs(db: Connection, business_id: int, runs: list[dict[str, Any]]) -> None:
    """Open again what a merge ended."""
    for stored in runs:
        values = {name: _typed(name, stored[name]) for name in _RUN}
        mine = (run.c.business_id == business_id, run.c.id == stored["id"])
        if db.execute(update(run).where(*mine).values(values)).rowcount and stored["timer"]:
            rings = {name: _typed(name, value) for name, value in stored["timer"].items()}
            db.execute(insert(timer).values(business_id=business_id, **rings))


def unite(
    db: Connection, business_id: int, source_id: int, target_id: int, now: datetime
) -> dict[str, list[Any]]:
    """Move every row to the target; by table the ids, or the keys, of what was moved. Of what both
    have the target's stays, and what has begun for one of them begins for the other no more."""
    moved: dict[str, list[Any]] = {}
    for table in OWNED:
        moved[table.name] = ids_of(db, business_id, table, source_id)
        give(db, business_id, table, moved[table.name], source_id, target_id)
    _settle_firings(db, business_id, source_id, target_id, now)
    for table in SHARED:
        there = keys_of(db, business_id, table, target_id)
        keys = [key for key in keys_of(db, business_id, table, source_id) if key not in there]
        if table.name == "segment_member":
            # Who is in a segment with criteria follows from the values.
            kept = _static_segments(db, business_id)
            keys = [key for key in keys if key[0] in kept]
        for key in keys:
            give_key(db, business_id, table, key, source_id, target_id)
        moved[table.name] = keys
    return moved


def give_back(
    db: Connection, business_id: int, source_id: int, target_id: int,
    moved: Mapping[str, list[Any]],
) -> None:  # fmt: skip
    """What was moved goes back, as far as the target still has it."""
    for table in OWNED:
        give(db, business_id, table, moved.get(table.name, ()), target_id, source_id)
    for table in SHARED:
        for key in moved.get(table.name, ()):
            give_key(db, business_id, table, key, target_id, source_id)


_LEADING = ("referred_by", "merged_into")


def lead_on(
    db: Connection, business_id: int, source_id: int, target_id: int
) -> dict[str, list[int]]:
    """Those whom the source brought, or who were merged into it, lead to the target; their ids."""
    leads: dict[str, list[int]] = {}
    for name in _LEADING:
        found = select(customer.c.id).where(
            customer.c.business_id == business_id,
            customer.c[name] == source_id,
            customer.c.id != target_id,
        )
        leads[name] = list(db.scalars(found.order_by(customer.c.id)))
    _point(db, business_id, leads, source_id, target_id)
    return leads


def lead_back(
    db: Connection, business_id: int, source_id: int, target_id: int,
    leads: Mapping[str, list[int]],
) -> None:  # fmt: skip
    _point(db, business_id, leads, target_id, source_id)


def _point(
    db: Connection, business_id: int, leads: Mapping[str, list[int]], was: int, to: int
) -> None:
    for name, ids in leads.items():
        column = customer.c[name]
        for customer_id in ids:
            mine = (customer.c.business_id == business_id, customer.c.id == customer_id)
            db.execute(update(customer).where(*mine, column == was).values({name: to}))


def _settle_firings(
    db: Connection, business_id: int, source_id: int, target_id: int, now: datetime
) -> None:
    """What one of the two has been sent is not sent to the other, nor a trigger's next occasion
    twice: of firings that both have, one that is not decided gives way to one that is."""
    mine = trigger_firing.c.business_id == business_id
    decided = select(trigger_firing.c.trigger, trigger_firing.c.occurrence).where(
        mine, trigger_firing.c.customer_id == source_id, trigger_firing.c.status == "started"
    )
    for key in db.execute(decided).all():
        db.execute(
            update(trigger_firing)
            .where(
                mine,
                trigger_firing.c.customer_id == target_id,
                trigger_firing.c.trigger == key.trigger,
                trigger_firing.c.occurrence == key.occurrence,
                trigger_firing.c.status.in_(("planned", "held")),
            )
            .values(status="skipped", reason=MERGED, decided_at=now, rings_at=None)
        )


def _static_segments(db: Connection, business_id: int) -> set[int]:
    return set(
        db.scalars(
            select(segment.c.id).where(
                segment.c.business_id == business_id, segment.c.kind == "static"
            )
        )
    )


def _typed(name: str, stored: Any) -> Any:
    """A column's value of its plain form."""
    is_moment = stored is not None and name in ("waiting_since", "ended_at", "due_at")
    return datetime.fromisoformat(stored) if is_moment else stored
