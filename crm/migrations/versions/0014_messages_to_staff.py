"""A message may be for the staff: of no conversation, about a customer."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Column, Integer, String, Text

from crm.migrations.columns import Id, Json, belongs_to, id_column, moment, partial_index
from crm.migrations.operations import drop_foreign_key, on_postgresql, promise_foreign_key

revision: str = "0014"
down_revision: str | None = "0013"
compatible_from: str = "0003"

_INDEXES = ("ix_outbox_pending", "ix_outbox_dead")


def upgrade() -> None:
    if not on_postgresql():
        _make_again(with_staff=True)
        return
    op.alter_column("outbox", "conversation_id", nullable=True)
    op.add_column("outbox", Column("customer_id", Id))
    promise_foreign_key("outbox", "customer_id", "customer")


def downgrade() -> None:
    op.execute("DELETE FROM outbox WHERE conversation_id IS NULL")
    if not on_postgresql():
        _make_again(with_staff=False)
        return
    drop_foreign_key("outbox", "customer_id")
    op.drop_column("outbox", "customer_id")
    op.alter_column("outbox", "conversation_id", nullable=False)


def _make_again(*, with_staff: bool) -> None:
    """SQLite cannot let a column be empty that must not: the table is made again, and filled."""
    for index in _INDEXES:
        op.drop_index(index, "outbox")
    op.rename_table("outbox", "outbox_before")
    parts = _outbox(with_staff=with_staff)
    op.create_table("outbox", *parts)
    columns = [part.name for part in parts if isinstance(part, Column)]
    names = ", ".join(name for name in columns if name != "customer_id")
    op.execute(f"INSERT INTO outbox ({names}) SELECT {names} FROM outbox_before")  # noqa: S608
    op.drop_table("outbox_before")


def _outbox(*, with_staff: bool) -> list[Any]:
    return [
        id_column(),
        belongs_to("business"),
        belongs_to("account"),
        belongs_to("conversation", nullable=with_staff),
        Column("dedup_key", String(200), nullable=False, unique=True),
        Column("peer", String(100), nullable=False),
        Column("lane", Integer, nullable=False),
        Column("payload", Json, nullable=False),
        Column("status", String(10), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("last_error", Text),
        Column("provider_message_id", String(100)),
        moment("created_at"),
        moment("due_at"),
        moment("expires_at", nullable=True),
        moment("done_at", nullable=True),
        *([belongs_to("customer", nullable=True)] if with_staff else []),
        partial_index("ix_outbox_pending", "account_id", "due_at", where="status = 'pending'"),
        partial_index("ix_outbox_dead", "business_id", "id", where="status = 'dead'"),
    ]
