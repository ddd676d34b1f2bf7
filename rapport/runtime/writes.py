"""Everything a batch of turns writes besides the customer's own data, one statement per table."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Raw, Struct, field
from sqlalchemy import Connection, bindparam, delete, func, insert, update

from bots.channel import Inbound
from crm.sql import Statement, among, insert_for, listed, listed_or_one
from crm.tables import (
    conversation,
    customer_account,
    interaction,
    mail,
    outbox,
    run,
    timer,
    visit,
)
from engine.limits import WINDOWS
from rapport.runtime.calls import insert_calls
from rapport.runtime.cases import LANE_PERSON, Mail
from rapport.runtime.consent import COUNT
from rapport.runtime.expansions import BEGIN as BEGIN_EXPANSION
from rapport.runtime.firings import DECIDE, PLAN
from rapport.runtime.staff_news import News
from rapport.runtime.taken_back import erase

Row = tuple[Any, ...]


class Writes(Struct):
    """Rows gathered by the turns of a batch.

    reached: by customer and channel, whether they blocked us and when they were last seen.
    taken_back: by business and customer the message_id of what they have taken back.
    leaving: customers who are to be erased, with the key of the last message to each.
    referrers: customers by whom others came; something follows for them. left_mail: what is left to
    the bot that we are a guest of.
    """

    new_mail: list[Row] = field(default_factory=list)
    left_mail: list[Row] = field(default_factory=list)
    kept_mail: list[Row] = field(default_factory=list)
    new_runs: list[Row] = field(default_factory=list)
    moved_runs: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    followed: list[Row] = field(default_factory=list)
    visits: list[Row] = field(default_factory=list)
    timers: list[Row] = field(default_factory=list)
    stopped_timers: list[Row] = field(default_factory=list)
    outbox: list[Row] = field(default_factory=list)
    mail: list[Row] = field(default_factory=list)
    floods: list[Row] = field(default_factory=list)
    conversations: list[Row] = field(default_factory=list)
    held: list[Row] = field(default_factory=list)
    calls: list[Row] = field(default_factory=list)
    reached: dict[tuple[int, str], tuple[bool, datetime]] = field(default_factory=dict)
    interactions: list[Row] = field(default_factory=list)
    leaving: dict[int, str] = field(default_factory=dict)
    firings: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)
    expansions: list[Row] = field(default_factory=list)
    told: list[News] = field(default_factory=list)
    referrers: set[int] = field(default_factory=set)
    automatic: list[Row] = field(default_factory=list)
    taken_back: list[tuple[int, int, str]] = field(default_factory=list)

    def write(self, db: Connection) -> None:
        _NEW_MAIL.many(db, self.new_mail)
        _LEFT_MAIL.many(db, self.left_mail)
        _KEPT_MAIL.many(db, self.kept_mail)
        _NEW_RUN.many(db, self.new_runs)
        _MOVED_RUN.many(db, self.moved_runs)
        _RUN.many(db, self.runs)
        _VERSION.many(db, self.followed)
        _VISIT.many(db, self.visits)
        _STOP_TIMER.many(db, self.stopped_timers)
        _TIMER.many(db, self.timers)
        _OUTBOX.many(db, self.outbox)
        _MAIL.many(db, self.mail)
        # What a turn has applied is done by now; what still waits is the rest of a flood.
        _FLOOD.many(db, self.floods)
        _CONVERSATION.many(db, self.conversations)
        _HELD.many(db, self.held)
        COUNT.many(db, self.automatic)
        insert_calls(db, self.calls)
        self.write_interactions(db)
        PLAN.many(db, self.firings)
        DECIDE.many(db, self.decisions)
        BEGIN_EXPANSION.many(db, self.expansions)

    def write_interactions(self, db: Connection) -> None:
        _INTERACTION.many(db, self.interactions)
        self.interactions.clear()

    def write_reached(self, db: Connection) -> None:
        """Nearly all of a batch are seen at one moment on one channel: one statement for those."""
        alike: defaultdict[tuple[bool, datetime, str], list[int]] = defaultdict(list)
        for (customer_id, channel), (blocked, at) in self.reached.items():
            alike[blocked, at, channel].append(customer_id)
        for same, customers in alike.items():
            _REACHED.run(db, listed_or_one(db, customers), *same)
            blocked, at, channel = same
            if channel in WINDOWS and not blocked:
                _WINDOW.run(db, listed(db, customers), at + WINDOWS[channel], channel)
        erase(db, self.taken_back)


def arrived(business_id: int, letter: Mail, arrival: Inbound) -> Row:
    """The columns of mail that is not stored yet (MAIL_VALUES)."""
    return (
        letter.id, business_id, letter.conversation_id, arrival.dedup_key, LANE_PERSON,
        letter.kind, arrival.provider_seq, letter.payload, letter.received_at, letter.late,
    )  # fmt: skip


def mark_mail(
    db: Connection, rows: Sequence[tuple[str, int, str | None, datetime | None, int, int]]
) -> None:
    """Set (status, attempts, last_error, done_at) of mail by id and business."""
    _MARK_MAIL.many(db, rows)


def hold(db: Connection, rows: Sequence[tuple[datetime, int, int]]) -> None:
    """Let conversations, by id and business, wait until a moment before another try."""
    _HOLD.many(db, rows)


def let_follow(db: Connection, rows: Sequence[tuple[int, str, Raw, Raw | None, int, int]]) -> None:
    """Set (flow_version, node, frames, wait) of runs by id and business: what following a newer
    version changes where nothing else happens to them."""
    _FOLLOW.many(db, rows)


def set_timers(db: Connection, rows: Sequence[tuple[int, int, int, str, datetime]]) -> None:
    """Set timers: (run_id, business_id, conversation_id, wait_id, due_at)."""
    _TIMER.many(db, rows)


MAIL_VALUES = (
    "id", "business_id", "conversation_id", "dedup_key", "lane", "kind", "provider_seq",
    "payload", "received_at", "late",
)  # fmt: skip

_NEW_MAIL = Statement(
    lambda _: insert(mail).values(status="done", attempts=0),
    (*MAIL_VALUES, "turn_id", "done_at"),
)
LEFT = "left to the host"
"""What stands as the reason in mail that nobody took, where somebody else's bot answers it."""

