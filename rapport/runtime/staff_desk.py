"""The staff at work in Telegram: they answer by replying to what was passed on, and by commands.

A message is an act of the staff where it comes from a number of crm.yaml's `staff` and is either a
command of theirs or a reply to news of a customer. All else that they write is an ordinary
customer's talk: who owns a bot tries it out. A number may be that of a group; then whoever is in
it acts, with the rights of the group's entry.

An act is done in the transaction that stores it, each behind a savepoint: it happens once, or the
person is told that it did not. Its text is not kept with the mail, for it is about somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from bots.channel import Inbound
from crm.database import savepoint, unavailable_reason
from crm.sql import insert_for
from crm.tables import mail
from engine.business import Staff
from engine.staff import STAFF_CHANNEL
from engine.wording import wording
from rapport.runtime.cases import LANE_PERSON, LIVE
from rapport.runtime.deliveries import Delivery
from rapport.runtime.ids import ids_for
from rapport.runtime.intake import ACTS, Broken, Origin
from rapport.runtime.library import Library
from rapport.runtime.staff_acts import COMMANDS, Acting, Said, carry_out
from rapport.runtime.staff_news import Mailroom, News, Told, post, told_by

log = structlog.get_logger(__name__)

Arrivals = Sequence[Inbound | Broken]


class Act(NamedTuple):
    """Something that the staff does. seat: the entry of crm.yaml at whose number it was written.
    told: the news that it replies to, or None."""

    item: Inbound
    seat: Staff
    told: Told | None


class StaffDesk:
    """Does the acts of a business's staff."""

    def __init__(self, library: Library, room: Mailroom) -> None:
        self._library = library
        self._business = library.business
        self._room = room
        staff = reversed(self._business.staff)
        self._seats = {one.telegram: one for one in staff if one.telegram}

    def pick(
        self, db: Connection, origin: Origin, arrivals: Arrivals
    ) -> tuple[list[Act], Arrivals]:
        """The acts among the arrivals, and the rest of these."""
        if origin.channel != STAFF_CHANNEL or not self._seats:
            return [], arrivals
        acts: list[Act] = []
        rest: list[Inbound | Broken] = []
        for item in arrivals:
            act = self._act(db, origin, item)
            if act is None:
                rest.append(item)
            else:
                acts.append(act)
        return acts, rest

    def work(
        self, db: Connection, origin: Origin, acts: Sequence[Act], now: datetime
    ) -> tuple[int, list[Delivery]]:
        """Do those that are new: how many there were, and what is to be answered."""
        done = 0
        deliveries: list[Delivery] = []
        for act in acts:
            number = _keep(db, origin, act.item, now)
            if number is not None:
                done += 1
                said = self._do(db, act, now)
                deliveries += self._answer(db, origin, act, said, number, now)
        return done, deliveries

    def _act(self, db: Connection, origin: Origin, item: Inbound | Broken) -> Act | None:
        if not isinstance(item, Inbound):
            return None
        seat = self._seats.get(item.peer)
        if seat is None or not item.sender or item.kind not in ACTS:
            return None
        told, answered = None, item.payload.get("reply_to")
        if answered:
            told = told_by(db, origin.business_id, origin.account_id, item.peer, answered)
        is_command = item.kind == "command" and item.payload["command"] in COMMANDS
        return Act(item, seat, told) if is_command or told else None

    def _do(self, db: Connection, act: Act, now: datetime) -> Said:
        # In a group each acts in their own name, where they have one.
        person = self._seats.get(act.item.sender, act.seat)
        library = self._library
        at = Acting(db, library.business_id, self._business, act.seat, person.name, act.told, now)
        try:
            with savepoint(db):
                return carry_out(at, act.item)
        except Exception as error:
            # One act must not keep out what others have sent in the meantime.
            if unavailable_reason(error):
                raise
            log.error("staff_act_failed", mail=act.item.dedup_key, exc_info=error)
            return Said(wording("desk_failed", self._business.language))

    def _answer(
        self, db: Connection, origin: Origin, act: Act, said: Said, number: int, now: datetime
    ) -> list[Delivery]:
        if not said.text:
            return []
        news = News(
            f"act:{number}", act.seat.name, said.text, (act.seat,), origin.account_id, LIVE,
            said.customer_id, said.talk,
        )  # fmt: skip
        return post(db, self._room, [news], ids_for(db, 1), now, here=True)


def _keep(db: Connection, origin: Origin, item: Inbound, now: datetime) -> int | None:
    """The number of the mail; None where this message was taken in before. As all that belongs
    into no conversation, it is one that the turns have nothing to do with."""
    row = {
        "business_id": origin.business_id, "conversation_id": None, "dedup_key": item.dedup_key,
        "lane": LANE_PERSON, "kind": item.kind, "provider_seq": item.provider_seq,
        "payload": {"staff": item.peer}, "status": "ignored", "last_error": "an act of the staff",
        "received_at": now, "done_at": now,
        "attempts": 0, "late": False,
    }  # fmt: skip
    made = insert_for(db.dialect.name)(mail).values(row).on_conflict_do_nothing()
    found = db.execute(made.returning(mail.c.id)).scalar_one_or_none()
    return None if found is None else int(found)
