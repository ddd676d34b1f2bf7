"""What the engine needs to go on after a crash: mail, runs, timers, messages to send."""

from __future__ import annotations

from typing import Any

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

from crm.tables.meta import SOON_CLEANED, belongs_to, id_column, metadata, moment
from crm.tables.types import Id, Json, UtcDateTime


def _pending(name: str, *columns: Any, where: str) -> Index:
    """A partial index: it holds what waits, so its size follows the work, not the history."""
    return Index(name, *columns, sqlite_where=text(where), postgresql_where=text(where))


# One bot, page or terminal of the business.
account = Table(
    "account",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("channel", String(20), nullable=False),
    Column("external_id", String(100), nullable=False),
    Column("username", String(100)),
    moment("created_at"),
    UniqueConstraint("business_id", "channel", "external_id"),
)

conversation = Table(
    "conversation",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("account"),
    belongs_to("customer"),
    Column("peer", String(100), nullable=False),
    Column("status", String(10), nullable=False),  # idle | ready
    moment("ready_at", nullable=True),
    # A content error holds the conversation until then: order beats progress.
    moment("hold_until", nullable=True),
    Column("revision", Integer, nullable=False),
    UniqueConstraint("account_id", "peer", "customer_id"),
    Index("ix_conversation_customer_id", "customer_id"),
    _pending("ix_conversation_ready", "business_id", "ready_at", where="status = 'ready'"),
    # No room is kept: its status is in the condition of an index, so a row never stays in place.
    postgresql_with=SOON_CLEANED,
)

flow_version = Table(
    "flow_version",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("flow", String(100), nullable=False),
    Column("number", Integer, nullable=False),
    Column("path", String(500), nullable=False),
    Column("source", Text, nullable=False),
    moment("applied_at"),
    # The newest version of a removed flow is withdrawn: runs finish on it, none start.
    moment("withdrawn_at", nullable=True),
    UniqueConstraint("business_id", "flow", "number"),
)

run = Table(
    "run",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer"),
    belongs_to("conversation"),
    Column("flow", String(100), nullable=False),
    Column("flow_version", Integer, nullable=False),
    Column("node", String(100)),
    Column("wait_id", String(40)),
    # engine.run: the call stack with its variables, the open wait, what started the run.
    Column("frames", Json, nullable=False),
    Column("wait", Json),
    Column("event", Json),
    Column("attempts", Integer, nullable=False),
    Column("status", String(10), nullable=False),  # asking | sleeping | handed | ended
    Column("outcome", String(100)),
    Column("cause", String(200), nullable=False),
    Column("firing", String(300)),
    moment("started_at"),
    moment("waiting_since", nullable=True),
    moment("ended_at", nullable=True),
    _pending("ix_run_open", "business_id", "customer_id", where="status <> 'ended'"),
    _pending("ix_run_handed", "business_id", "waiting_since", where="status = 'handed'"),
    _pending("ix_run_ended_at", "ended_at", where="status = 'ended'"),
    Index("ix_run_flow", "business_id", "flow", "flow_version", "status"),
    # From one question to the next no indexed column changes, so with room for the new row on its
    # page no index is touched (HOT). A run moves half a dozen times within minutes, and those that
    # began together move together: less room holds only some of them.
    postgresql_with={"fillfactor": 60, **SOON_CLEANED},
)

# One row for each node a run has left.
visit = Table(
    "visit",
    metadata,
    id_column(),
    belongs_to("run"),
    Column("flow", String(100), nullable=False),
    Column("node", String(100), nullable=False),
    moment("entered_at"),
    moment("left_at"),
    Column("left_by", String(100), nullable=False),
    # engine.effects.Leave: why by that exit, and after how many invalid replies.
    Column("way", String(100), nullable=False, server_default=text("''")),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Index("ix_visit_run_id", "run_id"),
)

