"""Whatever is asked for in criteria: it is told about, or it can be asked of people and stores."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from crm.criteria_sql import compile_sql
from crm.tables import customer
from engine.criteria import Catalogue, Moment, compile_predicate, read_criterion
from engine.problems import Problems
from engine.shapes import plain
from engine.source import read_documents
from tests.support.criteria import CATALOGUE
from tests.support.fuzzing import corpus, counted, fuzzed, mutated, names_of

WRITTEN = [content.decode() for content in corpus("criteria")]
MOMENT = Moment(datetime(2026, 3, 1, 9, 30, tzinfo=UTC), ZoneInfo("Asia/Tehran"))
CALLS, CALLS_A_SIGN = 60_000, 500
STORED = Catalogue(CATALOGUE.fields, locale=CATALOGUE.locale)
"""What a list of customers may be asked by; variables belong to flows."""

COLUMNS = {key: key for key in CATALOGUE.fields if key in customer.c}
DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]  # SQLAlchemy's
}


def trees(written: str) -> list[Any]:
    return [plain(item.root) for item in read_documents(written, "--where", Problems())]


def hold(tree: object) -> None:
    """A criterion that is read can be asked of a person and, in SQL, of a store."""
    problems: list[str] = []
    criterion = read_criterion(tree, STORED, lambda *told: problems.append(str(told)))
    assert (criterion is None) == bool(problems)
    if criterion is None:
        return
    assert compile_predicate(criterion)(lambda _: None, MOMENT) in (True, False)
    for name, dialect in DIALECTS.items():
        condition = compile_sql(criterion, COLUMNS, MOMENT, 1, name)
        assert "DROP TABLE" not in str(condition.compile(dialect=dialect))


@pytest.mark.parametrize("written", WRITTEN, ids=names_of("criteria"))
def test_kept_criteria_are_read_or_told_about(written: str) -> None:
    for tree in trees(written):
        _, calls = counted(partial(hold, tree))
        assert calls < CALLS + CALLS_A_SIGN * len(written)
    hold(written)


@fuzzed
@given(mutated(WRITTEN))
def test_criteria_that_nobody_would_write_are_read_or_told_about(written: str) -> None:
    for tree in trees(written):
        hold(tree)
    hold(written)
