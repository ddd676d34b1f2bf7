"""The turn: all steps of a batch of conversations in one transaction.

    load    conversations that are ready, their customers, runs and mail: one query per table
    decide  whom each message is for (engine.offer)
    step    the pure engine, for each mail in order (engine.step)
    write   mail, runs, customers, history, timeline, timers, messages: one statement per table

The transaction is the caller's. Nothing is sent inside it: `Turned.deliveries` are handed to the
senders after the commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, func, select
from sqlalchemy.exc import IntegrityError

from crm.database import unavailable_reason
from crm.services.ledger import Ledger
from crm.sql import Statement
from crm.tables import customer, outbox, run
from engine.fields.types import Value
from rapport.runtime.casework import Casework, Ids, Parts, Press, Surroundings
from rapport.runtime.deliveries import Delivery, delivery_of
from rapport.runtime.library import Library
from rapport.runtime.load import Case, load
from rapport.runtime.writes import Writes, hold, mark_mail

BATCH = 128
"""Conversations in one transaction: what a commit costs is shared by so many turns. One answer of
Telegram's getUpdates (100 updates) fits, and the transaction stays within some 20 ms."""

MAX_ATTEMPTS = 5
"""After so many failures of its content a mail is a dead letter and the conversation goes on."""

HOLD_SECONDS = (1, 5, 30, 120)
"""How long a conversation waits after each failure: order beats progress."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Turned:
    """What a batch did. conversations: how many were worked on; 0 means nothing was ready.
    more: the batch was full, so others may be ready still."""

    conversations: int = 0
    letters: int = 0
    more: bool = False
    deliveries: list[Delivery] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)


class Turns:
    """Runs batches for one business. `parts` cuts messages for a channel, by its name."""

    def __init__(self, library: Library, channels: Mapping[int, str], parts: Parts) -> None:
        self.library = library
        self._channels = channels
        self._parts = parts
        self._count = 0

    def run(self, db: Connection, now: datetime, limit: int = BATCH) -> Turned:
        """One batch. A content error leaves no trace but on the mail that raised it."""
        cases = load(db, self.library, now, limit)
        if not cases:
            return Turned()
        try:
            with db.begin_nested():
                turned = self._work(db, cases, now)
        except IntegrityError as error:
            log.warning("batch_refused", reason=str(error.orig))
            turned = self._one_by_one(db, cases, now)
        turned.more = turned.conversations >= limit
        return turned

    def _work(self, db: Connection, cases: list[Case], now: datetime) -> Turned:
        """Work every case, then write what they gathered."""
        around = self._surroundings(db, now)
        writes, ledger, turned = Writes(), self._ledger(), Turned()
        failed: list[tuple[Case, Exception]] = []
        for case in cases:
            work = Casework(case, around, self._ledger())
            try:
                work.work()
            except Exception as error:
                # One customer's content must not stop the others: see runtime errors in the docs.
                if unavailable_reason(error):
                    raise
                failed.append((case, error))
                continue
            writes.join(work.writes)
            ledger.join(work.ledger)
            turned.presses += work.presses
            turned.letters += len(case.mail)
            turned.conversations += len(case.conversations)
        writes.write(db)
        ledger.write(db)
        for case, error in failed:
            self._fail(db, case, error, now)
            turned.conversations += len(case.conversations)
        turned.deliveries = [delivery_of(row) for row in writes.outbox]
        return turned

    def _one_by_one(self, db: Connection, cases: list[Case], now: datetime) -> Turned:
        """A row of the batch broke a constraint: find whose, and let the others go on."""
        total = Turned()
        for case in cases:
            fresh = load(db, self.library, now, BATCH, only=tuple(case.conversations))
            try:
                with db.begin_nested():
                    turned = self._work(db, fresh, now)
            except IntegrityError as error:
                self._fail(db, case, error, now)
                turned = Turned(conversations=len(case.conversations))
            total.conversations += turned.conversations
            total.letters += turned.letters
            total.deliveries += turned.deliveries
            total.presses += turned.presses
        return total

    def _fail(self, db: Connection, case: Case, error: Exception, now: datetime) -> None:
        """Count the failure on the customer's first mail; after the last try it is a dead letter."""
        if not case.mail:
            return
        letter = min(case.mail, key=lambda item: item.id)
        attempts = letter.attempts + 1
        reason = f"{type(error).__name__}: {error}"
        log.error(
            "turn_failed", customer=case.customer_id, mail=letter.id, attempts=attempts,
            exc_info=error,
        )  # fmt: skip
        dead = attempts >= MAX_ATTEMPTS
        mark_mail(
            db,
            [
                (
                    "dead" if dead else "waiting",
                    attempts,
                    reason,
                    now if dead else None,
                    letter.id,
                )
            ],
        )
        if dead:
            ledger = self._ledger()
            ledger.record(
                case.customer_id, "mail_failed", f"A message could not be handled: {reason}",
                {"mail": letter.id}, "engine", now,
            )  # fmt: skip
            ledger.write(db)
            return
        pause = timedelta(seconds=HOLD_SECONDS[attempts - 1])
        hold(db, [(now + pause, conversation) for conversation in case.conversations])

    def _surroundings(self, db: Connection, now: datetime) -> Surroundings:
        self._count += 1
        ((last_run, last_outbox),) = _LAST_IDS.fetch(db)
        return Surroundings(
            self.library, self._channels, self._parts, _Clashes(db, self.library),
            Ids(last_run or 0, last_outbox or 0), now, str(self._count),
        )  # fmt: skip

    def _ledger(self) -> Ledger:
        library = self.library
        return Ledger(library.business_id, library.business.fields, library.columns)


class _Clashes:
    """Whether somebody else has a value: in the database, or earlier in this batch."""

    def __init__(self, db: Connection, library: Library) -> None:
        self._db = db
        self._library = library
        self._claimed: dict[tuple[str, Any], int] = {}

    def __call__(self, key: str, value: Value, customer_id: int) -> bool:
        if self._claimed.setdefault((key, value), customer_id) != customer_id:
            return True
        column = customer.c[self._library.columns[key]]
        found = self._db.execute(
            select(customer.c.id)
            .where(
                customer.c.business_id == self._library.business_id,
                column == value,
                customer.c.id != customer_id,
                customer.c.archived_at.is_(None),
            )
            .limit(1)
        ).first()
        return found is not None


_LAST_IDS = Statement(
    lambda _: select(
        select(func.max(run.c.id)).scalar_subquery(),
        select(func.max(outbox.c.id)).scalar_subquery(),
    ),
    (),
)
