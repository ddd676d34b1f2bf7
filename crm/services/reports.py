"""The business in numbers, as dashboards show them. Archived customers are not counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Connection, Integer, Select, cast, func, select, union

from crm.services.referrals import Referrer, top_referrers
from crm.tables import activity, customer, interaction, purchase, segment, segment_member
from engine.business import Business
from engine.derive.stages import JOURNEY
from engine.fields.decimals import round_half_up

TREND_DAYS = 30

_HALF_HOUR = 1_800
"""Seconds: every zone of the world begins its hours at a half hour or quarter of it."""


class Report(Struct, frozen=True):
    """Money is in the business's currency, but `average_spent`, which is in each customer's own.

    growth: of this month's new customers over the last month's, in percent; None where there were
    none. trend: new customers of each of the last 30 days, oldest first. heat: messages of people
    by [weekday from Monday][hour] over 30 days. funnel: customers who have come as far.
    """

    customers: int
    active_this_month: int
    new_this_month: int
    growth: int | None
    average_score: int
    revenue: Decimal
    lifetime_value: Decimal
    average_lifetime_value: Decimal
    average_spent: Decimal
    by_visits: dict[str, int]
    by_score: dict[str, int]
    by_source: dict[str, int]
    by_staff: dict[str, int]
    by_channel: dict[str, int]
    revenue_by_segment: dict[str, Decimal]
    trend: list[tuple[str, int]]
    heat: list[list[int]]
    funnel: dict[str, int]
    top_referrers: list[Referrer]


def business_report(db: Connection, business_id: int, business: Business, now: datetime) -> Report:
    zone = ZoneInfo(business.timezone)
    local = now.astimezone(zone)
    month = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    before = (month - timedelta(days=1)).replace(day=1)
    totals = _totals(db, business_id)
    many = totals.many
    new, earlier = (
        _new(db, business_id, begin.astimezone(UTC), end.astimezone(UTC))
        for begin, end in ((month, now + timedelta(seconds=1)), (before, month))
    )
    return Report(
        customers=many,
        active_this_month=_active(db, business_id, month.astimezone(UTC), month),
        new_this_month=new,
        growth=round(100 * (new - earlier) / earlier) if earlier else None,
        average_score=int(Decimal(totals.score or 0) / many + Decimal("0.5")) if many else 0,
        revenue=totals.revenue or Decimal(0),
        lifetime_value=totals.value or Decimal(0),
        average_lifetime_value=_average(totals.value, many),
        average_spent=_average(totals.spent, many),
        by_visits=_ranges(db, business_id, customer.c.total_visits, (0, 1, 2, 6, 11)),
        by_score=_ranges(db, business_id, customer.c.crm_score, (0, 20, 40, 60, 80), 100),
        by_source=_by(db, business_id, customer.c.source),
        by_staff=_by(db, business_id, func.coalesce(customer.c.assigned_to, "")),
        by_channel=_by_channel(db, business_id, now),
        revenue_by_segment=_by_segment(db, business_id),
        trend=_trend(db, business_id, local, zone),
        heat=_heat(db, business_id, now, zone),
        funnel=_funnel(_by(db, business_id, customer.c.journey_stage)),
        top_referrers=top_referrers(db, business_id),
    )


def _mine(business_id: int) -> tuple[Any, ...]:
    return customer.c.business_id == business_id, customer.c.archived_at.is_(None)


def _totals(db: Connection, business_id: int) -> Any:
    def summed(name: str) -> Any:
        return func.sum(customer.c[name], type_=customer.c[name].type)

    return db.execute(
        select(
            func.count().label("many"),
            summed("crm_score").label("score"),
            summed("total_revenue").label("revenue"),
            summed("lifetime_value").label("value"),
            summed("total_spent").label("spent"),
        ).where(*_mine(business_id))
    ).one()


def _average(total: Decimal | None, many: int) -> Decimal:
    return round_half_up((total or Decimal(0)) / many) if many else Decimal(0)


def _new(db: Connection, business_id: int, begin: datetime, end: datetime) -> int:
    made = customer.c.created_at >= begin, customer.c.created_at < end
    return db.scalar(select(func.count()).where(*_mine(business_id), *made)) or 0


def _active(db: Connection, business_id: int, since: datetime, month: datetime) -> int:
    """Who wrote, was met or bought since then."""
    wrote = select(customer.c.id).where(*_mine(business_id), customer.c.last_message_at >= since)
    met = select(interaction.c.customer_id).where(
        interaction.c.business_id == business_id, interaction.c["at"] >= since
    )
    bought = select(purchase.c.customer_id).where(
        purchase.c.business_id == business_id,
        purchase.c.date >= month.date(),
        purchase.c.status.in_(("paid", "refunded")),
    )
    active = union(wrote, met, bought).subquery()
    statement = select(func.count()).where(
        *_mine(business_id), customer.c.id.in_(select(active.c.id))
    )
    return db.scalar(statement) or 0


def _by(db: Connection, business_id: int, column: Any) -> dict[str, int]:
    rows = db.execute(
        select(column.label("word"), func.count().label("many"))
        .where(*_mine(business_id))
        .group_by(column)
    )
    counted = sorted(rows, key=lambda row: (-row.many, row.word))
    return {row.word or "nobody": row.many for row in counted}


def _ranges(
    db: Connection, business_id: int, column: Any, begins: Iterable[int], last: int | None = None
) -> dict[str, int]:
    """How many customers are in each range: `2-5`, the last one `11+` or up to `last`."""
    rows = db.execute(
        select(column.label("number"), func.count().label("many"))
        .where(*_mine(business_id))
        .group_by(column)
    ).all()
    starts = [*begins]
    ranges: dict[str, int] = {}
    for start, end in zip(starts, [*(one - 1 for one in starts[1:]), last], strict=True):
        name = f"{start}+" if end is None else str(start) if start == end else f"{start}-{end}"
        ranges[name] = sum(
            row.many for row in rows if row.number >= start and (end is None or row.number <= end)
        )
    return ranges


def _by_channel(db: Connection, business_id: int, now: datetime) -> dict[str, int]:
    """Messages in and out of the last 30 days."""
    channel = activity.c.data["channel"].as_string()
    rows = db.execute(
        select(channel.label("word"), func.count().label("many"))
        .where(
            activity.c.business_id == business_id,
            activity.c.type.in_(("message_received", "message_sent")),
            activity.c["at"] > now - timedelta(days=TREND_DAYS),
        )
        .group_by(channel)
    )
    return {row.word: row.many for row in rows if row.word}


def _by_segment(db: Connection, business_id: int) -> dict[str, Decimal]:
    revenue = func.sum(customer.c.total_revenue, type_=customer.c.total_revenue.type)
    rows = db.execute(
        select(segment.c.key, revenue.label("revenue"))
        .join(segment_member, segment_member.c.segment_id == segment.c.id)
        .join(customer, customer.c.id == segment_member.c.customer_id)
        .where(
            *_mine(business_id),
            segment.c.business_id == business_id,
            segment_member.c.business_id == business_id,
            segment.c.status != "archived",
        )
        .group_by(segment.c.key)
        .order_by(segment.c.key)
    )
    return {row.key: row.revenue for row in rows}


def _trend(
    db: Connection, business_id: int, local: datetime, zone: ZoneInfo
) -> list[tuple[str, int]]:
    days = [local.date() - timedelta(days=back) for back in range(TREND_DAYS - 1, -1, -1)]
    since = datetime(days[0].year, days[0].month, days[0].day, tzinfo=zone).astimezone(UTC)
    made = select(_slot(db, customer.c.created_at), func.count()).where(
        *_mine(business_id), customer.c.created_at >= since
    )
    counted: Counter[Any] = Counter()
    for begin, many in _slots(db, made, zone):
        counted[begin.date()] += many
    return [(day.isoformat(), counted[day]) for day in days]


def _heat(db: Connection, business_id: int, now: datetime, zone: ZoneInfo) -> list[list[int]]:
    heat = [[0] * 24 for _ in range(7)]
    said = select(_slot(db, activity.c["at"]), func.count()).where(
        activity.c.business_id == business_id,
        activity.c.type == "message_received",
        activity.c["at"] > now - timedelta(days=TREND_DAYS),
    )
    for begin, many in _slots(db, said, zone):
        heat[begin.weekday()][begin.hour] += many
    return heat


def _slot(db: Connection, column: Any) -> Any:
    """The number of the half hour since 1970 that a moment is in."""
    if db.dialect.name == "sqlite":
        return (cast(column, Integer) / (_HALF_HOUR * 1_000_000)).label("slot")
    return func.floor(func.extract("epoch", column) / _HALF_HOUR).label("slot")


def _slots(
    db: Connection, statement: Select[Any], zone: ZoneInfo
) -> Iterable[tuple[datetime, int]]:
    """When each half hour began, in the zone, and how many it has."""
    for slot, many in db.execute(statement.group_by("slot")):
        begin = datetime.fromtimestamp(int(slot) * _HALF_HOUR, UTC)
        yield begin.astimezone(zone), many


def _funnel(stages: dict[str, int]) -> dict[str, int]:
    """Who has come as far as each stage, or further."""
    return {
        stage: sum(stages.get(later, 0) for later in JOURNEY[place:])
        for place, stage in enumerate(JOURNEY)
    }
