"""What happened to a customer: values, timeline, interactions, purchases, notes, tasks."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Date, Index, Integer, String, Text, UniqueConstraint

from crm.migrations.columns import Hundredths, Id, Json, belongs_to, id_column, moment

revision: str = "0002"
down_revision: str | None = "0001"

_TABLES = ("field_history", "activity", "interaction", "purchase", "note", "task")


def upgrade() -> None:
    _field_history()
    _activity()
    _interaction()
    _purchase()
    _note()
    _task()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _field_history() -> None:
    op.create_table(
        "field_history",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        Column("field", String(100), nullable=False),
        Column("old", Json),
        Column("new", Json),
        moment("at"),
        Column("by", String(200), nullable=False),
        Column("reason", String(500)),
        Column("flow", String(100)),
        Column("flow_version", Integer),
        Column("node", String(100)),
        Column("mail_id", Id),
        Index("ix_field_history_customer_id_field", "customer_id", "field", "id"),
    )


def _activity() -> None:
    op.create_table(
        "activity",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        moment("at"),
        Column("type", String(30), nullable=False),
        Column("description", Text, nullable=False),
        Column("data", Json),
        Column("by", String(200), nullable=False),
        Index("ix_activity_customer_id", "customer_id", "id"),
    )


def _interaction() -> None:
    op.create_table(
        "interaction",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        Column("kind", String(20), nullable=False),
        Column("channel", String(20), nullable=False),
        Column("direction", String(10), nullable=False),
        Column("subject", String(200)),
        Column("notes", Text),
        Column("handled_by", String(100)),
        Column("duration_minutes", Integer),
        Column("outcome", String(100)),
        Column("follow_up_required", Boolean, nullable=False),
        Column("follow_up_date", Date),
        moment("at"),
        Index("ix_interaction_customer_id", "customer_id", "id"),
    )


def _purchase() -> None:
    op.create_table(
        "purchase",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        Column("number", String(100)),
        Column("amount", Hundredths, nullable=False),
        Column("currency", String(3), nullable=False),
        Column("status", String(10), nullable=False),
        Column("date", Date, nullable=False),
        Column("items", Json),
        moment("created_at"),
        UniqueConstraint("business_id", "number"),
        Index("ix_purchase_customer_id", "customer_id", "id"),
    )


def _note() -> None:
    op.create_table(
        "note",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        Column("text", Text, nullable=False),
        Column("author", String(100), nullable=False),
        Column("pinned", Boolean, nullable=False),
        Column("private", Boolean, nullable=False),
        moment("created_at"),
        Index("ix_note_customer_id", "customer_id", "id"),
    )


def _task() -> None:
    op.create_table(
        "task",
        id_column(),
        belongs_to("business"),
        belongs_to("customer", nullable=True),
        Column("title", String(200), nullable=False),
        Column("description", Text),
        Column("priority", String(10), nullable=False),
        Column("assigned_to", String(100)),
        Column("recurrence", String(200)),
        moment("due_at", nullable=True),
        moment("created_at"),
        moment("completed_at", nullable=True),
        Column("completed_by", String(100)),
        Index("ix_task_customer_id", "customer_id", "id"),
    )
