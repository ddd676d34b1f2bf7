"""Reading what a batch of turns needs: one query per table for the whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    or_,
    select,
    type_coerce,
)

from crm.scores_sql import filled
from crm.sql import Statement, among, listed, listed_or_one
from crm.tables import (
    business,
    conversation,
    customer,
    customer_tag,
    field_history,
    mail,
    run,
    segment,
    segment_member,
    tag,
)
from engine.derive.rules import RULE
from engine.fields.types import Value
from engine.jsonable import run_from_json
from engine.moving import follow
from rapport.runtime.cases import LANE_PERSON, Case, Conversation, Mail, OpenRun
from rapport.runtime.floods import floods
from rapport.runtime.held import load_held
from rapport.runtime.library import Library
from rapport.runtime.locks import skipping

ALWAYS_READ = (
    "first_name", "last_name", "username", "phone_number", "email", "company", "customer_type",
    "language", "timezone", "currency", "date_order", "opted_out_at", "last_message_at",
    "total_interactions",
)  # fmt: skip
"""Base columns that every turn reads: language and zone, the name's parts, the person's consent."""


def ready_cases(db: Connection, library: Library, now: datetime, limit: int) -> list[Case]:
    """The cases of up to `limit` ready conversations with their stored mail, longest ready first.

    What somebody else works on is left to them, a customer's other conversations too.
    """
    rows = _READY.fetch(db, library.business_id, now, limit)
    cases = cases_of(found for found in map(Conversation._make, rows))
    if cases:
        fill(db, library, cases)
    if cases:
        _load_mail(db, library.business_id, cases)
    return list(cases.values())


def cases_of(conversations: Iterable[Conversation]) -> dict[int, Case]:
    """The customers of these conversations, by id, with nothing loaded."""
    cases: dict[int, Case] = {}
    for item in conversations:
        case = cases.get(item.customer_id)
        if case is None:
            case = cases[item.customer_id] = Case(item.customer_id)
        case.conversations[item.id] = item
    return cases


def fill(db: Connection, library: Library, cases: dict[int, Case]) -> None:
    """Lock these customers and load what the flows may read of them; who is worked on elsewhere
    is taken out of `cases`. Their conversations must be locked."""
    _load_customers(db, library, cases, listed_or_one(db, list(cases)))
    if not cases:
        return
    ids, read = listed_or_one(db, list(cases)), library.reads
    _load_runs(db, library, cases, ids)
    if library.reads is not read:
        # An older version of a flow, on which one of them stands, reads more.
        _load_customers(db, library, cases, ids)
    if library.reads.tags:
        _load_tags(db, library, cases, ids)
    if library.reads.segments:
        _load_segments(db, library, cases, ids)
    for key in library.reads.history:
        _load_history(db, library, cases, ids, key)
    if library.starts:
        load_held(db, library.business_id, cases)


def _load_runs(db: Connection, library: Library, cases: Mapping[int, Case], ids: Any) -> None:
    for row in _RUNS.fetch(db, ids, library.business_id):
        run_id, customer_id, conversation_id, frames, wait, event, cause, started_at, status = row
        opened = run_from_json(run_id, frames, wait, event)
        cases[customer_id].runs[run_id] = OpenRun(
            opened, conversation_id, cause, started_at, status
        )
        if library.have_versions_of(db, opened):
            bring_up(cases[customer_id].runs[run_id], library)
    _load_elsewhere(db, library, cases, ids)


def bring_up(opened: OpenRun, library: Library) -> None:
    """Let a run follow the newer versions of its flows, as far as that needs no step."""
    followed = follow(opened.run, library.flows)
    if followed is not None:
        opened.followed = followed.run != opened.run
        opened.run, opened.restart = followed.run, followed.restart


def _load_elsewhere(db: Connection, library: Library, cases: Mapping[int, Case], ids: Any) -> None:
    """A run may live in a conversation that is not ready now: another channel of the customer."""
    if all(
        opened.conversation_id in case.conversations
        for case in cases.values()
        for opened in case.runs.values()
    ):
        return
    for row in _CONVERSATIONS.fetch(db, ids, library.business_id):
        found = Conversation(*row)
        case = cases[found.customer_id]
        if found.id not in case.conversations:
            case.elsewhere[found.id] = found


def _load_customers(db: Connection, library: Library, cases: dict[int, Case], ids: Any) -> None:
    keys = keys_read(library)
    rows = _customers(tuple(keys), _counted(library)).fetch(db, ids, library.business_id)
    if rows:
        library.require_newest(rows[0][3])
    for row in rows:
        case = cases[row[0]]
        case.asking_run, case.extra, case.filled = row[1], row[2] or {}, row[4]
        case.values = dict(zip(keys.values(), row[5:], strict=True))
        case.values.update(library.extras_of(case.extra))
    if len(rows) < len(cases):
        for busy in cases.keys() - {row[0] for row in rows}:
            del cases[busy]


def keys_read(library: Library) -> Mapping[str, str]:
    """The keys of the fields that are loaded of every customer, by their columns."""
    read, slots = library.reads, library.business.slots
    named = {slots.get(key, key) for key in read.fields | read.history}
    keys = sorted(key for key in named if key in library.columns)
    return {library.columns.get(key, key): key for key in (*ALWAYS_READ, *keys)}


def _counted(library: Library) -> tuple[str, ...]:
    """The slots whose values are counted: a score asks how many are filled."""
    rules = library.business.rules
    return tuple(library.columns[key] for key in rules.slots) if rules.counts_fields else ()


def _load_mail(db: Connection, business_id: int, cases: Mapping[int, Case]) -> None:
    of = {item: case for case in cases.values() for item in case.conversations}
    flooded = floods(db, business_id, list(of))
    for number, flood in flooded.items():
        of[number].floods[number] = flood.messages
    calm = [item for item in of if item not in flooded]
    rows = _WAITING.fetch(db, listed_or_one(db, calm), business_id)
    if flooded:
        last = [flood.last for flood in flooded.values()]
        rows += _LAST_OF_FLOOD.fetch(db, listed(db, list(flooded)), listed(db, last), business_id)
    for row in rows:
        item = Mail(*row)
        of[item.conversation_id].mail.append(item)


def _load_tags(db: Connection, library: Library, cases: Mapping[int, Case], ids: Any) -> None:
    found: defaultdict[int, set[str]] = defaultdict(set)
    ruled: defaultdict[int, set[str]] = defaultdict(set)
    for customer_id, name, by in _TAGS.fetch(db, ids, library.business_id):
        found[customer_id].add(name)
        if by.startswith(RULE):
            ruled[customer_id].add(name)
    for customer_id, names in found.items():
        cases[customer_id].tags = frozenset(names)
        cases[customer_id].ruled = frozenset(ruled.get(customer_id, ()))


def _load_segments(db: Connection, library: Library, cases: Mapping[int, Case], ids: Any) -> None:
    found: defaultdict[int, set[str]] = defaultdict(set)
    for customer_id, key in _SEGMENTS.fetch(db, ids, library.business_id):
        found[customer_id].add(key)
    for customer_id, keys in found.items():
        cases[customer_id].segments = frozenset(keys)


def _load_history(
    db: Connection, library: Library, cases: Mapping[int, Case], ids: Any, key: str
) -> None:
    found: defaultdict[int, list[Value]] = defaultdict(list)
    for customer_id, new in _HISTORY.fetch(db, ids, library.business_id, key):
        found[customer_id].append(library.typed(key, new))
    for customer_id, values in found.items():
        cases[customer_id].history[key] = tuple(values)


_READY = Statement(
    lambda dialect: skipping(
        select(*(conversation.c[name] for name in Conversation._fields))
        .where(
            conversation.c.business_id == bindparam("business"),
            conversation.c.status == "ready",
            or_(
                conversation.c.hold_until.is_(None),
                conversation.c.hold_until <= bindparam("now", type_=conversation.c.hold_until.type),
            ),
        )
        .order_by(conversation.c.ready_at)
        .limit(bindparam("most")),
        dialect,
    ),
    ("business", "now", "most"),
)

_CONVERSATIONS = Statement(
    lambda dialect: select(*(conversation.c[name] for name in Conversation._fields)).where(
        among(conversation.c.customer_id, "customers", dialect),
        conversation.c.business_id == bindparam("business"),
    ),
    ("customers", "business"),
)


def _as_text(document: Column[Any], dialect: str) -> Any:
    """A JSON document as it is stored: the engine's own decoder is quicker than any general one."""
    return type_coerce(document, Text) if "sqlite" in dialect else cast(document, Text)


