"""What must hold in every database that Rapport has written, whatever happened to the process.

    violations(db)                  of a database at rest: nothing waits to be applied or sent
    violations(db, at_rest=False)   of one whose process was stopped in the middle of its work
    violations(db, since=moment)    of one that may have forgotten what happened before

Each violation is one sentence. What a person put back by hand (a requeued dead letter) comes out
of its order by its nature, so it is not for this checker.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import combinations, pairwise
from typing import Any

from sqlalchemy import Connection, Row, Table, select

from crm.tables import (
    activity,
    conversation,
    customer,
    effect,
    event,
    field,
    field_history,
    mail,
    outbox,
    run,
    timer,
    trigger_firing,
    visit,
)
from engine.fields.plain import to_plain
from engine.jsonable import run_from_json
from engine.run import LATE, Wait

Rows = list[Row[Any]]

CLOCKS_APART = timedelta(seconds=10)
"""Processes look at their clocks before they wait for each other, and have clocks of their own:
within this time the order of the timeline counts, not that of the moments."""

BEGINNING = datetime.min.replace(tzinfo=UTC)

UNSAID = frozenset({"timer", "http", "staff", "event", "firing", "blocked", "unblocked"})
"""Kinds of mail that are no message of a person, so they leave no `message_received`."""


@dataclass(frozen=True)
class Found:
    """Every row that the checks look at, in order of id."""

    mail: Rows
    conversations: Rows
    customers: Rows
    runs: Rows
    timers: Rows
    effects: Rows
    visits: Rows
    outbox: Rows
    history: Rows
    timeline: Rows
    events: Rows
    firings: Rows
    fields: Rows
    since: datetime

    @cached_property
    def letters(self) -> dict[int, Row[Any]]:
        return {letter.id: letter for letter in self.mail}

    @cached_property
    def heard(self) -> dict[int, list[int]]:
        """The rows of the timeline that say a mail was received, by the mail's id."""
        rows: defaultdict[int, list[int]] = defaultdict(list)
        for row in self.timeline:
            if row.type == "message_received" and row.at >= self.since:
                rows[row.data["mail"]].append(row.id)
        return rows

    @cached_property
    def waits(self) -> dict[int, Wait]:
        """The wait of each run that has one, by the run's id."""
        return {
            row.id: wait
            for row in self.runs
            if row.wait is not None
            and (wait := run_from_json(row.id, row.frames, row.wait, {}).wait)
        }


def violations(db: Connection, *, at_rest: bool = True, since: datetime = BEGINNING) -> list[str]:
    """What of the promises does not hold, as sentences; [] where all do."""
    found = Found(
        mail=_all(db, mail),
        conversations=_all(db, conversation),
        customers=_all(db, customer),
        runs=_all(db, run),
        timers=list(db.execute(select(timer))),
        effects=_all(db, effect),
        visits=_all(db, visit),
        outbox=_all(db, outbox),
        history=_all(db, field_history),
        timeline=_all(db, activity),
        events=_all(db, event),
        firings=list(db.execute(select(trigger_firing))),
        fields=_all(db, field),
        since=since,
    )
    checks = (*ALWAYS, *AT_REST) if at_rest else ALWAYS
    return [sentence for check in checks for sentence in check(found)]


def _all(db: Connection, table: Table) -> Rows:
    return list(db.execute(select(table).order_by(table.c.id)))


# -- mail


def mail_is_taken_once(found: Found) -> Iterator[str]:
    for key in _twice(letter.dedup_key for letter in found.mail):
        yield f"mail {key} was stored more than once"


def mail_is_applied_once(found: Found) -> Iterator[str]:
    """A message that was applied stands on the timeline once; one that was not, never."""
    for letter in found.mail:
        if letter.kind in UNSAID or letter.received_at < found.since:
            continue
        times = len(found.heard.get(letter.id, ()))
        wanted = 1 if letter.status == "done" else 0
        if times != wanted:
            yield f"mail {letter.id} is {letter.status} and on the timeline {times} times"
    for unknown in found.heard.keys() - found.letters.keys():
        yield f"the timeline tells of mail {unknown}, which does not exist"


