"""Files of customers that are taken in or written: how far each has come, and what became of it."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from crm.tables.meta import belongs_to, id_column, metadata, moment
from crm.tables.types import Id, Json

file_job = Table(
    "file_job",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("kind", String(10), nullable=False),  # import | export
    Column("name", String(255), nullable=False),
    # Where the file is, for a worker that is to do it; NULL: only who has begun it knows.
    Column("path", String(4096)),
    # SHA-256 of an import's content: the same file is the same job. NULL for exports.
    Column("digest", String(64)),
    # How it is done: mapping, match ...; the same file may be imported again in another way.
    Column("options", Json, nullable=False),
    # How often it was begun anew: two processes go on together only in the same round.
    Column("round", Integer, nullable=False),
    Column("status", String(10), nullable=False),  # waiting | running | done | failed
    # The number of the last row that is stored.
    Column("position", Integer, nullable=False),
    Column("counts", Json, nullable=False),
    Column("problem", Text),
    Column("by", String(200), nullable=False),
    moment("created_at"),
    moment("moved_at"),
    moment("ended_at", nullable=True),
    UniqueConstraint("business_id", "kind", "digest"),
)

# Which customer a row of a file became or was: the same file again finds them by it.
imported_row = Table(
    "imported_row",
    metadata,
    Column("job_id", Id, ForeignKey("file_job.id"), primary_key=True, autoincrement=False),
    Column("row", Integer, primary_key=True, autoincrement=False),
    belongs_to("business"),
    belongs_to("customer"),
    Index("ix_imported_row_customer_id_job_id", "customer_id", "job_id"),
)

rejected_cell = Table(
    "rejected_cell",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("file_job", name="job_id"),
    Column("row", Integer, nullable=False),
    # The header of its column; '' for a whole row.
    Column("column", String(200), nullable=False),
    Column("value", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    moment("at"),
    Index("ix_rejected_cell_job_id", "job_id", "id"),
)

# What a person has said a column is, for the next file.
known_column = Table(
    "known_column",
    metadata,
    Column("business_id", Id, ForeignKey("business.id"), primary_key=True, autoincrement=False),
    # The header folded, without blanks and marks.
    Column("header", String(200), primary_key=True),
    Column("field", String(100), nullable=False),
)
