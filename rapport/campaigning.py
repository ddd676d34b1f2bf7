"""What people do with campaigns: look at them first, start, hold and end them, and see the results.

A campaign is read from its file; each start is a run, which goes on with what the file said then
(rapport.runtime.campaigns). Functions take a connection and never commit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from crm.errors import NotAllowed, NotFound
from crm.tables import (
    campaign_run,
    conversation,
    customer,
    customer_account,
    event,
    outbox,
    trigger_firing,
)
from engine.campaign import LEFT_OUT, Campaign, Goal, interval, seconds_of
from engine.events import types_of
from engine.fields.plain import to_plain
from engine.happenings import Happened, fits
from rapport.runtime.campaigns import (
    RATE,
    audience_of,
    due_for,
    errors_of,
    started,
    trigger_of,
)
from rapport.runtime.library import Library


def estimate(db: Connection, library: Library, campaign: Campaign, now: datetime) -> dict[str, Any]:
    """How many it is for, how many of them can be written to, and how long sending takes."""
    audience = audience_of(db, library, campaign.stored(), now)
    people = db.scalar(select(func.count()).select_from(customer).where(audience)) or 0
    written_to = (
        select(customer_account.c.customer_id)
        .join(conversation, conversation.c.customer_id == customer_account.c.customer_id)
        .where(
            customer_account.c.business_id == library.business_id,
            customer_account.c.blocked.is_(False),
        )
    )
    reached = (audience, customer.c.opted_out_at.is_(None), customer.c.id.in_(written_to))
    reachable = db.scalar(select(func.count()).select_from(customer).where(*reached)) or 0
    sent = reachable - reachable * campaign.holdout // 100
    rate = library.business.sending.get("rate", RATE)
    rate = rate if campaign.pace is None else min(rate, campaign.pace)
    seconds = int(seconds_of(sent, rate).total_seconds())
    return {
        "campaign": campaign.key, "audience": people, "reachable": reachable,
        "holdout_percent": campaign.holdout, "to_be_sent": sent, "per_second": rate,
        "seconds": seconds, "takes": in_words(seconds),
    }  # fmt: skip


def in_words(seconds: int) -> str:
    """A time that something takes: 9.3 hours."""
    if seconds < 120:
        return f"{seconds} seconds"
    if seconds < 7200:
        return f"{seconds / 60:.1f} minutes"
    return f"{seconds / 3600:.1f} hours"


def planned(
    db: Connection, library: Library, campaign: Campaign, now: datetime, most: int
) -> list[dict[str, Any]]:
    """The first customers it is for, and when, at the earliest. Which arm each of them gets
    is drawn when it starts."""
    definition = campaign.stored()
    rows = db.execute(
        select(customer.c.id, customer.c.display_name, customer.c.timezone)
        .where(audience_of(db, library, definition, now))
        .order_by(customer.c.id)
        .limit(most)
    )
    return [
        {
            "customer": row.id, "name": row.display_name,
            "at": to_plain(due_for(library, definition, now, row.timezone)),
        }
        for row in rows
    ]  # fmt: skip


def start(db: Connection, library: Library, campaign: Campaign, now: datetime) -> int:
    """Begin a run of a campaign; its id. Raises NotAllowed where one is not over yet, where nobody
    is in its audience, and where a flow of it is not applied."""
    newest = last_run(db, library.business_id, campaign.key)
    if newest is not None and newest.ended_at is None:
        raise NotAllowed(f"The campaign '{campaign.key}' is {newest.status} already.")
    for arm in campaign.arms:
        if (arm.flow, 0) not in library.flows:
            raise NotAllowed(f"The flow '{arm.flow}' is not applied: run `rapport apply` first.")
    audience = audience_of(db, library, campaign.stored(), now)
    if db.execute(select(customer.c.id).where(audience).limit(1)).first() is None:
        place = f"{campaign.position.file}:{campaign.position.line}"
        raise NotAllowed(f"{place}: nobody is in the audience of '{campaign.key}' now.")
    made = insert(campaign_run).values(
        business_id=library.business_id, campaign=campaign.key, status="running", counts={},
        started_at=now, definition=campaign.stored(),
    )  # fmt: skip
    return int(db.execute(made.returning(campaign_run.c.id)).scalar_one())


def set_status(db: Connection, business_id: int, key: str, status: str) -> None:
    """Pause, resume (`running`) or cancel (`cancelling`) what is going on. Raises NotFound,
    NotAllowed."""
    one = last_run(db, business_id, key)
    if one is None:
        raise NotFound(f"The campaign '{key}' was never started.")
    allowed = {"paused": ("running",), "running": ("paused",), "cancelling": ("running", "paused")}
    if one.status not in allowed[status]:
        raise NotAllowed(f"The campaign '{key}' is {one.status}.")
    reason = "by hand" if status == "paused" else None
    changed = update(campaign_run).where(campaign_run.c.id == one.id)
    db.execute(changed.values(status=status, reason=reason))


def last_run(db: Connection, business_id: int, key: str) -> Row[Any] | None:
    """The newest run of a campaign."""
    mine = (campaign_run.c.business_id == business_id, campaign_run.c.campaign == key)
    newest = select(campaign_run).where(*mine).order_by(campaign_run.c.id.desc()).limit(1)
    return db.execute(newest).one_or_none()


def require_run(db: Connection, business_id: int, key: str) -> Row[Any]:
    """Raises NotFound for one that was never started."""
    one = last_run(db, business_id, key)
    if one is None:
        raise NotFound(f"The campaign '{key}' was never started.")
    return one


def list_campaigns(
    db: Connection, business_id: int, campaigns: Mapping[str, Campaign]
) -> list[dict[str, Any]]:
    """Those of the files and those that were started, with their newest run."""
    known = db.scalars(
        select(campaign_run.c.campaign).where(campaign_run.c.business_id == business_id).distinct()
    )
    rows = []
    for key in sorted({*campaigns, *known}):
        one, campaign = last_run(db, business_id, key), campaigns.get(key)
        rows.append(
            {
                "campaign": key,
                "title": campaign.title if campaign else "",
                "status": one.status if one else "not started",
                "reason": (one.reason or "") if one else "",
                "started_at": to_plain(one.started_at) if one else None,
                "ended_at": to_plain(one.ended_at) if one else None,
            }
        )
    return rows


def progress(db: Connection, business_id: int, key: str) -> dict[str, Any]:
    """How far the newest run is. Raises NotFound."""
    one = require_run(db, business_id, key)
    counts = Counter[str]()
    reasons = Counter[str]()
    for status, reason, rings, number in db.execute(
        select(
            trigger_firing.c.status, trigger_firing.c.reason,
            trigger_firing.c.rings_at.is_not(None), func.count(),
        )
        .where(*_of(business_id, one))
        .group_by(
            trigger_firing.c.status, trigger_firing.c.reason, trigger_firing.c.rings_at.is_not(None)
        )
    ):  # fmt: skip
        counts["let_go" if status == "planned" and rings else status] += number
        if reason:
            reasons[reason] += number
    total = sum(counts.values())
    decided = counts["started"] + counts["skipped"]
    return {
        "campaign": key, "status": one.status, "reason": one.reason or "",
        "started_at": to_plain(one.started_at), "ended_at": to_plain(one.ended_at),
        "all_planned": one.planned_at is not None, "planned_for": total,
        "waiting": counts["planned"], "let_go": counts["let_go"], "held": counts["held"],
        "started": counts["started"], "skipped": counts["skipped"],
        "share": round(decided / total, 4) if total else 0.0, "reasons": dict(reasons),
        "errors": errors_of(db, business_id, one),
    }  # fmt: skip


# -- results


def results(db: Connection, business_id: int, key: str, goal: Goal | None) -> list[dict[str, Any]]:
    """Of each arm of the newest run, and of who was held out: how many got it, and what they did.
    The share that reached the goal has the interval it lies in with 95 %. Raises NotFound."""
    one = require_run(db, business_id, key)
    arms = [name for name, *_ in one.definition["arms"]]
    arms += [LEFT_OUT] if one.definition["holdout"] else []
    of = {row.customer_id: row for row in _decided(db, business_id, one)}
    delivered, failed = _sent(db, business_id, one)
    reached = frozenset(_reached(db, business_id, one, goal, of)) if goal else frozenset()
    return [_result(arm, of, delivered, failed, reached, has_goal=goal is not None) for arm in arms]


def _result(
    arm: str, of: Mapping[int, Row[Any]], delivered: frozenset[int], failed: frozenset[int],
    reached: frozenset[int], *, has_goal: bool,
) -> dict[str, Any]:  # fmt: skip
    mine = {customer_id for customer_id, row in of.items() if row.arm == arm}
    known = {one for one in mine if arm == LEFT_OUT or of[one].status == "started"}
    wrote = (one for one in known if (at := of[one].last_message_at) and at > of[one].decided_at)
    low, high = interval(len(known & reached), len(known))
    result: dict[str, Any] = {
        "arm": arm, "people": len(mine), "sent": len(known) if arm != LEFT_OUT else 0,
        "delivered": len(mine & delivered), "blocked_or_failed": len(mine & failed),
        "replied": sum(1 for _ in wrote),
    }  # fmt: skip
    if has_goal:
        number = len(known & reached)
        result |= {
            "goal": number, "goal_share": round(number / len(known), 4) if known else 0.0,
            "goal_low": round(low, 4), "goal_high": round(high, 4),
        }  # fmt: skip
    return result


def _decided(db: Connection, business_id: int, one: Row[Any]) -> Iterable[Any]:
    arm = trigger_firing.c.request["event"]["arm"].as_string().label("arm")
    return db.execute(
        select(
            trigger_firing.c.customer_id, trigger_firing.c.status, trigger_firing.c.decided_at,
            customer.c.last_message_at, arm,
        )
        .join(customer, customer.c.id == trigger_firing.c.customer_id)
        .where(*_of(business_id, one), trigger_firing.c.decided_at.is_not(None))
    ).all()  # fmt: skip


def _sent(db: Connection, business_id: int, one: Row[Any]) -> tuple[frozenset[int], frozenset[int]]:
    """Who got the first message, and to whom it could not be sent."""
    rows = db.execute(
        select(conversation.c.customer_id, outbox.c.status)
        .select_from(outbox)
        .join(conversation, conversation.c.id == outbox.c.conversation_id)
        .join(trigger_firing, started(business_id, one))
        .where(outbox.c.business_id == business_id, outbox.c.created_at >= one.started_at)
    ).all()
    sent = frozenset(row.customer_id for row in rows if row.status == "sent")
    return sent, frozenset(row.customer_id for row in rows if row.status == "dead")


def _reached(
    db: Connection, business_id: int, one: Row[Any], goal: Goal, of: Mapping[int, Row[Any]]
) -> Iterator[int]:
    """Who did what the goal says, in time."""
    rows = db.execute(
        select(event.c.customer_id, event.c.type, event.c.data, event.c.at).where(
            event.c.business_id == business_id,
            event.c.type.in_(types_of(goal.event.on)),
            event.c.at >= one.started_at,
        )
    )
    for row in rows:
        sent = of.get(row.customer_id)
        if sent is None or not sent.decided_at <= row.at:
            continue
        until = goal.within.after(sent.decided_at, sent.decided_at.tzinfo)
        if row.at <= until and fits(goal.event, Happened(row.type, row.data)):
            yield row.customer_id


def _of(business_id: int, one: Row[Any]) -> tuple[Any, ...]:
    return (
        trigger_firing.c.business_id == business_id,
        trigger_firing.c.trigger == trigger_of(one),
        trigger_firing.c.occurrence == str(one.id),
    )
