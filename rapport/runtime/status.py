"""How a business's store stands at a moment: what waits, since when, and who works.

One indexed query for each thing, however much lies in the tables. A number stops at AT_MOST,
which then means "or more": to know that ten thousand wait it is not needed to count the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, func, literal, select

from crm.sql import Statement
from crm.tables import account, conversation, effect, mail, outbox, timer
from crm.tables.types import UtcDateTime
from rapport.runtime.alarm_store import alarms_of
from rapport.runtime.alarms import Alarm
from rapport.runtime.leases import NOBODY, leases_of
from rapport.runtime.timers import next_ring

AT_MOST = 10_000
"""Counting goes no further: some ten milliseconds."""

LONGEST_WAITING = 1_000
"""Of so many conversations, those that have been ready longest, the waiting mail is looked at."""

A_DAY = 86_400.0
"""Seconds."""

LANES = ("live", "automated")
"""What the lanes of the outbox are called, by their number."""


class Waiting(Struct, frozen=True):
    """Mail that waits for its turn. ready, held: conversations; those held wait after a failure
    of their content. newest: the id of the newest mail of any kind, which counts them all."""

    mail: int
    oldest_at: datetime | None
    ready: int
    held: int
    newest: int


class Requests(Struct, frozen=True):
    """Requests of flows that are not answered yet. oldest_due_at: since when, or from when on, the
    first of them is to be made; while one is being made, until when it is its performer's."""

    pending: int
    oldest_due_at: datetime | None


class Lane(Struct, frozen=True):
    """What waits to be sent on an account in a lane (0 answers a person, 1 is automated).

    oldest_due_at: since when, or from when on, the first of it is due.
    """

    account_id: int
    account: str
    lane: int
    pending: int
    oldest_due_at: datetime | None

    def lag(self, now: datetime) -> timedelta:
        """How long the first has been due; zero where none is."""
        if self.oldest_due_at is None:
            return timedelta()
        return max(now - self.oldest_due_at, timedelta())


class Dead(Struct, frozen=True):
    """Dead letters, came in (`mail`) or to go out (`outbox`). newest: the highest ids of them,
    0 where there are none."""

    mail: int
    outbox: int
    newest: tuple[int, int]


class LeaseNow(Struct, frozen=True):
    """A lease as the store's own clock sees it. account_id: which it is about; None for a lease
    about none. seconds_left: until it expires, negative since it has."""

    label: str
    account_id: int | None
    owner: str
    epoch: int
    seconds_left: float

    @property
    def is_held(self) -> bool:
        return self.seconds_left > 0

    @property
    def is_abandoned(self) -> bool:
        """Whether its holder is gone without a word. One that was given back is not wanted now,
        and who has been gone for a day is not coming back: the bot was replaced."""
        return self.owner != NOBODY and -A_DAY < self.seconds_left <= 0


class Status(Struct, frozen=True):
    """outbox: every lane of every account with something in it. newest_out: the id of the newest
    message ever to be sent, which counts them all. timers: how many are due and have not rung;
    next_timer_at: when the first of all is due. accounts: `channel:name`, by account id.
    last_error: of what waits for another try, else of the newest dead letter. alarms: the newest of
    each kind about each thing, over or not.
    """

    at: datetime
    waiting: Waiting
    outbox: tuple[Lane, ...]
    newest_out: int
    dead: Dead
    timers: int
    next_timer_at: datetime | None
    requests: Requests
    leases: tuple[LeaseNow, ...]
    accounts: Mapping[int, str]
    last_error: str | None
    alarms: tuple[Alarm, ...]


def read_status(db: Connection, business_id: int, now: datetime) -> Status:
    """Look at everything once."""
    ((timers,),) = _TIMERS_DUE.fetch(db, business_id, now)
    accounts = account_names(db, business_id)
    return Status(
        at=now,
        waiting=_waiting(db, business_id, now),
        outbox=tuple(_lanes(db, business_id, accounts)),
        newest_out=_newest(db, _NEWEST_OUT, business_id),
        dead=read_dead(db, business_id),
        timers=timers,
        next_timer_at=next_ring(db, business_id),
        requests=_requests(db, business_id),
        leases=read_leases(db, business_id, now, accounts),
        accounts=accounts,
        last_error=_last_error(db, business_id, accounts),
        alarms=tuple(alarms_of(db, business_id)),
    )