mail = Table(
    "mail",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("conversation", nullable=True),
    Column("dedup_key", String(200), nullable=False, unique=True),
    # Which run a timer or an answer is for; NULL for what people send.
    Column("run_id", Id),
    Column("lane", Integer, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("provider_seq", Id),
    Column("payload", Json, nullable=False),
    Column("status", String(10), nullable=False),  # waiting | done | dead | ignored
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("late", Boolean, nullable=False, server_default=text("false")),
    # The number of the transaction that applied it (lease epoch and count): for the checker.
    Column("turn_id", String(40)),
    moment("received_at"),
    moment("done_at", nullable=True),
    _pending("ix_mail_waiting", "conversation_id", where="status = 'waiting'"),
    _pending("ix_mail_dead", "business_id", "id", where="status = 'dead'"),
    postgresql_with=SOON_CLEANED,  # as with conversation
)

# The next moment a waiting run wants to hear of; a run has one wait, so one timer.
timer = Table(
    "timer",
    metadata,
    Column("run_id", Id, primary_key=True, autoincrement=False),
    belongs_to("business"),
    belongs_to("conversation"),
    Column("wait_id", String(40), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),
    Index("ix_timer_business_id_due_at", "business_id", "due_at"),
    postgresql_with=SOON_CLEANED,
)

effect = Table(
    "effect",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("run"),
    Column("wait_id", String(40), nullable=False),
    Column("request", Json, nullable=False),
    Column("status", String(10), nullable=False),
    Column("attempts", Integer, nullable=False),
    moment("due_at"),
    moment("leased_until", nullable=True),
    Index("ix_effect_run_id", "run_id"),
    _pending("ix_effect_business_id_due_at", "business_id", "due_at", where="status = 'pending'"),
)

outbox = Table(
    "outbox",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("account"),
    # NULL: it is for the staff, and `customer_id` says whom it is about.
    belongs_to("conversation", nullable=True),
    Column("dedup_key", String(200), nullable=False, unique=True),
    Column("peer", String(100), nullable=False),
    # 0 answers a person, 1 is automated.
    Column("lane", Integer, nullable=False),
    Column("payload", Json, nullable=False),
    Column("status", String(10), nullable=False),  # pending | sent | dead | cancelled | expired
    Column("attempts", Integer, nullable=False),
    Column("last_error", Text),
    Column("provider_message_id", String(100)),
    moment("created_at"),
    moment("due_at"),
    moment("expires_at", nullable=True),
    moment("done_at", nullable=True),
    belongs_to("customer", nullable=True),
    _pending("ix_outbox_pending", "account_id", "due_at", where="status = 'pending'"),
    _pending("ix_outbox_dead", "business_id", "id", where="status = 'dead'"),
    _pending("ix_outbox_customer_id", "customer_id", where="customer_id IS NOT NULL"),
    postgresql_with=SOON_CLEANED,
)

event = Table(
    "event",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer"),
    Column("type", String(40), nullable=False),
    Column("data", Json, nullable=False),
    # How many rules led to it: a chain of rules is bounded.
    Column("depth", Integer, nullable=False),
    moment("at"),
    # True until the turns have heard of it; NULL for what happened in a turn, which heard it.
    Column("unheard", Boolean),
    _pending("ix_event_unheard", "business_id", "id", where="unheard IS NOT NULL"),
)

trigger_firing = Table(
    "trigger_firing",
    metadata,
    Column("trigger", String(200), primary_key=True),
    Column("customer_id", Id, primary_key=True, autoincrement=False),
    Column("occurrence", String(200), primary_key=True),
    belongs_to("business"),
    Column("status", String(10), nullable=False),  # planned | held | started | skipped
    Column("reason", String(200)),
    Column("due_at", UtcDateTime, nullable=False),
    moment("decided_at", nullable=True),
    # What is to be started: rapport.runtime.firings.
    Column("request", Json),
    moment("expires_at", nullable=True),
    # When it becomes mail: of a planned one when it is due, of a held one when it expires.
    moment("rings_at", nullable=True),
    _pending("ix_trigger_firing_decided_at", "decided_at", where="decided_at IS NOT NULL"),
    _pending("ix_trigger_firing_rings", "business_id", "rings_at", where="rings_at IS NOT NULL"),
    _pending("ix_trigger_firing_held", "customer_id", where="status = 'held'"),
    # Of campaigns: planned, and not let go.
    _pending(
        "ix_trigger_firing_waiting",
        "business_id",
        "trigger",
        "due_at",
        where="status = 'planned' AND rings_at IS NULL",
    ),
)

# A flow that is to be started for everybody of a segment, some of them at a time.
expansion = Table(
    "expansion",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("segment", String(100), nullable=False),
    Column("trigger", String(200), nullable=False),
    Column("request", Json, nullable=False),
    # The last customer who was looked at; their ids rise.
    Column("after_id", Id, nullable=False),
    moment("created_at"),
    moment("done_at", nullable=True),
    _pending("ix_expansion_open", "business_id", "id", where="done_at IS NULL"),
)

scan_cursor = Table(
    "scan_cursor",
    metadata,
    Column("business_id", Id, primary_key=True, autoincrement=False),
    Column("trigger", String(200), primary_key=True),
    Column("position", String(200), nullable=False),
    moment("moved_at"),
)

# A trigger that is paused, and how often it has rung in the hour that began at `hour_at`.
trigger_state = Table(
    "trigger_state",
    metadata,
    Column("business_id", Id, ForeignKey("business.id"), primary_key=True, autoincrement=False),
    Column("trigger", String(200), primary_key=True),
    moment("hour_at", nullable=True),
    Column("rung", Integer, nullable=False, server_default=text("0")),
    moment("paused_at", nullable=True),
    Column("paused_by", String(100)),
    Column("reason", String(200)),
)

# Each turn in which something was said to a customer that nobody had asked for: what the cap of
# `sending:` counts. Only where a business has a cap.
automatic_send = Table(
    "automatic_send",
    metadata,
    id_column(),
    belongs_to("business"),
    belongs_to("customer"),
    Column("purpose", String(30), nullable=False),
    moment("at"),
    Index("ix_automatic_send_customer_id", "customer_id", "at"),
)

campaign_run = Table(
    "campaign_run",
    metadata,
    id_column(),
    belongs_to("business"),
    Column("campaign", String(100), nullable=False),
    Column("status", String(20), nullable=False),
    Column("counts", Json, nullable=False),
    moment("started_at"),
    moment("ended_at", nullable=True),
    # What it was started with: engine.campaign.Campaign.stored.
    Column("definition", Json),
    # The last customer who was planned for; planned_at: all are.
    Column("after_id", Id, nullable=False, server_default=text("0")),
    moment("planned_at", nullable=True),
    Column("reason", String(200)),
    # How many were let go in the span that began at `span_at`, in all, and how many of them could
    # not be sent when it last paused itself.
    moment("span_at", nullable=True),
    Column("let_go", Integer, nullable=False, server_default=text("0")),
    Column("let_go_in_all", Integer, nullable=False, server_default=text("0")),
    Column("errors", Integer, nullable=False, server_default=text("0")),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

# The newest of each kind about each thing (an account, a lease, or '' for all); over_at is NULL
# while it stands. rapport.runtime.alarms.
alarm = Table(
    "alarm",
    metadata,
    Column("business_id", Id, ForeignKey("business.id"), primary_key=True, autoincrement=False),
    Column("kind", String(20), primary_key=True),
    Column("about", String(200), primary_key=True),
    Column("reason", String(500), nullable=False),
    moment("raised_at"),
    moment("over_at", nullable=True),
    moment("told_raised_at", nullable=True),
    moment("told_over_at", nullable=True),
)