_RUNS = Statement(
    lambda dialect: select(
        run.c.id,
        run.c.customer_id,
        run.c.conversation_id,
        *(_as_text(column, dialect) for column in (run.c.frames, run.c.wait, run.c.event)),
        run.c.cause,
        run.c.started_at,
        run.c.status,
    ).where(
        among(run.c.customer_id, "customers", dialect),
        run.c.status != "ended",
        run.c.business_id == bindparam("business"),
    ),
    ("customers", "business"),
)


def _waiting(dialect: str) -> Select[Any]:
    return (
        select(
            mail.c.id,
            mail.c.conversation_id,
            mail.c.kind,
            mail.c.run_id,
            mail.c.payload,
            mail.c.attempts,
            mail.c.received_at,
        )
        .where(
            among(mail.c.conversation_id, "conversations", dialect),
            mail.c.status == "waiting",
            mail.c.business_id == bindparam("business"),
        )
        .order_by(mail.c.lane, mail.c.provider_seq.nulls_last(), mail.c.id)
    )


_WAITING = Statement(_waiting, ("conversations", "business"))

_LAST_OF_FLOOD = Statement(
    lambda dialect: _waiting(dialect).where(
        or_(mail.c.lane != LANE_PERSON, among(mail.c.id, "last", dialect))
    ),
    ("conversations", "last", "business"),
)

