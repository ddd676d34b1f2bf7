"""What the engine needs to go on after a crash: flow versions, runs, mail, timers, outbox."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, Index, Integer, String, Text, UniqueConstraint, text

from crm.migrations.columns import Id, Json, Moment, belongs_to, id_column, moment, partial_index

revision: str = "0003"
down_revision: str | None = "0002"

_TABLES = (
    "account",
    "conversation",
    "flow_version",
    "run",
    "visit",
    "mail",
    "timer",
    "effect",
    "outbox",
    "event",
    "trigger_firing",
    "scan_cursor",
    "campaign_run",
    "lease",
)


def upgrade() -> None:
    _account()
    _conversation()
    _flow_version()
    _run()
    _visit()
    _mail()
    _timer()
    _effect()
    _outbox()
    _event()
    _trigger_firing()
    _scan_cursor()
    _campaign_run()
    _lease()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _account() -> None:
    op.create_table(
        "account",
        id_column(),
        belongs_to("business"),
        Column("channel", String(20), nullable=False),
        Column("external_id", String(100), nullable=False),
        Column("username", String(100)),
        moment("created_at"),
        UniqueConstraint("business_id", "channel", "external_id"),
    )


def _conversation() -> None:
    op.create_table(
        "conversation",
        id_column(),
        belongs_to("business"),
        belongs_to("account"),
        belongs_to("customer"),
        Column("peer", String(100), nullable=False),
        Column("status", String(10), nullable=False),
        moment("ready_at", nullable=True),
        moment("hold_until", nullable=True),
        Column("revision", Integer, nullable=False),
        UniqueConstraint("account_id", "peer", "customer_id"),
        Index("ix_conversation_customer_id", "customer_id"),
        partial_index("ix_conversation_ready", "business_id", "ready_at", where="status = 'ready'"),
    )


def _flow_version() -> None:
    op.create_table(
        "flow_version",
        id_column(),
        belongs_to("business"),
        Column("flow", String(100), nullable=False),
        Column("number", Integer, nullable=False),
        Column("path", String(500), nullable=False),
        Column("source", Text, nullable=False),
        moment("applied_at"),
        moment("withdrawn_at", nullable=True),
        UniqueConstraint("business_id", "flow", "number"),
    )


def _run() -> None:
    op.create_table(
        "run",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        belongs_to("conversation"),
        Column("flow", String(100), nullable=False),
        Column("flow_version", Integer, nullable=False),
        Column("node", String(100)),
        Column("wait_id", String(40)),
        Column("frames", Json, nullable=False),
        Column("wait", Json),
        Column("event", Json),
        Column("attempts", Integer, nullable=False),
        Column("status", String(10), nullable=False),
        Column("outcome", String(100)),
        Column("cause", String(200), nullable=False),
        Column("firing", String(300)),
        moment("started_at"),
        moment("waiting_since", nullable=True),
        moment("ended_at", nullable=True),
        partial_index("ix_run_open", "business_id", "customer_id", where="status <> 'ended'"),
        Index("ix_run_flow", "business_id", "flow", "flow_version", "status"),
    )


def _visit() -> None:
    op.create_table(
        "visit",
        id_column(),
        belongs_to("run"),
        Column("flow", String(100), nullable=False),
        Column("node", String(100), nullable=False),
        moment("entered_at"),
        moment("left_at"),
        Column("left_by", String(100), nullable=False),
        Index("ix_visit_run_id", "run_id"),
    )


def _mail() -> None:
    op.create_table(
        "mail",
        id_column(),
        belongs_to("business"),
        belongs_to("conversation", nullable=True),
        Column("dedup_key", String(200), nullable=False, unique=True),
        Column("run_id", Id),
        Column("lane", Integer, nullable=False),
        Column("kind", String(20), nullable=False),
        Column("provider_seq", Id),
        Column("payload", Json, nullable=False),
        Column("status", String(10), nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("last_error", Text),
        Column("late", Boolean, nullable=False, server_default=text("false")),
        Column("turn_id", String(40)),
        moment("received_at"),
        moment("done_at", nullable=True),
        partial_index("ix_mail_waiting", "conversation_id", where="status = 'waiting'"),
        partial_index("ix_mail_dead", "business_id", "id", where="status = 'dead'"),
    )


def _timer() -> None:
    op.create_table(
        "timer",
        Column("run_id", Id, primary_key=True, autoincrement=False),
        belongs_to("business"),
        belongs_to("conversation"),
        Column("wait_id", String(40), nullable=False),
        Column("due_at", Moment, nullable=False),
        Index("ix_timer_due_at", "due_at"),
    )


def _effect() -> None:
    op.create_table(
        "effect",
        id_column(),
        belongs_to("business"),
        belongs_to("run"),
        Column("wait_id", String(40), nullable=False),
        Column("request", Json, nullable=False),
        Column("status", String(10), nullable=False),
        Column("attempts", Integer, nullable=False),
        moment("due_at"),
        moment("leased_until", nullable=True),
        partial_index("ix_effect_pending", "due_at", where="status = 'pending'"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        id_column(),
        belongs_to("business"),
        belongs_to("account"),
        belongs_to("conversation"),
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
        partial_index("ix_outbox_pending", "account_id", "due_at", where="status = 'pending'"),
        partial_index("ix_outbox_dead", "business_id", "id", where="status = 'dead'"),
    )


def _event() -> None:
    op.create_table(
        "event",
        id_column(),
        belongs_to("business"),
        belongs_to("customer"),
        Column("type", String(40), nullable=False),
        Column("data", Json, nullable=False),
        Column("depth", Integer, nullable=False),
        moment("at"),
    )


def _trigger_firing() -> None:
    op.create_table(
        "trigger_firing",
        Column("trigger", String(200), primary_key=True),
        Column("customer_id", Id, primary_key=True, autoincrement=False),
        Column("occurrence", String(200), primary_key=True),
        belongs_to("business"),
        Column("status", String(10), nullable=False),
        Column("reason", String(200)),
        Column("due_at", Moment, nullable=False),
        moment("decided_at", nullable=True),
        partial_index("ix_trigger_firing_due", "due_at", where="status IN ('planned', 'held')"),
    )


def _scan_cursor() -> None:
    op.create_table(
        "scan_cursor",
        Column("business_id", Id, primary_key=True, autoincrement=False),
        Column("trigger", String(200), primary_key=True),
        Column("position", String(200), nullable=False),
        moment("moved_at"),
    )


def _campaign_run() -> None:
    op.create_table(
        "campaign_run",
        id_column(),
        belongs_to("business"),
        Column("campaign", String(100), nullable=False),
        Column("status", String(20), nullable=False),
        Column("counts", Json, nullable=False),
        moment("started_at"),
        moment("ended_at", nullable=True),
    )


def _lease() -> None:
    op.create_table(
        "lease",
        Column("name", String(200), primary_key=True),
        Column("owner", String(200), nullable=False),
        Column("epoch", Integer, nullable=False),
        Column("expires_at", Moment, nullable=False),
    )
