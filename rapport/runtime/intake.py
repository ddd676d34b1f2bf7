"""Taking in: every update becomes mail in one transaction, before anybody confirms it.

Duplicates die at `dedup_key`. The first message of an unknown person makes the customer. Opt-out
words count from here on, before anything that is queued.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from bots.channel import Inbound
from crm.sql import Statement, among, listed
from crm.tables import conversation, customer, mail, outbox
from engine.business import Business
from engine.offer import is_opt_out
from rapport.runtime.people import Person, meet

LANE_PERSON = 0
LANE_TIMER = 1
"""Mail of a lower lane is applied first: what a person did goes before what a clock did."""

WAITING, DONE, DEAD, IGNORED = "waiting", "done", "dead", "ignored"

ACTS = frozenset(
    {
        "text", "command", "press", "contact", "location", "photo", "video", "document", "voice",
        "audio", "sticker", "animation", "video_note",
    }
)  # fmt: skip
"""Kinds by which a person says something: these make a customer of somebody unknown."""

NOTICES = frozenset({"edited", "blocked", "unblocked"})
"""Kinds that matter only for somebody known."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The account (bot, page, terminal) that something came in by."""

    business_id: int
    account_id: int
    channel: str


@dataclass(frozen=True, slots=True)
class Broken:
    """An update that cannot be read; kept as a dead letter with its raw JSON."""

    dedup_key: str
    reason: str
    raw: Any


@dataclass(frozen=True, slots=True)
class Accepted:
    """new: mail stored now. opted_out: customers who asked to be left alone with this."""

    new: int = 0
    opted_out: tuple[int, ...] = ()


def accept(
    db: Connection,
    origin: Origin,
    business: Business,
    arrivals: Sequence[Inbound | Broken],
    now: datetime,
) -> Accepted:
    """Store what came in and mark its conversations ready."""
    fresh = _unseen(db, arrivals)
    if not fresh:
        return Accepted()
    inbound = [item for item in fresh if isinstance(item, Inbound) and _is_ours(item)]
    people = _conversations_of(db, origin, business, inbound, now)
    _MAIL.many(db, [_row(item, origin, people, now) for item in fresh])
    reached = {people[item.peer].conversation_id for item in inbound if item.peer in people}
    _READY.many(db, [(now, id_) for id_ in sorted(reached)])
    opted_out = _opt_out(db, business, inbound, people, now)
    return Accepted(len(fresh), opted_out)


def _unseen(db: Connection, arrivals: Sequence[Inbound | Broken]) -> Sequence[Inbound | Broken]:
    by_key = {item.dedup_key: item for item in reversed(arrivals)}
    known = {row[0] for row in _KNOWN_MAIL.fetch(db, listed(db, list(by_key)))}
    return [
        item for item in arrivals if item.dedup_key not in known and by_key[item.dedup_key] is item
    ]


def _is_ours(item: Inbound) -> bool:
    """Whether it belongs into a conversation; the rest is kept as ignored mail."""
    return item.private and item.sender != "" and item.kind in ACTS | NOTICES


def _conversations_of(
    db: Connection,
    origin: Origin,
    business: Business,
    inbound: Iterable[Inbound],
    now: datetime,
) -> dict[str, Person]:
    """The person behind each peer; strangers become customers, unless they only sent a notice."""
    peers = {item.peer: item for item in reversed(list(inbound)) if item.kind in ACTS}
    wanted = list({item.peer for item in inbound})
    people = {
        peer: Person(customer_id, conversation_id)
        for peer, customer_id, conversation_id in _KNOWN_PEERS.fetch(
            db, origin.account_id, listed(db, wanted)
        )
    }
    for peer, item in peers.items():
        if peer not in people:
            people[peer] = meet(
                db,
                origin.business_id,
                origin.account_id,
                origin.channel,
                business,
                item,
                now,
            )
    return people


def _row(
    item: Inbound | Broken, origin: Origin, people: Mapping[str, Person], now: datetime
) -> tuple[Any, ...]:
    if isinstance(item, Broken):
        raw = {"raw": item.raw}
        return (
            origin.business_id, None, item.dedup_key, LANE_PERSON, "broken", None, raw,
            DEAD, 0, item.reason, now, now,
        )  # fmt: skip
    person = people.get(item.peer) if _is_ours(item) else None
    payload = item.payload
    if person is not None and person.met_by == item.dedup_key:
        payload = {**payload, "created": True}
    status, reason, done_at = (WAITING, None, None) if person else (IGNORED, _why(item), now)
    return (
        origin.business_id, person and person.conversation_id, item.dedup_key, LANE_PERSON,
        item.kind, item.provider_seq, payload, status, 0, reason, now, done_at,
    )  # fmt: skip


def _why(item: Inbound) -> str:
    if not item.private:
        return "not in a private chat"
    if not item.sender:
        return "not from a person"
    return "nothing to do for this kind" if item.kind not in NOTICES else "from nobody known"


def _opt_out(
    db: Connection,
    business: Business,
    inbound: Iterable[Inbound],
    people: Mapping[str, Person],
    now: datetime,
) -> tuple[int, ...]:
    """Customers who asked to be left alone: from this transaction on nothing automatic goes out."""
    leaving = [
        people[item.peer]
        for item in inbound
        if item.kind in ("text", "command") and is_opt_out(item.payload["text"], business)
    ]
    _OPT_OUT.many(db, [(now, now, person.customer_id) for person in leaving])
    _CANCEL.many(db, [("opted out", now, person.customer_id) for person in leaving])
    return tuple(person.customer_id for person in leaving)


_MAIL_COLUMNS = (
    "business_id", "conversation_id", "dedup_key", "lane", "kind", "provider_seq", "payload",
    "status", "attempts", "last_error", "received_at", "done_at",
)  # fmt: skip

_MAIL = Statement(lambda _: insert(mail), _MAIL_COLUMNS)
_KNOWN_MAIL = Statement(
    lambda dialect: select(mail.c.dedup_key).where(among(mail.c.dedup_key, "keys", dialect)),
    ("keys",),
)
_KNOWN_PEERS = Statement(
    lambda dialect: select(
        conversation.c.peer, conversation.c.customer_id, conversation.c.id
    ).where(
        conversation.c.account_id == bindparam("account"),
        among(conversation.c.peer, "peers", dialect),
    ),
    ("account", "peers"),
)
_READY = Statement(
    lambda _: (
        update(conversation)
        .where(conversation.c.id == bindparam("of"), conversation.c.status == "idle")
        .values(status="ready", ready_at=bindparam("at", type_=conversation.c.ready_at.type))
    ),
    ("at", "of"),
)
_OPT_OUT = Statement(
    lambda _: (
        update(customer)
        .where(customer.c.id == bindparam("of"))
        .values(
            opted_out_at=bindparam("at", type_=customer.c.opted_out_at.type),
            updated_at=bindparam("updated", type_=customer.c.updated_at.type),
        )
    ),
    ("at", "updated", "of"),
)
_CANCEL = Statement(
    lambda _: (
        update(outbox)
        .where(
            outbox.c.conversation_id.in_(
                select(conversation.c.id).where(conversation.c.customer_id == bindparam("of"))
            ),
            outbox.c.status == "pending",
            outbox.c.lane > 0,
        )
        .values(
            status="cancelled",
            last_error=bindparam("why"),
            done_at=bindparam("at", type_=outbox.c.done_at.type),
        )
    ),
    ("why", "at", "of"),
)
