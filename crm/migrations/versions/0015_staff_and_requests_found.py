"""Messages to the staff by whom they are about, and requests that wait by their business."""

from __future__ import annotations

from crm.migrations.operations import check_foreign_key, create_index, drop_index, on_postgresql

revision: str = "0015"
down_revision: str | None = "0014"
compatible_from: str = "0003"


def upgrade() -> None:
    about = "customer_id IS NOT NULL"
    create_index("ix_outbox_customer_id", "outbox", "customer_id", where=about)
    create_index(
        "ix_effect_business_id_due_at", "effect", "business_id", "due_at",
        where="status = 'pending'",
    )  # fmt: skip
    drop_index("ix_effect_pending", "effect")
    if on_postgresql():
        check_foreign_key("outbox", "customer_id")


def downgrade() -> None:
    create_index("ix_effect_pending", "effect", "due_at", where="status = 'pending'")
    drop_index("ix_effect_business_id_due_at", "effect")
    drop_index("ix_outbox_customer_id", "outbox")
