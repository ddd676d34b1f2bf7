"""Taking in: what arrives is told apart from what was seen, from strangers, from noise.

Duplicates die at `dedup_key`. The first message of an unknown person makes the customer. Opt-out
words count from here on, before anything that is queued.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, bindparam, select, update

from bots.channel import Inbound
from crm.claims import claim, person_name
from crm.sql import Statement, among, insert_for, listed, listed_or_one
from crm.tables import conversation, customer, mail, outbox
from engine.business import Business
from engine.offer import is_opt_out
from rapport.runtime.cases import LANE_PERSON, Conversation
from rapport.runtime.echoes import KIND as ECHO
from rapport.runtime.echoes import under_way
from rapport.runtime.lateness import Lateness
from rapport.runtime.locks import waiting
from rapport.runtime.memory import Memory
from rapport.runtime.people import meet

ACTS = frozenset(
    {
        "text", "command", "press", "contact", "location", "photo", "video", "document", "voice",
        "audio", "sticker", "animation", "video_note",
    }
)  # fmt: skip
"""Kinds by which a person says something: these make a customer of somebody unknown."""

NOTICES = frozenset({"edited", "blocked", "unblocked", "echo", "deleted"})
"""Kinds that matter only for somebody known."""


class Origin(Struct, frozen=True):
    """The account (bot, page, terminal) that something came in by.

    stream: names what one reader reads from the platform, in which nothing comes before what was
    read earlier; '' where messages come each by itself.
    """

    business_id: int
    account_id: int
    channel: str
    stream: str = ""


class Broken(Struct, frozen=True):
    """An update that cannot be read; kept as a dead letter with its raw JSON.

    The JSON is stored as a text: it may hold what PostgreSQL's jsonb refuses."""

    dedup_key: str
    reason: str
    raw: Any


class Received(NamedTuple):
    """Something new. conversation: None where it belongs into none (noise, broken).

    late: a later one of its conversation is applied already."""

    item: Inbound | Broken
    conversation: Conversation | None = None
    late: bool = False


def receive(
    db: Connection,
    origin: Origin,
    business: Business,
    arrivals: Sequence[Inbound | Broken],
    now: datetime,
    lateness: Lateness,
    memory: Memory | None = None,
) -> list[Received]:
    """What of the arrivals is new, each with its conversation. Strangers become customers.

    The conversations are locked; only then is asked what is new, for whoever takes in the same
    update at the same time must be done with it.
    """
    known = _conversations(db, origin, arrivals, memory)
    fresh = _unseen(db, arrivals)
    echoes = [
        (item, known[item.peer].id)
        for item in fresh
        if isinstance(item, Inbound) and item.kind == ECHO and item.peer in known
    ]
    said = under_way(db, origin.account_id, echoes)
    received = []
    for item in fresh:
        if not isinstance(item, Inbound) or not _is_ours(item) or item.dedup_key in said:
            received.append(Received(item))
            continue
        at = known.get(item.peer)
        if at is None and item.kind in ACTS:
            at, is_made = meet(
                db, origin.business_id, origin.account_id, origin.channel, business, item, now
            )
            known[item.peer] = at
            if is_made:
                item.payload["created"] = True
        received.append(Received(item, at))
    leaving = _opt_out(db, origin, business, received, now)
    if memory is not None:
        memory.drop(leaving)
    placed = [(item, at) for item, at, _ in received if at and isinstance(item, Inbound)]
    late = lateness.late_ones(db, origin, placed, now)
    if late:
        received = [item._replace(late=item.item.dedup_key in late) for item in received]
    return received


def store(db: Connection, origin: Origin, received: Iterable[Received], now: datetime) -> None:
    """Keep what was received: as mail that waits for its conversation, or as what it is."""
    received = list(received)
    _MAIL.many(db, [_row(item, origin, now) for item in received])
    reached = {item.conversation.id for item in received if item.conversation is not None}
    make_ready(db, origin.business_id, reached, now)


def make_ready(
    db: Connection, business_id: int, conversations: Iterable[int], now: datetime
) -> None:
    """Let the turns look at these conversations of the business, which are locked."""
    _READY.many(db, [(now, id_, business_id) for id_ in sorted(conversations)])


def _unseen(db: Connection, arrivals: Sequence[Inbound | Broken]) -> list[Inbound | Broken]:
    by_key: dict[str, Inbound | Broken] = {}
    for item in arrivals:
        by_key.setdefault(item.dedup_key, item)
    for (key,) in _KNOWN_MAIL.fetch(db, listed_or_one(db, list(by_key))):
        del by_key[key]
    return list(by_key.values())


def _is_ours(item: Inbound) -> bool:
    """Whether it belongs into a conversation; the rest is kept as ignored mail."""
    return item.private and item.sender != "" and item.kind in ACTS | NOTICES


