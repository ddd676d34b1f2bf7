"""The numbers of rows that are named before they are stored.

Rows of a batch point to each other (a run's timer, a mail's history), so they get their numbers
first and are written together afterwards. The numbers of one conversation rise with its turns: the
sender goes by them.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct
from sqlalchemy import Connection, bindparam, column, func, select

from crm.sql import Statement
from crm.tables import mail, outbox, run


class Ids(Protocol):
    """Numbers that nobody else gives, in this transaction."""

    def next_mail(self) -> int: ...

    def next_run(self) -> int: ...

    def next_outbox(self) -> int: ...


def ids_for(db: Connection, letters: int) -> Ids:
    """Ask only when all locks are held: who comes next on a conversation gets higher ones.

    letters: how many are about to be applied; how many numbers are asked for at a time.
    """
    return last_ids(db) if db.dialect.name == "sqlite" else SequenceIds(db, letters)


class CountedIds(Struct):
    """Counted from the last one in the table: on SQLite, where nobody else is writing.

    Whoever deletes old rows keeps the newest of a table, or its number would be given again.
    """

    mail: int
    run: int
    outbox: int

    def next_mail(self) -> int:
        self.mail += 1
        return self.mail

    def next_run(self) -> int:
        self.run += 1
        return self.run

    def next_outbox(self) -> int:
        self.outbox += 1
        return self.outbox


def last_ids(db: Connection) -> CountedIds:
    """Read under the transaction's write lock, so that nobody else gives the same numbers."""
    ((last_mail, last_run, last_outbox),) = _LAST_IDS.fetch(db)
    return CountedIds(last_mail or 0, last_run or 0, last_outbox or 0)


class SequenceIds:
    """From PostgreSQL's sequences, some at a time; those that are left over are never used."""

    def __init__(self, db: Connection, at_once: int) -> None:
        self._db = db
        self._at_once = max(1, at_once)
        self._left: dict[str, list[int]] = {}

    def next_mail(self) -> int:
        return self._next("mail_id_seq")

    def next_run(self) -> int:
        return self._next("run_id_seq")

    def next_outbox(self) -> int:
        return self._next("outbox_id_seq")

    def _next(self, sequence: str) -> int:
        left = self._left.get(sequence)
        if not left:
            rows = _NEXT_IDS.fetch(self._db, sequence, self._at_once)
            left = self._left[sequence] = sorted((row[0] for row in rows), reverse=True)
        return left.pop()


_LAST_IDS = Statement(
    lambda _: select(
        *(select(func.max(table.c.id)).scalar_subquery() for table in (mail, run, outbox))
    ),
    (),
)


def _next_ids(_dialect: str) -> object:
    one = func.generate_series(1, bindparam("many")).table_valued(column("number"))
    return select(func.nextval(bindparam("sequence"))).select_from(one)


_NEXT_IDS = Statement(_next_ids, ("sequence", "many"))  # type: ignore[arg-type]  # a Select is executable
