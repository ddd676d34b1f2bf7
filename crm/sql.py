"""Statements of the hot path: built with SQLAlchemy, compiled once, run on the driver's cursor.

A turn runs some fifteen statements over plain tuples. SQLAlchemy's own execution costs more than
SQLite's work there, so these are compiled once per dialect and given to the driver as they are.
Values are stored as `crm.tables.types` says, by one generated function for each statement.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Table,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql import Executable, Select, visitors

from crm.set_wise import SetWise
from crm.stored import decoder_of, encoder_of

Build = Callable[[str], Executable]
"""Builds the statement for a dialect's name ("sqlite", "postgresql")."""

Row = Sequence[Any]


class Statement:
    """A statement with the order in which its parameters are given.

    `names` are the statement's parameters as rows give them: column names of an INSERT, and the
    names of every `bindparam`. What breaks a constraint raises SQLAlchemy's IntegrityError.
    """

    def __init__(self, build: Build, names: Sequence[str]) -> None:
        self._build = build
        self._names = tuple(names)
        self._compiled: dict[str, _Compiled] = {}
        self._set_wise: SetWise | None = None

    def many(self, db: Connection, rows: Sequence[Row]) -> None:
        """Run once for each row of parameters. No two of the rows may
        be about the same row of the table: on PostgreSQL all are changed at once."""
        if not rows:
            return
        compiled = self._for(db)
        driver = _driver(db)
        try:
            if db.dialect.name == "postgresql":
                all_rows = self._for_all(db.dialect)
                driver.execute(all_rows.text, (all_rows.document(rows),))
                return
            left = compiled.encode(rows)
            if len(left) >= GROUP and compiled.grouped:
                groups, left = _in_groups(left)
                driver.executemany(compiled.grouped, groups)
            driver.executemany(compiled.text, left)
        except compiled.refusal as error:
            raise IntegrityError(compiled.text, None, error) from error

    def fetch(self, db: Connection, *values: Any) -> list[Any]:
        """Run once and return all rows, decoded by their column types."""
        compiled, parameters = self._with(db, values)
        return compiled.decode(_driver(db).execute(compiled.text, parameters).fetchall())

    def run(self, db: Connection, *values: Any) -> int:
        """Run once; how many rows it touched."""
        compiled, parameters = self._with(db, values)
        try:
            return int(_driver(db).execute(compiled.text, parameters).rowcount)
        except compiled.refusal as error:
            raise IntegrityError(compiled.text, None, error) from error

    def _with(self, db: Connection, values: Row) -> tuple[_Compiled, Row]:
        """The statement in the form these values ask for, and they as the driver takes them."""
        first = values[0] if values else None
        if type(first) is One:
            compiled = self._for(db, ONE)
            values = (first.value, *values[1:])
        else:
            compiled = self._for(db)
        return compiled, compiled.encode((values,))[0]

    def _for(self, db: Connection, form: str = "") -> _Compiled:
        name = form or db.dialect.name
        compiled = self._compiled.get(name)
        if compiled is None:
            compiled = self._compiled[name] = _Compiled(self._build(name), self._names, db.dialect)
        return compiled

    def _for_all(self, dialect: Dialect) -> SetWise:
        if self._set_wise is None:
            statement = _with_literals(self._build(dialect.name), dialect)
            self._set_wise = SetWise(statement, self._names)
        return self._set_wise


def _driver(db: Connection) -> Any:
    """The connection of the driver itself. Both drivers make a cursor by themselves for one
    statement, and let go of it with its last reference."""
    return db.connection.dbapi_connection


class _Compiled:
    def __init__(self, statement: Executable, names: tuple[str, ...], dialect: Dialect) -> None:
        style = "qmark" if dialect.name == "sqlite" else "format"
        positional = type(dialect)(paramstyle=style)  # type: ignore[call-arg]  # every real dialect's
        compiled = _with_literals(statement, positional).compile(  # type: ignore[attr-defined]  # DML, SELECT
            dialect=positional, column_keys=names
        )
        order = list(compiled.positiontup)
        self.text: str = compiled.string
        self.grouped = _grouped(statement, self.text, dialect)
        self.refusal: type[Exception] = dialect.loaded_dbapi.IntegrityError
        # Values written in the statement itself stand behind those that rows bring.
        written = [name for name in order if name not in names]
        known = [*names, *written]
        self.encode = _changing(
            [known.index(name) for name in order],
            [encoder_of(compiled.binds[name].type, positional) for name in order],
            len(names),
            [compiled.binds[name].effective_value for name in written],
        )
        self.decode = _decoding(statement, positional)


