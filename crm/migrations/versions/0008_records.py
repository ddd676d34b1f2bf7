"""What people record, whole: visits by day, refunds, follow-ups and tasks that end, attachments."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, Date, Index, Integer, String, text

from crm.migrations.columns import Hundredths, Id, Json, belongs_to, id_column, moment
from crm.migrations.operations import create_index, drop_index

revision: str = "0008"
down_revision: str | None = "0007"
compatible_from: str = "0003"


def _added() -> dict[str, list[Column[Any]]]:
    return {
        "interaction": [
            Column("day", Date),
            moment("follow_up_done_at", nullable=True),
            Column("by", String(200)),
        ],
        "purchase": [
            Column("refunded", Hundredths, nullable=False, server_default=text("0")),
            Column("revenue", Hundredths),
            moment("visited_at", nullable=True),
            Column("by", String(200)),
        ],
        "note": [moment("edited_at", nullable=True), Column("mentions", Json)],
        "task": [
            moment("cancelled_at", nullable=True),
            moment("first_due_at", nullable=True),
            Column("follows_id", Id),
            Column("by", String(200)),
        ],
        "customer": [moment("follow_up_by_hand_at", nullable=True)],
    }


_INDEXES = (
    ("ix_task_business_id_due_at", ("business_id", "due_at")),
    ("ix_task_business_id_assigned_to", ("business_id", "assigned_to", "due_at")),
)


def upgrade() -> None:
    for name, columns in _INDEXES:
        create_index(name, "task", *columns, where="completed_at IS NULL")
    for table, added in _added().items():
        for column in added:
            op.add_column(table, column)
    op.create_table(
        "attachment",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        belongs_to("note"),
        Column("name", String(255), nullable=False),
        Column("media_type", String(100), nullable=False),
        Column("size", Integer, nullable=False),
        Column("key", String(64), nullable=False),
        Column("by", String(200), nullable=False),
        moment("created_at"),
        Index("ix_attachment_note_id", "note_id"),
        Index("ix_attachment_customer_id", "customer_id"),
        Index("ix_attachment_business_id_key", "business_id", "key"),
    )


def downgrade() -> None:
    for name, _ in _INDEXES:
        drop_index(name, "task")
    op.drop_table("attachment")
    for table, added in _added().items():
        for column in added:
            op.drop_column(table, str(column.name))
