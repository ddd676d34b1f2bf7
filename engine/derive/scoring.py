"""How a business reckons its scores: `scoring:` of crm.yaml, and what holds without it."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct


class Scoring(Struct, frozen=True):
    """Days are completed days of 24 hours, amounts are in the business's currency.

    recency (days), frequency and monetary are rfm's levels, the best first, each inclusive. The
    others are what earns full marks in `weighted`; contact_days is where the last contact earns
    nothing any more. green, yellow: the least score of each health. years: how long a customer
    is expected to stay.
    """

    model: str = "simple"
    recency: tuple[int, ...] = (30, 90, 180)
    frequency: tuple[int, ...] = (12, 6, 3)
    monetary: tuple[Decimal, ...] = (Decimal(10_000), Decimal(5_000), Decimal(1_000), Decimal(500))
    interactions: int = 20
    contact_days: int = 30
    purchases: int = 5
    spent: Decimal = Decimal(10_000)
    average_order: Decimal = Decimal(2_000)
    since_days: int = 365
    repeat_purchases: int = 3
    green: int = 80
    yellow: int = 50
    years: int = 3


RECENCY_MARKS = (30, 20, 10)
FREQUENCY_MARKS = (30, 20, 10)
MONETARY_MARKS = (40, 30, 20, 10)
"""What rfm gives for each level."""

BASIC = ("first_name", "last_name", "phone_number", "email", "city", "language")
"""The base fields that make a record complete, for `weighted`."""

INPUTS = {
    "simple": ("total_interactions", "last_contacted_at", "total_purchases"),
    "rfm": ("last_visit_at", "total_visits", "total_spent"),
    "weighted": (
        "total_interactions", "last_contacted_at", "total_purchases", "total_spent", "created_at",
        *BASIC,
    ),
}  # fmt: skip
"""The columns that each model looks at."""

COUNTS_FIELDS = frozenset(("simple", "weighted"))
"""The models that ask how many of the mapped fields are filled."""
