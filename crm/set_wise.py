"""One statement for many rows on PostgreSQL: the rows travel as one JSON document.

Of an INSERT, UPDATE or DELETE for one row it makes the one for all:

    UPDATE run SET node=%s WHERE run.id = %s
    UPDATE run SET node=(r.v ->> 0) FROM jsonb_array_elements(%s) AS r(v)
    WHERE run.id = (r.v ->> 1)::BIGINT

The driver's executemany costs a message, an adaptation of each value and an execution for each row;
arrays (`unnest`) the adaptation. Here msgspec writes all values at once, and the server reads them
beside our Python.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Raw
from msgspec.json import Encoder
from sqlalchemy import JSON, Delete, Insert, String, Update
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

from crm.stored import dumps

_ROWS = "jsonb_array_elements(%s::jsonb) AS r(v)"

_encode = Encoder().encode


class SetWise:
    """text: the statement, with one parameter: what `document` makes of the rows.

    No two rows may name the same row of the table to be changed.
    """

    def __init__(self, statement: Executable, names: Sequence[str]) -> None:
        """statement: one whose own values are written out."""
        dialect = postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]
        compiled: SQLCompiler = statement.compile(  # type: ignore[attr-defined]  # DML
            dialect=dialect, column_keys=names, for_executemany=True
        )
        binds = [compiled.binds[name] for name in compiled.positiontup or ()]

        def value(match: re.Match[str]) -> str:
            bind = binds[int(match[1]) - 1]
            if bind.key not in names:  # a value of the statement's own
                return _literal(bind.effective_value, bind.type, compiled)
            return _value(names.index(bind.key), bind.type, compiled)

        text = re.sub(r"\$(\d+)", value, compiled.string.replace("%", "%%"))
        self.text = _for_all(statement, text)
        self._documents = [
            names.index(bind.key)
            for bind in binds
            if bind.key in names and isinstance(bind.type, JSON)
        ]

    def document(self, rows: Sequence[Sequence[Any]]) -> str:
        """The rows as JSON. Raises TypeError for what no column stores."""
        try:
            return _encode(rows).decode()
        except (OverflowError, UnicodeEncodeError):
            # Integers beyond 64 bits and lone surrogates, in a document of a raw update.
            return _encode([self._with_documents(row) for row in rows]).decode()

    def _with_documents(self, row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for place in self._documents:
            text = dumps(values[place])
            values[place] = None if text is None else Raw(text.encode())
        return values


def _value(place: int, type_: TypeEngine[Any], compiled: SQLCompiler) -> str:
    """What stands in the statement for a value of the row."""
    if isinstance(type_, JSON):
        return f"NULLIF(r.v -> {place}, 'null')"
    text = f"(r.v ->> {place})"
    # A cast to VARCHAR(20) would cut what is too long without a word.
    if isinstance(type_, String):
        return text
    return f"{text}::{compiled.dialect.type_compiler_instance.process(type_)}"


def _literal(value: Any, type_: TypeEngine[Any], compiled: SQLCompiler) -> str:
    if isinstance(type_, JSON):
        value, type_ = dumps(value), String()
    return compiled.render_literal_value(value, type_).replace("%", "%%")


def _for_all(statement: Executable, text: str) -> str:
    match statement:
        case Insert():
            into, _, values = text.partition(" VALUES (")
            values, conflict, action = values.partition(" ON CONFLICT ")
            return f"{into} SELECT {values.rstrip()[:-1]} FROM {_ROWS}{conflict}{action}"  # noqa: S608  # of our own statements alone
        case Update():
            changes, where, condition = text.partition(" WHERE ")
            return f"{changes} FROM {_ROWS}{where}{condition}"
        case Delete():
            of, where, condition = text.partition(" WHERE ")
            return f"{of} USING {_ROWS}{where}{condition}"
    raise TypeError(f"{type(statement).__name__} changes no rows")