_LEFT_MAIL = Statement(
    lambda _: insert(mail).values(status="done", attempts=0, last_error=LEFT),
    (*MAIL_VALUES, "turn_id", "done_at"),
)
_KEPT_MAIL = Statement(lambda _: insert(mail).values(status="waiting", attempts=0), MAIL_VALUES)

ORIGIN_VALUES = (
    "id", "business_id", "customer_id", "conversation_id", "flow", "flow_version", "cause",
    "event", "started_at", "firing",
)  # fmt: skip
MOVE_VALUES = ("node", "wait_id", "frames", "wait", "attempts", "waiting_since")
STATUS_VALUES = (*MOVE_VALUES, "status", "outcome", "ended_at")


FOLLOW_VALUES = ("flow_version", "node", "frames", "wait")


def _run_update(names: tuple[str, ...]) -> Statement:
    values = {name: bindparam(name, type_=run.c[name].type) for name in names}
    return Statement(
        lambda _: update(run).where(run.c.id == bindparam("of")).values(values), (*names, "of")
    )


# SQLite rewrites the index entries of every column a statement sets, changed or not; so a run
# that only moves to its next question leaves its status alone.
_MOVED_RUN = _run_update(MOVE_VALUES)
_RUN = _run_update(STATUS_VALUES)

# Another version is rare, and its column is in an index.
_VERSION = _run_update(("flow_version",))

_FOLLOW = Statement(
    lambda _: (
        update(run)
        .where(run.c.id == bindparam("of"), run.c.business_id == bindparam("business"))
        .values({name: bindparam(name, type_=run.c[name].type) for name in FOLLOW_VALUES})
    ),
    (*FOLLOW_VALUES, "of", "business"),
)

_NEW_RUN = Statement(
    lambda _: insert(run),
    (*ORIGIN_VALUES, *STATUS_VALUES),
)

_VISIT = Statement(
    lambda _: insert(visit),
    ("run_id", "flow", "node", "entered_at", "left_at", "left_by", "way", "tries"),
)


def _upsert_timer(dialect: str) -> Any:
    statement = insert_for(dialect)(timer)
    changed = {name: statement.excluded[name] for name in ("wait_id", "due_at")}
    return statement.on_conflict_do_update(
        index_elements=["run_id"], set_=changed,
        where=timer.c.business_id == statement.excluded.business_id,
    )  # fmt: skip


