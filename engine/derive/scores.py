"""The score of a customer, 0 to 100, by three models, and the health that it tells.

Integers, computed exactly and rounded half up once, at the end. A null date gives no points, and
days are completed days of 24 hours in UTC. `crm.scores_sql` has the first two as SQL; a property
test holds them equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from msgspec import Struct

from engine.derive.scoring import (
    BASIC,
    FREQUENCY_MARKS,
    MONETARY_MARKS,
    RECENCY_MARKS,
    Scoring,
)


class Score(Struct, frozen=True):
    """parts: the points of each part by its name, to two places."""

    value: int
    parts: Mapping[str, float]


class Person(Protocol):
    """values: base columns and fields. filled: how many mapped fields have a value.

    asked, answered: the questions and automatic messages of the last 90 days that were answered
    within 24 hours or are older than that.
    """

    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def filled(self) -> int: ...
    @property
    def asked(self) -> int: ...
    @property
    def answered(self) -> int: ...


Model = Callable[[Person, datetime], Score]


def model_of(scoring: Scoring, mapped: int) -> Model:
    """The function that reckons. mapped: how many active mapped fields there are, extras aside."""
    match scoring.model:
        case "rfm":
            return lambda person, now: _rfm(scoring, person.values, now)
        case "weighted":
            return lambda person, now: _weighted(scoring, mapped, person, now)
        case _:
            return lambda person, now: _simple(mapped, person, now)


def health_of(score: int, scoring: Scoring) -> str:
    """green: maintain; yellow: win back; red: urgent."""
    return "green" if score >= scoring.green else "yellow" if score >= scoring.yellow else "red"


def days_since(at: datetime, now: datetime) -> int:
    """Completed days; 0 for a moment that is still to come."""
    return max((now - at).days, 0)


def _simple(mapped: int, person: Person, now: datetime) -> Score:
    values = person.values
    contacted = values.get("last_contacted_at")
    parts = {
        "engagement": min(2 * int(values.get("total_interactions") or 0), 40),
        "recency": 0 if contacted is None else max(30 - days_since(contacted, now), 0),
        "purchases": min(5 * int(values.get("total_purchases") or 0), 20),
        "completeness": 10 * person.filled // mapped if mapped else 0,
    }
    return Score(min(sum(parts.values()), 100), parts)


def _rfm(scoring: Scoring, values: Mapping[str, Any], now: datetime) -> Score:
    visited = values.get("last_visit_at")
    visits, spent = values.get("total_visits") or 0, values.get("total_spent") or 0
    recency = 0
    if visited is not None:
        days = days_since(visited, now)
        recency = _marks((days <= level for level in scoring.recency), RECENCY_MARKS)
    parts = {
        "recency": recency,
        "frequency": _marks((visits >= level for level in scoring.frequency), FREQUENCY_MARKS),
        "monetary": _marks((spent >= level for level in scoring.monetary), MONETARY_MARKS),
    }
    return Score(sum(parts.values()), parts)


def _marks(reached: Iterable[bool], marks: tuple[int, ...]) -> int:
    return next((mark for is_reached, mark in zip(reached, marks, strict=True) if is_reached), 0)


_Share = tuple[int, int, int]
"""Points, and the fraction of them that was earned: numerator and denominator."""


def _weighted(scoring: Scoring, mapped: int, person: Person, now: datetime) -> Score:
    values = person.values
    purchases = int(values.get("total_purchases") or 0)
    # In hundredths, so that all that follows is whole.
    spent = int((values.get("total_spent") or 0) * 100)
    groups: dict[str, list[_Share]] = {
        "engagement": [
            _share(12, int(values.get("total_interactions") or 0), scoring.interactions),
            _share(8, person.answered, person.asked),
            _share(20, _still_fresh(scoring, values, now), scoring.contact_days),
        ],
        "purchases": [
            _share(12, purchases, scoring.purchases),
            _share(12, spent, int(scoring.spent * 100)),
            _share(6, spent, purchases * int(scoring.average_order * 100)),
        ],
        "completeness": [
            _share(10, sum(values.get(name) is not None for name in BASIC), len(BASIC)),
            _share(10, person.filled, mapped),
        ],
        "loyalty": [
            _share(5, _days(values.get("created_at"), now), scoring.since_days),
            _share(5, max(purchases - 1, 0), scoring.repeat_purchases),
        ],
    }
    everything = [share for shares in groups.values() for share in shares]
    parts = {name: _rounded(shares, 100) / 100 for name, shares in groups.items()}
    return Score(_rounded(everything, 1), parts)


def _share(points: int, earned: int, full: int) -> _Share:
    """Nothing is earned where nothing can be."""
    return (points, min(earned, full), full) if full > 0 else (points, 0, 1)


def _still_fresh(scoring: Scoring, values: Mapping[str, Any], now: datetime) -> int:
    contacted = values.get("last_contacted_at")
    return 0 if contacted is None else max(scoring.contact_days - days_since(contacted, now), 0)


def _days(at: datetime | None, now: datetime) -> int:
    return 0 if at is None else days_since(at, now)


def _rounded(shares: Iterable[_Share], scale: int) -> int:
    """The sum in units of 1/scale points, rounded half up."""
    numerator, denominator = 0, 1
    for points, earned, full in shares:
        numerator = numerator * full + points * earned * denominator
        denominator *= full
    return (2 * numerator * scale + denominator) // (2 * denominator)
