"""How far a file has come, so that it is stored once whoever stores it and however often.

A file of a business, known by its content, is one job. A piece of its rows and the position behind
them are one transaction: a process that is killed has stored whole pieces, and two that import the
same file take turns, each going on where the other was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, delete, func, insert, select, update

from crm.claims import claim
from crm.errors import FileRefused, NotFound
from crm.imports.reading import Rejected
from crm.sql import Statement, insert_for
from crm.tables import file_job, imported_row, known_column, rejected_cell

IMPORT = "import"

COUNTS = ("created", "updated", "skipped", "rejected")
"""What becomes of a row: a new customer, a changed one, nothing, or it is told why not."""


class Begun(Struct, frozen=True):
    """A job as it was found or made. resumed: some rows were stored by somebody before."""

    job_id: int
    round: int
    position: int
    resumed: bool


class State(Struct, frozen=True):
    """A job as it stands. status: waiting, running, done, failed."""

    job_id: int
    name: str
    path: str | None
    digest: str
    options: Mapping[str, Any]
    round: int
    status: str
    position: int
    counts: Mapping[str, int]
    problem: str | None
    by: str


def begin_import(
    db: Connection, business_id: int, name: str, digest: str, options: Mapping[str, Any], by: str,
    now: datetime, path: str | None = None, *, waits: bool = False,
) -> Begun:  # fmt: skip
    """The job of a file: made; gone on with, where it was not finished and is done in the same
    way; else begun anew from the first row. waits: it is for a worker to do."""
    claim(db, business_id, [f"import={digest}"])
    mine = (file_job.c.business_id == business_id, file_job.c.kind == IMPORT)
    found = db.execute(
        select(file_job).where(*mine, file_job.c.digest == digest).with_for_update()
    ).one_or_none()
    begun = {
        "name": name[-255:], "path": path, "options": dict(options), "position": 0,
        "status": "waiting" if waits else "running", "counts": dict.fromkeys(COUNTS, 0),
        "by": by, "moved_at": now, "ended_at": None, "problem": None,
    }  # fmt: skip
    if found is None:
        made = insert(file_job).values(
            business_id=business_id, kind=IMPORT, digest=digest, round=1, created_at=now, **begun
        )
        return Begun(db.execute(made.returning(file_job.c.id)).scalar_one(), 1, 0, resumed=False)
    if found.status in ("running", "waiting") and found.options == begun["options"]:
        resumed = {"path": path or found.path, "moved_at": now, "status": begun["status"]}
        if found.position:
            resumed["status"] = "running"
        _update(db, business_id, found.id, **resumed)
        return Begun(found.id, found.round, found.position, resumed=found.position > 0)
    db.execute(
        delete(rejected_cell).where(
            rejected_cell.c.job_id == found.id, rejected_cell.c.business_id == business_id
        )
    )
    _update(db, business_id, found.id, round=found.round + 1, **begun)
    return Begun(found.id, found.round + 1, 0, resumed=False)


def lock_job(db: Connection, business_id: int, job_id: int, round_: int) -> State:
    """The job as it stands, and nobody else's until this transaction ends.

    Raises NotFound; FileRefused where somebody has begun the file anew meanwhile.
    """
    state = job_state(db, business_id, job_id, for_update=True)
    if state.round != round_:
        raise FileRefused("Somebody else imports this file in another way now.")
    return state


def job_state(db: Connection, business_id: int, job_id: int, *, for_update: bool = False) -> State:
    """Raises NotFound."""
    statement = select(file_job).where(
        file_job.c.id == job_id, file_job.c.business_id == business_id
    )
    row = db.execute(statement.with_for_update() if for_update else statement).one_or_none()
    if row is None:
        raise NotFound(f"There is no import {job_id}.")
    return State(
        row.id, row.name, row.path, row.digest or "", row.options, row.round, row.status,
        row.position, row.counts, row.problem, row.by,
    )  # fmt: skip


def job_of_file(db: Connection, business_id: int, digest: str) -> int:
    """The job of a file that was begun to be imported some time; 0 where it never was."""
    statement = select(file_job.c.id).where(
        file_job.c.business_id == business_id,
        file_job.c.kind == IMPORT,
        file_job.c.digest == digest,
    )
    return db.scalar(statement) or 0


def waiting_jobs(db: Connection, business_id: int) -> list[int]:
    """Imports for a worker that are not done, oldest first."""
    statement = select(file_job.c.id).where(
        file_job.c.business_id == business_id,
        file_job.c.kind == IMPORT,
        file_job.c.path.is_not(None),
        file_job.c.status.in_(("waiting", "running")),
    )
    return list(db.execute(statement.order_by(file_job.c.id)).scalars())


def move_job(
    db: Connection, business_id: int, state: State, position: int, counts: Mapping[str, int],
    now: datetime,
) -> None:  # fmt: skip
    """The rows up to `position` are stored; counts: of these alone."""
    added = {name: state.counts.get(name, 0) + counts.get(name, 0) for name in COUNTS}
    values = {"position": position, "counts": added, "moved_at": now, "status": "running"}
    _update(db, business_id, state.job_id, **values)


def end_job(
    db: Connection, business_id: int, job_id: int, now: datetime, problem: str | None = None
) -> None:
    """It is done, or cannot be: `problem` says why."""
    status = "done" if problem is None else "failed"
    _update(db, business_id, job_id, status=status, problem=problem, ended_at=now, moved_at=now)


def _update(db: Connection, business_id: int, job_id: int, **values: Any) -> None:
    mine = (file_job.c.id == job_id, file_job.c.business_id == business_id)
    db.execute(update(file_job).where(*mine).values(**values))


# -- rows and cells


def rows_known(
    db: Connection, business_id: int, job_id: int, numbers: Sequence[int]
) -> dict[int, int]:
    """The customer that each of these rows was stored as, in an earlier round too."""
    return _pairs(db, business_id, job_id, imported_row.c.row.in_(numbers))


def rows_of_customers(
    db: Connection, business_id: int, job_id: int, customers: Sequence[int]
) -> dict[int, int]:
    """The row of the file by which each of these customers was stored."""
    known = _pairs(db, business_id, job_id, imported_row.c.customer_id.in_(customers))
    return {customer_id: row for row, customer_id in known.items()}


def _pairs(db: Connection, business_id: int, job_id: int, which: Any) -> dict[int, int]:
    statement = select(imported_row.c.row, imported_row.c.customer_id).where(
        imported_row.c.job_id == job_id, imported_row.c.business_id == business_id, which
    )
    return {row.row: row.customer_id for row in db.execute(statement)}


def keep_rows(db: Connection, business_id: int, job_id: int, customers: Mapping[int, int]) -> None:
    """customers: by the number of the row, which has none yet."""
    _KEEP.many(db, [(job_id, row, business_id, id_) for row, id_ in customers.items()])


def keep_rejected(
    db: Connection, business_id: int, job_id: int, cells: Iterable[Rejected], now: datetime
) -> None:
    _REJECT.many(
        db,
        [
            (business_id, job_id, one.row, one.column[:200], one.value[:200], one.reason, now)
            for one in cells
        ],
    )


def rejected_cells(
    db: Connection, business_id: int, job_id: int, after: int = 0, limit: int = 1_000
) -> list[Any]:
    """The next rejected cells in the order of the file: id, row, column, value, reason."""
    columns = ("id", "row", "column", "value", "reason")
    statement = select(*(rejected_cell.c[name] for name in columns)).where(
        rejected_cell.c.job_id == job_id,
        rejected_cell.c.business_id == business_id,
        rejected_cell.c.id > after,
    )
    return list(db.execute(statement.order_by(rejected_cell.c.id).limit(limit)))


def count_rejected(db: Connection, business_id: int, job_id: int) -> int:
    """How many cells."""
    mine = (rejected_cell.c.job_id == job_id, rejected_cell.c.business_id == business_id)
    return int(db.scalar(select(func.count()).where(*mine)) or 0)


_KEEP = Statement(lambda _: insert(imported_row), ("job_id", "row", "business_id", "customer_id"))
_REJECT = Statement(
    lambda _: insert(rejected_cell),
    ("business_id", "job_id", "row", "column", "value", "reason", "at"),
)


# -- columns


def known_columns(db: Connection, business_id: int) -> dict[str, str]:
    """What people have said that columns are: field by `header_key`."""
    statement = select(known_column.c.header, known_column.c.field)
    rows = db.execute(statement.where(known_column.c.business_id == business_id))
    return {row.header: row.field for row in rows}


def keep_columns(db: Connection, business_id: int, fields: Mapping[str, str]) -> None:
    """fields: by `header_key`."""
    for header, field in fields.items():
        statement = insert_for(db.dialect.name)(known_column).values(
            business_id=business_id, header=header, field=field
        )
        db.execute(
            statement.on_conflict_do_update(
                index_elements=["business_id", "header"], set_={"field": field},
                where=known_column.c.business_id == business_id,
            )
        )  # fmt: skip
