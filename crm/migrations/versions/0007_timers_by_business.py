"""Timers by business: the next one of a quiet business was looked for through all of the others."""

from __future__ import annotations

from crm.migrations.operations import create_index, drop_index

revision: str = "0007"
down_revision: str | None = "0006"
compatible_from: str = "0003"


def upgrade() -> None:
    create_index("ix_timer_business_id_due_at", "timer", "business_id", "due_at")
    drop_index("ix_timer_due_at", "timer")


def downgrade() -> None:
    create_index("ix_timer_due_at", "timer", "due_at")
    drop_index("ix_timer_business_id_due_at", "timer")