def done_mail_says_when(found: Found) -> Iterator[str]:
    for letter in found.mail:
        if letter.status == "done" and None in (letter.done_at, letter.turn_id):
            yield f"mail {letter.id} is done and does not say when or by which turn"
        if letter.status == "dead" and not letter.last_error:
            yield f"mail {letter.id} is dead and does not say why"


def mail_is_applied_in_order(found: Found) -> Iterator[str]:
    """What was there first, or waited together with it, and has the smaller number goes first."""
    by_conversation: defaultdict[int, Rows] = defaultdict(list)
    for letter in found.mail:
        if letter.done_at is not None and letter.provider_seq is not None:
            by_conversation[letter.conversation_id].append(letter)
    for letters in by_conversation.values():
        for first, second in combinations(letters, 2):
            yield from _out_of_order(found, first, second)


def _out_of_order(found: Found, first: Row[Any], second: Row[Any]) -> Iterator[str]:
    """first: the one that was stored before the other."""
    if first.provider_seq > second.provider_seq:
        waited_together = (first.turn_id, first.done_at) == (second.turn_id, second.done_at)
        if not waited_together:
            return
        first, second = second, first
    if _applied_before(found, second, first):
        yield f"mail {second.id} was applied before {first.id}, which was there and comes first"


def _applied_before(found: Found, one: Row[Any], other: Row[Any]) -> bool:
    if abs(one.done_at - other.done_at) > CLOCKS_APART:
        return bool(one.done_at < other.done_at)
    rows = [found.heard.get(letter.id) for letter in (one, other)]
    return None not in rows and rows[0] < rows[1]  # type: ignore[operator]  # None is excluded


def late_mail_is_marked(found: Found) -> Iterator[str]:
    """What was stored after a later one of its conversation had been applied, and nothing else."""
    by_conversation: defaultdict[int, Rows] = defaultdict(list)
    for letter in found.mail:
        if letter.status == "done" and letter.provider_seq is not None and letter.id in found.heard:
            by_conversation[letter.conversation_id].append(letter)
    for letters in by_conversation.values():
        letters.sort(key=lambda letter: found.heard[letter.id])
        highest: Row[Any] | None = None
        for letter in letters:
            overtaken = highest is not None and highest.provider_seq > letter.provider_seq
            if overtaken != letter.late:
                yield f"mail {letter.id} is late: {overtaken}, and is marked {letter.late}"
            if highest is None or letter.provider_seq > highest.provider_seq:
                highest = letter


def waiting_mail_is_known(found: Found) -> Iterator[str]:
    waiting = {letter.conversation_id for letter in found.mail if letter.status == "waiting"}
    ready = {row.id for row in found.conversations if row.status == "ready"}
    for number in sorted(waiting - ready):
        yield f"conversation {number} has waiting mail and is not ready"


def no_mail_waits(found: Found) -> Iterator[str]:
    for letter in found.mail:
        if letter.status == "waiting":
            yield f"mail {letter.id} still waits"
    for row in found.conversations:
        if row.status != "idle":
            yield f"conversation {row.id} is still {row.status}"


# -- outbox


def outbox_is_contiguous(found: Found) -> Iterator[str]:
    """The messages of a mail are numbered 0, 1, 2 ..., and the mail was applied."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for row in found.outbox:
        source, _, number = row.dedup_key.rpartition(":")
        if "mail:" in source and row.created_at >= found.since:
            numbers[source].append(int(number))
    for source, given in numbers.items():
        mail_id = int(source.rpartition(":")[2])
        if sorted(given) != list(range(len(given))):
            yield f"the messages of {source} are numbered {sorted(given)}"
        letter = found.letters.get(mail_id)
        if letter is None or letter.status != "done":
            yield f"messages were written for mail {mail_id}, which was not applied"


def outbox_holds_what_was_said(found: Found) -> Iterator[str]:
    """A message on the timeline is one row of the outbox, or several where it had to be cut."""
    people = {row.id: row.customer_id for row in found.conversations}
    rows = Counter(people.get(row.conversation_id) for row in found.outbox)
    told = Counter(
        row.customer_id
        for row in found.timeline
        if row.type == "message_sent" and row.at >= found.since
    )
    for person, count in told.items():
        if rows[person] < count:
            yield f"customer {person} was told {count} messages, and the outbox has {rows[person]}"


def staff_is_told_what_was_noted(found: Found) -> Iterator[str]:
    """What the timeline says the staff was told is in the outbox, once for each of the people."""
    told: Counter[int] = Counter()
    for row in found.timeline:
        if row.type == "staff_told" and row.at >= found.since:
            told[row.customer_id] += len((row.data or {}).get("people", ()))
    rows = Counter(row.customer_id for row in found.outbox if row.conversation_id is None)
    for person, count in told.items():
        if rows[person] < count:
            yield f"of customer {person} the staff was told {count} times, not {rows[person]}"


def sent_messages_went_once_in_order(found: Found) -> Iterator[str]:
    """By the platform's numbers, which rise within a chat."""
    chats: defaultdict[tuple[int, str], Rows] = defaultdict(list)
    for row in found.outbox:
        if row.status == "sent" and (row.attempts < 1 or row.done_at is None):
            yield f"message {row.id} is sent without an attempt or a time"
        if row.status == "sent" and (row.provider_message_id or "").isdecimal():
            chats[row.account_id, row.peer].append(row)
    for (_, peer), rows in chats.items():
        for before, after in pairwise(rows):
            one, other = int(before.provider_message_id), int(after.provider_message_id)
            if one == other:
                yield f"messages {before.id} and {after.id} to {peer} are one message {one}"
            elif one > other:
                yield f"message {after.id} to {peer} was sent before {before.id}"


