"""What happened to a customer: values, the timeline, and the records people keep."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from crm.tables.meta import belongs_to, id_column, metadata, moment
from crm.tables.types import Hundredths, Id, Json

_ZONES = text("field = 'timezone'")

field_history = Table(
    "field_history",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer"),
    Column("field", String(100), nullable=False),
    # Plain JSON of the values: engine.fields.plain.
    Column("old", Json),
    Column("new", Json),
    moment("at"),
    # Who or what wrote it: flow:KEY, console:NAME, import:FILE, api:NAME ...
    Column("by", String(200), nullable=False),
    Column("reason", String(500)),
    # Where a flow wrote it.
    Column("flow", String(100)),
    Column("flow_version", Integer),
    Column("node", String(100)),
    Column("mail_id", Id),
    Index("ix_field_history_customer_id_field", "customer_id", "field", "id"),
    # Who has moved of late: what was still to come where they were comes all the same.
    Index(
        "ix_field_history_zones",
        "business_id",
        "at",
        sqlite_where=_ZONES,
        postgresql_where=_ZONES,
    ),
)

activity = Table(
    "activity",
    metadata,
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

interaction = Table(
    "interaction",
    metadata,
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
    # The business's own day of a visit, of which one counts.
    Column("day", Date),
    moment("follow_up_done_at", nullable=True),
    Column("by", String(200)),
    Index("ix_interaction_customer_id", "customer_id", "id"),
)

purchase = Table(
    "purchase",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer"),
    Column("number", String(100)),
    Column("amount", Hundredths, nullable=False),
    Column("currency", String(3), nullable=False),
    Column("status", String(10), nullable=False),  # draft | paid | refunded | void
    Column("date", Date, nullable=False),
    Column("items", Json),
    moment("created_at"),
    Column("refunded", Hundredths, nullable=False, server_default=text("0")),
    # What `amount` is in the business's currency; NULL where nobody knows.
    Column("revenue", Hundredths),
    # When the customer was there; `date` is its day.
    moment("visited_at", nullable=True),
    Column("by", String(200)),
    UniqueConstraint("business_id", "number"),
    Index("ix_purchase_customer_id", "customer_id", "id"),
)

note = Table(
    "note",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer"),
    Column("text", Text, nullable=False),
    Column("author", String(100), nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("private", Boolean, nullable=False),
    moment("created_at"),
    moment("edited_at", nullable=True),
    # Names of the staff that the text mentions.
    Column("mentions", Json),
    Index("ix_note_customer_id", "customer_id", "id"),
)

# A file that is kept beside the database, under `key`.
attachment = Table(
    "attachment",
    metadata,
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

_NOT_DONE = text("completed_at IS NULL")

task = Table(
    "task",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer", nullable=True),
    Column("title", String(200), nullable=False),
    Column("description", Text),
    Column("priority", String(10), nullable=False),  # low | normal | high | urgent
    Column("assigned_to", String(100)),
    Column("recurrence", String(200)),
    moment("due_at", nullable=True),
    moment("created_at"),
    moment("completed_at", nullable=True),
    Column("completed_by", String(100)),
    moment("cancelled_at", nullable=True),
    # From where a repetition counts, and the task whose completion made this one.
    moment("first_due_at", nullable=True),
    Column("follows_id", Id),
    Column("by", String(200)),
    Index("ix_task_customer_id", "customer_id", "id"),
    Index(
        "ix_task_business_id_due_at",
        "business_id",
        "due_at",
        sqlite_where=_NOT_DONE,
        postgresql_where=_NOT_DONE,
    ),
    Index(
        "ix_task_business_id_assigned_to",
        "business_id",
        "assigned_to",
        "due_at",
        sqlite_where=_NOT_DONE,
        postgresql_where=_NOT_DONE,
    ),
)
