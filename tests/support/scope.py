"""Which business a statement is about: what tests of the isolation of businesses ask of SQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import (
    Delete,
    Exists,
    FromClause,
    Insert,
    Join,
    ScalarSelect,
    Select,
    Subquery,
    Table,
    Update,
)
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.elements import BinaryExpression, BooleanClauseList, ColumnElement, Grouping

SCOPES = frozenset({"business_id", "account_id"})
"""Columns that name one business; an account belongs to one, which `open_account` sees to."""


def is_scoped(statement: Any, given: frozenset[str] = frozenset()) -> bool:
    """Whether a statement names a business: in its WHERE, or in the rows that it inserts.

    given: names of the columns that rows bring, where the statement does not list them. A SELECT
    from a subquery that names one, or from something joined to it, is of that business too.
    """
    match statement:
        case Insert() if statement.select is not None:
            return is_scoped(statement.select)
        case Insert():
            return bool(SCOPES & (given | _inserted(statement)))
        case Select() if any(map(_is_of_a_business, statement.get_final_froms())):
            return True
        case Select() | Update() | Delete():
            return any(_names_a_business(part) for part in _conditions(statement.whereclause))
        case _:
            return False


def tables_of(statement: Any) -> frozenset[str]:
    """The names of every table that a statement reads or writes."""
    found = {item.name for item in visitors.iterate(statement) if isinstance(item, Table)}
    if isinstance(statement, Insert | Update | Delete) and isinstance(statement.table, Table):
        found.add(statement.table.name)
    return frozenset(found)


def _inserted(statement: Insert) -> frozenset[str]:
    compiled = statement.compile()
    return frozenset(str(name) for name in compiled.binds)


def _conditions(where: ColumnElement[Any] | None) -> Iterator[ColumnElement[Any]]:
    """What must hold: the parts of an AND."""
    if where is None:
        return
    if isinstance(where, BooleanClauseList) and where.operator is operators.and_:
        for part in where.clauses:
            yield from _conditions(part)
    else:
        yield where


def _is_of_a_business(source: FromClause) -> bool:
    if isinstance(source, Join) and not source.isouter and not source.full:
        return _is_of_a_business(source.left) or _is_of_a_business(source.right)
    return isinstance(source, Subquery) and is_scoped(source.element)


def _names_a_business(part: ColumnElement[Any]) -> bool:
    if isinstance(part, Grouping):
        return _names_a_business(cast("ColumnElement[Any]", part.element))
    if isinstance(part, Exists):
        return any(is_scoped(item) for item in visitors.iterate(part) if isinstance(item, Select))
    if not isinstance(part, BinaryExpression) or part.operator is not operators.eq:
        return False
    if isinstance(part.right, ScalarSelect) and is_scoped(part.right.element):
        return True
    columns = {getattr(item, "name", "") for item in visitors.iterate(part.left)}
    return bool(SCOPES & columns)