def read_dead(db: Connection, business_id: int) -> Dead:
    """The dead letters there are."""
    ((in_mail,),) = _DEAD_MAIL.fetch(db, business_id)
    ((in_outbox,),) = _DEAD_OUT.fetch(db, business_id)
    newest = [
        rows[0][0] if (rows := statement.fetch(db, business_id)) else 0
        for statement in (_NEWEST_DEAD_MAIL, _NEWEST_DEAD_OUT)
    ]
    return Dead(in_mail, in_outbox, (newest[0], newest[1]))


def _last_error(db: Connection, business_id: int, accounts: Mapping[int, str]) -> str | None:
    tried = [rows for of in accounts if (rows := _SEND_ERROR.fetch(db, business_id, of))]
    for rows in (
        *tried,
        _TURN_ERROR.fetch(db, business_id),
        _DEAD_OUT_ERROR.fetch(db, business_id),
        _DEAD_MAIL_ERROR.fetch(db, business_id),
    ):
        if rows:
            return str(rows[0][0])
    return None


def _waiting(db: Connection, business_id: int, now: datetime) -> Waiting:
    ((ready, held),) = _READY.fetch(db, now, business_id)
    ((letters,),) = _WAITING.fetch(db, business_id)
    ((oldest,),) = _OLDEST.fetch(db, business_id)
    return Waiting(letters, oldest, ready, held or 0, _newest(db, _NEWEST_MAIL, business_id))


def _requests(db: Connection, business_id: int) -> Requests:
    ((pending, oldest),) = _REQUESTS.fetch(db, business_id)
    return Requests(pending, oldest)


def account_names(db: Connection, business_id: int) -> dict[int, str]:
    """What people call each account of the business, `channel:name`, by its id."""
    rows = _ACCOUNTS.fetch(db, business_id)
    return {id_: f"{channel}:{name or external}" for id_, channel, name, external in rows}


def read_leases(
    db: Connection, business_id: int, now: datetime, accounts: Mapping[int, str] | None = None
) -> tuple[LeaseNow, ...]:
    """Who holds what only one process may do. accounts: `account_names`, where they are known."""
    if accounts is None:
        accounts = account_names(db, business_id)
    if db.dialect.name == "postgresql":
        # Leases go by the server's clock, and this machine's may be another.
        now = db.execute(select(func.clock_timestamp())).scalar_one()
    seen = []
    for lease in leases_of(db, business_id):
        role, _, number = lease.name.partition(":")
        account_id = int(number) if role in ("sender", "poller") else None
        label = lease.name if account_id is None else f"{role} of {accounts[account_id]}"
        left = (lease.expires_at - now).total_seconds()
        seen.append(LeaseNow(label, account_id, lease.owner, lease.epoch, left))
    return tuple(seen)


def _lanes(db: Connection, business_id: int, accounts: Mapping[int, str]) -> list[Lane]:
    return [
        Lane(account_id, name, *lane)
        for account_id, name in accounts.items()
        for lane in _LANES.fetch(db, business_id, account_id)
    ]


def _newest(db: Connection, statement: Statement, business_id: int) -> int:
    rows = statement.fetch(db, business_id)
    return rows[0][0] if rows else 0


def _of(table: Table) -> ColumnElement[bool]:
    return table.c.business_id == bindparam("business")


def _newest_of(table: Table) -> Statement:
    # Ids only grow, so the first row from the end is found at once.
    return _by_business(select(table.c.id).where(_of(table)).order_by(table.c.id.desc()).limit(1))


def _dead_in(table: Table) -> tuple[Statement, Statement, Statement]:
    """How many dead letters there are, the id of the newest one, and why it was given up."""
    dead = [_of(table), table.c.status == "dead"]
    some = select(literal(1).label("one")).select_from(table).where(*dead).limit(AT_MOST)
    count = select(func.count()).select_from(some.subquery())
    newest = select(table.c.id).where(*dead).order_by(table.c.id.desc()).limit(1)
    error = newest.with_only_columns(table.c.last_error)
    return _by_business(count), _by_business(newest), _by_business(error)


