"""What a score asks of a customer's row, and the scores themselves, as SQL.

They say what `engine.derive.scores` says, row by row; a property test holds the two equal on both
databases. `weighted` is not here: its exact fractions do not fit into 64 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Integer,
    case,
    func,
    literal_column,
)

Whole = ColumnElement[int]

_DAY = timedelta(days=1)


def filled(columns: Sequence[Column[Any]], dialect: str) -> Whole:
    """How many of these columns have a value."""
    if not columns:
        return literal_column("0", Integer()).label("filled")
    if "sqlite" in dialect:
        together: Whole = sum(map(_one, columns[1:]), _one(columns[0]))
        return together.label("filled")
    return func.num_nonnulls(*columns, type_=Integer()).label("filled")


def _one(column: Column[Any]) -> Any:
    return case((column.is_not(None), 1), else_=0)
