"""Moving a grown business from SQLite to PostgreSQL, and proof that it arrived as it was.

Every row is read, written by COPY, read back from the target and compared: by counts, and by a
checksum of each table over one canonical form of its rows. All of it is one transaction of the
target, so whatever goes wrong, or kills the program, leaves the target empty.

Three things change on the way, on purpose. Documents are written in that canonical form, its keys
sorted: jsonb keeps no order of its own. A character that PostgreSQL cannot hold (U+0000, half a
surrogate pair) becomes U+FFFD; how often is counted. And the indexes of typed columns are still to
be built there, so `slot_index` does not say that they were.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from hashlib import blake2b
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.json import Encoder
from sqlalchemy import JSON, Column, Connection, Dialect, Engine, Table, func, select, text
from sqlalchemy.dialects import sqlite

from crm.stored import decoder_of, loads
from crm.tables import metadata, schema_step, slot_index

if TYPE_CHECKING:
    from psycopg import Connection as Psycopg
    from psycopg import Error

PIECE = 5_000
"""Rows of one COPY: PostgreSQL remembers each of them until its foreign keys are checked."""

Progress = Callable[[str, int, int], None]
"""Told a table, how many of its rows are done, and how many steps it has in all (each row is
written once and read back once)."""

Row = tuple[Any, ...]


class CopyRefused(Exception):
    """Nothing was copied; the text is one line saying why."""


class Compared(Struct, frozen=True):
    """One table after the copy. `replaced`: values with a character that PostgreSQL cannot hold."""

    table: str
    rows: int
    rows_there: int
    checksum: str
    checksum_there: str
    replaced: int

    @property
    def is_same(self) -> bool:
        return (self.rows, self.checksum) == (self.rows_there, self.checksum_there)


class CopyDiffers(CopyRefused):
    """What was read back is not what was written; the target is empty again."""

    def __init__(self, compared: list[Compared]) -> None:
        self.compared = compared
        names = ", ".join(item.table for item in compared if not item.is_same)
        super().__init__(f"the copy differs in {names}; the target was emptied")


def copied_tables() -> list[Table]:
    """Those that hold a business, each after the tables that it points at."""
    return [table for table in metadata.sorted_tables if table is not schema_step]


def copy_database(source: Engine, target: Engine, progress: Progress) -> list[Compared]:
    """Copy every row of an SQLite database into an empty PostgreSQL one of the same schema.

    Nobody may write to the source meanwhile, or those writes are missing. Raises CopyRefused.
    """
    with source.connect() as reading, target.begin() as writing:
        for name in ("statement_timeout", "idle_in_transaction_session_timeout"):
            writing.execute(text(f"SET LOCAL {name} = 0"))
        writing.execute(text("SET LOCAL TIME ZONE 'UTC'"))
        _require_empty(writing)
        compared = [_copy(reading, writing, table, progress) for table in copied_tables()]
        _set_sequences(writing)
        if not all(item.is_same for item in compared):
            raise CopyDiffers(compared)
    return compared


def _require_empty(db: Connection) -> None:
    for table in copied_tables():
        if db.execute(select(table).limit(1)).first() is not None:
            raise CopyRefused(f"the target is not empty: its table {table.name} has rows")


def _copy(reading: Connection, writing: Connection, table: Table, progress: Progress) -> Compared:
    total = reading.scalar(select(func.count()).select_from(table)) or 0

    def told(rows: Iterable[Row], first: int) -> Iterator[Row]:
        for number, row in enumerate(rows, first):
            if number % PIECE == 0:
                progress(table.name, number, 2 * total)
            yield row

    sent, replaced = _Sum(), _Replaced()
    _write(writing, table, sent.over(told(_rows_here(reading, table, replaced), 0)))
    back = _Sum()
    for _ in back.over(told(_rows_there(writing, table), total)):
        pass
    progress(table.name, 2 * total, 2 * total)
    return Compared(table.name, sent.rows, back.rows, sent.checksum, back.checksum, replaced.count)


# -- reading


def _rows_here(db: Connection, table: Table, replaced: _Replaced) -> Iterator[Row]:
    """The rows of SQLite, their values as PostgreSQL's driver gives and takes them."""
    dialect: Dialect = sqlite.dialect()
    decoders = [_from_sqlite(column, dialect, replaced) for column in table.columns]
    places = [(place, one) for place, one in enumerate(decoders) if one is not None]
    cursor = db.connection.cursor()
    cursor.execute(f"SELECT {_names(table)} FROM {table.name}")  # noqa: S608  # our own names
    while pieces := cursor.fetchmany(PIECE):
        for stored in pieces:
            row = list(stored)
            place = 0
            try:
                for place, decode in places:
                    if row[place] is not None:
                        row[place] = decode(row[place])
            except (ValueError, TypeError) as error:
                # SQLite lets a value of any type into a column of any other.
                raise CopyRefused(_unreadable(table, stored, place)) from error
            yield tuple(row)
    cursor.close()


