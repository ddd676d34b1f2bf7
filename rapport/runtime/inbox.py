"""The inbox of the staff: who waits for a person, their talk, and what the staff does about it.

What is done is mail of the customer's conversation (rapport.runtime.handovers): the turns carry it
out, in whatever process, and messages go out as all others do. So each function here is a short
transaction's work, and may be called from any program that has the database.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, select

from crm.errors import NotTalking
from crm.tables import account, activity, conversation, customer, run
from engine.jsonable import run_from_json
from engine.run import UNANSWERED
from rapport.runtime.doors import doors_of, put_mail
from rapport.runtime.handovers import KIND
from rapport.runtime.locks import waiting

Act = Literal["reply", "release", "take"]

LONGEST = 4_000
"""Characters of a reply: a person reads it at once."""

_SAID = ("message_received", "message_sent")


class Talk(NamedTuple):
    """A customer who is handed over. to: a WHO of crm.yaml. unanswered_since: None where the staff
    had the last word. last: what a person said last, the customer or one of the staff."""

    customer_id: int
    name: str
    to: str
    channel: str
    since: datetime
    unanswered_since: datetime | None
    last: str

    @property
    def is_answered(self) -> bool:
        return self.unanswered_since is None


class Said(NamedTuple):
    """One message of a talk. by: `customer`, `bot`, or `staff:NAME`."""

    at: datetime
    by: str
    text: str


def talks(db: Connection, business_id: int, customer_id: int | None = None) -> list[Talk]:
    """Who is handed over now: those that wait for an answer first, the longest waiting at the top.

    customer_id: only this one; None for all.
    """
    statement = (
        select(
            run.c.id, run.c.frames, run.c.wait, run.c.waiting_since, customer.c.id,
            customer.c.display_name, account.c.channel,
        )
        .join(customer, customer.c.id == run.c.customer_id)
        .join(conversation, conversation.c.id == run.c.conversation_id)
        .join(account, account.c.id == conversation.c.account_id)
        .where(run.c.business_id == business_id, run.c.status == "handed")
    )  # fmt: skip
    if customer_id is not None:
        statement = statement.where(run.c.customer_id == customer_id)
    found = [_talk(db, business_id, row) for row in db.execute(statement)]
    return sorted(found, key=lambda one: (one.is_answered, one.unanswered_since or one.since))


def said(
    db: Connection, business_id: int, customer_id: int, most: int = 20, *, bot: bool = True
) -> list[Said]:
    """The last messages of a customer's talk with bot and staff, the oldest first.

    bot: those of the bot too.
    """
    statement = (
        select(activity.c.at, activity.c.by, activity.c.description)
        .where(
            activity.c.business_id == business_id,
            activity.c.customer_id == customer_id,
            activity.c.type.in_(_SAID),
        )
        .order_by(activity.c.at.desc(), activity.c.id.desc())
        .limit(most)
    )
    if not bot:
        statement = statement.where(activity.c.by != "bot")
    return [Said(*row) for row in db.execute(statement)][::-1]


def answer(
    db: Connection, business_id: int, customer_id: int, by: str, text: str, now: datetime
) -> None:
    """Write to the customer as one of the staff; it may be somebody who is not handed over.

    by: the name of who writes. Raises NotTalking.
    """
    text = text.strip()
    if not text:
        raise NotTalking("An answer needs a text.")
    if len(text) > LONGEST:
        raise NotTalking(f"An answer has at most {LONGEST:,} characters; this has {len(text):,}.")
    _put(db, business_id, customer_id, {"act": "reply", "by": by, "text": text}, now)


def release(db: Connection, business_id: int, customer_id: int, by: str, now: datetime) -> None:
    """Give the customer back to the bot. Raises NotTalking where nobody has them."""
    if not talks(db, business_id, customer_id):
        raise NotTalking("The bot talks with this customer: nobody has taken over.")
    _put(db, business_id, customer_id, {"act": "release", "by": by}, now)


def take(db: Connection, business_id: int, customer_id: int, by: str, now: datetime) -> None:
    """Have the customer to oneself: the bot is silent, and what they write goes to `by` alone.

    Raises NotTalking where they cannot be written to.
    """
    _put(db, business_id, customer_id, {"act": "take", "by": by}, now)


def _put(
    db: Connection, business_id: int, customer_id: int, payload: dict[str, Any], now: datetime
) -> None:
    at = _place(db, business_id, customer_id)
    if at is None:
        raise NotTalking("No account of this customer's may be written to.")
    found = select(conversation.c.id).where(
        conversation.c.id == at, conversation.c.business_id == business_id
    )
    # Turns hold it for some milliseconds: this waits for them.
    db.execute(waiting(found, db.dialect.name, conversation.c.id))
    put_mail(db, business_id, [(at, f"{KIND}:{uuid.uuid4()}", KIND, payload)], now)


def _place(db: Connection, business_id: int, customer_id: int) -> int | None:
    """The conversation to talk in: that of the run which handed over, else the customer's way."""
    handed = db.execute(
        select(run.c.conversation_id)
        .where(
            run.c.business_id == business_id,
            run.c.customer_id == customer_id,
            run.c.status == "handed",
        )
        .order_by(run.c.id)
    ).scalar()
    if handed is not None:
        return int(handed)
    ways = doors_of(db, business_id, [customer_id]).get(customer_id, ())
    return ways[0].conversation_id if ways else None


def _talk(db: Connection, business_id: int, row: Sequence[Any]) -> Talk:
    run_id, frames, wait, since, customer_id, name, channel = row
    stored = run_from_json(run_id, frames, wait, None)
    assert stored.wait is not None, "it is handed over"
    last = said(db, business_id, customer_id, most=1, bot=False)
    return Talk(
        customer_id, name, stored.handed_over or "", channel, since,
        stored.wait.state.get(UNANSWERED), last[0].text if last else "",
    )  # fmt: skip
