"""Statements of the hot path: built with SQLAlchemy, compiled once, run on the driver's cursor.

A turn runs some ten statements over plain tuples. SQLAlchemy's own execution costs more than
SQLite's work there, so these are compiled once per dialect and given to the driver as they are;
values still pass through the column types.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, bindparam, func, select
from sqlalchemy.sql import Executable, Select

Encoder = Callable[[Any], Any]
Build = Callable[[str], Executable]
"""Builds the statement for a dialect's name ("sqlite", "postgresql")."""


class Statement:
    """A statement with the order in which its parameters are given.

    `names` are the statement's parameters as rows give them: column names of an INSERT, and the
    names of every `bindparam`.
    """

    def __init__(self, build: Build, names: Sequence[str]) -> None:
        self._build = build
        self._names = tuple(names)
        self._compiled: dict[str, _Compiled] = {}

    def many(self, db: Connection, rows: Sequence[Sequence[Any]]) -> None:
        """Run once for each row of parameters, in one call to the driver."""
        if not rows:
            return
        compiled = self._for(db)
        cursor = db.connection.cursor()
        try:
            cursor.executemany(compiled.text, compiled.encode(rows))
        finally:
            cursor.close()

    def fetch(self, db: Connection, *values: Any) -> list[Any]:
        """Run once and return all rows, decoded by their column types."""
        compiled = self._for(db)
        cursor = db.connection.cursor()
        try:
            cursor.execute(compiled.text, compiled.encode((values,))[0])
            return compiled.decode(cursor.fetchall())
        finally:
            cursor.close()

    def run(self, db: Connection, *values: Any) -> int:
        """Run once; how many rows it touched."""
        compiled = self._for(db)
        cursor = db.connection.cursor()
        try:
            cursor.execute(compiled.text, compiled.encode((values,))[0])
            return int(cursor.rowcount)
        finally:
            cursor.close()

    def _for(self, db: Connection) -> _Compiled:
        name = db.dialect.name
        if name not in self._compiled:
            self._compiled[name] = _Compiled(self._build(name), self._names, db.dialect)
        return self._compiled[name]


class _Compiled:
    def __init__(self, statement: Executable, names: tuple[str, ...], dialect: Dialect) -> None:
        style = "qmark" if dialect.name == "sqlite" else "format"
        positional = type(dialect)(paramstyle=style)
        compiled = statement.compile(  # type: ignore[attr-defined]  # every DML and SELECT has it
            dialect=positional,
            column_keys=names,
            compile_kwargs={"render_postcompile": True},
        )
        order = list(compiled.positiontup)
        self.text: str = compiled.string
        # Values written in the statement itself stand behind those that rows bring.
        constants = [name for name in order if name not in names]
        self._constants = tuple(compiled.binds[name].effective_value for name in constants)
        known = [*names, *constants]
        places = [known.index(name) for name in order]
        self._arrange = None if places == list(range(len(names))) else _arranger(places)
        self._encoders = [
            (place, encoder)
            for place, name in enumerate(order)
            if (encoder := _encoder(compiled.binds[name].type, positional))
        ]
        self._decoders = _decoders(statement, positional)

    def encode(self, rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
        if self._arrange is not None:
            arrange, constants = self._arrange, self._constants
            rows = [arrange((*row, *constants)) for row in rows]
        if not self._encoders:
            return rows
        encoded = []
        for row in rows:
            values = list(row)
            for place, encoder in self._encoders:
                if values[place] is not None:
                    values[place] = encoder(values[place])
            encoded.append(values)
        return encoded

    def decode(self, rows: list[Any]) -> list[Any]:
        if not self._decoders:
            return rows
        decoded = []
        for row in rows:
            values = list(row)
            for place, decoder in self._decoders:
                if values[place] is not None:
                    values[place] = decoder(values[place])
            decoded.append(values)
        return decoded


def _arranger(places: list[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    if len(places) == 1:  # itemgetter would give the item itself
        only = places[0]
        return lambda row: (row[only],)
    return itemgetter(*places)


def _encoder(type_: Any, dialect: Dialect) -> Encoder | None:
    processor: Encoder | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return processor


def _decoders(statement: Executable, dialect: Dialect) -> list[tuple[int, Encoder]]:
    if not isinstance(statement, Select):
        return []
    return [
        (place, decoder)
        for place, column in enumerate(statement.selected_columns)
        if (decoder := column.type.dialect_impl(dialect).result_processor(dialect, None))
    ]


def among(column: ColumnElement[Any], name: str, dialect: str) -> ColumnElement[bool]:
    """`column` is one of a list given as one parameter (`listed` makes it for the dialect).

    One parameter for any number of values keeps one statement text, so it is compiled once.
    """
    if dialect == "sqlite":
        listed = func.json_each(bindparam(name)).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == func.any(bindparam(name))


def listed(db: Connection, values: Sequence[Any]) -> Any:
    """The list parameter of `among`, as the driver of `db` takes it."""
    if db.dialect.name == "sqlite":
        return json.dumps(list(values))
    return list(values)