def _unreadable(table: Table, stored: Row, place: int) -> str:
    column = list(table.columns)[place]
    what = f"{table.name} {_key_of(table, stored)}, {column.name}"
    return f"{what}: what is stored is no {column.type.python_type.__name__}; nothing was copied"


def _from_sqlite(
    column: Column[Any], dialect: Dialect, replaced: _Replaced
) -> Callable[[Any], Any] | None:
    if column is slot_index.c.built_at:
        return lambda _: None
    if isinstance(column.type, JSON):
        return lambda stored: _canonical(stored, replaced)
    decode = decoder_of(column.type, dialect)
    return replaced.in_text if decode is None else decode


def _rows_there(db: Connection, table: Table) -> Iterator[Row]:
    """The rows of PostgreSQL, documents in their canonical form."""
    documents = [place for place, one in enumerate(table.columns) if isinstance(one.type, JSON)]
    names = ", ".join(
        f'"{column.name}"::text' if isinstance(column.type, JSON) else f'"{column.name}"'
        for column in table.columns
    )
    with _psycopg(db).cursor(name="rapport_copy") as cursor:
        cursor.itersize = PIECE
        cursor.execute(f"SELECT {names} FROM {table.name}".encode())  # noqa: S608  # our own names
        for stored in cursor:
            row = list(stored)
            for place in documents:
                if row[place] is not None:
                    row[place] = _canonical(row[place])
            yield tuple(row)


_ODD = re.compile("[\x00\ud800-\udfff]")


class _Replaced:
    """Puts U+FFFD for what PostgreSQL cannot hold, and counts the values where it had to."""

    def __init__(self) -> None:
        self.count = 0

    def in_text(self, value: Any) -> Any:
        if isinstance(value, str) and _ODD.search(value):
            self.count += 1
            return _ODD.sub("\ufffd", value)
        return value

    def in_document(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self.in_text(key): self.in_document(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.in_document(item) for item in value]
        return self.in_text(value)


# -- the canonical form

_encode = Encoder(order="deterministic").encode


_FRACTION = re.compile(r"\d[.eE]")


def _canonical(stored: Any, replaced: _Replaced | None = None) -> str:
    """Stored JSON with sorted keys, where 1.0 and 1 are one number as in PostgreSQL's jsonb.

    replaced: puts away what PostgreSQL cannot hold; such letters stand escaped in stored JSON.
    """
    value = loads(stored)
    if replaced is not None and "\\u" in str(stored):
        value = replaced.in_document(value)
    if _FRACTION.search(str(stored)):
        value = _plain_numbers(value)
    try:
        return _encode(value).decode()
    except OverflowError:  # integers beyond 64 bits
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def _plain_numbers(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(Decimal(repr(value)))
    if isinstance(value, dict):
        return {key: _plain_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain_numbers(item) for item in value]
    return value


class _Sum:
    """Counts rows and adds up their hashes, so that their order does not matter."""

    def __init__(self) -> None:
        self.rows = 0
        self._sum = 0

    def over(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.rows += 1
            self._sum += int.from_bytes(blake2b(_encode(row), digest_size=16).digest())
            yield row

    @property
    def checksum(self) -> str:
        """32 hexadecimal digits."""
        return f"{self._sum % 2**128:032x}"


# -- writing


def _write(db: Connection, table: Table, rows: Iterator[Row]) -> None:
    while piece := list(islice(rows, PIECE)):
        _write_piece(db, table, piece)


def _write_piece(db: Connection, table: Table, rows: list[Row]) -> None:
    from psycopg import Error

    try:
        with (
            _psycopg(db).cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({_names(table)}) FROM STDIN".encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)
    except Error as error:
        raise CopyRefused(_why(table, rows, error)) from error


def _why(table: Table, rows: list[Row], error: Error) -> str:
    """What PostgreSQL refuses, with the row's key and the column, and without their values."""
    context = error.diag.context or ""
    line = re.search(r"line (\d+)", context)
    column = re.search(r"column (\w+)", context)
    place = table.name
    if line and 0 < int(line[1]) <= len(rows):
        place += f" {_key_of(table, rows[int(line[1]) - 1])}"
    if column:
        place += f", {column[1]}"
    return f"{place}: {error.diag.message_primary or type(error).__name__}; nothing was copied"


def _key_of(table: Table, row: Row) -> str:
    places = [place for place, one in enumerate(table.columns) if one.primary_key]
    return ", ".join(str(row[place]) for place in places)


def _set_sequences(db: Connection) -> None:
    """The next numbers come after those that were copied."""
    for table in copied_tables():
        if "id" in table.c and (newest := db.scalar(select(func.max(table.c.id)))):
            sequence = func.pg_get_serial_sequence(table.name, "id")
            db.execute(select(func.setval(sequence, newest)))


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)


def _psycopg(db: Connection) -> Psycopg[Row]:
    return db.connection.driver_connection  # type: ignore[return-value]  # the URL's driver
