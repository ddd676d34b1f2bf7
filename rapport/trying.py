"""What an import would do, row by row, without doing it."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from hashlib import blake2b
from itertools import groupby
from typing import Any

from msgspec import Struct, field
from msgspec.json import Encoder
from sqlalchemy import Connection

from crm.imports.columns import ID
from crm.imports.deciding import Decided, Job, Target, decide
from crm.imports.jobs import job_of_file
from crm.imports.reading import ReadRow, Rejected
from crm.imports.table import FileRow
from crm.services.tags import tags_of
from rapport.importing import Place, Plan, Progress, Source, job_of, opened, reader_of
from rapport.rejected import AddRow

_AT_ONCE = 200
"""Rows in one transaction, which is undone."""


class Tried(Struct):
    """counts: rows by what would become of them. cells: the first that would be refused."""

    counts: Counter[str] = field(default_factory=Counter)
    cells: list[Rejected] = field(default_factory=list)


def try_import(
    place: Place, source: Source, plan: Plan, most: int, add: AddRow | None = None,
    progress: Progress = lambda *_: None,
) -> Tried:  # fmt: skip
    """Look at every row. most: so many refused cells are given back; add: told of all of them.

    Raises FileRefused.
    """
    reader, tried = reader_of(plan, place), Tried()

    def begin(db: Connection) -> Job:
        job_id = job_of_file(db, place.business_id, source.look.digest)
        return job_of(db, place, plan, source.path.name, job_id, 0)

    job = place.transact(begin)
    with opened(source, plan) as table, _seen(plan.match) as seen:
        for rows in _pieces(table.rows()):
            read = [reader.read(row) for row in rows if row.cells]
            decided, tagged = place.transact(lambda db, read=read: _look(db, job, read))  # type: ignore[misc]  # of this piece
            rejected = list(_count(decided, tagged, seen, tried))
            tried.cells += rejected[: most - len(tried.cells)]
            if add is not None:
                _report(rows, rejected, add)
            progress(table.done, table.total)
    return tried


def _look(db: Connection, job: Job, rows: list[ReadRow]) -> tuple[Decided, set[int]]:
    """What would become of rows, and who would get a tag. Nothing is written."""
    decided = decide(db, job, rows)
    wanted = {
        one.customer_id: one.row.tags
        for one in decided.targets
        if one.row.tags and one.customer_id is not None
    }
    have = tags_of(db, job.business_id, list(wanted)) if wanted else {}
    return decided, {
        id_ for id_, tags in wanted.items() if not have.get(id_, frozenset()) >= {*tags}
    }


def _count(decided: Decided, tagged: set[int], seen: _Seen, tried: Tried) -> Iterator[Rejected]:
    """Count rows, and give what would be refused, in the order of the file."""
    tried.counts += decided.counts
    refused = list(decided.rejected)
    for target in decided.targets:
        earlier = seen.add(target)
        if earlier is None:
            tried.counts[_fate(target, tagged)] += 1
        elif earlier[1]:
            tried.counts["skipped"] += 1
        else:
            tried.counts["rejected"] += 1
            told = f"Row {earlier[0]} is of the same customer and says otherwise."
            refused.append(Rejected(target.row.number, "", "", told))
    yield from sorted(refused, key=lambda cell: cell.row)


def _fate(target: Target, tagged: set[int]) -> str:
    if target.customer_id is None:
        return "created"
    return "updated" if target.changed or target.customer_id in tagged else "skipped"


def _report(rows: Sequence[FileRow], rejected: Iterable[Rejected], add: AddRow) -> None:
    cells = {row.number: row.cells for row in rows}
    for number, faults in groupby(rejected, key=lambda cell: cell.row):
        add(cells[number], list(faults))


def _pieces(rows: Iterator[FileRow]) -> Iterator[list[FileRow]]:
    piece: list[FileRow] = []
    for row in rows:
        piece.append(row)
        if len(piece) >= _AT_ONCE:
            yield piece
            piece = []
    if piece:
        yield piece


class _Seen:
    """Rows of customers whom no earlier piece has stored, for nothing is; on the disk, for there
    may be millions."""

    def __init__(self, db: sqlite3.Connection, match: Sequence[str]) -> None:
        self._db, self._match = db, match
        db.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, row INT, said BLOB) WITHOUT ROWID")

    def add(self, target: Target) -> tuple[int, bool] | None:
        """The earlier row of the same customer, and whether it says the same; None for none."""
        row, said = target.row, _hash(dict(sorted(target.row.values.items())))
        keys = [
            _hash([key, row.values[key]]) for key in self._match if row.values.get(key) is not None
        ]
        if target.customer_id is not None:
            keys = [_hash([ID, target.customer_id])]
        for key in keys:
            found = self._db.execute("SELECT row, said FROM seen WHERE key = ?", (key,)).fetchone()
            if found is not None:
                return int(found[0]), bool(found[1] == said)
        self._db.executemany(
            "INSERT INTO seen VALUES (?, ?, ?)", [(k, row.number, said) for k in keys]
        )
        return None


_encode = Encoder().encode


def _hash(value: Any) -> bytes:
    return blake2b(_encode(value), digest_size=16).digest()


@contextmanager
def _seen(match: Sequence[str]) -> Iterator[_Seen]:
    """In a file without a name, which SQLite removes: https://www.sqlite.org/inmemorydb.html"""
    with closing(sqlite3.connect("", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=OFF")
        yield _Seen(db, match)
