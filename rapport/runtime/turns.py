"""The turn: all steps of a batch of conversations in one transaction.

    load    conversations that are ready, their customers, runs and mail: one query per table
    decide  whom each message is for (engine.offer)
    step    the pure engine, for each mail in order (engine.step)
    write   mail, runs, customers, history, timeline, timers, messages: one statement per table

The transaction is the caller's. Nothing is sent inside it: `Turned.deliveries` are handed to the
senders after the commit.

A batch is all or nothing. Where one customer's mail raises, or a row breaks a constraint, it raises
BatchRefused; the caller rolls back and has the mail stored and worked off `carefully`, each
customer behind a savepoint, so that the one at fault is found and the others go on.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from msgspec import Struct, field
from sqlalchemy import Connection

from bots.channel import Inbound
from crm.database import savepoint, unavailable_reason
from crm.services.books import Books
from crm.services.erasing import erase_leaving
from crm.services.following import Following as Rulebook
from crm.services.ledger import Ledger
from crm.services.referrals import referrer_of
from crm.services.response_rates import response_rates
from crm.sql import together
from engine.criteria import Moment
from engine.scope import known_zone
from rapport.attachments import remove_files
from rapport.logs import says_each_turn
from rapport.redaction import redacted
from rapport.runtime.calls import Call, store_answer
from rapport.runtime.cases import Case, Mail, Parts
from rapport.runtime.casework import Casework
from rapport.runtime.clashes import Clashes
from rapport.runtime.consent import Consent
from rapport.runtime.deliveries import Delivery, delivery_of
from rapport.runtime.expansions import expand
from rapport.runtime.firings import Started, ring_firings
from rapport.runtime.guest import Guest, Talker, talks_of
from rapport.runtime.hearing import ring_events
from rapport.runtime.ids import Ids, ids_for
from rapport.runtime.intake import Broken, Origin, Received, receive, store
from rapport.runtime.just_in import deliver, split
from rapport.runtime.lateness import Lateness
from rapport.runtime.library import Library
from rapport.runtime.load import cases_of, fill, ready_cases
from rapport.runtime.memory import Kept, Memory
from rapport.runtime.sheet import Sheet
from rapport.runtime.staff_news import Mailroom, Unheard, post
from rapport.runtime.surroundings import Surroundings, Watch
from rapport.runtime.timers import ring
from rapport.runtime.turn_log import letter_ids, turn_lines
from rapport.runtime.withdrawing import Closed, Press
from rapport.runtime.writes import Writes, hold, mark_mail

BATCH = 128
"""Conversations in one transaction: what a commit costs is shared by so many turns. One answer of
Telegram's getUpdates (100 updates) fits, and the transaction stays within some 20 ms."""

MAX_ATTEMPTS = 5
"""After so many failures of its content a mail is a dead letter and the conversation goes on."""

HOLD_SECONDS = (1, 5, 30, 120)
"""How long a conversation waits after each failure: order beats progress."""

log = structlog.get_logger(__name__)


class BatchRefused(Exception):
    """A batch could not be applied because of its content; roll back and work carefully.

    letter: the mail at fault; None where only the rows of a whole batch show a fault.
    """

    def __init__(self, reason: str, letter: Mail | None = None) -> None:
        super().__init__(reason)
        self.letter = letter


class Turned(Struct):
    """What a batch did. conversations: how many were worked on; 0 means nothing was ready.
    more: others may be ready still. received: how many arrivals were new. late: of those, how
    many came after a later one was applied. dead: how many mails were given up. calls: how many
    requests are to be made. lines: what the log says of each turn, where it says so much. kept:
    what is to be remembered after the commit. files: keys of files that nobody has any more. left:
    keys of messages that nobody took; talks: who waits for a reply now, and who does not any more:
    both where we are somebody's guest.
    """

    conversations: int = 0
    letters: int = 0
    more: bool = False
    received: int = 0
    dead: int = 0
    late: int = 0
    calls: int = 0
    deliveries: list[Delivery] = field(default_factory=list)
    presses: list[Press] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    kept: Kept | None = None
    files: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    talks: dict[Talker, bool] = field(default_factory=dict)

    def add(self, other: Turned) -> None:
        self.conversations += other.conversations
        self.letters += other.letters
        self.dead += other.dead
        self.calls += other.calls
        self.more = self.more or other.more
        self.deliveries += other.deliveries
        self.presses += other.presses
        self.closed += other.closed
        self.files += other.files
        self.lines += other.lines
        self.left += other.left
        self.talks |= other.talks


