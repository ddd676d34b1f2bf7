"""Why a node was left by its exit, and after how many invalid replies."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, String, text

from crm.migrations.columns import counter

revision: str = "0012"
down_revision: str | None = "0011"
compatible_from: str = "0003"


def upgrade() -> None:
    op.add_column("visit", Column("way", String(100), nullable=False, server_default=text("''")))
    op.add_column("visit", counter("tries"))


def downgrade() -> None:
    for name in ("tries", "way"):
        op.drop_column("visit", name)