def nothing_waits_to_be_sent(found: Found) -> Iterator[str]:
    for row in found.outbox:
        if row.status in ("pending", "dead"):
            yield f"message {row.id} is {row.status}: {row.last_error}"


# -- runs


def timers_belong_to_waits(found: Found) -> Iterator[str]:
    """A timer for each open run with an alarm, due when the alarm is, and no other.

    A question that was covered when its timer rang has none: its alarms are looked at when it is
    asked again.
    """
    rings = [letter for letter in found.mail if letter.kind == "timer"]
    rung = {letter.run_id for letter in rings if _unapplied(letter)}
    sleeping = {row.id for row in found.runs if row.status == "sleeping"}
    covered = {number for number, wait in found.waits.items() if wait.asks} & sleeping
    rung |= covered & {letter.run_id for letter in rings}
    due = {
        number: (wait.id, wait.due_at)
        for number, wait in found.waits.items()
        if wait.due_at is not None and LATE not in wait.state
    }
    timers = {row.run_id: (row.wait_id, row.due_at) for row in found.timers}
    for number in sorted(timers.keys() - due.keys()):
        yield f"the timer of run {number} is an orphan: the run waits for no moment"
    for number in sorted(due.keys() - timers.keys() - rung):
        yield f"run {number} waits for {due[number][1]} and no timer knows of it"
    for number in sorted(due.keys() & timers.keys()):
        if timers[number] != due[number]:
            yield f"the timer of run {number} is {timers[number]}, its wait is {due[number]}"


def requests_are_answered_once(found: Found) -> Iterator[str]:
    """What is done has one answer, which is mail; what somebody waits for is pending."""
    answers = Counter(letter.dedup_key for letter in found.mail if letter.kind == "http")
    held = {number for number, wait in found.waits.items() if wait.holds}
    for row in found.effects:
        if row.status == "done" and row.due_at >= found.since and not answers[f"http:{row.id}"]:
            yield f"request {row.id} is done and has no answer"
        if row.status != "done" and answers[f"http:{row.id}"]:
            yield f"request {row.id} is {row.status} and has an answer"
        held -= {row.run_id} if row.status == "pending" else set()
    rung = {letter.run_id for letter in found.mail if letter.kind in ("http", "timer")}
    for number in sorted(held - rung):
        yield f"run {number} waits for an answer, and nobody makes its request"


def _unapplied(letter: Row[Any]) -> bool:
    """Rung, and waiting to be applied, or given up."""
    return letter.status in ("waiting", "dead")


def one_run_asks(found: Found) -> Iterator[str]:
    asking: defaultdict[int, list[int]] = defaultdict(list)
    for row in found.runs:
        if row.status == "asking":
            asking[row.customer_id].append(row.id)
    for person in found.customers:
        wanted = [] if person.asking_run is None else [person.asking_run]
        if asking[person.id] != wanted:
            yield f"customer {person.id} holds {wanted}, and these runs ask: {asking[person.id]}"


