"""What came after a later one of its conversation was applied: it is applied as it comes, marked.

A platform numbers what it hands over (`provider_seq`), and what waits together is applied in that
order. Webhooks overtake each other, though, and what was applied cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, cast, func, literal_column, select

from bots.channel import Inbound
from crm.sql import Statement, among, listed_or_one
from crm.tables import activity, conversation, mail
from rapport.runtime.cases import Conversation

ONE_ORDER = timedelta(days=7)
"""Numbers older than this are of another order: after a week without updates Telegram begins
anywhere anew. https://core.telegram.org/bots/api#update"""


class Lateness:
    """Remembers the newest number of each account that this process has taken in.

    What is newer than that comes in order where one process at a time fetches an account's updates,
    so it costs no look at the database.
    """

    def __init__(self) -> None:
        self._newest: dict[int, int] = {}

    def late_ones(
        self,
        db: Connection,
        business_id: int,
        received: Iterable[tuple[Inbound, Conversation]],
        now: datetime,
    ) -> frozenset[str]:
        """The dedup keys of what is late. The conversations must be locked."""
        numbered = [
            (item.provider_seq, item, at) for item, at in received if item.provider_seq is not None
        ]
        doubtful = [
            row for row in numbered if row[0] <= self._newest.get(row[2].account_id, row[0])
        ]
        for number, _, at in numbered:
            self._newest[at.account_id] = max(number, self._newest.get(at.account_id, number))
        if not doubtful:
            return frozenset()
        places = listed_or_one(db, list({at.id for _, _, at in doubtful}))
        applied = dict(_APPLIED.fetch(db, places, business_id, now - ONE_ORDER))
        return frozenset(
            item.dedup_key for number, item, at in doubtful if number < applied.get(at.id, 0)
        )


def _applied(dialect: str) -> Select[Any]:
    """The highest number applied in each conversation, as the timelines of its customers tell: by
    their index, where mail itself has none for what is done."""
    if dialect == "postgresql":
        told: Any = cast(func.jsonb_extract_path_text(activity.c.data, "mail"), BigInteger)
    else:
        told = func.json_extract(activity.c.data, "$.mail")
    return (
        select(conversation.c.id, func.max(mail.c.provider_seq))
        .join(activity, activity.c.customer_id == conversation.c.customer_id)
        .join(mail, mail.c.id == told)
        .where(
            among(conversation.c.id, "conversations", dialect),
            conversation.c.business_id == bindparam("business"),
            activity.c.type == literal_column("'message_received'"),
            activity.c.at > bindparam("since", type_=activity.c.at.type),
            mail.c.conversation_id == conversation.c.id,
        )
        .group_by(conversation.c.id)
    )


_APPLIED = Statement(_applied, ("conversations", "business", "since"))
