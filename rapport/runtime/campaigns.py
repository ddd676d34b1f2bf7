"""Campaigns at work: whom they are for is planned in pieces, and let go as fast as is sent.

    running ──(pieces: a firing for each customer, or skipped as holdout)──> planned
       │                                                                       │
       │  let go: no more than the account sends in 30 seconds, within the window of each
       │                                                                       v
    paused <──> running ──(nobody is left)──> done          cancelling ──> cancelled

A firing of a campaign that is not let go yet has no `rings_at`. From then on it is a firing like
all others (rapport.runtime.firings): the one who decides on it asks for permission as for anything
that is said by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, func, select, update

from crm.criteria_sql import compile_sql
from crm.services.following import Following
from crm.tables import (
    campaign_run,
    conversation,
    customer,
    outbox,
    segment,
    segment_member,
    trigger_firing,
)
from engine.business import Business
from engine.campaign import (
    LEFT_OUT,
    PREFIX,
    Arm,
    arm_at,
    due_of,
    is_left_out,
    read_at,
    share_of,
    within,
)
from engine.criteria import Criterion, read_criterion
from engine.scope import known_zone
from engine.shapes.conditions import customer_catalogue
from rapport.runtime.alarm_store import store_alarms
from rapport.runtime.alarms import Alarm
from rapport.runtime.cases import AUTOMATED
from rapport.runtime.firings import CATCH_UP, PLAN
from rapport.runtime.library import Library

PIECE = 500
"""Customers planned for, or let go, in one transaction."""

AHEAD = timedelta(seconds=30)
"""No more is let go than is sent in this time, so a campaign can be paused, and people answered."""

RATE = 25
"""Messages a second, where `sending.rate` does not say: what Telegram takes of a bot."""

MOST_ERRORS = 0.05
AT_LEAST = 20
"""Above this share of messages that could not be sent a campaign pauses itself, once so many were
let go."""

CANCELLED = "the campaign was cancelled"

log = structlog.get_logger(__name__)


def next_release(db: Connection, business_id: int) -> datetime | None:
    """When something of a campaign is to be done next; in the past where that is overdue."""
    moments = [_next(db, business_id, one) for one in open_runs(db, business_id)]
    return min((one for one in moments if one is not None), default=None)


def _next(db: Connection, business_id: int, one: Row[Any]) -> datetime | None:
    if one.status == "paused":
        return None
    if one.status == "cancelling" or one.planned_at is None:
        begun: datetime = one.started_at
        return begun
    due: datetime | None = db.scalar(
        select(trigger_firing.c.due_at)
        .where(*waiting(business_id, one))
        .order_by(trigger_firing.c.due_at)
        .limit(1)
    )
    planned_at: datetime = one.planned_at
    if due is None or one.let_go < _most_in_span(one):
        return due or planned_at
    span_at: datetime = one.span_at
    return max(due, span_at + AHEAD)


def open_runs(db: Connection, business_id: int) -> Sequence[Row[Any]]:
    """The runs that are not over, oldest first."""
    mine = (campaign_run.c.business_id == business_id, campaign_run.c.ended_at.is_(None))
    return db.execute(select(campaign_run).where(*mine).order_by(campaign_run.c.id)).all()


def work(db: Connection, library: Library, now: datetime) -> bool:
    """Do one piece of what campaigns have to do; whether there was any."""
    for one in open_runs(db, library.business_id):
        # Locked, and looked at again: somebody may have paused it, or done this piece.
        mine = campaign_run.c.id == one.id
        locked = db.execute(
            select(campaign_run).where(mine).with_for_update(skip_locked=True)
        ).one_or_none()
        if locked is None or locked.ended_at is not None or locked.status == "paused":
            continue
        if locked.status == "cancelling":
            done = _cancel(db, library, locked, now)
        elif locked.planned_at is None:
            done = _plan(db, library, locked, now)
        else:
            done = _let_go(db, library, locked, now)
        if done:
            return True
    return False


# -- planning


def _plan(db: Connection, library: Library, one: Row[Any], now: datetime) -> bool:
    """Plan for the next customers. Who is planned for stays so, whatever becomes of them."""
    found = db.execute(
        select(customer.c.id, customer.c.timezone)
        .where(audience_of(db, library, one.definition, now), customer.c.id > one.after_id)
        .order_by(customer.c.id)
        .limit(PIECE)
    ).all()
    PLAN.many(db, [_row(library, one, row.id, row.timezone, now) for row in found])
    after_id = found[-1].id if found else one.after_id
    planned_at = now if len(found) < PIECE else None
    _change(db, one, after_id=after_id, planned_at=planned_at)
    return True


def audience_of(
    db: Connection, library: Library, definition: Mapping[str, Any], now: datetime
) -> ColumnElement[bool]:
    """Whom a campaign is for, as a condition over `customer`."""
    business, business_id = library.business, library.business_id
    wanted = [customer.c.business_id == business_id, customer.c.archived_at.is_(None)]
    if definition["segment"]:
        members = (
            select(segment_member.c.customer_id)
            .join(segment, segment.c.id == segment_member.c.segment_id)
            .where(segment.c.business_id == business_id, segment.c.key == definition["segment"])
        )
        wanted.append(customer.c.id.in_(members))
    criterion = _criterion(business, definition)
    if criterion is not None:
        following = Following(db, business_id, business)
        moment = following.moment(now)
        wanted.append(
            compile_sql(criterion, following.columns, moment, business_id, db.dialect.name)
        )
    return and_(*wanted)


def _criterion(business: Business, definition: Mapping[str, Any]) -> Criterion | None:
    written = definition["audience"]
    if written is None:
        return None
    return read_criterion(written, customer_catalogue(business), lambda *_: None)


def chosen(
    campaign: str, run_id: int, definition: Mapping[str, Any], customer_id: int
) -> Arm | None:
    """The arm of a customer; None for who is held out."""
    if is_left_out(definition["holdout"], share_of(campaign, run_id, customer_id, LEFT_OUT)):
        return None
    arms = [Arm(*arm) for arm in definition["arms"]]
    return arm_at(arms, share_of(campaign, run_id, customer_id, "arm"))


def due_for(
    library: Library, definition: Mapping[str, Any], begun_at: datetime, zone: str | None
) -> datetime:
    """When a customer of this zone is to get it, at the earliest."""
    known = known_zone(zone or "", library.business.timezone)
    return within(definition["window"], due_of(read_at(definition), begun_at, known), known)


def _row(
    library: Library, one: Row[Any], customer_id: int, zone: str | None, now: datetime
) -> tuple[Any, ...]:
    """The parameters of PLAN."""
    arm = chosen(one.campaign, one.id, one.definition, customer_id)
    due_at = due_for(library, one.definition, one.started_at, zone)
    event = {"campaign": one.campaign, "arm": arm.name if arm else LEFT_OUT, "depth": 1}
    request = {"flow": arm.flow if arm else "", "event": event, "vars": {}}
    status, reason, decided_at = ("planned", None, None) if arm else ("skipped", LEFT_OUT, now)
    return (
        trigger_of(one), customer_id, str(one.id), library.business_id, status, reason, due_at,
        decided_at, request, due_at + CATCH_UP, None,
    )  # fmt: skip


# -- letting go


def _let_go(db: Connection, library: Library, one: Row[Any], now: datetime) -> bool:
    """Let the next go whose time has come, as far as there is room."""
    if _fails(db, library, one, now):
        return True
    one = _of_this_span(db, one, now)
    room = min(_room(db, library, now), _most_in_span(one) - one.let_go, PIECE)
    rows = db.execute(
        select(trigger_firing.c.customer_id, trigger_firing.c.due_at, customer.c.timezone)
        .join(customer, customer.c.id == trigger_firing.c.customer_id)
        .where(*waiting(library.business_id, one), trigger_firing.c.due_at <= now)
        .order_by(trigger_firing.c.due_at, trigger_firing.c.customer_id)
        .limit(max(0, room))
    ).all()
    if not rows:
        return room > 0 and _finish(db, library, one, now)
    changes = []
    for row in rows:
        zone = known_zone(row.timezone or "", library.business.timezone)
        due_at = within(one.definition["window"], now, zone)
        changes.append((row.customer_id, due_at, now if due_at <= now else None))
    _ring(db, library.business_id, one, changes)
    gone = sum(rings_at is not None for *_, rings_at in changes)
    _change(db, one, let_go=one.let_go + gone, let_go_in_all=one.let_go_in_all + gone)
    return True


def _room(db: Connection, library: Library, now: datetime) -> int:
    """How many more may be on their way: of all campaigns, and of what else is said by itself."""
    business_id = library.business_id
    rate = library.business.sending.get("rate", RATE)
    unsent = select(func.count()).where(
        outbox.c.business_id == business_id, outbox.c.status == "pending",
        outbox.c.lane == AUTOMATED, outbox.c.due_at <= now,
    )  # fmt: skip
    rung = select(func.count()).where(
        trigger_firing.c.business_id == business_id, trigger_firing.c.rings_at.is_not(None),
        trigger_firing.c.status == "planned", trigger_firing.c.trigger.startswith(PREFIX),
    )  # fmt: skip
    most = int(rate * AHEAD.total_seconds())
    return most - (db.scalar(unsent) or 0) - (db.scalar(rung) or 0)


def _most_in_span(one: Row[Any]) -> int:
    """How many its pace lets go in each span of AHEAD."""
    pace = one.definition["pace"]
    return PIECE * 1000 if pace is None else int(pace * AHEAD.total_seconds())


def _of_this_span(db: Connection, one: Row[Any], now: datetime) -> Row[Any]:
    if one.span_at is not None and one.span_at <= now < one.span_at + AHEAD:
        return one
    _change(db, one, span_at=now, let_go=0)
    return db.execute(select(campaign_run).where(campaign_run.c.id == one.id)).one()


def _ring(
    db: Connection, business_id: int, one: Row[Any],
    changes: Sequence[tuple[int, datetime, datetime | None]],
) -> None:  # fmt: skip
    """Those that are let go count from now: they have waited for the campaign, not for nothing."""
    db.execute(
        update(trigger_firing)
        .where(
            trigger_firing.c.trigger == trigger_of(one),
            trigger_firing.c.occurrence == str(one.id),
            trigger_firing.c.business_id == business_id,
            trigger_firing.c.customer_id == bindparam("of"),
        )
        .values(
            due_at=bindparam("due"), rings_at=bindparam("ring"), expires_at=bindparam("expires")
        ),
        [
            {"of": of, "due": due, "ring": ring, "expires": due + CATCH_UP}
            for of, due, ring in changes
        ],
    )


def _finish(db: Connection, library: Library, one: Row[Any], now: datetime) -> bool:
    """Nobody is to be let go now; where nobody ever will, it is done. False: others wait."""
    left = db.execute(
        select(trigger_firing.c.customer_id).where(*waiting(library.business_id, one)).limit(1)
    ).first()
    if left is not None:
        return False
    _change(db, one, status="done", ended_at=now)
    return True


def _fails(db: Connection, library: Library, one: Row[Any], now: datetime) -> bool:
    """Pause a campaign too many of whose messages cannot be sent, and tell the staff."""
    if one.let_go_in_all < AT_LEAST:
        return False
    errors = errors_of(db, library.business_id, one)
    if errors <= MOST_ERRORS * one.let_go_in_all or errors <= one.errors:
        return False
    reason = f"{errors} of {one.let_go_in_all} messages could not be sent"
    log.error("campaign_paused", campaign=one.campaign, reason=reason)
    # Resumed by a person it goes on, until there are more.
    _change(db, one, status="paused", reason=reason, errors=errors)
    store_alarms(db, library.business_id, [Alarm("campaign", one.campaign, reason, now)])
    return True


def errors_of(db: Connection, business_id: int, one: Row[Any]) -> int:
    """How many first messages of a run could not be sent: what was said in the turn that a firing
    started in is of its moment."""
    query = (
        select(func.count(func.distinct(trigger_firing.c.customer_id)))
        .select_from(outbox)
        .join(conversation, conversation.c.id == outbox.c.conversation_id)
        .join(trigger_firing, started(business_id, one))
        .where(
            outbox.c.business_id == business_id,
            outbox.c.status == "dead",
            outbox.c.created_at >= one.started_at,
        )
    )
    return db.scalar(query) or 0


def started(business_id: int, one: Row[Any]) -> ColumnElement[bool]:
    """Of a row of `outbox` with its conversation: that a firing of the run made it."""
    return and_(
        trigger_firing.c.business_id == business_id,
        trigger_firing.c.trigger == trigger_of(one),
        trigger_firing.c.occurrence == str(one.id),
        trigger_firing.c.customer_id == conversation.c.customer_id,
        trigger_firing.c.status == "started",
        trigger_firing.c.decided_at == outbox.c.created_at,
    )


# -- ending it


def _cancel(db: Connection, library: Library, one: Row[Any], now: datetime) -> bool:
    found = db.scalars(
        select(trigger_firing.c.customer_id).where(*waiting(library.business_id, one)).limit(PIECE)
    ).all()
    if not found:
        _change(db, one, status="cancelled", ended_at=now)
        return True
    db.execute(
        update(trigger_firing)
        .where(*waiting(library.business_id, one), trigger_firing.c.customer_id.in_(found))
        .values(status="skipped", reason=CANCELLED, decided_at=now)
    )
    return True


def trigger_of(one: Row[Any]) -> str:
    return f"{PREFIX}{one.campaign}"


def waiting(business_id: int, one: Row[Any]) -> tuple[ColumnElement[bool], ...]:
    """Of firings: those of the run that are planned and not let go."""
    return (
        trigger_firing.c.business_id == business_id,
        trigger_firing.c.trigger == trigger_of(one),
        trigger_firing.c.occurrence == str(one.id),
        trigger_firing.c.status == "planned",
        trigger_firing.c.rings_at.is_(None),
    )


def _change(db: Connection, one: Row[Any], **values: Any) -> None:
    db.execute(update(campaign_run).where(campaign_run.c.id == one.id).values(**values))
