"""What a platform tells us that the business has said: mostly we said it ourselves.

Some platforms bring each message of an account back as an echo. That of our own dies as a copy: who
stores that a message was sent stores the echo's key with it. An echo may be quicker than that, so
one that says what is on its way to the same chat is ours too. What is left a person has written in
the platform's own app.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, select

from bots.channel import Inbound
from crm.sql import Statement, among, insert_for, listed
from crm.tables import account, mail, outbox
from rapport.runtime.cases import LANE_PERSON

KIND = "echo"
OURS = "what we said ourselves"


def expect(db: Connection, account_id: int, keys: Sequence[str], now: datetime) -> None:
    """These echoes, by their dedup keys, are of what was just sent on the account."""
    if not keys:
        return
    of = select(account.c.business_id).where(account.c.id == account_id)
    business_id = db.execute(of).scalar_one()
    _EXPECTED.many(
        db,
        [
            (business_id, None, key, LANE_PERSON, KIND, {}, "ignored", OURS, now, now, False, 0)
            for key in keys
        ],
    )


def under_way(
    db: Connection, account_id: int, echoes: Sequence[tuple[Inbound, int]]
) -> frozenset[str]:
    """The dedup keys of the echoes, each with its conversation, of what we are just sending.

    The conversations are locked.
    """
    if not echoes:
        return frozenset()
    places = listed(db, sorted({conversation for _, conversation in echoes}))
    going = {(row[0], _plain(row[1]["text"])) for row in _PENDING.fetch(db, places, account_id)}
    return frozenset(
        item.dedup_key
        for item, at in echoes
        if _says(at, _plain(item.payload.get("text", "")), going)
    )


def _says(at: int, text: str, going: Iterable[tuple[int, str]]) -> bool:
    """A file or a template has no text that could be compared."""
    return any(there == at and (not text or text == sent) for there, sent in going)


def _plain(text: str) -> str:
    """Platforms trim what they are given."""
    return " ".join(text.split())


_EXPECTED = Statement(
    lambda dialect: insert_for(dialect)(mail).on_conflict_do_nothing(),
    (
        "business_id", "conversation_id", "dedup_key", "lane", "kind", "payload", "status",
        "last_error", "received_at", "done_at", "late", "attempts",
    ),
)  # fmt: skip
_PENDING = Statement(
    lambda dialect: select(outbox.c.conversation_id, outbox.c.payload).where(
        among(outbox.c.conversation_id, "places", dialect),
        outbox.c.account_id == bindparam("account"),
        outbox.c.status == "pending",
    ),
    ("places", "account"),
)
