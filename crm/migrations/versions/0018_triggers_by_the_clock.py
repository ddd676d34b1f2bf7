"""Triggers that a clock brings: where people are, what is paused, what was said by itself."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, Index, Integer, String, text

from crm.migrations.columns import Id, belongs_to, id_column, moment
from crm.migrations.operations import create_index, drop_index

revision: str = "0018"
down_revision: str | None = "0017"
compatible_from: str = "0003"


def upgrade() -> None:
    create_index(
        "ix_customer_timezone", "customer", "business_id", "timezone",
        where="timezone IS NOT NULL",
    )  # fmt: skip
    create_index(
        "ix_field_history_zones", "field_history", "business_id", "at",
        where="field = 'timezone'",
    )  # fmt: skip
    op.create_table(
        "trigger_state",
        Column("business_id", Id, ForeignKey("business.id"), primary_key=True, autoincrement=False),
        Column("trigger", String(200), primary_key=True),
        moment("hour_at", nullable=True),
        Column("rung", Integer, nullable=False, server_default=text("0")),
        moment("paused_at", nullable=True),
        Column("paused_by", String(100)),
        Column("reason", String(200)),
    )
    op.create_table(
        "automatic_send",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        Column("purpose", String(30), nullable=False),
        moment("at"),
        Index("ix_automatic_send_customer_id", "customer_id", "at"),
    )


def downgrade() -> None:
    op.drop_table("automatic_send")
    op.drop_table("trigger_state")
    drop_index("ix_field_history_zones", "field_history")
    drop_index("ix_customer_timezone", "customer")
