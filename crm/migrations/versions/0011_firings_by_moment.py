"""What the pump looks for: unheard events, firings whose moment has come, those that are held."""

from __future__ import annotations

from crm.migrations.operations import create_index, drop_index

revision: str = "0011"
down_revision: str | None = "0010"
compatible_from: str = "0003"


def upgrade() -> None:
    create_index("ix_event_unheard", "event", "business_id", "id", where="unheard IS NOT NULL")
    create_index(
        "ix_trigger_firing_rings", "trigger_firing", "business_id", "rings_at",
        where="rings_at IS NOT NULL",
    )  # fmt: skip
    create_index("ix_trigger_firing_held", "trigger_firing", "customer_id", where="status = 'held'")
    drop_index("ix_trigger_firing_due", "trigger_firing")


def downgrade() -> None:
    create_index(
        "ix_trigger_firing_due", "trigger_firing", "due_at",
        where="status IN ('planned', 'held')",
    )  # fmt: skip
    drop_index("ix_trigger_firing_held", "trigger_firing")
    drop_index("ix_trigger_firing_rings", "trigger_firing")
    drop_index("ix_event_unheard", "event")
