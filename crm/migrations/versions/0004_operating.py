"""What operating at size needs: how PostgreSQL stores the hot tables, and indexes to forget by."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, ForeignKey, Index, String

from crm.migrations.columns import Id, Moment, belongs_to
from crm.migrations.operations import (
    create_index,
    drop_foreign_key,
    drop_index,
    on_postgresql,
    promise_foreign_key,
    reset_storage,
    set_storage,
)

revision: str = "0004"
down_revision: str | None = "0003"
compatible_from: str = "0003"

_SOON_CLEANED = {"autovacuum_vacuum_scale_factor": 0.01, "autovacuum_vacuum_threshold": 1000}
_STORAGE: dict[str, dict[str, float]] = {
    "conversation": _SOON_CLEANED,
    "run": {"fillfactor": 60, **_SOON_CLEANED},
    "customer": {"fillfactor": 70, **_SOON_CLEANED},
    "mail": _SOON_CLEANED,
    "outbox": _SOON_CLEANED,
    "timer": _SOON_CLEANED,
}
_INDEXES = (
    ("ix_run_ended_at", "run", ("ended_at",), "status = 'ended'"),
    ("ix_effect_run_id", "effect", ("run_id",), None),
    ("ix_trigger_firing_decided_at", "trigger_firing", ("decided_at",), "decided_at IS NOT NULL"),
)
_KEYS = (
    ("customer_tag", "customer_id", "customer"),
    ("customer_tag", "tag_id", "tag"),
    ("segment_member", "segment_id", "segment"),
    ("segment_member", "customer_id", "customer"),
)


def upgrade() -> None:
    for name, table, columns, where in _INDEXES:
        create_index(name, table, *columns, where=where)
    op.create_table(
        "schema_step",
        Column("revision", String(32), primary_key=True),
        Column("compatible_from", String(32), nullable=False),
    )
    for table, parameters in _STORAGE.items():
        set_storage(table, **parameters)
    if on_postgresql():
        for table, column, target in _KEYS:
            promise_foreign_key(table, column, target)
    else:
        _make_again(with_keys=True)


def downgrade() -> None:
    for name, table, _, _ in _INDEXES:
        drop_index(name, table)
    if on_postgresql():
        for table, column, _ in _KEYS:
            drop_foreign_key(table, column)
    else:
        _make_again(with_keys=False)
    for table, parameters in _STORAGE.items():
        reset_storage(table, *parameters)
    op.drop_table("schema_step")


def _make_again(*, with_keys: bool) -> None:
    """SQLite cannot give a table that is there a foreign key: it is made again, and filled."""
    _refill("customer_tag", _customer_tag(with_keys), "ix_customer_tag_tag_id")
    _refill("segment_member", _segment_member(with_keys), "ix_segment_member_customer_id")


def _refill(table: str, parts: list[Any], index: str) -> None:
    op.drop_index(index, table)
    op.rename_table(table, f"{table}_before")
    op.create_table(table, *parts)
    names = ", ".join(f'"{part.name}"' for part in parts if isinstance(part, Column))
    copied = f"INSERT INTO {table} ({names}) SELECT {names} FROM {table}_before"  # noqa: S608
    op.execute(copied)
    op.drop_table(f"{table}_before")


def _customer_tag(with_keys: bool) -> list[Any]:
    return [
        _key("customer", with_keys),
        _key("tag", with_keys),
        belongs_to("business"),
        Column("by", String(200), nullable=False),
        Column("at", Moment, nullable=False),
        Index("ix_customer_tag_tag_id", "business_id", "tag_id", "customer_id"),
    ]


def _segment_member(with_keys: bool) -> list[Any]:
    return [
        _key("segment", with_keys),
        _key("customer", with_keys),
        belongs_to("business"),
        Column("entered_at", Moment, nullable=False),
        Index("ix_segment_member_customer_id", "customer_id"),
    ]


def _key(table: str, with_key: bool) -> Column[Any]:
    keys = [ForeignKey(f"{table}.id")] if with_key else []
    return Column(f"{table}_id", Id, *keys, primary_key=True)
