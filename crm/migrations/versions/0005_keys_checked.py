"""The rows that were there before the foreign keys of 0004 are checked by them too."""

from __future__ import annotations

from crm.migrations.operations import check_foreign_key, on_postgresql

revision: str = "0005"
down_revision: str | None = "0004"
compatible_from: str = "0003"


def upgrade() -> None:
    if on_postgresql():
        check_foreign_key("customer_tag", "customer_id")
        check_foreign_key("customer_tag", "tag_id")
        check_foreign_key("segment_member", "segment_id")
        check_foreign_key("segment_member", "customer_id")


def downgrade() -> None:
    """A checked key is no other key than an unchecked one."""