GROUP = 16
"""Rows of one INSERT on SQLite, where there are so many: a third of what a row costs is beginning
and ending its statement, and the lock of Python's threads is given away and taken back for each."""


def _grouped(statement: Executable, text: str, dialect: Dialect) -> str:
    """The INSERT of GROUP rows; '' for what is no plain INSERT, and where it is not worth it."""
    head, _, row = text.partition(" VALUES ")
    if dialect.name != "sqlite" or type(statement) is not Insert or not row.endswith(")"):
        return ""
    return f"{head} VALUES {', '.join([row] * GROUP)}"


def _in_groups(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    """Groups of GROUP rows, each as one, and the rows that are left."""
    whole = len(rows) - len(rows) % GROUP
    places = range(0, whole, GROUP)
    return [tuple(chain.from_iterable(rows[at : at + GROUP])) for at in places], rows[whole:]


def _with_literals(statement: Executable, dialect: Dialect) -> Executable:
    """The statement with its own values written out: a partial index is used for
    `status = 'waiting'`, not for `status = ?`."""

    def written_out(element: Any, **_: Any) -> Any:
        if not isinstance(element, BindParameter) or element.required:
            return None
        write = element.type.dialect_impl(dialect).literal_processor(dialect)
        return literal_column(write(element.effective_value), element.type) if write else None

    traversable = cast("ColumnElement[Any]", statement)
    return cast("Executable", visitors.replacement_traverse(traversable, {}, written_out))


ChangeRows = Callable[[Sequence[Row]], list[Any]]


def _changing(
    places: list[int],
    changes: list[Callable[[Any], Any] | None],
    given: int,
    constants: list[Any],
) -> ChangeRows:
    """A function from rows of `given` values to rows that have, in each place, the value of that
    number (a constant from `given` on), changed.

    It is generated, as namedtuple's are: a loop over the changes took a third of a turn.
    """
    if places == list(range(given)) and not any(changes):
        return list
    names: dict[str, Any] = {f"c{number}": value for number, value in enumerate(constants)}
    items = ""
    for number, (place, change) in enumerate(zip(places, changes, strict=True)):
        item = f"v{place}" if place < given else f"c{place - given}"
        if change is not None:
            names[f"e{number}"] = change
            item = f"e{number}({item})"
        items += f"{item}, "
    row = "".join(f"v{number}, " for number in range(given)) or "_"
    made: ChangeRows = eval(f"lambda rows: [({items}) for {row} in rows]", names)  # noqa: S307  # of our own text alone
    return made


def _decoding(statement: Executable, dialect: Dialect) -> ChangeRows:
    if not isinstance(statement, Select):
        return list
    decoders = [decoder_of(column.type, dialect) for column in statement.selected_columns]
    return _changing(list(range(len(decoders))), decoders, len(decoders), [])


@contextmanager
def together(db: Connection) -> Iterator[None]:
    """Statements that need no answer of each other go to PostgreSQL without waiting for one.

    What one of them breaks is raised at the end at the latest, as by itself; the others have then
    done nothing either. On SQLite there is nobody to wait for.
    """
    if db.dialect.name == "sqlite":
        yield
        return
    driver: Any = db.connection.driver_connection
    try:
        with driver.pipeline():
            yield
    except db.dialect.loaded_dbapi.IntegrityError as error:
        raise IntegrityError("one of several statements", None, error) from error


def insert_for(dialect: str) -> Callable[[Table], Any]:
    """The dialect's own INSERT, which can say what to do where a row is there already."""
    return sqlite.insert if dialect == "sqlite" else postgresql.insert


ONE = "sqlite, one value"
"""The form of a statement whose list holds one value: SQLite opens no table of JSON for it."""


class One(NamedTuple):
    """A list parameter of one value. It must be the first parameter of a `fetch` or `run`."""

    value: Any


def among(column: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """`column` is one of a list given as one parameter (`listed` makes it for the dialect).

    One parameter for any number of values keeps one statement text, so it is compiled once.
    """
    if dialect == ONE:
        return column == bindparam(name)
    if dialect == "sqlite":
        values = func.json_each(bindparam(name)).table_valued("value")
        return column.in_(select(values.c.value))
    return column == func.any(bindparam(name))


def listed(db: Connection, values: Sequence[Any]) -> Any:
    """The list parameter of `among`, as the driver of `db` takes it."""
    return json.dumps(list(values)) if db.dialect.name == "sqlite" else list(values)


def listed_or_one(db: Connection, values: Sequence[Any]) -> Any:
    """As `listed`, for `fetch` and `run`, which are cheaper where there is just one value."""
    if len(values) == 1 and db.dialect.name == "sqlite":
        return One(values[0])
    return listed(db, values)
