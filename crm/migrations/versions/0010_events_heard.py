"""Events that turns have yet to hear of, and firings that wait for their moment."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, String

from crm.migrations.columns import Id, Json, belongs_to, id_column, moment, partial_index

revision: str = "0010"
down_revision: str | None = "0009"
compatible_from: str = "0003"


def upgrade() -> None:
    op.add_column("event", Column("unheard", Boolean))
    op.add_column("trigger_firing", Column("request", Json))
    op.add_column("trigger_firing", moment("expires_at", nullable=True))
    op.add_column("trigger_firing", moment("rings_at", nullable=True))
    op.create_table(
        "expansion",
        id_column(),
        belongs_to("business"),
        Column("segment", String(100), nullable=False),
        Column("trigger", String(200), nullable=False),
        Column("request", Json, nullable=False),
        Column("after_id", Id, nullable=False),
        moment("created_at"),
        moment("done_at", nullable=True),
        partial_index("ix_expansion_open", "business_id", "id", where="done_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("expansion")
    op.drop_column("trigger_firing", "rings_at")
    op.drop_column("trigger_firing", "expires_at")
    op.drop_column("trigger_firing", "request")
    op.drop_column("event", "unheard")
