"""The customer: base columns, the 90 typed slots, and who they are on each channel."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    text,
)

from crm.tables.meta import SOON_CLEANED, belongs_to, id_column, metadata, moment
from crm.tables.types import Hundredths, Id, Json, UtcDateTime
from engine.fields.slots import slots_of
from engine.fields.types import FieldType

_SLOT_TYPES: dict[FieldType, Any] = {
    FieldType.NUMBER: Hundredths,
    FieldType.DATE: Date,
    FieldType.BOOLEAN: Boolean,
}


def _slot_columns() -> list[Column[Any]]:
    return [
        Column(slot.name, _SLOT_TYPES.get(slot.type) or String(slot.size))
        for type_ in FieldType
        for slot in slots_of(type_)
    ]


def _counter(name: str) -> Column[Any]:
    return Column(name, Integer, nullable=False, server_default=text("0"))


def _money(name: str) -> Column[Any]:
    return Column(name, Hundredths, nullable=False, server_default=text("0"))


customer = Table(
    "customer",
    metadata,
    id_column(),
    belongs_to("business"),
    # identity
    Column("first_name", String(100)),
    Column("last_name", String(100)),
    Column("username", String(100)),
    Column("phone_number", String(50)),
    Column("email", String(255)),
    Column("avatar", String(2048)),
    Column("description", String(1000)),
    # Computed by the write path: what is shown, and its folded form for search.
    Column("display_name", String(210), nullable=False),
    Column("name_folded", String(210), nullable=False),
    # company
    Column("company", String(200)),
    Column("job_title", String(100)),
    Column("industry", String(100)),
    Column("website", String(2048)),
    Column("customer_type", String(20), nullable=False, server_default="individual"),
    # place
    Column("address", String(500)),
    Column("city", String(100)),
    Column("state", String(100)),
    Column("country", String(100)),
    Column("zip_code", String(20)),
    Column("currency", String(3)),
    Column("language", String(10)),
    Column("timezone", String(50)),
    # The order of day and month this person was seen to write: dmy | mdy.
    Column("date_order", String(3)),
    # sales
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
    # consent
    Column("preferred_contact_method", String(20)),
    Column("marketing_preferences", Json),
    moment("opted_out_at", nullable=True),
    # numbers
    _counter("crm_score"),
    Column("health", String(10), nullable=False, server_default="red"),
    Column("score_parts", Json),
    _counter("total_interactions"),
    _counter("total_visits"),
    _counter("total_purchases"),
    _money("total_spent"),
    _money("lifetime_value"),
    _money("total_revenue"),
    _counter("total_invoices"),
    moment("first_visit_at", nullable=True),
    moment("last_visit_at", nullable=True),
    moment("last_contacted_at", nullable=True),
    moment("last_message_at", nullable=True),
    moment("next_follow_up_at", nullable=True),
    # stage
    Column("lifecycle_stage", String(20), nullable=False, server_default="lead"),
    moment("lifecycle_at", nullable=True),
    Column("journey_stage", String(20), nullable=False, server_default="awareness"),
    moment("journey_at", nullable=True),
    # custom
    *_slot_columns(),
    Column("custom_fields_extra", Json),
    # trail
    Column("external_id", String(100)),
    Column("integration_data", Json),
    moment("last_sync_at", nullable=True),
    moment("created_at"),
    Column("created_by", String(200)),
    moment("updated_at"),
    Column("updated_by", String(200)),
    moment("archived_at", nullable=True),
    Column("merged_into", Id),
    # At most one run of a customer holds the open question; NULL: none does.
    Column("asking_run", Id),
    # The follow-up that a person set; before those that interactions ask for.
    moment("follow_up_by_hand_at", nullable=True),
    # What was known of this person is gone; the row keeps totals true.
    moment("erased_at", nullable=True),
    UniqueConstraint("business_id", "external_id"),
    # A wide row that is rewritten at each answer of somebody new; see `run`.
    postgresql_with={"fillfactor": 70, **SOON_CLEANED},
)

_INDEXED = (
    "email",
    "phone_number",
    "name_folded",
    "company",
    "status",
    "assigned_to",
    "referred_by",
    "source",
    "industry",
    "customer_type",
    "city",
    "country",
    "crm_score",
    "last_contacted_at",
    "last_message_at",
    "total_interactions",
    "total_spent",
    "next_follow_up_at",
    "created_at",
    # The zones there are, and who is in one: what comes by a clock comes where people are.
    "timezone",
)
# Partial where most rows have no value: an index entry for NULL would cost every insert.
for _name in _INDEXED:
    _column = customer.c[_name]
    _present = text(f"{_name} IS NOT NULL") if _column.nullable else None
    Index(
        f"ix_customer_{_name}",
        customer.c.business_id,
        _column,
        sqlite_where=_present,
        postgresql_where=_present,
    )

customer_account = Table(
    "customer_account",
    metadata,
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

customer_tag = Table(
    "customer_tag",
    metadata,
    Column("customer_id", Id, ForeignKey("customer.id"), primary_key=True),
    Column("tag_id", Id, ForeignKey("tag.id"), primary_key=True),
    belongs_to("business"),
    Column("by", String(200), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_customer_tag_tag_id", "business_id", "tag_id", "customer_id"),
)

__all__ = ["customer", "customer_account", "customer_tag"]
