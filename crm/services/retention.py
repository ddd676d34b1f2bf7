"""Forgetting what nobody needs any more, a piece at a time: the tables of the runtime stay small.

    done mail            3 days   Telegram hands an update over again for 24 hours
    sent messages       30 days   the platform's number of a message; its words are on the timeline
    dead letters        30 days   in and out: looked at within a month, or never
    goodbyes            at once   the last message to somebody who was erased
    events              30 days   what rules and triggers are told of
    passed nodes        90 days   which way people go through a flow
    ended runs          90 days   with what they asked of others
    automatic sends     30 days   what caps count is a week
    decided firings    400 days   a trigger fires once within 300 days, and once for each birthday
    rejected cells      30 days   of files that were imported: corrected by then, or never
    flow versions       90 days   that nobody is in; the ten newest stay (crm.services.old_versions)

The CRM's own tables (customers, history, timeline, interactions, notes ...) are never touched, nor
is what still waits for somebody. The newest row of each table stays whatever its age: SQLite would
give its number again.

A piece is one short transaction, so that turns go on in between. Which rows are old is found
without an index on the hot tables: their numbers rise with time, so a pass walks along the primary
key from the oldest row and stops where everything is young.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    func,
    literal,
    or_,
    select,
    tuple_,
)

from crm.services.erasing import GOODBYE, GOODBYE_END
from crm.services.old_versions import OldVersions
from crm.tables import (
    automatic_send,
    effect,
    event,
    mail,
    outbox,
    rejected_cell,
    run,
    trigger_firing,
    visit,
)

PIECE = 500
"""Rows looked at in one transaction, which takes some 10 ms on SQLite."""

VERSIONS = "flow versions"

PAUSE = timedelta(hours=1)
"""How long after a pass it is worth looking again."""


class Rule(Struct, frozen=True):
    """What of a table goes, and when.

    name: what it is called in logs and listings. over: the column that says since when a row is of
    no use. which: the rows that are of no use. rises: the column whose moments rise with the
    table's numbers; None where an index leads from `over` to the rows.
    """

    name: str
    table: Table
    over: Column[datetime]
    keep: timedelta
    which: ColumnElement[bool]
    rises: Column[datetime] | None = None


def _is(column: Column[str], word: str) -> ColumnElement[bool]:
    """The word is written out: SQLite uses a partial index only for a constant it can see."""
    return column == literal(word, literal_execute=True)


_NOT_PASSED = ~select(visit.c.id).where(visit.c.run_id == run.c.id).exists()

RULES: tuple[Rule, ...] = (
    Rule(
        "done mail", mail, mail.c.done_at, timedelta(days=3),
        mail.c.status.in_(("done", "ignored")), mail.c.received_at,
    ),
    Rule("dead mail", mail, mail.c.done_at, timedelta(days=30), _is(mail.c.status, "dead")),
    Rule(
        "sent messages", outbox, outbox.c.done_at, timedelta(days=30),
        outbox.c.status.in_(("sent", "cancelled", "expired")), outbox.c.created_at,
    ),
    Rule(
        "dead messages", outbox, outbox.c.done_at, timedelta(days=30),
        _is(outbox.c.status, "dead"),
    ),
    Rule(
        "goodbyes", outbox, outbox.c.done_at, timedelta(0),
        # An index leads to them: their keys begin alike.
        and_(outbox.c.dedup_key > GOODBYE, outbox.c.dedup_key < GOODBYE_END,
             outbox.c.status != "pending"),
    ),
    Rule("events", event, event.c.at, timedelta(days=30), event.c.at.is_not(None), event.c.at),
    Rule(
        "rejected cells", rejected_cell, rejected_cell.c["at"], timedelta(days=30),
        rejected_cell.c["at"].is_not(None), rejected_cell.c["at"],
    ),
    Rule(
        "passed nodes", visit, visit.c.left_at, timedelta(days=90),
        visit.c.left_at.is_not(None), visit.c.left_at,
    ),
    Rule(
        "ended runs", run, run.c.ended_at, timedelta(days=90),
        and_(_is(run.c.status, "ended"), _NOT_PASSED),
    ),
    Rule(
        "automatic sends", automatic_send, automatic_send.c.at, timedelta(days=30),
        automatic_send.c.at.is_not(None), automatic_send.c.at,
    ),
    Rule(
        "decided firings", trigger_firing, trigger_firing.c.decided_at, timedelta(days=400),
        trigger_firing.c.decided_at.is_not(None),
    ),
)  # fmt: skip


class Retention:
    """One pass after the other through the tables, for the rows of one business."""

    def __init__(self, business_id: int, piece: int = PIECE) -> None:
        self._business_id = business_id
        self._piece = piece
        self._rule = 0
        self._after = 0
        self._versions = OldVersions(business_id, piece)
        self.forgotten: Counter[str] = Counter()
        """Rows deleted so far, by the rule's name."""

    def tick(self, db: Connection, now: datetime) -> bool:
        """Forget one piece in the caller's transaction; False where that was the end of a pass,
        and the next one is worth beginning after PAUSE. After a rollback just go on."""
        if self._rule == len(RULES):
            return self._tick_versions(db, now)
        rule = RULES[self._rule]
        gone, after = _piece(db, self._business_id, rule, now - rule.keep, self._after, self._piece)
        self.forgotten[rule.name] += gone
        if after is not None:
            self._after = after
            return True
        self._rule, self._after = self._rule + 1, 0
        return True

    def _tick_versions(self, db: Connection, now: datetime) -> bool:
        gone, more = self._versions.tick(db, now)
        self.forgotten[VERSIONS] += gone
        self._rule = len(RULES) if more else 0
        return more


