"""News for the staff: rows of the outbox that belong to no conversation.

They are stored with what they tell of, so nothing is lost in a crash, and are sent as everything
else is. `customer_id` says whom they are about. What becomes of one is its own affair: a person of
the staff who has blocked the bot leaves the customer as reachable as before.

A bot cannot write first: each person is told by the bot of the business that they have written to.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Connection, bindparam, insert, select

from bots.channel import Outgoing
from crm.sql import Statement, among, listed
from crm.tables import conversation, outbox
from engine.business import Business, Staff
from engine.staff import STAFF_CHANNEL, told_of
from rapport.runtime.cases import Parts
from rapport.runtime.deliveries import Delivery, delivery_of
from rapport.runtime.ids import Ids

TERMINAL = "chat"
"""What is tried out in a terminal is told there, and disturbs nobody."""

log = structlog.get_logger(__name__)


class News(NamedTuple):
    """Something that people of the business are told.

    key: of what it comes from, such as `mail:7` or `act:7`: the same for all that comes from it,
    and of nothing else. to: the WHO of a flow. people: whom it means. account_id: the account at
    hand. lane: of the outbox. customer_id: whom it is about. talk: it is what a customer who is
    handed over has written, or that they wait: a reply to it goes to them.
    """

    key: str
    to: str
    text: str
    people: Sequence[Staff]
    account_id: int
    lane: int
    customer_id: int | None = None
    talk: bool = False


class Told(NamedTuple):
    """A message to the staff that somebody of it has replied to. customer_id: whom it is about.
    talk: as in News."""

    customer_id: int
    talk: bool


def reached(business: Business, to: str, assignee: object) -> tuple[Staff, ...]:
    """The people of a WHO who have given their Telegram number. assignee: what `assigned_to` holds
    of the customer."""
    people = told_of(business, to, None if assignee is None else str(assignee))
    return tuple(one for one in people if one.telegram)


def may_tell(channels: Mapping[int, str], account_id: int) -> bool:
    """Whether there is a way to the staff, where this account is at hand."""
    return channels[account_id] == TERMINAL or STAFF_CHANNEL in channels.values()


class Unheard:
    """Those who were to be told and could not; each WHO stands in the log once for a project."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def note(self, to: str) -> None:
        if to not in self._said:
            self._said.add(to)
            log.warning("staff_not_told", to=to, cure="rapport check says who has no `telegram:`")


class Mailroom(NamedTuple):
    """What telling the staff needs of the business. channels: of its accounts, by their ids."""

    business_id: int
    channels: Mapping[int, str]
    parts: Parts


def post(
    db: Connection, room: Mailroom, news: Sequence[News], ids: Ids, now: datetime, *,
    here: bool = False,
) -> list[Delivery]:  # fmt: skip
    """Put news into the outbox; the deliveries are the senders' once that is committed.

    here: by the account at hand, for somebody has just written to it.
    """
    people = set() if here else {one.telegram for item in news for one in item.people}
    ways = _ways(db, room, people) if people else {}
    numbers: Counter[str] = Counter()
    rows: list[tuple[Any, ...]] = []
    for item in news:
        for place, person in enumerate(item.people):
            account_id = item.account_id
            if not here:
                account_id = _account(item, person.telegram, room, ways)
            for piece in room.parts(
                room.channels[account_id], Outgoing(person.telegram, item.text)
            ):
                # Who reads along (a test, a terminal) reads it once, however many are told.
                payload = {"text": piece.text, "staff": item.to, "copy": place > 0}
                if item.talk:
                    payload["talk"] = True
                key = f"staff:{item.key}:{numbers[item.key]}"
                numbers[item.key] += 1
                rows.append(
                    (
                        ids.next_outbox(), room.business_id, account_id, None, key, piece.peer,
                        item.lane, payload, "pending", 0, now, now, None, item.customer_id,
                    )
                )  # fmt: skip
    _INSERT.many(db, rows)
    return [delivery_of(row[:-1]) for row in rows]


def told_by(
    db: Connection, business_id: int, account_id: int, peer: str, message_id: str
) -> Told | None:
    """The news of a customer that a message on the platform is; None for any other message, and
    for one that is so old that it is forgotten."""
    found = _TOLD.fetch(db, business_id, account_id, peer, message_id)
    return Told(found[0][0], bool(found[0][1].get("talk"))) if found else None


def _account(news: News, number: str, room: Mailroom, ways: Mapping[str, Iterable[int]]) -> int:
    """By which account a person is told: the one at hand if they have written to it, else the
    newest that they have; where they have written to none, the likeliest to be right."""
    at_hand = room.channels[news.account_id]
    written = ways.get(number, ())
    bots = [id_ for id_, channel in room.channels.items() if channel == STAFF_CHANNEL]
    if at_hand == TERMINAL or news.account_id in written:
        return news.account_id
    if written:
        return max(written)
    return news.account_id if at_hand == STAFF_CHANNEL else max(bots)


def _ways(db: Connection, room: Mailroom, numbers: Iterable[str]) -> dict[str, list[int]]:
    """The bots that each of these Telegram numbers has written to."""
    bots = [id_ for id_, channel in room.channels.items() if channel == STAFF_CHANNEL]
    ways: defaultdict[str, list[int]] = defaultdict(list)
    if len(bots) > 1:  # of one there is nothing to choose
        found = _WRITTEN.fetch(db, room.business_id, listed(db, bots), listed(db, sorted(numbers)))
        for number, account_id in found:
            ways[number].append(account_id)
    return ways


_INSERT = Statement(
    lambda _: insert(outbox),
    (
        "id", "business_id", "account_id", "conversation_id", "dedup_key", "peer", "lane",
        "payload", "status", "attempts", "created_at", "due_at", "expires_at", "customer_id",
    ),
)  # fmt: skip

_TOLD = Statement(
    lambda _: select(outbox.c.customer_id, outbox.c.payload).where(
        outbox.c.business_id == bindparam("business"),
        outbox.c.account_id == bindparam("account"),
        # Few rows have one: the index of those is walked.
        outbox.c.customer_id.is_not(None),
        outbox.c.conversation_id.is_(None),
        outbox.c.peer == bindparam("peer"),
        outbox.c.provider_message_id == bindparam("message"),
    ),
    ("business", "account", "peer", "message"),
)

_WRITTEN = Statement(
    lambda dialect: select(conversation.c.peer, conversation.c.account_id).where(
        conversation.c.business_id == bindparam("business"),
        among(conversation.c.account_id, "bots", dialect),
        among(conversation.c.peer, "numbers", dialect),
    ),
    ("business", "bots", "numbers"),
)
