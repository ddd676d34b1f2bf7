"""What the staff is told when something keeps the system from its work."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, String

from crm.migrations.columns import Id, moment

revision: str = "0006"
down_revision: str | None = "0005"
compatible_from: str = "0003"


def upgrade() -> None:
    op.create_table(
        "alarm",
        Column("business_id", Id, ForeignKey("business.id"), primary_key=True, autoincrement=False),
        Column("kind", String(20), primary_key=True),
        Column("about", String(200), primary_key=True),
        Column("reason", String(500), nullable=False),
        moment("raised_at"),
        moment("over_at", nullable=True),
        moment("told_raised_at", nullable=True),
        moment("told_over_at", nullable=True),
    )


def downgrade() -> None:
    op.drop_table("alarm")