def _conversations(
    db: Connection, origin: Origin, arrivals: Iterable[Inbound | Broken], memory: Memory | None
) -> dict[str, Conversation]:
    """The conversations of these peers by peer, locked, and the names of those who have none."""
    ours = [item for item in arrivals if isinstance(item, Inbound) and _is_ours(item)]
    peers = {item.peer for item in ours}
    known = {} if memory is None else memory.conversations(origin.account_id, peers)
    if unknown := peers - known.keys():
        known |= _known_peers(db, origin, unknown)
    strangers = {item.peer: item for item in ours if item.peer not in known and item.kind in ACTS}
    if strangers:
        # Of two processes that meet somebody at once the second finds what the first has made.
        names = (person_name(origin.channel, item.sender) for item in strangers.values())
        claim(db, origin.business_id, names)
        known |= _known_peers(db, origin, strangers.keys())
    return known


def _known_peers(db: Connection, origin: Origin, peers: Collection[str]) -> dict[str, Conversation]:
    rows = _KNOWN_PEERS.fetch(db, listed_or_one(db, list(peers)), origin.account_id)
    return {found.peer: found for found in map(Conversation._make, rows)}


def _row(received: Received, origin: Origin, now: datetime) -> tuple[Any, ...]:
    item, at, late = received
    if isinstance(item, Broken):
        return (
            origin.business_id, None, item.dedup_key, LANE_PERSON, "broken", None,
            {"raw": json.dumps(item.raw)}, "dead", item.reason, now, now, False,
        )  # fmt: skip
    if at is None:
        return (
            origin.business_id, None, item.dedup_key, LANE_PERSON, item.kind, item.provider_seq,
            item.payload, "ignored", _why_not(item), now, now, False,
        )  # fmt: skip
    return (
        origin.business_id, at.id, item.dedup_key, LANE_PERSON, item.kind, item.provider_seq,
        item.payload, "waiting", None, now, None, late,
    )  # fmt: skip


def _why_not(item: Inbound) -> str:
    if not item.private:
        return "not in a private chat"
    if not item.sender:
        return "not from a person"
    return "from nobody known" if item.kind in NOTICES else "nothing to do for this kind"


def _opt_out(
    db: Connection,
    origin: Origin,
    business: Business,
    received: Iterable[Received],
    now: datetime,
) -> set[int]:
    """Who asks to be left alone: from this transaction on nothing automatic goes out to them."""
    leaving = {
        at.customer_id
        for item, at, _ in received
        if at is not None
        and isinstance(item, Inbound)
        and item.kind in ("text", "command")
        and is_opt_out(item.payload["text"], business)
    }
    _OPT_OUT.many(db, [(now, now, of, origin.business_id) for of in sorted(leaving)])
    if leaving:
        people = listed(db, sorted(leaving))
        _CANCEL.run(db, "opted out", now, people, origin.business_id)
        # What waits behind an answer waits no longer: the answer is not wanted any more.
        _LET_GO.run(db, people, origin.business_id)
    return leaving


_MAIL_COLUMNS = (
    "business_id", "conversation_id", "dedup_key", "lane", "kind", "provider_seq", "payload",
    "status", "last_error", "received_at", "done_at", "late",
)  # fmt: skip

# Noise has no conversation whose lock would keep a second copy out.
_MAIL = Statement(
    lambda dialect: insert_for(dialect)(mail).values(attempts=0).on_conflict_do_nothing(),
    _MAIL_COLUMNS,
)
_KNOWN_MAIL = Statement(
    lambda dialect: select(mail.c.dedup_key).where(among(mail.c.dedup_key, "keys", dialect)),
    ("keys",),
)
_KNOWN_PEERS = Statement(
    lambda dialect: waiting(
        select(*(conversation.c[name] for name in Conversation._fields)).where(
            conversation.c.account_id == bindparam("account"),
            among(conversation.c.peer, "peers", dialect),
        ),
        dialect,
        conversation.c.id,
    ),
    ("peers", "account"),
)
_READY = Statement(
    lambda _: (
        update(conversation)
        .where(
            conversation.c.id == bindparam("of"),
            conversation.c.business_id == bindparam("business"),
            conversation.c.status == "idle",
        )
        .values(status="ready", ready_at=bindparam("at", type_=conversation.c.ready_at.type))
    ),
    ("at", "of", "business"),
)
_OPT_OUT = Statement(
    lambda _: (
        update(customer)
        .where(customer.c.id == bindparam("of"), customer.c.business_id == bindparam("business"))
        .values(
            opted_out_at=bindparam("at", type_=customer.c.opted_out_at.type),
            updated_at=bindparam("updated", type_=customer.c.updated_at.type),
        )
    ),
    ("at", "updated", "of", "business"),
)
_LET_GO = Statement(
    lambda dialect: (
        update(conversation)
        .where(
            among(conversation.c.customer_id, "customers", dialect),
            conversation.c.business_id == bindparam("business"),
            conversation.c.hold_until.is_not(None),
        )
        .values(hold_until=None)
    ),
    ("customers", "business"),
)
_CANCEL = Statement(
    lambda dialect: (
        update(outbox)
        .where(
            outbox.c.conversation_id.in_(
                select(conversation.c.id).where(
                    among(conversation.c.customer_id, "customers", dialect)
                )
            ),
            outbox.c.business_id == bindparam("business"),
            outbox.c.status == "pending",
            outbox.c.lane > 0,
        )
        .values(
            status="cancelled",
            last_error=bindparam("why"),
            done_at=bindparam("at", type_=outbox.c.done_at.type),
        )
    ),
    ("why", "at", "customers", "business"),
)
