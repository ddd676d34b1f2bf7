"""What is worth doing about customers, by rules that say why: no guessing, no language model."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select

from crm.criteria_sql import compile_sql
from crm.services.fields import stored_columns
from crm.tables import activity, customer
from engine.business import Business
from engine.criteria import Moment, read_criterion
from engine.fields.types import FieldType
from engine.shapes.conditions import customer_catalogue

Kind = Literal["birthday_soon", "high_value_opportunity", "churn_risk", "engagement_trend"]

KINDS: tuple[Kind, ...] = (
    "birthday_soon", "high_value_opportunity", "churn_risk", "engagement_trend",
)  # fmt: skip

BIRTH_DATE = "birth_date"
BIRTHDAY_DAYS, SILENT_DAYS, TREND_DAYS, HIGH_SCORE = 5, 90, 30, 80
FEWEST = 4
"""Messages in the busier of two months: of fewer, half or double says nothing."""

BIRTHDAY_TODAY = "birthday today"
"""The reason of a birthday_soon that is today."""

ACTIONS = {
    "birthday_soon": "congratulate",
    "high_value_opportunity": "offer",
    "churn_risk": "win_back",
    "engagement_trend": "look",
}


class Insight(Struct, frozen=True):
    """Something about a customer, why it is said, and what may be done about it."""

    customer_id: int
    display_name: str
    kind: Kind
    reason: str
    action: str


def list_insights(
    db: Connection, business_id: int, business: Business, now: datetime, *,
    kinds: tuple[Kind, ...] = KINDS, customer_id: int | None = None, limit: int = 100,
    seen: ColumnElement[bool] | None = None,
) -> list[Insight]:  # fmt: skip
    """Of each kind at most `limit`, of everybody or of one customer; archived ones left out.

    seen: what holds of those that whoever asks may see (crm.services.rights); None for all.
    """
    mine = [customer.c.business_id == business_id, customer.c.archived_at.is_(None)]
    if customer_id is not None:
        mine.append(customer.c.id == customer_id)
    if seen is not None:
        mine.append(seen)
    found: list[Insight] = []
    moment = Moment(now, ZoneInfo(business.timezone))
    if "birthday_soon" in kinds:
        found += _birthdays(db, business_id, business, moment, mine, limit)
    if "high_value_opportunity" in kinds:
        found += _opportunities(db, mine, limit)
    if "churn_risk" in kinds:
        found += _silent(db, moment, mine, limit)
    if "engagement_trend" in kinds:
        found += _trends(db, business_id, now, mine, limit)
    return found


def _insight(row: Any, kind: Kind, reason: str) -> Insight:
    return Insight(row.id, row.display_name, kind, reason, ACTIONS[kind])


_WHO = (customer.c.id, customer.c.display_name)


def _birthdays(
    db: Connection, business_id: int, business: Business, moment: Moment, mine: list[Any],
    limit: int,
) -> Iterator[Insight]:  # fmt: skip
    field = business.fields.get(BIRTH_DATE)
    columns = stored_columns(db, business_id, business)
    if field is None or field.type is not FieldType.DATE or BIRTH_DATE not in columns:
        return
    days = [moment.today + timedelta(days=ahead) for ahead in range(BIRTHDAY_DAYS + 1)]
    column = customer.c[columns[BIRTH_DATE]]
    wanted = {
        "any": [{f"{BIRTH_DATE}__month": m, f"{BIRTH_DATE}__day": d} for m, d in _dates(days)]
    }
    criterion = read_criterion(wanted, customer_catalogue(business), lambda *_: None)
    assert criterion is not None, "a date has months and days"
    condition = compile_sql(criterion, columns, moment, business_id, db.dialect.name)
    rows = db.execute(
        select(*_WHO, column.label("born")).where(*mine, condition).order_by(*_WHO[:1]).limit(limit)
    )
    for row in rows:
        ahead = next(
            n for n, day in enumerate(days) if (row.born.month, row.born.day) in _dates([day])
        )
        when = f"in {ahead} days" if ahead > 1 else "tomorrow"
        yield _insight(row, "birthday_soon", f"birthday {when}" if ahead else BIRTHDAY_TODAY)


def _dates(days: list[date]) -> set[tuple[int, int]]:
    """Months and days, with 29 February on the 28th of a common year."""
    dates = {(day.month, day.day) for day in days}
    common = any(day.year % 4 or (day.year % 100 == 0 and day.year % 400) for day in days)
    return dates | {(2, 29)} if (2, 28) in dates and common else dates


def _opportunities(db: Connection, mine: list[Any], limit: int) -> Iterator[Insight]:
    rows = db.execute(
        select(*_WHO, customer.c.crm_score)
        .where(*mine, customer.c.crm_score >= HIGH_SCORE, customer.c.total_purchases == 0)
        .order_by(customer.c.crm_score.desc(), customer.c.id)
        .limit(limit)
    )
    for row in rows:
        yield _insight(row, "high_value_opportunity", f"score {row.crm_score} and no purchase yet")


def _silent(db: Connection, moment: Moment, mine: list[Any], limit: int) -> Iterator[Insight]:
    before = moment.now - timedelta(days=SILENT_DAYS)
    rows = db.execute(
        select(*_WHO, customer.c.last_visit_at, customer.c.total_visits)
        .where(*mine, customer.c.last_visit_at < before)
        .order_by(customer.c.total_spent.desc(), customer.c.id)
        .limit(limit)
    )
    for row in rows:
        days = (moment.now - row.last_visit_at).days
        yield _insight(row, "churn_risk", f"{row.total_visits} visits, the last {days} days ago")


def _trends(
    db: Connection, business_id: int, now: datetime, mine: list[Any], limit: int
) -> Iterator[Insight]:
    """Messages of the last 30 days against those of the 30 before: half as many, or half more."""
    middle, begin = now - timedelta(days=TREND_DAYS), now - timedelta(days=2 * TREND_DAYS)
    later = func.count(case((activity.c["at"] >= middle, 1)))
    earlier = func.count(case((activity.c["at"] < middle, 1)))
    grown: ColumnElement[bool] = and_(later >= FEWEST, later * 2 >= earlier * 3, earlier > 0)
    shrunk = and_(earlier >= FEWEST, later * 2 <= earlier)
    rows = db.execute(
        select(*_WHO, later.label("later"), earlier.label("earlier"))
        .join(activity, activity.c.customer_id == customer.c.id)
        .where(
            *mine,
            customer.c.last_message_at >= begin,
            activity.c.business_id == business_id,
            activity.c.type == "message_received",
            activity.c["at"] >= begin,
            activity.c["at"] <= now,
        )
        .group_by(*_WHO)
        .having(or_(grown, shrunk))
        .order_by(customer.c.id)
        .limit(limit)
    )
    for row in rows:
        change = round(100 * (row.later - row.earlier) / row.earlier)
        reason = f"{row.later} messages in 30 days, {row.earlier} in the 30 before ({change:+d} %)"
        yield _insight(row, "engagement_trend", reason)
