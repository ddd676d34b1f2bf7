"""A piece of the rows of a file, stored in one transaction by the one write path.

On the timeline a row of the file is one line. Somebody new is told to triggers as such, and not
field by field. What follows from it (scores, segments, smart tags) is left to the pass of the
rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection

from crm.imports.deciding import Decided, Job, Target, decide
from crm.imports.jobs import keep_rejected, keep_rows, lock_job, move_job
from crm.imports.reading import ReadRow
from crm.names import name_columns
from crm.services.books import Books
from crm.services.customers import start_row
from crm.services.ledger import Ledger, hidden
from crm.services.numbering import next_ids
from crm.services.tags import tag_ids, tags_of
from crm.services.totals import COUNTED_BY
from crm.statuses import status_columns
from crm.tables import customer


class Stored(Struct):
    """What became of a piece. position: the last row that is stored, whoever has stored it."""

    position: int
    counts: Counter[str]


def store_piece(
    db: Connection, job: Job, rows: Sequence[ReadRow], last: int, now: datetime
) -> Stored:
    """Store the rows of a piece, which ends with row `last` of the file, as far as nobody else
    has. Raises FileRefused where somebody has begun the file anew."""
    state = lock_job(db, job.business_id, job.job_id, job.round)
    if last <= state.position:
        return Stored(state.position, Counter())
    left = [row for row in rows if row.number > state.position]
    decided = decide(db, job, left)
    counts = decided.counts + _Writing(db, job, decided, now).write()
    keep_rejected(db, job.business_id, job.job_id, decided.rejected, now)
    move_job(db, job.business_id, state, last, counts, now)
    return Stored(last, counts)


class _Writing:
    def __init__(self, db: Connection, job: Job, decided: Decided, now: datetime) -> None:
        self._db, self._job, self._decided, self._now = db, job, decided, now
        self._cause = job.cause
        self._ledger = Ledger(job.business_id, job.business.fields, job.columns)

    def write(self) -> Counter[str]:
        """How many were created, updated or were as the file says already."""
        targets = self._decided.targets
        new = [one for one in targets if one.customer_id is None]
        there = [one for one in targets if one.customer_id is not None]
        for target, id_ in zip(new, next_ids(self._db, customer, len(new)), strict=True):
            target.customer_id = id_
            self._create(target, id_)
        updated = self._update(there)
        tagged = self._tag()
        counts: Counter[str] = Counter(created=len(new))
        for target in new:
            self._tell(target, new=True)
        for target in there:
            is_changed = target.customer_id in updated or target.customer_id in tagged
            counts["updated" if is_changed else "skipped"] += 1
            if is_changed:
                self._tell(target, new=False)
        self._ledger.write(self._db)
        self._keep_rows()
        return counts

    def _keep_rows(self) -> None:
        fresh = {
            one.row.number: one.customer_id
            for one in self._decided.targets
            if one.customer_id is not None and one.row.number not in self._decided.again
        }
        keep_rows(self._db, self._job.business_id, self._job.job_id, fresh)

    def _create(self, target: Target, id_: int) -> None:
        job, now, values, before = self._job, self._now, target.after, target.before
        self._ledger.create(id_, start_row(job.business, self._cause, now))
        # All columns of the file, whatever a row says: so one statement takes all rows.
        empty = {job.columns[key]: None for key in job.headers if key in job.columns}
        empty = {column: None for column in empty if column not in before}
        self._ledger.touch(id_, now, empty | name_columns(values, id_))
        for key, value in values.items():
            if value is not None and value != before.get(key):
                self._ledger.keep_field(id_, key, values, before.get(key), now, self._cause)

    def _update(self, targets: Sequence[Target]) -> set[int]:
        """Whose fields changed."""
        books = Books(self._db, self._job.business_id, self._job.business, self._ledger)
        updated = set()
        for target in targets:
            id_, changed = target.customer_id or 0, target.changed
            for key in changed:
                self._set(target, id_, key)
            if changed:
                updated.add(id_)
                self._ledger.touch(id_, self._now, {"updated_by": self._cause.by})
            if COUNTED_BY & set(changed):
                books.count(id_)
        if books:
            books.write(self._now)
        return updated

    def _set(self, target: Target, id_: int, key: str) -> None:
        ledger, now, cause = self._ledger, self._now, self._cause
        values, old = target.after, target.before.get(key)
        was, is_ = ledger.keep_field(id_, key, values, old, now, cause)
        if key == "status":
            reason = target.row.values.get("status_reason")
            told = None if reason is None else str(reason)
            ledger.touch(id_, now, status_columns(str(is_), now, cause.by, told))
            data = {"old": was, "new": is_, "reason": told}
            ledger.record(id_, "status_changed", str(is_), data, cause.by, now)
        if self._job.business.fields[key].sensitive:
            was, is_ = hidden(was), hidden(is_)
        ledger.emit(id_, "field_updated", {"field": key, "old": was, "new": is_}, now)

    def _tag(self) -> set[int]:
        """Put tags on who does not have them; whose did change."""
        targets = self._decided.targets
        wanted = {one.customer_id or 0: one.row.tags for one in targets if one.row.tags}
        if not wanted:
            return set()
        ids = tag_ids(self._db, self._job.business_id)
        have = tags_of(self._db, self._job.business_id, list(wanted))
        tagged = set()
        for id_, names in wanted.items():
            for name in names:
                if name in ids and name not in have.get(id_, ()):
                    self._ledger.add_tag(id_, ids[name], name, self._now, self._cause)
                    tagged.add(id_)
        return tagged

    def _tell(self, target: Target, *, new: bool) -> None:
        job, id_, by = self._job, target.customer_id or 0, self._cause.by
        number = target.row.number
        data = {"file": job.name, "job": job.job_id, "row": number, "created": new}
        if not new:
            data["fields"] = list(target.changed)
        self._ledger.record(id_, "imported", f"{job.name}, row {number}", data, by, self._now)
        if new:
            self._ledger.emit(id_, "customer_imported", {"by": by}, self._now)
