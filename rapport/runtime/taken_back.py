"""Messages that people take back: what they said is erased, that they said something is not."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select, update

from crm.tables import activity, mail

CHANNELS = frozenset({"instagram"})
"""Where messages can be taken back, so that the timeline remembers their ids."""


def erase(db: Connection, taken_back: Iterable[tuple[int, int, str]]) -> None:
    """Erase messages, by business, customer and message_id, from the timeline and the mail."""
    for business_id, customer_id, message_id in taken_back:
        found = db.execute(
            select(activity.c.id, activity.c.data).where(
                activity.c.business_id == business_id,
                activity.c.customer_id == customer_id,
                activity.c.type == "message_received",
            )
        ).all()
        for row in found:
            if (row.data or {}).get("message") == message_id:
                _erase(db, business_id, row.id, row.data["mail"])


def _erase(db: Connection, business_id: int, activity_id: int, mail_id: int) -> None:
    db.execute(
        update(activity)
        .where(activity.c.business_id == business_id, activity.c.id == activity_id)
        .values(description="(taken back)")
    )
    # The letter is forgotten after some days anyway.
    db.execute(
        update(mail)
        .where(mail.c.business_id == business_id, mail.c.id == mail_id)
        .values(payload={})
    )
