"""Totals of customers, counted anew from their interactions and purchases, for many at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    Table,
    and_,
    case,
    func,
    select,
    union_all,
)

from crm.tables import customer, interaction, purchase
from engine.business import Business
from engine.records import HAPPENED

TOTALS = (
    "total_interactions", "total_visits", "total_purchases", "total_invoices", "total_spent",
    "total_revenue", "first_visit_at", "last_visit_at", "last_contacted_at", "next_follow_up_at",
)  # fmt: skip
"""The columns that are counted."""

COUNTED_BY = frozenset({"currency", "next_follow_up_at"})
"""Fields that somebody may write by which the totals are counted."""

_GREATEST = Decimal("9999999999999999.99")
_PIECE = 500
"""Customers in one statement: SQLite takes some thousands of values, and a batch has 128."""

Totals = dict[str, Any]

Person = Mapping[str, Any]
"""A customer's columns."""


def recount(
    db: Connection,
    business_id: int,
    business: Business,
    customers: Collection[int],
    unwritten: Callable[[int], Mapping[str, Any]] = lambda _: {},
) -> dict[int, Totals]:
    """What of the totals of these customers is not what their rows say: by customer the columns
    that differ, with the values they should have. Ids of other businesses are left out.
    unwritten: columns of a customer that are about to be written.

    total_spent is in the customer's currency, total_revenue in the business's: money of another
    currency is not added to either. last_contacted_at only goes forward: messages of people move
    it too.
    """
    differences: dict[int, Totals] = {}
    ids = sorted(customers)
    for start in range(0, len(ids), _PIECE):
        piece = ids[start : start + _PIECE]
        rows = db.execute(_customers(business_id, piece)).mappings()
        people = {row["id"]: {**row, **unwritten(row["id"])} for row in rows}
        for id_, wanted in _counted(db, business_id, business, people).items():
            changed = {name: new for name, new in wanted.items() if new != people[id_][name]}
            if changed:
                differences[id_] = changed
    return differences


def _customers(business_id: int, ids: Collection[int]) -> Select[Any]:
    columns = (customer.c[name] for name in (*TOTALS, "currency", "follow_up_by_hand_at"))
    return select(customer.c.id, *columns).where(
        customer.c.business_id == business_id, customer.c.id.in_(ids)
    )


def _counted(
    db: Connection, business_id: int, business: Business, people: Mapping[int, Person]
) -> dict[int, Totals]:
    totals = {id_: _nothing(row) for id_, row in people.items()}
    for row in db.execute(_interactions(business_id, people)):
        _count_interactions(totals[row.customer_id], people[row.customer_id], row, business)
    for row in db.execute(_visits(business_id, people)):
        totals[row.customer_id] |= {
            "total_visits": row.days, "first_visit_at": row.first, "last_visit_at": row.last,
        }  # fmt: skip
    sums: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in db.execute(_purchases(business_id, people)):
        sums[row.customer_id].append(row)
    for id_, rows in sums.items():
        totals[id_] |= _money(rows, people[id_]["currency"] or business.currency)
    return totals


def _nothing(person: Person) -> Totals:
    return {
        "total_interactions": 0, "total_visits": 0, "total_purchases": 0, "total_invoices": 0,
        "total_spent": Decimal(0), "total_revenue": Decimal(0), "first_visit_at": None,
        "last_visit_at": None, "last_contacted_at": person["last_contacted_at"],
        "next_follow_up_at": person["follow_up_by_hand_at"],
    }  # fmt: skip


def _count_interactions(totals: Totals, person: Person, row: Row[Any], business: Business) -> None:
    contacted = [at for at in (person["last_contacted_at"], row.last) if at is not None]
    totals["total_interactions"] = row.many
    totals["last_contacted_at"] = max(contacted, default=None)
    if person["follow_up_by_hand_at"] is None:
        totals["next_follow_up_at"] = row.follow_up and begin_of(row.follow_up, business)


def _money(rows: Collection[Row[Any]], currency: str) -> Totals:
    def summed(amounts: Iterator[Decimal]) -> Decimal:
        return min(sum(amounts, Decimal(0)), _GREATEST)

    happened = [row for row in rows if row.status in HAPPENED]
    return {
        "total_invoices": sum(row.many for row in rows if row.status != "void"),
        "total_purchases": sum(row.many for row in rows if row.status == "paid"),
        "total_spent": summed(row.spent for row in happened if row.currency == currency),
        "total_revenue": summed(row.revenue or Decimal(0) for row in happened),
    }


def begin_of(day: date, business: Business) -> datetime:
    """The UTC moment at which a day of the business begins."""
    return datetime.combine(day, time(), ZoneInfo(business.timezone)).astimezone(UTC)


def _of(table: Table, business_id: int, people: Collection[int]) -> ColumnElement[bool]:
    return and_(table.c.business_id == business_id, table.c.customer_id.in_(list(people)))


def _interactions(business_id: int, people: Collection[int]) -> Select[Any]:
    is_open = and_(interaction.c.follow_up_required, interaction.c.follow_up_done_at.is_(None))
    return (
        select(
            interaction.c.customer_id,
            func.count().label("many"),
            func.max(interaction.c.at).label("last"),
            func.min(case((is_open, interaction.c.follow_up_date))).label("follow_up"),
        )
        .where(_of(interaction, business_id, people))
        .group_by(interaction.c.customer_id)
    )


def _purchases(business_id: int, people: Collection[int]) -> Select[Any]:
    return (
        select(
            purchase.c.customer_id,
            purchase.c.currency,
            purchase.c.status,
            func.count().label("many"),
            func.sum(purchase.c.amount - purchase.c.refunded, type_=purchase.c.amount.type).label(
                "spent"
            ),
            func.sum(purchase.c.revenue, type_=purchase.c.revenue.type).label("revenue"),
        )
        .where(_of(purchase, business_id, people))
        .group_by(purchase.c.customer_id, purchase.c.currency, purchase.c.status)
    )


def _visits(business_id: int, people: Collection[int]) -> Select[Any]:
    """Days on which a customer was there: one counts, however often they came."""
    came = select(
        interaction.c.customer_id, interaction.c.day.label("day"), interaction.c.at.label("at")
    ).where(_of(interaction, business_id, people), interaction.c.kind == "visit")
    bought = select(
        purchase.c.customer_id, purchase.c.date.label("day"), purchase.c.visited_at.label("at")
    ).where(_of(purchase, business_id, people), purchase.c.status.in_(HAPPENED))
    visits = union_all(came, bought).subquery("visits")
    return select(
        visits.c.customer_id,
        func.count(visits.c.day.distinct()).label("days"),
        func.min(visits.c["at"]).label("first"),
        func.max(visits.c["at"]).label("last"),
    ).group_by(visits.c.customer_id)
