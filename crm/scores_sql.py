"""What a score asks of a customer's row, and the scores themselves, as SQL.

They say what `engine.derive.scores` says, row by row; a property test holds the two equal on both
databases. `weighted` is not here: its exact fractions do not fit into 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    Label,
    case,
    cast,
    extract,
    func,
    literal,
    literal_column,
)

from crm.tables import customer
from crm.tables.types import Hundredths, UtcDateTime, to_microseconds
from engine.derive.scoring import FREQUENCY_MARKS, MONETARY_MARKS, RECENCY_MARKS, Scoring

Whole = ColumnElement[int]

_DAY = timedelta(days=1)


def filled(columns: Sequence[Column[Any]], dialect: str) -> Label[int]:
    """How many of these columns have a value."""
    if not columns:
        return literal_column("0", Integer()).label("filled")
    if "sqlite" in dialect:
        together: Whole = sum(map(_one, columns[1:]), _one(columns[0]))
        return together.label("filled")
    return func.num_nonnulls(*columns, type_=Integer()).label("filled")


def _one(column: Column[Any]) -> Any:
    return case((column.is_not(None), 1), else_=0)


def score_of(scoring: Scoring, slots: Sequence[Column[Any]], now: datetime, dialect: str) -> Whole:
    """The score of each customer by the models `simple` and `rfm`. slots: of the mapped fields."""
    if scoring.model == "rfm":
        return _rfm(scoring, now, dialect)
    recency = _most(
        0, literal(30, Integer()) - _days(customer.c.last_contacted_at, now, dialect), dialect
    )
    complete: Any = literal(0, Integer())
    if slots:
        # A whole number by a whole number: both databases cut the rest off.
        complete = filled(slots, dialect).element * 10 // literal(len(slots), Integer())
    total = (
        _least(40, customer.c.total_interactions * 2, dialect)
        + case((customer.c.last_contacted_at.is_(None), 0), else_=recency)
        + _least(20, customer.c.total_purchases * 5, dialect)
        + complete
    )
    score: Whole = _least(100, total, dialect)
    return score


def _rfm(scoring: Scoring, now: datetime, dialect: str) -> Whole:
    days = _days(customer.c.last_visit_at, now, dialect)
    here = customer.c.last_visit_at.is_not(None)
    recency = [
        (here & (days <= level), mark) for level, mark in _pairs(scoring.recency, RECENCY_MARKS)
    ]
    visits = [
        (customer.c.total_visits >= level, mark)
        for level, mark in _pairs(scoring.frequency, FREQUENCY_MARKS)
    ]
    money = [
        (customer.c.total_spent >= literal(level, Hundredths()), mark)
        for level, mark in _pairs(scoring.monetary, MONETARY_MARKS)
    ]
    return case(*recency, else_=0) + case(*visits, else_=0) + case(*money, else_=0)


def _pairs(levels: Sequence[Any], marks: Sequence[int]) -> list[tuple[Any, int]]:
    return list(zip(levels, marks, strict=True))


def _days(at: Column[Any], now: datetime, dialect: str) -> Any:
    """Completed days since a moment; 0 for one that is still to come."""
    if "sqlite" in dialect:
        day = _DAY // timedelta(microseconds=1)
        since = literal(to_microseconds(now), BigInteger()) - _stored(at)
        whole = since // literal(day, BigInteger())
    else:
        seconds = extract("epoch", literal(now, UtcDateTime()) - at)
        whole = cast(func.floor(seconds / 86_400), Integer())
    return _most(0, whole, dialect)


def _stored(at: Column[Any]) -> Any:
    """A moment as the whole number that SQLite stores."""
    return literal_column(f"customer.{at.name}", BigInteger())


def _least(bound: int, value: Any, dialect: str) -> Any:
    """Neither is NULL."""
    least = func.min if "sqlite" in dialect else func.least
    return least(literal(bound, Integer()), value, type_=Integer())


def _most(bound: int, value: Any, dialect: str) -> Any:
    most = func.max if "sqlite" in dialect else func.greatest
    return most(literal(bound, Integer()), value, type_=Integer())