_TAGS = Statement(
    lambda dialect: (
        select(customer_tag.c.customer_id, tag.c.name, customer_tag.c.by)
        .join(tag, tag.c.id == customer_tag.c.tag_id)
        .where(
            among(customer_tag.c.customer_id, "customers", dialect),
            tag.c.business_id == bindparam("business"),
        )
    ),
    ("customers", "business"),
)

_SEGMENTS = Statement(
    lambda dialect: (
        select(segment_member.c.customer_id, segment.c.key)
        .join(segment, segment.c.id == segment_member.c.segment_id)
        .where(
            among(segment_member.c.customer_id, "customers", dialect),
            segment_member.c.business_id == bindparam("business"),
        )
    ),
    ("customers", "business"),
)

_HISTORY = Statement(
    lambda dialect: (
        select(field_history.c.customer_id, field_history.c.new)
        .where(
            among(field_history.c.customer_id, "customers", dialect),
            field_history.c.business_id == bindparam("business"),
            field_history.c.field == bindparam("key"),
        )
        .order_by(field_history.c.id.desc())
    ),
    ("customers", "business", "key"),
)


@cache
def _customers(names: tuple[str, ...], counted: tuple[str, ...]) -> Statement:
    """The SELECT of just these columns, and of how many of the counted ones have a value; a
    process sees few different sets."""
    columns = [customer.c[name] for name in names]

    def build(dialect: str) -> Select[Any]:
        having = filled([customer.c[name] for name in counted], dialect)
        first = (customer.c.id, customer.c.asking_run, customer.c.custom_fields_extra)
        statement = select(*first, _applied(dialect), having, *columns).where(
            among(customer.c.id, "customers", dialect),
            # `+ 0` keeps SQLite from reading a whole business by an index that begins with it.
            customer.c.business_id + 0 == bindparam("business"),
        )
        return skipping(statement, dialect, of=customer)

    return Statement(build, ("customers", "business"))


def _applied(dialect: str) -> ColumnElement[Any]:
    """When the business was applied last. Whoever applies waits until this transaction ends: the
    lock is the one that a row which belongs to the business takes of it, so it is no new one."""
    statement = select(business.c.applied_at).where(business.c.id == bindparam("business"))
    if dialect != "postgresql":
        return statement.scalar_subquery()
    return statement.with_for_update(read=True, key_share=True).subquery().c.applied_at
