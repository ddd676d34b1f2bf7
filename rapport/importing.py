"""Taking a file of customers in: looked at as a whole first, then stored piece by piece.

A piece is one short transaction, so that turns go on in between; its rows are read and checked
before it begins. Who is interrupted, killed even, goes on behind the last piece that was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import thread_time
from typing import Protocol, TypeVar

from msgspec import Struct, convert
from msgspec.json import decode, encode
from sqlalchemy import Connection

from crm.errors import CrmError, FileRefused
from crm.imports.columns import (
    Columns,
    date_order_of,
    header_key,
    map_columns,
    read_match,
)
from crm.imports.deciding import Job
from crm.imports.jobs import (
    Begun,
    State,
    begin_import,
    end_job,
    job_state,
    keep_columns,
    known_columns,
)
from crm.imports.matching import Matcher
from crm.imports.opening import Form, Look, TableFile, look_at, open_table
from crm.imports.reading import ReadRow, RowReader, headers_of
from crm.imports.storing import Stored, store_piece
from crm.services.fields import stored_columns
from crm.services.rules_pass import ask_for_pass
from crm.services.validation import needed_by
from engine.business import Business
from engine.fields.places import DateOrder
from rapport.runtime.clock import Clock

T = TypeVar("T")

PIECE_SECONDS = 0.012
"""The work of a piece: on SQLite nobody else can write meanwhile, for as long as it takes and the
disk to take it in. Waiting is not counted, for a smaller piece waits as long."""

FIRST_PIECE, LEAST_PIECE, MOST_PIECE = 50, 20, 500
"""Rows."""

LOOKED_AT = 2_000
"""Rows by which the order of day and month is found out."""


class Transact(Protocol):
    """Runs a function in a transaction, and commits it if nothing is raised."""

    def __call__(self, work: Callable[[Connection], T]) -> T: ...


Progress = Callable[[int, int], object]
"""Told how far the file was read, and how far it goes, in one unit."""


class Asked(Struct, frozen=True, kw_only=True):
    """How a person wants a file to be imported. columns: field by header, `-` for none; match: ''
    is whatever the file has; date_order: None is found out."""

    columns: Mapping[str, str] = {}
    match: str = ""
    creates: bool = True
    updates: bool = True
    clears: bool = False
    date_order: DateOrder | None = None
    form: Form = Form()  # frozen


class Plan(Struct, frozen=True, kw_only=True):
    """How a file is imported, to the last column. It is kept with the job, so that whoever goes on
    does it in the same way."""

    headers: tuple[str, ...]
    fields: tuple[str, ...]
    match: tuple[str, ...]
    creates: bool
    updates: bool
    clears: bool
    date_order: DateOrder | None
    form: Form

    @property
    def columns(self) -> Columns:
        return Columns(self.headers, self.fields, {})


class Source(Struct, frozen=True):
    """A file that was looked through."""

    path: Path
    look: Look

    @classmethod
    def of(cls, path: Path) -> Source:
        """Raises OSError; FileRefused for what is no plain file."""
        if path.exists() and not path.is_file():
            raise FileRefused(f"{path} is no plain file.")
        return cls(path, look_at(path))


class Place(Struct, frozen=True):
    """Where customers are taken in."""

    transact: Transact
    business_id: int
    business: Business
    clock: Clock


def plan_import(place: Place, source: Source, asked: Asked) -> Plan:
    """What every column is, and how rows are matched. Raises FileRefused, OSError."""
    table = open_table(source.path, source.look, asked.form)
    try:
        last_time = place.transact(lambda db: known_columns(db, place.business_id))
        columns = map_columns(table.headers, place.business, asked.columns, last_time)
        match = read_match(asked.match, columns)
        sample = (row.cells for row in islice(table.rows(), LOOKED_AT))
        order = asked.date_order or date_order_of(columns, place.business, sample)
    finally:
        table.close()
    return Plan(
        headers=columns.headers, fields=columns.fields, match=match, creates=asked.creates,
        updates=asked.updates, clears=asked.clears, date_order=order, form=asked.form,
    )  # fmt: skip


def begin(
    place: Place, source: Source, plan: Plan, by_hand: Mapping[str, str], by: str, *,
    waits: bool = False,
) -> Begun:  # fmt: skip
    """Keep that the file is being imported, and what its columns were said to be."""
    named = {header_key(header): field for header, field in by_hand.items()}
    path = str(source.path.resolve()) if waits else None

    def keep(db: Connection) -> Begun:
        keep_columns(db, place.business_id, named)
        return begin_import(
            db, place.business_id, source.path.name, source.look.digest, decode(encode(plan)), by,
            place.clock.now(), path, waits=waits,
        )  # fmt: skip

    return place.transact(keep)


def run_import(
    place: Place, source: Source, plan: Plan, begun: Begun, progress: Progress = lambda *_: None
) -> State:
    """Store every row that is not stored yet. Raises FileRefused, with what came before stored."""
    worker = _Worker(place, source, plan, begun.job_id, begun.round)
    try:
        worker.store_all(begun.position, progress)
    except FileRefused as error:
        told = str(error)
        place.transact(lambda db: worker.end(db, told))
        raise
    return place.transact(lambda db: worker.end(db, None))


def run_job(place: Place, job_id: int) -> State:
    """Do what stands in the database of an import. Raises FileRefused, and keeps why."""
    state = place.transact(lambda db: job_state(db, place.business_id, job_id))
    try:
        source = Source.of(Path(state.path or ""))
        if source.look.digest != state.digest:
            raise FileRefused(f"{state.name} is not the file it was.")
    except (OSError, CrmError) as error:
        told = f"{state.name} cannot be read: {error}"
        place.transact(lambda db: end_job(db, place.business_id, job_id, place.clock.now(), told))
        raise FileRefused(told) from error
    plan = convert(state.options, Plan)
    return run_import(place, source, plan, Begun(job_id, state.round, state.position, resumed=True))


class _Worker:
    """Stores the rows of one job."""

    def __init__(self, place: Place, source: Source, plan: Plan, job_id: int, round_: int) -> None:
        self._place, self._source, self._plan = place, source, plan
        self._job_id, self._round = job_id, round_
        self._reader = reader_of(plan, place)

    def store_all(self, position: int, progress: Progress) -> None:
        name = self._source.path.name
        job = self._place.transact(
            lambda db: job_of(db, self._place, self._plan, name, self._job_id, self._round)
        )
        with opened(self._source, self._plan) as table:
            pieces = _Pieces(table, self._reader)
            while piece := pieces.next(position):
                rows, last = piece
                stored, seconds = self._store(job, rows, last)
                pieces.took(seconds)
                position = stored.position
                progress(table.done, table.total)

    def _store(self, job: Job, rows: list[ReadRow], last: int) -> tuple[Stored, float]:
        """What became of a piece, and how many seconds of work it was."""
        now = self._place.clock.now()

        def work(db: Connection) -> tuple[Stored, float]:
            began = thread_time()
            stored = store_piece(db, job, rows, last, now)
            return stored, thread_time() - began

        return self._place.transact(work)

    def end(self, db: Connection, problem: str | None) -> State:
        business_id = self._place.business_id
        state = job_state(db, business_id, self._job_id, for_update=True)
        if state.round == self._round and state.status != "done":
            end_job(db, business_id, self._job_id, self._place.clock.now(), problem)
            if state.counts.get("created") or state.counts.get("updated"):
                ask_for_pass(db, business_id)
        return job_state(db, business_id, self._job_id)


class _Pieces:
    """The rows of a file, read, in pieces of as many as the store takes in its time."""

    def __init__(self, table: TableFile, reader: RowReader) -> None:
        self._rows = table.rows()
        self._reader = reader
        self._size = FIRST_PIECE

    def next(self, position: int) -> tuple[list[ReadRow], int] | None:
        """The next rows behind `position` and the last one's number; None at the end."""
        rows: list[ReadRow] = []
        last = 0
        for row in self._rows:
            if row.number <= position:
                continue
            last = row.number
            if row.cells:
                rows.append(self._reader.read(row))
            if len(rows) >= self._size or (not rows and last - position > MOST_PIECE * 10):
                break
        return (rows, last) if last else None

    def took(self, seconds: float) -> None:
        """So long the store was held by the last piece."""
        wanted = self._size * PIECE_SECONDS / max(seconds, 1e-6)
        # Not at once: one piece may have waited for somebody.
        self._size = max(LEAST_PIECE, min(MOST_PIECE, int((self._size + wanted) / 2)))


def reader_of(plan: Plan, place: Place) -> RowReader:
    return RowReader(
        plan.columns, place.business, place.clock.now(), clears=plan.clears,
        date_order=plan.date_order,
    )  # fmt: skip


def job_of(db: Connection, place: Place, plan: Plan, name: str, job_id: int, round_: int) -> Job:
    columns = stored_columns(db, place.business_id, place.business)
    matcher = Matcher(
        place.business_id, place.business, columns, plan.match, _fields_read(plan, place.business)
    )
    return Job(
        business_id=place.business_id, business=place.business, columns=columns, matcher=matcher,
        headers=headers_of(plan.columns), needed=needed_by(place.business), creates=plan.creates,
        updates=plan.updates, name=name, job_id=job_id, round=round_,
    )  # fmt: skip


def _fields_read(plan: Plan, business: Business) -> Iterable[str]:
    """The fields that the rows may set: a full name sets two."""
    named = {key for key in plan.fields if key in business.fields}
    return sorted(named | {"first_name", "last_name"})


@contextmanager
def opened(source: Source, plan: Plan) -> Iterator[TableFile]:
    """The file, as it was planned to be read."""
    table = open_table(source.path, source.look, plan.form)
    try:
        yield table
    finally:
        table.close()
