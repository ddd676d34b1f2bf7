"""Files of customers: how far each has come, its rows, its rejected cells, what its columns are."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, ForeignKey, Index, Integer, String, Text, UniqueConstraint

from crm.migrations.columns import Id, Json, belongs_to, id_column, moment

revision: str = "0017"
down_revision: str | None = "0016"
compatible_from: str = "0003"


def upgrade() -> None:
    op.create_table(
        "file_job",
        id_column(),
        belongs_to("business"),
        Column("kind", String(10), nullable=False),
        Column("name", String(255), nullable=False),
        Column("path", String(4096)),
        Column("digest", String(64)),
        Column("options", Json, nullable=False),
        Column("round", Integer, nullable=False),
        Column("status", String(10), nullable=False),
        Column("position", Integer, nullable=False),
        Column("counts", Json, nullable=False),
        Column("problem", Text),
        Column("by", String(200), nullable=False),
        moment("created_at"),
        moment("moved_at"),
        moment("ended_at", nullable=True),
        UniqueConstraint("business_id", "kind", "digest"),
    )
    op.create_table(
        "imported_row",
        Column("job_id", Id, ForeignKey("file_job.id"), primary_key=True, autoincrement=False),
        Column("row", Integer, primary_key=True, autoincrement=False),
        belongs_to("business"),
        belongs_to("customer"),
        Index("ix_imported_row_customer_id_job_id", "customer_id", "job_id"),
    )
    op.create_table(
        "rejected_cell",
        id_column(),
        belongs_to("business"),
        Column("job_id", Id, ForeignKey("file_job.id"), nullable=False),
        Column("row", Integer, nullable=False),
        Column("column", String(200), nullable=False),
        Column("value", String(200), nullable=False),
        Column("reason", Text, nullable=False),
        moment("at"),
        Index("ix_rejected_cell_job_id", "job_id", "id"),
    )
    op.create_table(
        "known_column",
        Column("business_id", Id, ForeignKey("business.id"), primary_key=True, autoincrement=False),
        Column("header", String(200), primary_key=True),
        Column("field", String(100), nullable=False),
    )


def downgrade() -> None:
    for table in ("known_column", "rejected_cell", "imported_row", "file_job"):
        op.drop_table(table)
