"""Segments that are made beside crm.yaml, words to find them by, and how often they are used."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String

from crm.migrations.columns import Json, counter, moment

revision: str = "0009"
down_revision: str | None = "0008"
compatible_from: str = "0003"

_COLUMNS = (
    lambda: Column("created_by", String(200)),
    lambda: Column("tags", Json),
    lambda: counter("times_used"),
    lambda: moment("last_used_at", nullable=True),
)


def upgrade() -> None:
    for column in _COLUMNS:
        op.add_column("segment", column())


def downgrade() -> None:
    for name in ("last_used_at", "times_used", "tags", "created_by"):
        op.drop_column("segment", name)
