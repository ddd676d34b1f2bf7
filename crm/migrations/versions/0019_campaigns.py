"""Campaigns: what a run was started with, how far it is planned, and how many were let go."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Integer, String, text

from crm.migrations.columns import Id, Json, moment
from crm.migrations.operations import create_index, drop_index

revision: str = "0019"
down_revision: str | None = "0018"
compatible_from: str = "0003"


def upgrade() -> None:
    create_index(
        "ix_trigger_firing_waiting", "trigger_firing", "business_id", "trigger", "due_at",
        where="status = 'planned' AND rings_at IS NULL",
    )  # fmt: skip
    op.add_column("campaign_run", Column("definition", Json))
    op.add_column("campaign_run", Column("after_id", Id, nullable=False, server_default=text("0")))
    op.add_column("campaign_run", moment("planned_at", nullable=True))
    op.add_column("campaign_run", Column("reason", String(200)))
    op.add_column("campaign_run", moment("span_at", nullable=True))
    for name in ("let_go", "let_go_in_all", "errors"):
        op.add_column(
            "campaign_run", Column(name, Integer, nullable=False, server_default=text("0"))
        )


def downgrade() -> None:
    for name in (
        "errors", "let_go_in_all", "let_go", "span_at", "reason", "planned_at", "after_id",
        "definition",
    ):  # fmt: skip
        op.drop_column("campaign_run", name)
    drop_index("ix_trigger_firing_waiting", "trigger_firing")
