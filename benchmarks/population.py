"""A business with as many customers as one asks for, distributed as those of a shop are.

A few buy much and most little, silence grows long, one in thirty is a VIP, eight of the typed
slots are filled. The same number gives the same people. Rows are written past the services: what
is measured comes afterwards.
"""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert, text

from crm import migrations
from crm.names import name_columns
from crm.tables import activity, customer, customer_tag
from rapport.build import apply_loaded
from rapport.project import read_project
from rapport.runtime.library import Library

PROJECT = Path(__file__).parent / "shop"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
_AT_ONCE = 5_000

_FIRST = (
    *("Sara", "Ali", "Reza", "Maryam", "Omid", "Nasrin", "Mina", "Kaveh", "Leila", "Hamid"),
    *("سارا", "علی", "رضا", "مریم", "امید", "نسرین", "مینا", "کاوه", "لیلا", "حمید"),
    *("Anna", "Jonas", "Emma", "Lukas", "Mia", "Noah", "Olivia", "Liam", "Zoë", "Élodie"),
)
_LAST = (
    *("Ahmadi", "Karimi", "Hosseini", "Rahimi", "Moradi", "Jafari", "Sadeghi", "Rostami"),
    *("احمدی", "کریمی", "حسینی", "رحیمی", "مرادی", "جعفری", "صادقی", "رستمی"),
    *("Schmidt", "Müller", "Smith", "Jones", "Brown", "Garcia", "Rossi", "Dubois"),
)
_CITIES = ("Tehran", "Tehran", "Tehran", "Shiraz", "Isfahan", "Tabriz", "Mashhad", "Qom", "Rasht")
_SOURCES = ("telegram", "telegram", "instagram", "instagram", "website", "referral", "other")
_STATUSES = ("lead", "lead", "prospect", "active", "active", "active", "inactive")


class Population:
    """An engine of a database that holds the customers, and the library of their business."""

    def __init__(self, engine: Engine, customers: int) -> None:
        self.engine = engine
        migrations.upgrade(engine)
        with engine.begin() as db:
            self.library: Library = apply_loaded(db, read_project(PROJECT), NOW).library
            self.business_id = self.library.business_id
        self._fill(customers)

    def _fill(self, customers: int) -> None:
        slots = {key: self.library.columns[key] for key in _own(random.Random(0), 1)}
        for first in range(1, customers + 1, _AT_ONCE):
            numbers = range(first, min(first + _AT_ONCE, customers + 1))
            with self.engine.begin() as db:
                self._write(db, numbers, slots)
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as db:
            db.execute(text("ANALYZE"))

    def _write(self, db: Connection, numbers: range, slots: dict[str, str]) -> None:
        rows = [person(number, self.business_id, slots) for number in numbers]
        db.execute(insert(customer), rows)
        tags = [tag for row in rows for tag in self._tags(row)]
        db.execute(insert(customer_tag), tags)
        db.execute(insert(activity), [one for row in rows for one in _activities(row)])
        if db.dialect.name == "postgresql":
            last = {"last": numbers[-1]}
            db.execute(text("SELECT setval(pg_get_serial_sequence('customer', 'id'), :last)"), last)

    def _tags(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        for name in _tag_names(row):
            yield {
                "customer_id": row["id"],
                "tag_id": self.library.tags[name],
                "business_id": self.business_id,
                "by": "api:benchmark",
                "at": NOW,
            }


def person(number: int, business_id: int, slots: dict[str, str]) -> dict[str, Any]:
    """The customer row with this id."""
    chance = random.Random(number)
    purchases = min(int(chance.paretovariate(1.2)) - 1, 200)
    silent = timedelta(days=min(chance.expovariate(1 / 60), 900), seconds=number % 86_400)
    created = NOW - silent - timedelta(days=chance.uniform(0, 700))
    spent = Decimal(purchases * chance.randrange(20, 400) * 1000)
    base = {
        "first_name": chance.choice(_FIRST),
        "last_name": chance.choice(_LAST),
        "phone_number": f"+98912{number:07d}",
        "customer_type": "individual" if number % 20 else "company",
        "company": None if number % 20 else f"{chance.choice(_LAST)} {number} Co",
    }
    own = _own(chance, number)
    return {
        "id": number,
        "business_id": business_id,
        **base,
        **name_columns(base, number),
        "email": f"person{number}@example.com" if number % 3 else None,
        "city": chance.choice(_CITIES),
        "country": "IR",
        "language": "fa",
        "status": chance.choice(_STATUSES),
        "source": chance.choice(_SOURCES),
        "crm_score": min(100, int(chance.betavariate(1.5, 3) * 100) + min(purchases, 20)),
        "total_interactions": int(chance.paretovariate(1.1)),
        "total_visits": purchases,
        "total_purchases": purchases,
        "total_spent": spent,
        "total_revenue": spent,
        "last_visit_at": NOW - silent if purchases else None,
        "last_contacted_at": NOW - silent,
        "last_message_at": NOW - silent,
        "created_at": created,
        "updated_at": NOW - silent,
        **{slots[key]: value for key, value in own.items()},
    }


def _own(chance: random.Random, number: int) -> dict[str, Any]:
    """The eight fields that the business declares."""
    return {
        "birth_date": date(1950, 1, 1) + timedelta(days=chance.randrange(20_000)),
        "last_order_date": NOW.date() - timedelta(days=chance.randrange(1_000)),
        "loyalty_points": Decimal(chance.randrange(0, 10_000)),
        "shoe_size": Decimal(chance.randrange(34, 48)),
        "favorite_category": chance.choice(("clothes", "clothes", "shoes", "accessories")),
        "is_vip": chance.random() < 0.05,
        "work_email": f"work{number}@example.org",
        "nickname": f"nick {number % 5_000}",
    }


def _tag_names(row: dict[str, Any]) -> Iterator[str]:
    number = row["id"]
    if row["crm_score"] >= 80 or number % 40 == 0:
        yield "VIP"
    if number % 10 == 0:
        yield "Sneakers"
    if row["total_purchases"] >= 2:
        yield "Regular"


def _activities(row: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Three for most, a hundred for one in a thousand."""
    for place in range(100 if row["id"] % 1_000 == 0 else 3):
        yield {
            "business_id": row["business_id"],
            "customer_id": row["id"],
            "at": row["last_message_at"] - timedelta(minutes=place),
            "type": "message_received",
            "description": f"message {place}",
            "data": None,
            "by": "customer",
        }
