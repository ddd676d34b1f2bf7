"""Who waits for somebody of the staff is found at once, however many runs there are."""

from __future__ import annotations

from crm.migrations.operations import create_index, drop_index

revision: str = "0016"
down_revision: str | None = "0015"
compatible_from: str = "0003"


def upgrade() -> None:
    create_index("ix_run_handed", "run", "business_id", "waiting_since", where="status = 'handed'")


def downgrade() -> None:
    drop_index("ix_run_handed", "run")