def _by_business(query: Select[Any]) -> Statement:
    return Statement(lambda _: query, ("business",))


_NEWEST_MAIL, _NEWEST_OUT = _newest_of(mail), _newest_of(outbox)
_DEAD_MAIL, _NEWEST_DEAD_MAIL, _DEAD_MAIL_ERROR = _dead_in(mail)
_DEAD_OUT, _NEWEST_DEAD_OUT, _DEAD_OUT_ERROR = _dead_in(outbox)

_ready = (
    select(conversation.c.id, conversation.c.hold_until)
    .where(_of(conversation), conversation.c.status == "ready")
    .order_by(conversation.c.ready_at)
)
_some_ready = _ready.limit(AT_MOST).subquery()
_first_ready = _ready.limit(LONGEST_WAITING).subquery()

_READY = Statement(
    lambda _: select(
        func.count(),
        func.count().filter(_some_ready.c.hold_until > bindparam("now", type_=UtcDateTime())),
    ).select_from(_some_ready),
    ("now", "business"),
)
_some_waiting = (
    select(literal(1).label("one"))
    .select_from(mail)
    .where(_of(mail), mail.c.status == "waiting")
    # The order of the index of what waits, which is read for it.
    .order_by(mail.c.conversation_id)
    .limit(AT_MOST)
    .subquery()
)
_WAITING = Statement(lambda _: select(func.count()).select_from(_some_waiting), ("business",))
_OLDEST = Statement(
    lambda _: (
        select(func.min(mail.c.received_at, type_=UtcDateTime()))
        .select_from(_first_ready)
        .join(mail, mail.c.conversation_id == _first_ready.c.id)
        .where(mail.c.status == "waiting")
    ),
    ("business",),
)
_TURN_ERROR = Statement(
    lambda _: (
        select(mail.c.last_error)
        .select_from(_first_ready)
        .join(mail, mail.c.conversation_id == _first_ready.c.id)
        .where(mail.c.status == "waiting", mail.c.last_error.is_not(None))
        .limit(1)
    ),
    ("business",),
)

_ACCOUNTS = Statement(
    lambda _: (
        select(account.c.id, account.c.channel, account.c.username, account.c.external_id)
        .where(_of(account))
        .order_by(account.c.id)
    ),
    ("business",),
)
_pending = (
    select(outbox.c.lane, outbox.c.due_at, outbox.c.last_error)
    .where(
        _of(outbox), outbox.c.account_id == bindparam("account"), outbox.c.status == "pending"
    )
    .order_by(outbox.c.due_at)
    .limit(AT_MOST)
    .subquery()
)  # fmt: skip
_LANES = Statement(
    lambda _: (
        select(_pending.c.lane, func.count(), func.min(_pending.c.due_at, type_=UtcDateTime()))
        .group_by(_pending.c.lane)
        .order_by(_pending.c.lane)
    ),
    ("business", "account"),
)
_SEND_ERROR = Statement(
    lambda _: (
        select(_pending.c.last_error)
        .where(_pending.c.last_error.is_not(None))
        .order_by(_pending.c.due_at.desc())
        .limit(1)
    ),
    ("business", "account"),
)

_requested = (
    select(effect.c.due_at)
    .where(_of(effect), effect.c.status == "pending")
    .order_by(effect.c.due_at)
    .limit(AT_MOST)
    .subquery()
)
_REQUESTS = Statement(
    lambda _: select(func.count(), func.min(_requested.c.due_at, type_=UtcDateTime())),
    ("business",),
)

_due = (
    select(literal(1).label("one"))
    .select_from(timer)
    .where(_of(timer), timer.c.due_at <= bindparam("now", type_=UtcDateTime()))
    .limit(AT_MOST)
    .subquery()
)
_TIMERS_DUE = Statement(lambda _: select(func.count()).select_from(_due), ("business", "now"))
