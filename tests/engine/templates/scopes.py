"""A scope to try templates in, and the shortest ways to try them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from engine.fields.places import Locale
from engine.templates import Record, Result, Scope, TemplateError, TemplateProblem, compile_template

NOW = datetime(2026, 3, 1, 6, 30, 25, tzinfo=UTC)
"""Ten o'clock in Tehran, a Sunday."""

TEHRAN = ZoneInfo("Asia/Tehran")

ENGLISH = Locale("en", timezone="Asia/Tehran", currency="IRT")
PERSIAN = Locale("fa", timezone="Asia/Tehran", calendar="jalali", currency="IRT")

SARA: Mapping[str, object] = {
    "id": 7,
    "first_name": "Sara",
    "last_name": None,
    "points": Decimal("20.00"),
    "birth_date": date(1990, 5, 15),
    "is_vip": True,
    "category": "shoes",
    "likes": ("shoes", "hats"),
    "tags": frozenset({"VIP", "Sneakers"}),
}
LABELS = {
    "category": {"shoes": "Running shoes", "hats": "Hats"},
    "likes": {"shoes": "Running shoes", "hats": "Hats"},
}


def scope(locale: Locale = ENGLISH, **names: Any) -> Scope:
    """Sara's scope, with other names beside or instead of hers."""
    known = {
        "customer": Record(SARA, LABELS),
        "var": {"n": 3, "ratio": 1.5, "list": [3, 1, 2]},
        "now": NOW,
        "channel": "telegram",
        **names,
    }
    return Scope(known, locale, TEHRAN, NOW, {"weight": (Decimal(80), Decimal(82))})


def render(source: str, locale: Locale = ENGLISH, **names: Any) -> str:
    return compile_template(source).render(scope(locale, **names))


def evaluate(source: str, **names: Any) -> Result:
    return compile_template(source).evaluate(scope(**names))


def problems(source: str) -> list[TemplateProblem]:
    """What is wrong with a source, nothing where it compiles."""
    try:
        compile_template(source)
    except TemplateError as error:
        return error.problems
    return []