_TIMER = Statement(_upsert_timer, ("run_id", "business_id", "conversation_id", "wait_id", "due_at"))
_STOP_TIMER = Statement(lambda _: delete(timer).where(timer.c.run_id == bindparam("of")), ("of",))

OUTBOX_COLUMNS = (
    "id", "business_id", "account_id", "conversation_id", "dedup_key", "peer", "lane", "payload",
    "status", "attempts", "created_at", "due_at", "expires_at",
)  # fmt: skip
OUTBOX_KEY = OUTBOX_COLUMNS.index("dedup_key")
_OUTBOX = Statement(lambda _: insert(outbox), OUTBOX_COLUMNS)

_MAIL = Statement(
    lambda _: (
        update(mail)
        .where(mail.c.id == bindparam("of"), mail.c.status == "waiting")
        .values(
            status="done",
            turn_id=bindparam("turn"),
            done_at=bindparam("at", type_=mail.c.done_at.type),
        )
    ),
    ("turn", "at", "of"),
)

_FLOOD = Statement(
    lambda _: (
        update(mail)
        .where(
            mail.c.conversation_id == bindparam("of"),
            mail.c.status == "waiting",
            mail.c.business_id == bindparam("business"),
        )
        .values(
            status="ignored",
            last_error=bindparam("why"),
            turn_id=bindparam("turn"),
            done_at=bindparam("at", type_=mail.c.done_at.type),
        )
    ),
    ("why", "turn", "at", "of", "business"),
)

_CONVERSATION = Statement(
    lambda _: (
        update(conversation)
        .where(
            conversation.c.id == bindparam("of"),
            conversation.c.revision == bindparam("was"),
        )
        .values(
            status=bindparam("status"),
            ready_at=None,
            hold_until=None,
            revision=conversation.c.revision + 1,
        )
    ),
    ("status", "of", "was"),
)

_HELD = Statement(
    lambda _: (
        update(conversation)
        .where(
            conversation.c.id == bindparam("of"),
            conversation.c.revision == bindparam("was"),
        )
        .values(
            status="ready",
            ready_at=func.coalesce(
                conversation.c.ready_at, bindparam("at", type_=conversation.c.ready_at.type)
            ),
            hold_until=bindparam("until", type_=conversation.c.hold_until.type),
            revision=conversation.c.revision + 1,
        )
    ),
    ("at", "until", "of", "was"),
)

_REACHED = Statement(
    lambda dialect: (
        update(customer_account)
        .where(
            among(customer_account.c.customer_id, "customers", dialect),
            customer_account.c.channel == bindparam("on"),
        )
        .values(
            blocked=bindparam("blocked", type_=customer_account.c.blocked.type),
            last_seen_at=bindparam("at", type_=customer_account.c.last_seen_at.type),
        )
    ),
    ("customers", "blocked", "at", "on"),
)

_WINDOW = Statement(
    lambda dialect: (
        update(customer_account)
        .where(
            among(customer_account.c.customer_id, "customers", dialect),
            customer_account.c.channel == bindparam("on"),
        )
        .values(
            window_expires_at=bindparam("until", type_=customer_account.c.window_expires_at.type)
        )
    ),
    ("customers", "until", "on"),
)

_INTERACTION = Statement(
    lambda _: insert(interaction),
    (
        "business_id", "customer_id", "kind", "channel", "direction", "follow_up_required", "at",
    ),
)  # fmt: skip

_MARK_MAIL = Statement(
    lambda _: (
        update(mail)
        .where(mail.c.id == bindparam("of"), mail.c.business_id == bindparam("business"))
        .values(
            status=bindparam("status"),
            attempts=bindparam("attempts"),
            last_error=bindparam("why"),
            done_at=bindparam("at", type_=mail.c.done_at.type),
        )
    ),
    ("status", "attempts", "why", "at", "of", "business"),
)

_HOLD = Statement(
    lambda _: (
        update(conversation)
        .where(
            conversation.c.id == bindparam("of"),
            conversation.c.business_id == bindparam("business"),
        )
        .values(hold_until=bindparam("until", type_=conversation.c.hold_until.type))
    ),
    ("until", "of", "business"),
)
