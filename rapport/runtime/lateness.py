"""What came after a later one of its conversation was applied: it is applied as it comes, marked.

A platform numbers what it hands over (`provider_seq`), and what waits together is applied in that
order. Webhooks overtake each other, though, and what was applied cannot be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import BigInteger, Connection, Select, bindparam, cast, func, literal_column, select

from bots.channel import Inbound
from crm.sql import Statement, among, listed_or_one
from crm.tables import activity, conversation, mail
from rapport.runtime.cases import Conversation

if TYPE_CHECKING:
    from rapport.runtime.intake import Origin

ONE_ORDER = timedelta(days=7)
"""Numbers older than this are of another order: after a week without updates Telegram begins
anywhere anew. https://core.telegram.org/bots/api#update"""


class Lateness:
    """Remembers the newest number of each stream (`Origin.stream`) that is read here.

    What is newer than that comes in order, so it costs no look at the database.
    """

    def __init__(self) -> None:
        self._newest: dict[int, tuple[str, int]] = {}

    def late_ones(
        self,
        db: Connection,
        origin: Origin,
        received: Iterable[tuple[Inbound, Conversation]],
        now: datetime,
    ) -> frozenset[str]:
        """The dedup keys of what is late. The conversations must be locked."""
        numbered = [
            (item.provider_seq, item, at) for item, at in received if item.provider_seq is not None
        ]
        if not numbered:
            return frozenset()
        newest = self._pass(origin, max(number for number, _, _ in numbered))
        doubtful = [row for row in numbered if newest is None or row[0] <= newest]
        if not doubtful:
            return frozenset()
        places = listed_or_one(db, list({at.id for _, _, at in doubtful}))
        applied = dict(_APPLIED.fetch(db, places, origin.business_id, now - ONE_ORDER))
        return frozenset(
            item.dedup_key for number, item, at in doubtful if number < (applied.get(at.id) or 0)
        )

    def _pass(self, origin: Origin, number: int) -> int | None:
        """The newest number of the stream before this one; None where its beginning is unknown."""
        if not origin.stream:
            return None
        stream, newest = self._newest.get(origin.account_id, ("", 0))
        if stream != origin.stream:
            self._newest[origin.account_id] = origin.stream, number
            return None
        self._newest[origin.account_id] = stream, max(number, newest)
        return newest


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
