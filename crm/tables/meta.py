"""The one MetaData, and the columns that many tables share."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData, String, Table

from crm.tables.types import Id, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column() -> Column[Any]:
    return Column("id", Id, primary_key=True)


def belongs_to(table: str, *, name: str | None = None, nullable: bool = False) -> Column[Any]:
    """A column `<table>_id` (or `name`) that points at `table`."""
    return Column(name or f"{table}_id", Id, ForeignKey(f"{table}.id"), nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    return Column(name, UtcDateTime, nullable=nullable)


SOON_CLEANED: dict[str, float] = {
    "autovacuum_vacuum_scale_factor": 0.01,
    "autovacuum_vacuum_threshold": 1000,
}
"""PostgreSQL's storage parameters of tables whose rows change all the time, whatever their size:
the default waits until a fifth of the rows is dead, which in a table of millions is never."""

# Which code may work on the schema beside each step that it does not know (docs/migrations.md).
schema_step = Table(
    "schema_step",
    metadata,
    Column("revision", String(32), primary_key=True),
    Column("compatible_from", String(32), nullable=False),
)
