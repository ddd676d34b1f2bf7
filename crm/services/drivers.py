"""Which index should lead a query over customers on SQLite, found by looking.

SQLite knows how many values a column has, not how often each is there: among 200,000 customers it
sorted all of a score range where the fifty newest of them were asked for. So each condition is
counted up to a few customers. One that has few leads; else the order of the list does.
PostgreSQL keeps statistics of values and decides by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from crm.criteria_sql import LISTS, compile_sql
from crm.services.slot_indexes import indexed_columns
from crm.tables import customer
from engine.criteria import All, Compare, Criterion, Moment
from engine.criteria.leaf import Test, leaf_of
from engine.fields.types import FieldType

if TYPE_CHECKING:
    from crm.services.listing import View

FEW = 2_000
"""So many customers are read and sorted in a few milliseconds."""

_INDEXED_TESTS = frozenset({Test.ONE_OF, Test.RANGE})


def driver_of(db: Connection, view: View, columns: Mapping[str, str]) -> str | None:
    """The column, `tags` or `segment` by which few of the customers asked for are found; None
    where there is none, and on PostgreSQL."""
    if db.dialect.name != "sqlite" or view.where is None:
        return None
    known = indexed_columns(db)
    moment = Moment(view.now, ZoneInfo(view.business.timezone))
    fewest, leads = FEW, None
    for compare in _conditions(view.where):
        name = _index_of(compare, columns, known)
        if name is None:
            continue
        condition = compile_sql(compare, columns, moment, view.business_id, "sqlite", name)
        own = customer.c.business_id == view.business_id
        some = select(customer.c.id).where(own, condition).limit(fewest).subquery()
        count = db.scalar(select(func.count()).select_from(some)) or 0
        if count < fewest:
            fewest, leads = count, name
    return leads


def _conditions(criterion: Criterion) -> Iterator[Compare]:
    """Those that all of the customers asked for fulfil."""
    match criterion:
        case Compare() if criterion.type is not None:
            yield criterion
        case All(items):
            for item in items:
                yield from _conditions(item)
        case _:
            return


def _index_of(compare: Compare, columns: Mapping[str, str], known: frozenset[str]) -> str | None:
    """The index that a condition can be read from."""
    leaf, denied = leaf_of(compare)
    if denied:
        return None
    if leaf.field_type is FieldType.LIST:
        named = leaf.test in (Test.HAS_ANY, Test.HAS_ALL)
        return leaf.field if leaf.field in LISTS and named else None
    column = columns.get(leaf.field)
    if column not in known or leaf.part is not None or leaf.test not in _INDEXED_TESTS:
        return None
    return column
