"""What is to become of each row of a piece: whom it is about, and whether it may be stored.

A file may say two things of one customer; then the second row is refused, for which of them is
right nobody can tell. So a file that was imported already changes nothing when it comes again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct
from sqlalchemy import Connection

from crm.imports.columns import ID
from crm.imports.jobs import rows_known, rows_of_customers
from crm.imports.matching import Holder, Holders, Known, Matcher
from crm.imports.reading import ReadRow, Rejected, shown_cell
from crm.services.customers import start_values
from crm.services.ledger import Cause
from crm.services.validation import lacks
from engine.business import Business
from engine.fields.plain import to_plain
from engine.fields.types import Value


class Job(Struct, frozen=True, kw_only=True):
    """One file for one business.

    columns: the stored column of each field. headers: the file's column of each field. needed: the
    fields every whole record has. creates, updates: what is done with somebody new, and with
    somebody who is there. name: of the file; round: see crm.imports.jobs.
    """

    business_id: int
    business: Business
    columns: Mapping[str, str]
    matcher: Matcher
    headers: Mapping[str, str]
    needed: tuple[str, ...]
    creates: bool
    updates: bool
    name: str
    job_id: int
    round: int

    @property
    def cause(self) -> Cause:
        return Cause(by=f"import:{self.name}"[:200])


class Target(Struct):
    """A row that is stored, with whom it is about. customer_id: None for somebody new, until
    they have a number."""

    row: ReadRow
    customer_id: int | None
    before: Mapping[str, Value]
    after: dict[str, Value]

    @property
    def changed(self) -> tuple[str, ...]:
        """The fields that will have another value."""
        said = self.row.values
        return tuple(key for key in said if key != ID and self.after[key] != self.before.get(key))


class Decided(Struct):
    """counts: the rows that are skipped or rejected. again: the customer of rows that were stored
    in an earlier round."""

    targets: list[Target]
    rejected: list[Rejected]
    counts: Counter[str]
    again: Mapping[int, int]


def decide(db: Connection, job: Job, rows: Sequence[ReadRow]) -> Decided:
    """Nothing is written; whom it is about is locked until the transaction ends."""
    good = [row for row in rows if not row.faults]
    matcher = job.matcher
    holders = matcher.holders(db, [row.values for row in good])
    again = rows_known(db, job.business_id, job.job_id, [row.number for row in good])
    matches = {row.number: _match(row, job, holders, again) for row in good}
    there = {one for one in matches.values() if isinstance(one, int)}
    known = matcher.load(db, there) if there else {}
    firsts = rows_of_customers(db, job.business_id, job.job_id, list(known))
    piece = _Piece(job, holders, known, firsts, Decided([], [], Counter(), again))
    for row in rows:
        match = matches.get(row.number)
        if row.faults:
            piece.reject(row.faults)
        elif isinstance(match, Rejected):
            piece.reject((match,))
        else:
            piece.decide(row, match)
    return piece.decided


def _match(
    row: ReadRow, job: Job, holders: Holders, again: Mapping[int, int]
) -> int | Rejected | None:
    """The customer of a row; None for somebody new."""
    for key in job.matcher.match:
        value = row.values.get(key)
        if value is None:
            continue
        having = holders.get((key, value), [])
        living = [one for one in having if one.lives]
        # An external id and a number name one record for ever, an address only the living.
        who = living or (having if key in ("external_id", ID) else [])
        if len(who) > 1:
            names = ", ".join(map(str, who[:5]))
            return fault_of(row, job, key, f"It may be any of {len(who)}: {names}.")
        if who:
            return who[0].customer_id
        if key == ID:
            return fault_of(row, job, key, "There is no customer of this number.")
    return again.get(row.number)


def fault_of(row: ReadRow, job: Job, key: str, reason: str) -> Rejected:
    value = shown_cell(to_plain(row.values.get(key)))
    return Rejected(row.number, job.headers.get(key, key), value, reason)


class _Piece:
    """Rows are decided in their order: a later one may be about whom an earlier one makes."""

    def __init__(
        self, job: Job, holders: Holders, known: Mapping[int, Known], firsts: dict[int, int],
        decided: Decided,
    ) -> None:  # fmt: skip
        self._job, self._holders, self._known = job, holders, known
        self._firsts, self.decided = firsts, decided
        # Values that will be somebody's, by the row that says so.
        self._said: dict[tuple[str, Value], ReadRow] = {}
        unique = (item.key for item in job.matcher.unique)
        self._naming = tuple(dict.fromkeys((*job.matcher.match, *unique)))

    def reject(self, faults: Iterable[Rejected]) -> None:
        self.decided.counts["rejected"] += 1
        self.decided.rejected += faults

    def decide(self, row: ReadRow, match: int | None) -> None:
        """match: the customer who has the row's values, who may have been merged into another."""
        customer_id = _followed(match, self._known)
        earlier = self._earlier(row) if customer_id is None else None
        if earlier is not None:
            said = row.values.items()
            differs = any(earlier.values.get(key) != value for key, value in said)
            self._second(row, earlier.number, differs=differs)
            return
        target = self._target(row, customer_id)
        first = row.number if customer_id is None else self._firsts.get(customer_id, row.number)
        if first != row.number:
            self._second(row, first, differs=bool(target.changed))
        elif not (self._job.creates if customer_id is None else self._job.updates):
            self.decided.counts["skipped"] += 1
        elif faults := list(self._faults(target)):
            self.reject(faults)
        else:
            self._take(target)

    def _target(self, row: ReadRow, customer_id: int | None) -> Target:
        before: Mapping[str, Value] = (
            start_values(self._job.business)
            if customer_id is None
            else self._known[customer_id].values
        )
        said = {
            key: value
            for key, value in row.values.items()
            if key != ID and not self._is_of_former(key, value, customer_id)
        }
        return Target(row, customer_id, before, {**before, **said})

    def _is_of_former(self, key: str, value: Value, customer_id: int | None) -> bool:
        """Whether it stays with a record that was merged into this customer."""
        return customer_id is not None and any(
            one.customer_id != customer_id
            and not one.lives
            and _followed(one.customer_id, self._known) == customer_id
            for one in self._holders.get((key, value), ())
        )

    def _take(self, target: Target) -> None:
        self.decided.targets.append(target)
        if target.customer_id is not None:
            self._firsts[target.customer_id] = target.row.number
        for key in self._naming:
            value = target.row.values.get(key)
            if value is not None:
                self._said.setdefault((key, value), target.row)

    def _earlier(self, row: ReadRow) -> ReadRow | None:
        """The row before that makes the customer whom this one would be matched with."""
        for key in self._job.matcher.match:
            value = row.values.get(key)
            if value is not None and (key, value) in self._said:
                return self._said[key, value]
        return None

    def _second(self, row: ReadRow, first: int, *, differs: bool) -> None:
        if differs:
            told = f"Row {first} is of the same customer and says otherwise."
            self.reject((Rejected(row.number, "", "", told),))
        else:
            self.decided.counts["skipped"] += 1

    def _faults(self, target: Target) -> Iterable[Rejected]:
        """What a whole record must keep to."""
        row = target.row
        for item in self._job.matcher.unique:
            value = row.values.get(item.key)
            kept = value is None or target.after.get(item.key) != value
            holder = "" if kept else self._holder(item.key, value, target)
            if holder:
                yield fault_of(row, self._job, item.key, f"It belongs to {holder} already.")
        for key, reason in lacks(target.after, self._job.needed).items():
            yield fault_of(row, self._job, key, reason)

    def _holder(self, key: str, value: Value, target: Target) -> str:
        having: Iterable[Holder] = self._holders.get((key, value), ())
        for one in having:
            if one.customer_id != target.customer_id and (one.lives or key == "external_id"):
                return str(one)
        earlier = self._said.get((key, value))
        return "" if earlier is None else f"row {earlier.number}"


def _followed(customer_id: int | None, known: Mapping[int, Known]) -> int | None:
    """Who a merged customer is now. One who is gone, erased, is somebody new."""
    seen: set[int] = set()
    while customer_id is not None and customer_id not in seen:
        seen.add(customer_id)
        found = known.get(customer_id)
        if found is None:
            return None
        if found.merged_into is None:
            return customer_id
        customer_id = found.merged_into
    return None
