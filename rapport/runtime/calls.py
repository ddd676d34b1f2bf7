"""Requests that runs wait for, as rows: who makes one holds it for a while, and brings an answer.

    pending     to be performed once `due_at` has come; while it is, `due_at` is the lease's end
    done        answered, or given up: the answer has become mail of the run's conversation
    cancelled   nobody waits for the answer any more

A lease that ends makes the request due again: whoever performed it is gone, or is so slow that
another one may. So a request is made at least once, and each time with the same key; an answer is
stored once, by whoever holds the lease.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from msgspec import Raw, Struct, convert
from msgspec.json import Encoder
from sqlalchemy import Connection, Select, and_, bindparam, insert, select, update

from crm.sql import Statement, among, listed
from crm.tables import conversation, effect, mail, run
from engine.effects import CallHttp
from engine.http_request import Request
from engine.jsonable import to_json
from rapport.runtime.cases import LANE_ANSWER
from rapport.runtime.intake import make_ready
from rapport.runtime.locks import waiting
from rapport.runtime.memory import beside_cases

LEASE = timedelta(seconds=30)
"""How long a request is its performer's: three times what a try may take, so that a slow store
does not make it another's."""

KIND = "http"
"""The kind of mail that an answer is."""

_NOTHING: dict[str, Any] = {}
_encode = Encoder().encode


class Stored(Struct, frozen=True, omit_defaults=True):
    """What the row keeps of a request until it is done; afterwards nothing: it has people's data.

    key: the same at every try, and of no other request. until: see CallHttp.
    """

    request: Request
    key: str
    until: datetime | None = None


class Call(NamedTuple):
    """A request that is ours until `leased_until`. attempts: tries until now, this one too."""

    id: int
    run_id: int
    conversation_id: int
    wait_id: str
    attempts: int
    leased_until: datetime
    stored: Stored


def row_of(call: CallHttp, business_id: int, business: str, run_id: int, now: datetime) -> Any:
    """The row of a request that a step asks for. business: its key, which no other database's
    waits share, nor the moment."""
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{business}:{call.wait_id}:{now.isoformat()}"))
    stored = Raw(_encode(Stored(call.request, key, call.until)))
    return business_id, run_id, call.wait_id, stored, now


def insert_calls(db: Connection, rows: Sequence[Any]) -> None:
    """Store what `row_of` made."""
    _INSERT.many(db, rows)


def claim_calls(db: Connection, business_id: int, now: datetime, most: int) -> list[Call]:
    """Up to so many requests that are due, ours from now on. Those that nobody waits for any more
    are cancelled."""
    rows = _DUE.fetch(db, business_id, now, most)
    if not rows:
        return []
    wanted = [row for row in rows if row[3] == row[4]]
    stale = [row[0] for row in rows if row[3] != row[4]]
    until = now + LEASE
    with beside_cases(db):
        if stale:
            _CANCEL.run(db, listed(db, stale), business_id, _NOTHING)
        if wanted:
            ids = [row[0] for row in wanted]
            _LEASE.run(db, listed(db, ids), business_id, until)
    return [
        Call(id_, run_id, at, wait_id, attempts + 1, until, convert(stored, Stored))
        for id_, run_id, at, wait_id, _, attempts, stored in wanted
    ]


def next_call(db: Connection, business_id: int) -> datetime | None:
    """When the next request is due; None where none waits."""
    rows = _NEXT.fetch(db, business_id)
    return rows[0][0] if rows else None


def put_off(db: Connection, business_id: int, call: Call, due_at: datetime) -> None:
    """Another try later; nothing where the lease is another's by now."""
    with beside_cases(db):
        _PUT_OFF.run(db, due_at, call.id, business_id, call.leased_until)


