"""Who looked at what, which customers were merged or erased, and what was done to many at once."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, Index, String

from crm.migrations.columns import Id, Json, belongs_to, counter, id_column, moment

revision: str = "0013"
down_revision: str | None = "0012"
compatible_from: str = "0003"


def upgrade() -> None:
    op.add_column("customer", moment("erased_at", nullable=True))
    op.create_table(
        "audit",
        id_column(),
        belongs_to("business"),
        Column("customer_id", Id, ForeignKey("customer.id")),
        moment("at"),
        Column("by", String(200), nullable=False),
        Column("origin", String(200)),
        Column("what", String(40), nullable=False),
        Column("sensitivity", String(10), nullable=False),
        Column("data", Json),
        Index("ix_audit_business_id", "business_id", "id"),
        Index("ix_audit_customer_id", "customer_id", "id"),
    )
    op.create_table(
        "merging",
        id_column(),
        belongs_to("business"),
        Column("source_id", Id, ForeignKey("customer.id"), nullable=False),
        Column("target_id", Id, ForeignKey("customer.id"), nullable=False),
        moment("at"),
        Column("by", String(200), nullable=False),
        Column("moved", Json),
        moment("undone_at", nullable=True),
        Column("undone_by", String(200)),
        Index("ix_merging_source_id", "source_id"),
        Index("ix_merging_target_id", "target_id"),
    )
    op.create_table(
        "bulk_action",
        id_column(),
        belongs_to("business"),
        Column("action", Json, nullable=False),
        Column("criteria", Json),
        Column("by", String(200), nullable=False),
        Column("reason", String(500)),
        moment("begun_at"),
        moment("ended_at", nullable=True),
        Column("after_id", Id, nullable=False),
        Column("last_id", Id, nullable=False),
        counter("seen"),
        counter("changed"),
        Column("refused", Json),
        Index("ix_bulk_action_business_id", "business_id", "id"),
    )


def downgrade() -> None:
    op.drop_table("bulk_action")
    op.drop_table("merging")
    op.drop_table("audit")
    op.drop_column("customer", "erased_at")
