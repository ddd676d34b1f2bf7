"""How columns are spelled in migrations.

A migration must say the same for ever, so nothing here comes from `crm.tables`, and nothing here
may change once it is released: a later migration that needs another spelling adds a function.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, DateTime, ForeignKey, Index, Integer, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB

Id = BigInteger().with_variant(Integer, "sqlite")
Json = JSON().with_variant(JSONB(), "postgresql")
Moment = DateTime(timezone=True).with_variant(BigInteger(), "sqlite")
"""Whole microseconds since 1970 on SQLite."""

Hundredths = Numeric(20, 2).with_variant(BigInteger(), "sqlite")
"""Whole hundredths on SQLite."""


def id_column() -> Column[Any]:
    return Column("id", Id, primary_key=True)


def belongs_to(table: str, *, nullable: bool = False) -> Column[Any]:
    return Column(f"{table}_id", Id, ForeignKey(f"{table}.id"), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, Moment, nullable=nullable)


def counter(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def money(name: str) -> Column[Any]:
    return Column(name, Hundredths, nullable=False, server_default=text("0"))


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows that match `where` alone."""
    condition = text(where)
    return Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