def store_answer(
    db: Connection, business_id: int, call: Call, answer: Mapping[str, Any], now: datetime
) -> bool:
    """The answer becomes mail of the run's conversation, which is ready at once. False, and nothing
    is stored, where the lease is another's by now or somebody has answered already."""
    # Conversations are locked before anything else.
    _LOCK.fetch(db, call.conversation_id, business_id)
    if not _DONE.run(db, _NOTHING, call.id, business_id, call.leased_until):
        return False
    payload = {"wait_id": call.wait_id, "answer": to_json(answer)}
    key = f"{KIND}:{call.id}"
    _MAIL.many(db, [(business_id, call.conversation_id, key, call.run_id, payload, now)])
    make_ready(db, business_id, [call.conversation_id], now)
    _LET_GO.run(db, call.conversation_id, business_id)
    return True


_INSERT = Statement(
    lambda _: insert(effect).values(status="pending", attempts=0),
    ("business_id", "run_id", "wait_id", "request", "due_at"),
)


def _due(dialect: str) -> Select[Any]:
    statement = (
        select(
            effect.c.id, effect.c.run_id, run.c.conversation_id, effect.c.wait_id, run.c.wait_id,
            effect.c.attempts, effect.c.request,
        )
        .join(run, run.c.id == effect.c.run_id)
        .where(
            effect.c.business_id == bindparam("business"),
            effect.c.status == "pending",
            effect.c.due_at <= bindparam("now", type_=effect.c.due_at.type),
        )
        .order_by(effect.c.due_at)
        .limit(bindparam("most"))
    )  # fmt: skip
    if dialect != "postgresql":
        return statement
    return statement.with_for_update(of=effect, skip_locked=True)


_DUE = Statement(_due, ("business", "now", "most"))

_NEXT = Statement(
    lambda _: (
        select(effect.c.due_at)
        .where(effect.c.business_id == bindparam("business"), effect.c.status == "pending")
        .order_by(effect.c.due_at)
        .limit(1)
    ),
    ("business",),
)


def _these(dialect: str) -> Any:
    return and_(among(effect.c.id, "of", dialect), effect.c.business_id == bindparam("business"))


_LEASE = Statement(
    lambda dialect: (
        update(effect)
        .where(_these(dialect))
        .values(
            due_at=bindparam("until", type_=effect.c.due_at.type),
            leased_until=bindparam("until", type_=effect.c.due_at.type),
            attempts=effect.c.attempts + 1,
        )
    ),
    ("of", "business", "until"),
)

_CANCEL = Statement(
    lambda dialect: (
        update(effect)
        .where(_these(dialect))
        .values(status="cancelled", request=bindparam("nothing", type_=effect.c.request.type))
    ),
    ("of", "business", "nothing"),
)

_OURS = and_(
    effect.c.id == bindparam("of"),
    effect.c.business_id == bindparam("business"),
    effect.c.status == "pending",
    effect.c.leased_until == bindparam("lease", type_=effect.c.leased_until.type),
)

_PUT_OFF = Statement(
    lambda _: (
        update(effect)
        .where(_OURS)
        .values(due_at=bindparam("due", type_=effect.c.due_at.type), leased_until=None)
    ),
    ("due", "of", "business", "lease"),
)

_DONE = Statement(
    lambda _: (
        update(effect)
        .where(_OURS)
        .values(
            status="done",
            request=bindparam("nothing", type_=effect.c.request.type),
            leased_until=None,
        )
    ),
    ("nothing", "of", "business", "lease"),
)

_HERE = (
    conversation.c.id == bindparam("at"),
    conversation.c.business_id == bindparam("business"),
)

_LOCK = Statement(
    lambda dialect: waiting(select(conversation.c.id).where(*_HERE), dialect, conversation.c.id),
    ("at", "business"),
)

_MAIL = Statement(
    lambda _: insert(mail).values(
        lane=LANE_ANSWER, kind=KIND, provider_seq=None, status="waiting", attempts=0
    ),
    ("business_id", "conversation_id", "dedup_key", "run_id", "payload", "received_at"),
)

_LET_GO = Statement(
    # What the person wrote meanwhile was held until the answer would come.
    lambda _: (
        update(conversation)
        .where(*_HERE, conversation.c.hold_until.is_not(None))
        .values(hold_until=None)
    ),
    ("at", "business"),
)
