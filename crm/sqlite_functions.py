"""Functions of ours that SQL calls on every SQLite connection."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from crm.stored_extras import typed_extra
from crm.tables.types import from_microseconds, to_microseconds
from engine.criteria.moment import part_of
from engine.criteria.operands import WEEKDAYS, Part
from engine.fields.fold import fold
from engine.fields.types import FieldType

Stored = str | int | None


def register(connection: sqlite3.Connection) -> None:
    """Gives a connection `fold(text)`, `local_part(moment, zone, part)` and
    `extra_value(type, json_type, json_value)`, each NULL for NULL.
    """
    connection.create_function("fold", 1, _fold, deterministic=True)
    connection.create_function("local_part", 3, _local_part, deterministic=True)
    connection.create_function("extra_value", 3, _extra_value, deterministic=True)


def _fold(text: str | None) -> str | None:
    return None if text is None else fold(text)


def _local_part(moment: int | None, zone: str, part: str) -> Stored:
    """A part of a moment as the clocks of `zone` show it: a number, or the text of a time.

    Weekdays count from 0, Sunday, as `strftime('%w')` and PostgreSQL's `dow` do.
    """
    if moment is None:
        return None
    value = part_of(from_microseconds(moment), Part(part), ZoneInfo(zone))
    if isinstance(value, time):
        return _clock(value)
    return (WEEKDAYS.index(value) + 1) % 7 if isinstance(value, str) else value


def _extra_value(type_: str, json_type: str | None, value: str | float | None) -> Stored:
    """A scalar among the extras as a column of `type_` would store it; NULL if it is none."""
    if json_type not in ("text", "integer", "real"):
        return None
    typed = typed_extra(value, FieldType(type_))
    match typed:
        case Decimal():
            return int(typed.scaleb(2))
        case datetime():
            return to_microseconds(typed)
        case date():
            return typed.isoformat()
        case time():
            return _clock(typed)
        case _:
            return typed if isinstance(typed, str) else None


def _clock(value: time) -> str:
    """As SQLAlchemy's Time writes it on SQLite."""
    return value.isoformat("microseconds")
