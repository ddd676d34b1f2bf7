"""Triggers that are paused, by a person or because they fire far too often."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, case, select, update

from crm.sql import insert_for
from crm.tables import alarm, trigger_state
from engine.events import EVENTS
from engine.flow import Trigger
from rapport.runtime.alarm_store import store_alarms
from rapport.runtime.alarms import Alarm

CEILING = 10_000
"""Our choice: firings in an hour above which something that happens, and not a clock, is no longer
believed to be meant, where its trigger does not say another number. Rules that set one another off
make as many within minutes."""

AN_HOUR = timedelta(hours=1)
BRAKE = "brake"
"""Who has paused a trigger that fired too often."""

log = structlog.get_logger(__name__)


def paused(db: Connection, business_id: int) -> Mapping[str, str]:
    """Why each trigger that is paused is."""
    rows = db.execute(
        select(trigger_state.c.trigger, trigger_state.c.reason).where(
            trigger_state.c.business_id == business_id, trigger_state.c.paused_at.is_not(None)
        )
    )
    return {trigger: reason or "" for trigger, reason in rows}


def pause(
    db: Connection, business_id: int, trigger: str, by: str, reason: str, now: datetime
) -> None:
    """Let a trigger start nothing until it is resumed; what is planned meanwhile is skipped."""
    values = {"paused_at": now, "paused_by": by, "reason": reason}
    row = {"business_id": business_id, "trigger": trigger, **values}
    made = insert_for(db.dialect.name)(trigger_state).values(row)
    db.execute(made.on_conflict_do_update(index_elements=_KEY, set_=values))


def resume(db: Connection, business_id: int, trigger: str, now: datetime) -> bool:
    """Let it go on; whether it was paused. What it missed does not come back, and its hour begins
    anew."""
    mine = (trigger_state.c.business_id == business_id, trigger_state.c.trigger == trigger)
    changed = db.execute(
        update(trigger_state)
        .where(*mine, trigger_state.c.paused_at.is_not(None))
        .values(paused_at=None, paused_by=None, reason=None, rung=0, hour_at=None)
    )
    db.execute(
        update(alarm)
        .where(
            alarm.c.business_id == business_id, alarm.c.kind == "storm",
            alarm.c.about == trigger, alarm.c.over_at.is_(None),
        )
        .values(over_at=now)
    )  # fmt: skip
    return bool(changed.rowcount)


def count(
    db: Connection, business_id: int, rung: Mapping[str, int], known: Mapping[str, Trigger],
    now: datetime,
) -> None:  # fmt: skip
    """So many firings of each trigger ring now: who is above the ceiling of an hour is paused, and
    the staff told."""
    for name, times in sorted(rung.items()):
        trigger = known.get(name)
        ceiling = None if trigger is None else ceiling_of(trigger)
        if ceiling is not None and _count(db, business_id, name, times, now) > ceiling:
            reason = f"fired more than {ceiling} times within an hour"
            log.error("trigger_paused", trigger=name, reason=reason)
            pause(db, business_id, name, BRAKE, reason, now)
            store_alarms(db, business_id, [Alarm("storm", name, reason, now)])


def ceiling_of(trigger: Trigger) -> int | None:
    """How often it may fire within an hour; None where a clock bounds it."""
    ceiling: int | None = trigger.options.get("ceiling")
    if ceiling is not None:
        return ceiling
    return None if EVENTS[trigger.on].scheduled else CEILING


def _count(db: Connection, business_id: int, trigger: str, times: int, now: datetime) -> int:
    hour = now.replace(minute=0, second=0, microsecond=0)
    made = insert_for(db.dialect.name)(trigger_state).values(
        business_id=business_id, trigger=trigger, hour_at=hour, rung=times
    )
    state = trigger_state.c
    more: Any = case((state.hour_at == hour, state.rung + times), else_=times)
    changed = made.on_conflict_do_update(
        index_elements=_KEY, set_={"hour_at": hour, "rung": more}
    ).returning(state.rung)
    return int(db.execute(changed).scalar_one())


_KEY = ["business_id", "trigger"]
