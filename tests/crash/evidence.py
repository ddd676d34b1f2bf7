"""What the kill programme leaves behind, held against what was said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from crm.tables import (
    conversation,
    customer_tag,
    field_history,
    mail,
    outbox,
    run,
)
from tests.crash.crowd import CATEGORIES, Answer, Customer
from tests.support.service import Place

PRESS = "(press)"
"""Stands for a pressed button, which has no text."""

IN_FLIGHT_SECONDS = 2
"""A message that was sent twice was sent the first time at most so long before a kill. The outcome
of a sending is written back within milliseconds; the rest is for a slow machine and for the
server's whole seconds."""


def faults(place: Place, customers: Sequence[Customer]) -> Iterator[str]:
    """What of the customers' conversations is not stored once and in order, as sentences."""
    by_customer = conversation.c.customer_id
    said = _by_peer(place, mail.c.id, mail.c.conversation_id == conversation.c.id, mail.c.payload)
    told = _by_peer(
        place, outbox.c.id, outbox.c.conversation_id == conversation.c.id,
        outbox.c.status, outbox.c.payload,
    )  # fmt: skip
    changes = _by_peer(
        place, field_history.c.id, field_history.c.customer_id == by_customer,
        field_history.c.field, field_history.c.new,
    )  # fmt: skip
    runs = _by_peer(place, run.c.id, run.c.customer_id == by_customer, run.c.outcome)
    tags = _by_peer(
        place, customer_tag.c.tag_id, customer_tag.c.customer_id == by_customer,
        customer_tag.c.by,
    )  # fmt: skip
    for customer in customers:
        peer = str(customer.chat_id)
        stored = [(answer.field, answer.stored) for answer in customer.answers()]
        sent = [(status, payload["text"]) for status, payload in told[peer]]
        texts = [payload.get("text", PRESS) for (payload,) in said[peer]]
        yield from _differs(peer, "mail", texts, ["/start", *map(_written, customer.answers())])
        yield from _differs(peer, "history", changes[peer], stored)
        yield from _differs(peer, "outbox", sent, [("sent", text) for text in customer.hears()])
        yield from _differs(peer, "runs", runs[peer], [("captured",)])
        yield from _differs(peer, "tags", tags[peer], [("flow:lead_capture",)])


def _written(answer: Answer) -> str:
    return PRESS if answer.says in CATEGORIES else answer.says


def _by_peer(
    place: Place, order: Any, belongs: Any, *columns: Any
) -> defaultdict[str, list[tuple[Any, ...]]]:
    """These columns of the rows of each conversation, in order."""
    rows: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    statement = select(conversation.c.peer, *columns).join_from(conversation, order.table, belongs)
    for peer, *rest in place.rows(statement.order_by(order)):
        rows[peer].append(tuple(rest))
    return rows


def _differs(peer: str, what: str, found: Any, wanted: Any) -> Iterator[str]:
    if found != wanted:
        yield f"{peer}: {what} is {found}, not {wanted}"


def unheard(sent: Sequence[dict[str, Any]], customers: Sequence[Customer]) -> Iterator[str]:
    """What did not arrive, or not in order; a repetition counts where it came first."""
    arrived: defaultdict[int, list[str]] = defaultdict(list)
    for message in sent:
        arrived[message["chat"]["id"]].append(message["text"])
    for customer in customers:
        texts = list(dict.fromkeys(arrived[customer.chat_id]))
        yield from _differs(str(customer.chat_id), "what arrived", texts, customer.hears())


def repeated(
    sent: Sequence[dict[str, Any]], kills: Sequence[tuple[float, int]]
) -> tuple[int, list[str]]:
    """How many messages were sent again, and those of them that no kill explains.

    sent: in the order of sending. kills: the time of each, and how many were sent until then.
    """
    copies: defaultdict[tuple[int, str], list[int]] = defaultdict(list)
    for place, message in enumerate(sent):
        copies[message["chat"]["id"], message["text"]].append(place)
    extra = sum(len(places) - 1 for places in copies.values())
    unexplained = [
        f"{chat} was sent {text!r} again, and nothing was killed in between"
        for (chat, text), places in copies.items()
        for before, after in pairwise(places)
        if not _was_in_flight(sent[before]["date"], before, after, kills)
    ]
    return extra, unexplained


def _was_in_flight(at: int, before: int, after: int, kills: Sequence[tuple[float, int]]) -> bool:
    return any(
        before < sent <= after and moment - at <= IN_FLIGHT_SECONDS + 1 for moment, sent in kills
    )