def count_old(db: Connection, business_id: int, now: datetime) -> dict[str, int]:
    """How many rows a pass would delete, by the rule's name. Reads whole tables."""
    counts = {
        rule.name: db.scalar(
            select(func.count()).select_from(_old(rule, business_id, now - rule.keep).subquery())
        )
        or 0
        for rule in RULES
    }
    return {**counts, VERSIONS: OldVersions(business_id, PIECE).count(db, now)}


def _piece(
    db: Connection, business_id: int, rule: Rule, before: datetime, after: int, limit: int
) -> tuple[int, int | None]:
    """How many rows were deleted, and where to go on; None where this rule has no more."""
    old = _old(rule, business_id, before)
    if rule.rises is None:
        gone = _delete(db, rule, old.order_by(rule.over).limit(limit))
        return gone, (0 if gone == limit else None)
    window = (
        select(rule.table.c.id, rule.rises.label("at"))
        .where(rule.table.c.id > after)
        .order_by(rule.table.c.id)
        .limit(limit)
        .subquery()
    )
    # A clock that was wrong for a while has left rows of the future: they do not end a pass.
    strange = or_(window.c.at < before, window.c.at > before + rule.keep)
    last, aged = db.execute(
        select(func.max(window.c.id), func.count().filter(strange)).select_from(window)
    ).one()
    if not aged:
        return 0, None
    within = rule.table.c.id.between(after + 1, last)
    return _delete(db, rule, old.where(within)), last


def _delete(db: Connection, rule: Rule, old: Select[Any]) -> int:
    """What somebody works on at this moment is left for another time."""
    keys = db.execute(old.with_for_update(skip_locked=True, of=rule.table)).all()
    if rule.table is run:
        db.execute(delete(effect).where(effect.c.run_id.in_([key.id for key in keys])))
    db.execute(delete(rule.table).where(tuple_(*rule.table.primary_key).in_(keys)))
    return len(keys)


def _old(rule: Rule, business_id: int, before: datetime) -> Select[Any]:
    """The keys of the rows that may go."""
    table = rule.table
    chosen = select(*table.primary_key).where(
        rule.over < before, rule.which, _of_business(table, business_id)
    )
    if "id" in table.c:
        chosen = chosen.where(table.c.id < select(func.max(table.c.id)).scalar_subquery())
    return chosen


def _of_business(table: Table, business_id: int) -> ColumnElement[bool]:
    if table is visit:
        owner = select(run.c.id).where(run.c.id == visit.c.run_id, run.c.business_id == business_id)
        return owner.exists()
    if table is run:
        # `+ 0` keeps SQLite from reading a whole business by an index that begins with it.
        return table.c.business_id + 0 == business_id
    return table.c.business_id == business_id
