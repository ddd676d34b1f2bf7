"""What is kept of how people's records are looked after: who looked, what was merged, bulk work."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, text

from crm.tables.meta import belongs_to, id_column, metadata, moment
from crm.tables.types import Id, Json

# Rows are only ever added. No value of a customer stands in one: only keys, counts and criteria.
audit = Table(
    "audit",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer", nullable=True),
    moment("at"),
    # Who: console:NAME, cli:NAME, api:NAME, customer ...; and from where (an address), if known.
    Column("by", String(200), nullable=False),
    Column("origin", String(200)),
    Column("what", String(40), nullable=False),
    Column("sensitivity", String(10), nullable=False),  # normal | high
    Column("data", Json),
    Index("ix_audit_business_id", "business_id", "id"),
    Index("ix_audit_customer_id", "customer_id", "id"),
)

# One customer merged into another; `moved` is what an undo needs, NULL once one of them is erased.
merging = Table(
    "merging",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer", name="source_id"),
    belongs_to("customer", name="target_id"),
    moment("at"),
    Column("by", String(200), nullable=False),
    Column("moved", Json),
    moment("undone_at", nullable=True),
    Column("undone_by", String(200)),
    Index("ix_merging_source_id", "source_id"),
    Index("ix_merging_target_id", "target_id"),
)

# One thing done to many customers, in the order of their ids, and how far it has come.
bulk_action = Table(
    "bulk_action",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("action", Json, nullable=False),
    Column("criteria", Json),
    Column("by", String(200), nullable=False),
    Column("reason", String(500)),
    moment("begun_at"),
    moment("ended_at", nullable=True),
    Column("after_id", Id, nullable=False),
    # Who came later is not meant.
    Column("last_id", Id, nullable=False),
    Column("seen", Integer, nullable=False, server_default=text("0")),
    Column("changed", Integer, nullable=False, server_default=text("0")),
    # The first of those that refused: [customer id, the reason].
    Column("refused", Json),
    Index("ix_bulk_action_business_id", "business_id", "id"),
)
