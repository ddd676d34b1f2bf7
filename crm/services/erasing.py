"""Forgetting a person: everything that was known of them goes, in one transaction.

An anonymous row stays, with amounts, days and kinds, so that totals and reports stay true. Rows of
the runtime are emptied rather than deleted, for their numbers and keys keep a second copy of an
update out. Whoever was merged into the customer goes along. What was copied elsewhere before
(backups, exports that somebody downloaded) is not reached: docs/security.md says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, literal, or_, select, update

from crm.errors import NotFound
from crm.names import name_columns
from crm.services.auditing import HIGH, write_audit
from crm.services.ledger import Cause
from crm.services.merged_rows import end_runs, lock_all
from crm.statuses import ARCHIVED, status_columns
from crm.tables import (
    activity,
    attachment,
    conversation,
    customer,
    customer_account,
    customer_tag,
    effect,
    event,
    field_history,
    imported_row,
    interaction,
    mail,
    merging,
    note,
    outbox,
    purchase,
    run,
    segment_member,
    task,
    trigger_firing,
)

ERASED = "erased"
"""Why what waited is not done, the outcome of runs, and the peer of a forgotten conversation."""

GOODBYE = "goodbye:"
"""How the key of the last message to somebody begins: it is sent, and forgotten with the next
pass of retention."""

GOODBYE_END = "goodbye;"
"""What comes after every such key: `;` follows `:`."""

_KEPT_COLUMNS = frozenset(
    {
        "id", "business_id", "created_at", "created_by", "customer_type", "source", "currency",
        "crm_score", "health", "total_interactions", "total_visits", "total_purchases",
        "total_spent", "lifetime_value", "total_revenue", "total_invoices", "first_visit_at",
        "last_visit_at", "last_contacted_at", "last_message_at", "lifecycle_stage",
        "lifecycle_at", "journey_stage", "journey_at", "merged_into", "referred_by",
    }
)  # fmt: skip
"""Of a customer's row: how much, when and by which way, and nothing of who."""

Of = Collection[int]


def erase_customer(
    db: Connection, business_id: int, customer_id: int, cause: Cause, now: datetime,
    goodbye: str = "",
) -> tuple[str, ...]:  # fmt: skip
    """Forget a customer, the one they were merged into, and all who were merged into that one.

    The keys of files that nobody has any more, which the caller removes after the commit. Doing it
    twice changes nothing. goodbye: the key of a message that is still to be sent. Raises NotFound.
    """
    people = _person(db, business_id, customer_id)
    lock_all(db, business_id, people)
    files = _files_of(db, business_id, people)
    _erase_unplaced(db, business_id, people)
    for erase in _ERASERS:
        erase(db, business_id, people, now)
    _erase_messages(db, business_id, people, goodbye, now)
    _erase_rows(db, business_id, people, cause, now)
    for one in people:
        write_audit(db, business_id, cause.by, ERASED, now, customer_id=one, sensitivity=HIGH)
    kept = select(attachment.c.key).where(
        attachment.c.business_id == business_id, attachment.c.key.in_(files)
    )
    return tuple(sorted(files - set(db.scalars(kept))))


def erase_leaving(
    db: Connection, business_id: int, leaving: Mapping[int, str], now: datetime
) -> list[str]:
    """Erase those who asked for it themselves. leaving: the key of the last message to each. The
    keys of files that nobody has any more."""
    cause = Cause(by="customer", reason="/forgetme")
    return [
        key
        for customer_id, goodbye in leaving.items()
        for key in erase_customer(db, business_id, customer_id, cause, now, goodbye)
    ]


def _person(db: Connection, business_id: int, customer_id: int) -> list[int]:
    """The ids of every record of a person, in order."""
    mine = select(customer.c.merged_into).where(
        customer.c.business_id == business_id, customer.c.id == customer_id
    )
    row = db.execute(mine).one_or_none()
    if row is None:
        raise NotFound(f"There is no customer {customer_id}.")
    target = row.merged_into or customer_id
    found = select(customer.c.id).where(
        customer.c.business_id == business_id,
        or_(customer.c.id == target, customer.c.merged_into == target),
    )
    return list(db.scalars(found.order_by(customer.c.id)))


def _files_of(db: Connection, business_id: int, people: Of) -> set[str]:
    return set(db.scalars(select(attachment.c.key).where(*_of(attachment, business_id, people))))


def _of(table: Table, business_id: int, people: Of) -> tuple[ColumnElement[bool], ...]:
    return table.c.business_id == business_id, table.c.customer_id.in_(people)


def _delete(table: Table) -> Callable[[Connection, int, Of, datetime], None]:
    def gone(db: Connection, business_id: int, people: Of, _: datetime) -> None:
        db.execute(delete(table).where(*_of(table, business_id, people)))

    return gone


def _empty(table: Table, **values: Any) -> Callable[[Connection, int, Of, datetime], None]:
    def emptied(db: Connection, business_id: int, people: Of, _: datetime) -> None:
        db.execute(update(table).where(*_of(table, business_id, people)).values(values))

    return emptied


def _end_everything(db: Connection, business_id: int, people: Of, now: datetime) -> None:
    open_runs = select(run.c.id).where(*_of(run, business_id, people), run.c.status != "ended")
    end_runs(db, business_id, list(db.scalars(open_runs)), ERASED, now)
    runs = select(run.c.id).where(*_of(run, business_id, people))
    db.execute(
        update(effect)
        .where(effect.c.business_id == business_id, effect.c.run_id.in_(runs))
        .values(request={})
    )
    db.execute(
        update(run)
        .where(*_of(run, business_id, people))
        .values(frames=[], wait=None, event=None, firing=None)
    )


