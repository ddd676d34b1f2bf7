"""More from one person than anybody writes: stored, set aside, and answered once.

Each message of a flood would be a turn, and its answers would keep a chat busy for minutes. The
last one stands for all: it is on the timeline and gets the answer; the others are ignored mail.
Timers' rings among them are no messages, and are applied. Opting out counts all the same, from the
intake on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, func, select

from crm.sql import Statement, among, listed_or_one
from crm.tables import mail
from rapport.runtime.cases import LANE_PERSON

MOST_AT_ONCE = 200
"""Messages of one conversation that wait together and are still applied one by one."""


class Flood(NamedTuple):
    """messages: how many wait. last: the id of the newest."""

    messages: int
    last: int


def floods(db: Connection, business_id: int, conversations: Sequence[int]) -> Mapping[int, Flood]:
    """Those of these conversations in which more waits than is applied one by one, by id."""
    rows = _FLOODS.fetch(db, listed_or_one(db, conversations), business_id, MOST_AT_ONCE)
    return {row[0]: Flood(row[1], row[2]) for row in rows}


def _floods(dialect: str) -> Any:
    return (
        select(mail.c.conversation_id, func.count(), func.max(mail.c.id))
        .where(
            among(mail.c.conversation_id, "conversations", dialect),
            mail.c.status == "waiting",
            mail.c.lane == LANE_PERSON,
            mail.c.business_id == bindparam("business"),
        )
        .group_by(mail.c.conversation_id)
        .having(func.count() > bindparam("most"))
    )


_FLOODS = Statement(_floods, ("conversations", "business", "most"))