class Turns:
    """Runs batches for one business. `parts` cuts messages for a channel, by its name.

    watch: is told of every step, for tests; None where nobody looks. guest: where somebody else's
    bot answers what nobody takes, what it is told.
    """

    def __init__(
        self, library: Library, channels: Mapping[int, str], parts: Parts,
        memory: Memory | None = None, watch: Watch | None = None, guest: Guest | None = None,
    ) -> None:  # fmt: skip
        self.guest = guest
        # The host may plan any flow, and what it plans may have to wait.
        library.starts = library.starts or guest is not None
        self.library = library
        self._watch = watch
        self._channels = channels
        self._parts = parts
        # Turns are numbered, and other processes number theirs.
        self._name = secrets.token_hex(4)
        self._count = 0
        self._says_each = says_each_turn()
        self._memory = Memory() if memory is None else memory
        self._lateness = Lateness()
        self._unheard = Unheard()

    def on(self, library: Library, channels: Mapping[int, str]) -> Turns:
        """These turns on a newer library; a batch that has begun ends on this one."""
        return Turns(library, channels, self._parts, self._memory, self._watch, self.guest)

    def receive(
        self, db: Connection, origin: Origin, arrivals: Sequence[Inbound | Broken], now: datetime,
        memory: Memory | None = None,
    ) -> list[Received]:  # fmt: skip
        """What of the arrivals is new; strangers have become customers."""
        business, lateness = self.library.business, self._lateness
        return receive(db, origin, business, arrivals, now, lateness, memory)

    def take_in(
        self, db: Connection, origin: Origin, arrivals: Sequence[Inbound | Broken], now: datetime
    ) -> Turned:
        """Store what came in and take its turns, all in this transaction, which saves a commit.

        Raises BatchRefused.
        """
        self._memory.check(db, self.library)
        received = self.receive(db, origin, arrivals, now, self._memory)
        cases = self._cases_of(db, received)
        at_once, later = split(received, cases)
        if later:
            self._memory.distrust()
            store(db, origin, later, now)
        turned = Turned()
        if self.guest is not None:
            turned.left = [item.item.dedup_key for item in received if item.conversation is None]
        if at_once:
            ids = self._memory.take_ids() or ids_for(db, len(at_once))
            deliver(at_once, cases, ids, now)
            worked = self._work(db, cases.values(), ids, now)
            worked.left += turned.left
            turned = worked
        turned.more = turned.more or any(item.conversation for item in later)
        return count_in(turned, received)

    def ring(self, db: Connection, now: datetime) -> bool:
        """Turn due timers, firings and unheard events into mail; whether there were any."""
        self._memory.check(db, self.library)
        library = self.library
        rung = ring(db, library.business_id, now)
        rung |= ring_events(db, library, now)
        planned = expand(db, library.business_id, now)
        rung |= ring_firings(db, library, now)
        if rung:
            self._memory.wake(rung)
        return planned or bool(rung)

    def answer(self, db: Connection, call: Call, answer: Mapping[str, Any], now: datetime) -> bool:
        """Store the answer of a request as mail; whether it was still wanted."""
        self._memory.check(db, self.library)
        stored = store_answer(db, self.library.business_id, call, answer, now)
        if stored:
            self._memory.wake([call.conversation_id])
        return stored

    def run(self, db: Connection, now: datetime, limit: int = BATCH) -> Turned:
        """Take the turns of conversations that are ready. Raises BatchRefused."""
        self._memory.check(db, self.library)
        cases = ready_cases(db, self.library, now, limit)
        if not cases:
            return Turned()
        self._memory.drop(case.customer_id for case in cases)
        ids = self._memory.take_ids() or ids_for(db, sum(len(case.mail) for case in cases))
        turned = self._work(db, cases, ids, now)
        turned.more = turned.more or turned.conversations >= limit
        return turned

    def run_carefully(self, db: Connection, now: datetime) -> Turned:
        """As `run`, one customer at a time: who is at fault is held, the others go on."""
        self._memory.forget()
        total = Turned()
        for case in ready_cases(db, self.library, now, BATCH):
            total.add(self._run_one(db, case, now))
        total.more = total.conversations > 0
        return total

    def committed(self, turned: Turned) -> None:
        """What a batch did is committed: its cases are remembered, files of nobody are removed."""
        if turned.files:
            remove_files(self.library.business_id, turned.files)
        if self.guest is not None:
            self.guest.note(turned.talks)
        if turned.kept is not None:
            self._memory.keep(turned.kept)

    def _cases_of(self, db: Connection, received: Iterable[Received]) -> dict[int, Case]:
        """The cases of what came in and can be applied, remembered or loaded."""
        wanted = cases_of(at for _, at, _ in received if at is not None and at.status == "idle")
        known, unknown = self._memory.recall(wanted)
        if unknown:
            fill(db, self.library, unknown)
        return known | unknown

    def _run_one(self, db: Connection, case: Case, now: datetime) -> Turned:
        try:
            with savepoint(db):
                return self._work(db, [case], ids_for(db, len(case.mail)), now)
        except BatchRefused as refused:
            letter = refused.letter or min(case.mail, key=lambda item: item.id)
            is_dead = self._fail(db, case, letter, refused.__cause__ or refused, now)
            return Turned(conversations=len(case.conversations), dead=int(is_dead))

    def _work(self, db: Connection, cases: Collection[Case], ids: Ids, now: datetime) -> Turned:
        """Work every case, then write what they gathered."""
        self._count += 1
        writes, ledger, turned = Writes(), self._ledger(), Turned()
        around = self._around(db, ids, now)
        books = Books(db, self.library.business_id, self.library.business, ledger)
        sheet = Sheet(around, ledger, writes, books)
        if self.library.business.rules.needs_rates:
            self._tell_rates(db, cases, now)
        for case in cases:
            work = Casework(case, around, sheet, turned.presses, turned.closed)
            self._work_case(work)
            if self._says_each:
                turned.lines += turn_lines(work)
            if self.guest is not None:
                turned.left += work.left
                turned.talks.update(talks_of(case, self.library))
            turned.letters += len(case.mail)
            turned.conversations += len(case.conversations)
        writes.automatic = around.consent.rows
        try:
            with together(db):
                writes.write(db)
                ledger.write(db)
            told = post(db, self.mailroom, writes.told, ids, now) if writes.told else []
            # By itself, and last: only after an answer does PostgreSQL count how long we idle.
            writes.write_reached(db)
            if writes.referrers:
                self._follow(db, writes.referrers, now)
            if writes.leaving:
                self._memory.drop(writes.leaving)
                turned.files = erase_leaving(db, self.library.business_id, writes.leaving, now)
        except Exception as error:
            # A row that cannot be written is one customer's; who it is, careful work finds out.
            if unavailable_reason(error):
                raise
            raise BatchRefused(f"{type(error).__name__}: {error}") from error
        turned.calls = len(writes.calls)
        # What followed at the very end of a turn is heard at the next look, which is now.
        turned.more = bool(writes.firings or writes.expansions or ledger.happened)
        due = (one for one in map(delivery_of, writes.outbox) if one.due_at <= now)
        turned.deliveries = [*due, *told]
        known = [case for case in cases if case.customer_id not in writes.referrers]
        turned.kept = self._memory.note(known, ledger, self.library, ids)
        return turned

    def _around(self, db: Connection, ids: Ids, now: datetime) -> Surroundings:
        return Surroundings(
            self.library, self._channels, self._parts, Clashes(db, self.library),
            partial(referrer_of, db, self.library.business_id),
            Started(db, self.library.business_id), self._unheard,
            Consent(db, self.library.business_id, self.library.business), ids, now,
            f"{self._name}.{self._count}", Moment(now, known_zone(self.library.business.timezone)),
            self._watch, self.guest is not None and self.guest.leaves,
        )  # fmt: skip

    def _follow(self, db: Connection, referrers: Collection[int], now: datetime) -> None:
        """Those by whom somebody came: they may be no customers of this batch."""
        self._memory.drop(referrers)
        library = self.library
        Rulebook(db, library.business_id, library.business).settle(db, referrers, now)

    def _tell_rates(self, db: Connection, cases: Collection[Case], now: datetime) -> None:
        """How often each customer answers, as it was before these turns: a score asks for it."""
        ids = [case.customer_id for case in cases]
        rates = response_rates(db, self.library.business_id, ids, now)
        for case in cases:
            case.asked, case.answered = rates.get(case.customer_id, (0, 0))

    def _work_case(self, work: Casework) -> None:
        try:
            work.work()
        except Exception as error:
            # Whatever one customer's content makes go wrong must not stop the others.
            if unavailable_reason(error):
                raise
            raise BatchRefused(f"{type(error).__name__}: {error}", work.letter) from error

    def _fail(
        self, db: Connection, case: Case, letter: Mail, error: BaseException, now: datetime
    ) -> bool:
        """Count the failure on the mail at fault; after the last try it is a dead letter (True)."""
        attempts = letter.attempts + 1
        business = self.library.business_id
        reason = redacted(f"{type(error).__name__}: {error}")
        log.error(
            "turn_failed", **letter_ids(case, letter), business=self.library.business.key,
            turn=str(self._count), attempts=attempts, exc_info=error,
        )  # fmt: skip
        if attempts < MAX_ATTEMPTS:
            mark_mail(db, [("waiting", attempts, reason, None, letter.id, business)])
            pause = timedelta(seconds=HOLD_SECONDS[attempts - 1])
            hold(db, [(now + pause, item, business) for item in case.conversations])
            return False
        mark_mail(db, [("dead", attempts, reason, now, letter.id, business)])
        ledger = self._ledger()
        ledger.record(
            case.customer_id, "mail_failed", f"A message could not be handled: {reason}",
            {"mail": letter.id}, "engine", now,
        )  # fmt: skip
        ledger.write(db)
        return True

    @property
    def mailroom(self) -> Mailroom:
        return Mailroom(self.library.business_id, self._channels, self._parts)

    def _ledger(self) -> Ledger:
        library = self.library
        business = library.business
        return Ledger(library.business_id, business.fields, library.columns, library.heard)


def count_in(turned: Turned, received: Sequence[Received]) -> Turned:
    """Add what came in. What cannot be read is a dead letter at once."""
    turned.received = len(received)
    for item, _, late in received:
        turned.late += late
        turned.dead += isinstance(item, Broken)
    return turned
