"""The business (tenant) and what its crm.yaml declares."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from crm.tables.meta import belongs_to, id_column, metadata, moment
from crm.tables.types import Id, Json

business = Table(
    "business",
    metadata,
    id_column(),
    Column("key", String(100), nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    # crm.yaml as it was applied: what `apply` compares with.
    Column("source", Text, nullable=False, server_default=""),
    moment("created_at"),
    moment("applied_at", nullable=True),
)

field = Table(
    "field",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("key", String(100), nullable=False),
    Column("type", String(20), nullable=False),
    # NULL: the value lives in customer.custom_fields_extra. Also where a field was out of use
    # and another one was given its column.
    Column("slot", String(40)),
    # Label, options, rules and the other things a file says about the field.
    Column("declaration", Json, nullable=False),
    Column("position", Integer, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("is_system", Boolean, nullable=False),
    moment("created_at"),
    moment("deactivated_at", nullable=True),
    UniqueConstraint("business_id", "key"),
    Index(
        "uq_field_slot_active",
        "business_id",
        "slot",
        unique=True,
        sqlite_where=text("is_active AND slot IS NOT NULL"),
        postgresql_where=text("is_active AND slot IS NOT NULL"),
    ),
)

tag = Table(
    "tag",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("name", String(50), nullable=False),
    # The name folded (engine.fields.fold): unique ignoring case and letter variants.
    Column("folded", String(50), nullable=False),
    Column("color", String(7), nullable=False),
    Column("description", String(500)),
    Column("is_active", Boolean, nullable=False),
    moment("created_at"),
    UniqueConstraint("business_id", "folded"),
)

segment = Table(
    "segment",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("key", String(100), nullable=False),
    Column("name", String(200), nullable=False),
    Column("kind", String(10), nullable=False),  # dynamic | static
    Column("status", String(10), nullable=False),  # active | paused | archived
    Column("color", String(7), nullable=False),
    Column("description", String(500)),
    Column("criteria", Json),
    Column("position", Integer, nullable=False),
    Column("member_count", Integer, nullable=False),
    moment("last_calculated_at", nullable=True),
    moment("created_at"),
    # Who made it beside crm.yaml; NULL: crm.yaml declares it.
    Column("created_by", String(200)),
    # Words to find it by: a list of texts.
    Column("tags", Json),
    Column("times_used", Integer, nullable=False, server_default=text("0")),
    moment("last_used_at", nullable=True),
    UniqueConstraint("business_id", "key"),
    UniqueConstraint("business_id", "name"),
)

segment_member = Table(
    "segment_member",
    metadata,
    Column("segment_id", Id, ForeignKey("segment.id"), primary_key=True),
    Column("customer_id", Id, ForeignKey("customer.id"), primary_key=True),
    belongs_to("business"),
    moment("entered_at"),
    Index("ix_segment_member_customer_id", "customer_id"),
)

slot_index = Table(
    "slot_index",
    metadata,
    Column("slot", String(40), primary_key=True),
    Column("wanted", Boolean, nullable=False),
    moment("built_at", nullable=True),
)
