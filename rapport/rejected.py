"""The rows that were refused, whole, each with why: to be corrected and imported again."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from crm.imports.columns import PROBLEM
from crm.imports.jobs import rejected_cells
from crm.imports.reading import Rejected, row_texts
from crm.imports.table import TableFile
from crm.spreadsheets import escape_text
from rapport.files import written_whole
from rapport.importing import Transact

AddRow = Callable[[Sequence[Any], Sequence[Rejected]], None]
"""Takes the cells of a row and why it was refused."""


@contextmanager
def report_of(path: Path, headers: Sequence[str]) -> Iterator[AddRow]:
    """A CSV file with the columns that the rows had, behind one that says why."""
    with (
        written_whole(path) as part,
        part.open("w", encoding="utf-8-sig", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow([PROBLEM, *map(escape_text, headers)])

        def add(cells: Sequence[Any], faults: Sequence[Rejected]) -> None:
            texts = row_texts(cells, len(headers))
            writer.writerow([_why(faults), *map(escape_text, texts)])

        yield add


def write_rejected(path: Path, table: TableFile, cells: Iterator[Rejected]) -> None:
    """cells: in the order of the file."""
    rejected = groupby(cells, key=lambda cell: cell.row)
    with report_of(path, table.headers) as add:
        rows = table.rows()
        for number, faults in rejected:
            for row in rows:
                if row.number == number:
                    add(row.cells, list(faults))
                    break


def rejected_of(transact: Transact, business_id: int, job_id: int) -> Iterator[Rejected]:
    """All rejected cells of a job, some at a time."""
    after = 0

    def more(db: Connection) -> list[Any]:
        return rejected_cells(db, business_id, job_id, after)

    while found := transact(more):
        for one in found:
            yield Rejected(one.row, one.column, one.value, one.reason)
        after = found[-1].id


def _why(faults: Sequence[Rejected]) -> str:
    return "; ".join(f"{one.column}: {one.reason}" if one.column else one.reason for one in faults)