def _cancel_tasks(db: Connection, business_id: int, people: Of, now: datetime) -> None:
    mine = _of(task, business_id, people)
    still = (task.c.completed_at.is_(None), task.c.cancelled_at.is_(None))
    db.execute(update(task).where(*mine, *still).values(cancelled_at=now))
    db.execute(update(task).where(*mine).values(title=ERASED, description=None))


def _skip_firings(db: Connection, business_id: int, people: Of, now: datetime) -> None:
    mine = _of(trigger_firing, business_id, people)
    waits = trigger_firing.c.status.in_(("planned", "held"))
    over = {"status": "skipped", "decided_at": now, "rings_at": None}
    db.execute(update(trigger_firing).where(*mine, waits).values(over))
    db.execute(update(trigger_firing).where(*mine).values(reason=ERASED, request=None))


def _erase_timeline(db: Connection, business_id: int, people: Of, _: datetime) -> None:
    """What kind of thing happened when, and on which channel, and no word of it."""
    mine = _of(activity, business_id, people)
    for row in db.execute(select(activity.c.id, activity.c.data).where(*mine)).all():
        channel = (row.data or {}).get("channel")
        db.execute(
            update(activity)
            .where(activity.c.business_id == business_id, activity.c.id == row.id)
            .values(description="", data={"channel": channel} if channel else None)
        )


def _forget_merges(db: Connection, business_id: int, people: Of, _: datetime) -> None:
    db.execute(
        update(merging)
        .where(
            merging.c.business_id == business_id,
            or_(merging.c.source_id.in_(people), merging.c.target_id.in_(people)),
        )
        .values(moved=None)
    )


_ERASERS: tuple[Callable[[Connection, int, Of, datetime], None], ...] = (
    _end_everything,
    _delete(field_history),
    _delete(attachment),
    _delete(note),
    _delete(customer_tag),
    _delete(segment_member),
    _delete(customer_account),
    _delete(imported_row),
    _empty(event, type=ERASED, data={}, unheard=None),
    _empty(interaction, subject=None, notes=None, outcome=None, handled_by=None,
           follow_up_required=False, follow_up_date=None),
    _empty(purchase, items=None),
    _cancel_tasks,
    _skip_firings,
    _erase_timeline,
    _forget_merges,
)  # fmt: skip


def _erase_messages(
    db: Connection, business_id: int, people: Of, goodbye: str, now: datetime
) -> None:
    """Mail, dead letters and messages out; then the conversations lead to nobody any more."""
    talks = list(
        db.scalars(select(conversation.c.id).where(*_of(conversation, business_id, people)))
    )
    of_mail = (mail.c.business_id == business_id, mail.c.conversation_id.in_(talks))
    waiting = (mail.c.status == "waiting",)
    db.execute(update(mail).where(*of_mail, *waiting).values(status="ignored", done_at=now))
    dead = (mail.c.status == "dead",)
    db.execute(update(mail).where(*of_mail, *dead).values(status="ignored"))
    db.execute(update(mail).where(*of_mail).values(payload={}, last_error=None))
    out = (
        outbox.c.business_id == business_id,
        or_(outbox.c.conversation_id.in_(talks), outbox.c.customer_id.in_(people)),
        outbox.c.dedup_key != goodbye,
    )
    pending = outbox.c.status.in_(("pending", "dead"))
    over = {
        "status": "cancelled",
        "done_at": func.coalesce(outbox.c.done_at, literal(now, outbox.c.done_at.type)),
    }
    db.execute(update(outbox).where(*out, pending).values(over))
    db.execute(
        update(outbox)
        .where(*out)
        .values(payload={}, peer=ERASED, last_error=None, provider_message_id=None)
    )
    for talk in talks:
        db.execute(
            update(conversation)
            .where(conversation.c.business_id == business_id, conversation.c.id == talk)
            .values(peer=f"{ERASED}:{talk}", status="idle", ready_at=None, hold_until=None)
        )


def _erase_unplaced(db: Connection, business_id: int, people: Of) -> None:
    """Updates that belong into no conversation, such as those that could not be read, where one
    names an account of theirs."""
    accounts = select(customer_account.c.external_id).where(
        *_of(customer_account, business_id, people)
    )
    names = "|".join(re.escape(name) for name in db.scalars(accounts))
    if not names:
        return
    theirs = re.compile(rf"(?<![\w-])(?:{names})(?![\w-])")
    loose = select(mail.c.id, mail.c.payload).where(
        mail.c.business_id == business_id,
        mail.c.conversation_id.is_(None),
        mail.c.status.in_(("dead", "ignored")),
    )
    found = [row.id for row in db.execute(loose) if theirs.search(str(row.payload))]
    for start in range(0, len(found), 500):
        piece = mail.c.id.in_(found[start : start + 500])
        db.execute(
            update(mail)
            .where(mail.c.business_id == business_id, piece)
            .values(payload={}, last_error=None, status="ignored")
        )


def _erase_rows(db: Connection, business_id: int, people: Of, cause: Cause, now: datetime) -> None:
    for one in people:
        blank: dict[str, Any] = {
            column.name: None
            for column in customer.columns
            if column.name not in _KEPT_COLUMNS and column.nullable
        }
        blank |= name_columns({}, one) | status_columns(ARCHIVED, now, cause.by, ERASED)
        blank |= {"status": ARCHIVED, "erased_at": now, "updated_at": now}
        # Nobody is ever written to who asked to be forgotten.
        blank |= {"opted_out_at": now}
        mine = (customer.c.business_id == business_id, customer.c.id == one)
        db.execute(update(customer).where(*mine).values(blank))
