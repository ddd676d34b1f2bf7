"""The business, what it declares, and its customers with their 90 typed slots."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import Boolean, Column, Date, Index, Integer, String, Text, UniqueConstraint, text

from crm.migrations.columns import (
    Hundredths,
    Id,
    Json,
    Moment,
    belongs_to,
    counter,
    id_column,
    moment,
    money,
    partial_index,
)

revision: str = "0001"
down_revision: str | None = None

_TABLES = (
    "business",
    "field",
    "tag",
    "segment",
    "segment_member",
    "slot_index",
    "customer",
    "customer_account",
    "customer_tag",
)


def upgrade() -> None:
    _business()
    _field()
    _tag()
    _segment()
    _segment_member()
    _slot_index()
    _customer()
    _customer_account()
    _customer_tag()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _business() -> None:
    op.create_table(
        "business",
        id_column(),
        Column("key", String(100), nullable=False, unique=True),
        Column("name", String(200), nullable=False),
        Column("source", Text, nullable=False, server_default=""),
        moment("created_at"),
        moment("applied_at", nullable=True),
    )


def _field() -> None:
    op.create_table(
        "field",
        id_column(),
        belongs_to("business"),
        Column("key", String(100), nullable=False),
        Column("type", String(20), nullable=False),
        Column("slot", String(40)),
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


def _tag() -> None:
    op.create_table(
        "tag",
        id_column(),
        belongs_to("business"),
        Column("name", String(50), nullable=False),
        Column("folded", String(50), nullable=False),
        Column("color", String(7), nullable=False),
        Column("description", String(500)),
        Column("is_active", Boolean, nullable=False),
        moment("created_at"),
        UniqueConstraint("business_id", "folded"),
    )


def _segment() -> None:
    op.create_table(
        "segment",
        id_column(),
        belongs_to("business"),
        Column("key", String(100), nullable=False),
        Column("name", String(200), nullable=False),
        Column("kind", String(10), nullable=False),
        Column("status", String(10), nullable=False),
        Column("color", String(7), nullable=False),
        Column("description", String(500)),
        Column("criteria", Json),
        Column("position", Integer, nullable=False),
        Column("member_count", Integer, nullable=False),
        moment("last_calculated_at", nullable=True),
        moment("created_at"),
        UniqueConstraint("business_id", "key"),
        UniqueConstraint("business_id", "name"),
    )


def _segment_member() -> None:
    op.create_table(
        "segment_member",
        Column("segment_id", Id, primary_key=True),
        Column("customer_id", Id, primary_key=True),
        belongs_to("business"),
        moment("entered_at"),
        Index("ix_segment_member_customer_id", "customer_id"),
    )


def _slot_index() -> None:
    op.create_table(
        "slot_index",
        Column("slot", String(40), primary_key=True),
        Column("wanted", Boolean, nullable=False),
        moment("built_at", nullable=True),
    )


def _customer() -> None:
    op.create_table(
        "customer",
        id_column(),
        belongs_to("business"),
        *_identity(),
        *_company(),
        *_place(),
        *_sales(),
        *_consent(),
        *_numbers(),
        *_stage(),
        *_slots(),
        Column("custom_fields_extra", Json),
        *_trail(),
        UniqueConstraint("business_id", "external_id"),
        *_indexes(),
    )


def _identity() -> list[Column[Any]]:
    return [
        Column("first_name", String(100)),
        Column("last_name", String(100)),
        Column("username", String(100)),
        Column("phone_number", String(50)),
        Column("email", String(255)),
        Column("avatar", String(2048)),
        Column("description", String(1000)),
        Column("display_name", String(210), nullable=False),
        Column("name_folded", String(210), nullable=False),
    ]


def _company() -> list[Column[Any]]:
    return [
        Column("company", String(200)),
        Column("job_title", String(100)),
        Column("industry", String(100)),
        Column("website", String(2048)),
        Column("customer_type", String(20), nullable=False, server_default="individual"),
    ]


def _place() -> list[Column[Any]]:
    return [
        Column("address", String(500)),
        Column("city", String(100)),
        Column("state", String(100)),
        Column("country", String(100)),
        Column("zip_code", String(20)),
        Column("currency", String(3)),
        Column("language", String(10)),
        Column("timezone", String(50)),
        Column("date_order", String(3)),
    ]


def _sales() -> list[Column[Any]]:
    return [
        Column("status", String(20), nullable=False, server_default="lead"),
        Column("status_reason", String(500)),
        moment("status_at", nullable=True),
        Column("status_by", String(200)),
        Column("source", String(20), nullable=False, server_default="other"),
        Column("assigned_to", String(100)),
        Column("referred_by", Id),
        Column("referral_source", String(100)),
        Column("facebook_url", String(2048)),
        Column("instagram_url", String(2048)),
    ]


def _consent() -> list[Column[Any]]:
    return [
        Column("preferred_contact_method", String(20)),
        Column("marketing_preferences", Json),
        moment("opted_out_at", nullable=True),
    ]


def _numbers() -> list[Column[Any]]:
    return [
        counter("crm_score"),
        Column("health", String(10), nullable=False, server_default="red"),
        Column("score_parts", Json),
        counter("total_interactions"),
        counter("total_visits"),
        counter("total_purchases"),
        money("total_spent"),
        money("lifetime_value"),
        money("total_revenue"),
        counter("total_invoices"),
        moment("first_visit_at", nullable=True),
        moment("last_visit_at", nullable=True),
        moment("last_contacted_at", nullable=True),
        moment("last_message_at", nullable=True),
        moment("next_follow_up_at", nullable=True),
    ]


def _stage() -> list[Column[Any]]:
    return [
        Column("lifecycle_stage", String(20), nullable=False, server_default="lead"),
        moment("lifecycle_at", nullable=True),
        Column("journey_stage", String(20), nullable=False, server_default="awareness"),
        moment("journey_at", nullable=True),
    ]


def _trail() -> list[Column[Any]]:
    return [
        Column("external_id", String(100)),
        Column("integration_data", Json),
        moment("last_sync_at", nullable=True),
        moment("created_at"),
        Column("created_by", String(200)),
        moment("updated_at"),
        Column("updated_by", String(200)),
        moment("archived_at", nullable=True),
        Column("merged_into", Id),
        Column("asking_run", Id),
    ]


def _slots() -> list[Column[Any]]:
    groups: tuple[tuple[str, int, Any], ...] = (
        ("text", 30, String(500)),
        ("number", 15, Hundredths),
        ("date", 10, Date),
        ("boolean", 10, Boolean),
        ("email", 5, String(254)),
        ("phone", 5, String(20)),
        ("url", 5, String(2048)),
        ("select", 10, String(200)),
    )
    return [
        Column(f"custom_{kind}_{number}", type_)
        for kind, count, type_ in groups
        for number in range(1, count + 1)
    ]


def _indexes() -> list[Index]:
    full = (
        "name_folded",
        "status",
        "source",
        "customer_type",
        "crm_score",
        "total_interactions",
        "total_spent",
        "created_at",
    )
    partial = (
        "email",
        "phone_number",
        "company",
        "assigned_to",
        "referred_by",
        "industry",
        "city",
        "country",
        "last_contacted_at",
        "last_message_at",
        "next_follow_up_at",
    )
    return [
        *(Index(f"ix_customer_{name}", "business_id", name) for name in full),
        *(
            partial_index(f"ix_customer_{name}", "business_id", name, where=f"{name} IS NOT NULL")
            for name in partial
        ),
    ]


def _customer_account() -> None:
    op.create_table(
        "customer_account",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        Column("channel", String(20), nullable=False),
        Column("external_id", String(100), nullable=False),
        Column("username", String(100)),
        Column("blocked", Boolean, nullable=False, server_default=text("false")),
        moment("window_expires_at", nullable=True),
        moment("last_seen_at", nullable=True),
        moment("created_at"),
        UniqueConstraint("business_id", "channel", "external_id"),
        Index("ix_customer_account_customer_id", "customer_id"),
    )


def _customer_tag() -> None:
    op.create_table(
        "customer_tag",
        Column("customer_id", Id, primary_key=True),
        Column("tag_id", Id, primary_key=True),
        belongs_to("business"),
        Column("by", String(200), nullable=False),
        Column("at", Moment, nullable=False),
        Index("ix_customer_tag_tag_id", "business_id", "tag_id", "customer_id"),
    )
