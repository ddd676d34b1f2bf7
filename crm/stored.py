"""How values of each column type are stored and read back, without SQLAlchemy's layers.

The same forms as `crm.tables.types` and SQLAlchemy's own types give; a test holds them equal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from msgspec import DecodeError, Raw
from msgspec.json import Decoder, Encoder
from sqlalchemy import JSON, Boolean, Date, Dialect
from sqlalchemy.types import TypeEngine

from crm.tables.types import (
    Hundredths,
    UtcDateTime,
    from_hundredths,
    from_microseconds,
    to_hundredths,
    to_microseconds,
)

_encode = Encoder().encode
_decode = Decoder().decode

Change = Callable[[Any], Any]


def encoder_of(type_: TypeEngine[Any], dialect: Dialect) -> Change | None:
    """What makes a Python value a driver's; None where it is taken as it is."""
    if dialect.name == "sqlite":
        for kind, encoder in _SQLITE_ENCODERS:
            if isinstance(type_, kind):
                return encoder
    elif isinstance(type_, JSON):
        return dumps
    return _present(type_.dialect_impl(dialect).bind_processor(dialect))


def decoder_of(type_: TypeEngine[Any], dialect: Dialect) -> Change | None:
    """What makes a driver's value a Python one; None where it is one already."""
    if dialect.name == "sqlite":
        for kind, decoder in _SQLITE_DECODERS:
            if isinstance(type_, kind):
                return decoder
    if isinstance(type_, Hundredths):
        # psycopg gives a Decimal; SQLAlchemy would want to know the column's type in the result.
        return None
    return _present(type_.dialect_impl(dialect).result_processor(dialect, None))


def _present(change: Change | None) -> Change | None:
    if change is None:
        return None
    return lambda value: None if value is None else change(value)


def dumps(value: Any) -> str | None:
    """JSON text of a document; None stays NULL."""
    if value is None:
        return None
    if type(value) is Raw:  # written already
        return bytes(value).decode()
    try:
        return _encode(value).decode()
    except (OverflowError, UnicodeEncodeError):
        # Integers beyond 64 bits and lone surrogates, which a raw update may hold.
        return json.dumps(value)


def loads(stored: Any) -> Any:
    """The document of a stored text. SQLite makes a number of a text that is a number alone, for
    a column of type JSON has its numeric affinity: https://www.sqlite.org/datatype3.html
    """
    if not isinstance(stored, str | bytes):
        return stored
    try:
        return _decode(stored)
    except DecodeError:
        return json.loads(stored)


class _Moments(dict[datetime | None, int | None]):
    """The stored form of moments lately met: a batch stores one and the same some twenty times a
    turn."""

    def __missing__(self, moment: datetime | None) -> int | None:
        stored = None if moment is None else to_microseconds(moment)
        if len(self) >= _MOST_MOMENTS:
            self.clear()
        # Of another zone two moments may be equal that are not: those of a clock set back.
        if moment is None or moment.tzinfo is UTC:
            self[moment] = stored
        return stored


_MOST_MOMENTS = 256

_at: Change = _Moments().__getitem__


def _from_at(stored: int | None) -> Any:
    return None if stored is None else from_microseconds(stored)


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _from_day(stored: str | None) -> date | None:
    return None if stored is None else date.fromisoformat(stored)


def _hundredths(value: Decimal | int | None) -> int | None:
    return None if value is None else to_hundredths(value)


def _from_hundredths(stored: int | None) -> Decimal | None:
    return None if stored is None else from_hundredths(stored)


def _truth(stored: int | None) -> bool | None:
    return None if stored is None else bool(stored)


_SQLITE_ENCODERS: tuple[tuple[type[TypeEngine[Any]], Change | None], ...] = (
    (UtcDateTime, _at),
    (Hundredths, _hundredths),
    (JSON, dumps),
    (Date, _day),
    (Boolean, None),  # sqlite3 stores True as 1
)

_SQLITE_DECODERS: tuple[tuple[type[TypeEngine[Any]], Change], ...] = (
    (UtcDateTime, _from_at),
    (Hundredths, _from_hundredths),
    (JSON, loads),
    (Date, _from_day),
    (Boolean, _truth),
)