def open_runs_wait_and_ended_ones_do_not(found: Found) -> Iterator[str]:
    for row in found.runs:
        waits = row.wait is not None and row.wait_id is not None
        if row.status == "ended" and (waits or None in (row.outcome, row.ended_at)):
            yield f"run {row.id} has ended with outcome {row.outcome}, and waits for {row.wait_id}"
        if row.status != "ended" and (not waits or row.ended_at is not None):
            yield f"run {row.id} is {row.status}, waits for {row.wait_id}, ended {row.ended_at}"


def visits_belong_to_runs(found: Found) -> Iterator[str]:
    runs = {row.id for row in found.runs}
    for row in found.visits:
        if row.run_id not in runs:
            yield f"visit {row.id} belongs to run {row.run_id}, which does not exist"
        if row.left_at < row.entered_at:
            yield f"visit {row.id} was left before it was entered"


def firings_are_unique(found: Found) -> Iterator[str]:
    rows = ((row.trigger, row.customer_id, row.occurrence) for row in found.firings)
    for trigger, person, occurrence in _twice(rows):
        yield f"{trigger} was decided more than once for customer {person}, {occurrence}"
    for firing in _twice(row.firing for row in found.runs if row.firing is not None):
        yield f"firing {firing} started more than one run"


# -- values


def history_is_a_chain(found: Found) -> Iterator[str]:
    """Each change begins with the value the one before ended with; the last one is what is stored.

    A value that was there before the first change (the channel's profile) has no history.
    """
    changes: defaultdict[tuple[int, str], Rows] = defaultdict(list)
    for row in found.history:
        changes[row.customer_id, row.field].append(row)
    people = {person.id: person for person in found.customers}
    slots = {row.key: row.slot for row in found.fields}
    for (number, key), rows in changes.items():
        for before, after in pairwise(rows):
            if before.new != after.old:
                yield f"history {after.id} of {key} begins with {after.old}, not {before.new}"
        now = _stored(people[number], key, slots)
        if now != rows[-1].new:
            yield f"customer {number} has {key} {now}, and its history ends with {rows[-1].new}"


def _stored(person: Row[Any], key: str, slots: dict[str, str | None]) -> Any:
    column = slots.get(key, key if key in customer.c else None)
    if column is None:
        return (person.custom_fields_extra or {}).get(key)
    return to_plain(person._mapping[column])


def history_names_its_mail(found: Found) -> Iterator[str]:
    for row in found.history:
        letter = found.letters.get(row.mail_id or 0)
        if (
            row.at >= found.since
            and row.mail_id is not None
            and (letter is None or letter.status != "done")
        ):
            yield f"history {row.id} was set by mail {row.mail_id}, which was not applied"


def every_change_is_told(found: Found) -> Iterator[str]:
    """One row on the timeline and one event for each row of history."""
    history = Counter(
        (row.customer_id, row.field) for row in found.history if row.at >= found.since
    )
    for rows, what in ((found.timeline, "rows on the timeline"), (found.events, "events")):
        told = Counter(
            (row.customer_id, row.data["field"])
            for row in rows
            if row.type == "field_updated" and row.at >= found.since
        )
        for person, key in sorted(history.keys() | told.keys()):
            if history[person, key] != told[person, key]:
                count, wanted = told[person, key], history[person, key]
                yield f"customer {person} has {wanted} changes of {key} and {count} {what} of them"


def _twice(keys: Iterable[Any]) -> list[Any]:
    return [key for key, times in Counter(keys).items() if times > 1]


Check = Callable[[Found], Iterator[str]]

ALWAYS: tuple[Check, ...] = (
    mail_is_taken_once,
    mail_is_applied_once,
    done_mail_says_when,
    mail_is_applied_in_order,
    late_mail_is_marked,
    waiting_mail_is_known,
    outbox_is_contiguous,
    outbox_holds_what_was_said,
    staff_is_told_what_was_noted,
    sent_messages_went_once_in_order,
    timers_belong_to_waits,
    requests_are_answered_once,
    one_run_asks,
    open_runs_wait_and_ended_ones_do_not,
    visits_belong_to_runs,
    firings_are_unique,
    history_is_a_chain,
    history_names_its_mail,
    every_change_is_told,
)

AT_REST: tuple[Check, ...] = (no_mail_waits, nothing_waits_to_be_sent)
