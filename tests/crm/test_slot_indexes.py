"""Typed columns are indexed where somebody filters by them, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import Connection, Engine, select, text

from crm.criteria_stores import date_part
from crm.database import open_engine
from crm.services.slot_indexes import build_wanted_indexes
from crm.tables import customer, metadata
from engine.criteria.operands import Part
from engine.fields.types import FieldType
from tests.crm.businesses import NOW, applied, business, mapped
from tests.support.database import SQLITE_MEMORY, empty_database


@contextmanager
def _builder(engine: Engine) -> Iterator[Connection]:
    """A connection as index builds need it: outside any transaction on PostgreSQL."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
        else:
            with connection.begin():
                yield connection


def _build(engine: Engine) -> list[str]:
    with _builder(engine) as db:
        return build_wanted_indexes(db, NOW)


_CATALOGUES = {
    "sqlite": "SELECT name, sql AS made FROM sqlite_master WHERE type = 'index'",
    "postgresql": "SELECT indexname AS name, indexdef AS made FROM pg_indexes "
    "WHERE schemaname = current_schema()",
}


def _slot_indexes(engine: Engine) -> dict[str, str]:
    """The statement that made each index of a typed column, by its name."""
    with engine.connect() as db:
        rows = db.execute(text(_CATALOGUES[engine.dialect.name])).all()
    return {row.name: row.made for row in rows if row.name.startswith("ix_customer_custom_")}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def alone(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database that nobody else has a transaction in."""
    with ExitStack() as stack:
        sqlite = request.param == "sqlite"
        engine = open_engine(SQLITE_MEMORY if sqlite else stack.enter_context(empty_database()))
        stack.callback(engine.dispose)
        yield engine


@pytest.fixture
def made(alone: Engine) -> Iterator[Engine]:
    """A database with tables and one business."""
    metadata.create_all(alone)
    with alone.begin() as db:
        applied(db, business())
    yield alone
    metadata.drop_all(alone)


def test_filterable_fields_get_an_index_and_dates_one_by_month_and_day(made: Engine) -> None:
    assert _slot_indexes(made) == {}
    assert _build(made) == ["custom_date_1", "custom_number_1", "custom_select_1"]
    assert _slot_indexes(made).keys() == {
        "ix_customer_custom_date_1",
        "ix_customer_custom_date_1_month_day",
        "ix_customer_custom_number_1",
        "ix_customer_custom_select_1",
    }


def test_what_is_built_is_not_built_again_and_what_nobody_wants_is_dropped(made: Engine) -> None:
    _build(made)
    assert _build(made) == []
    with made.begin() as db:
        applied(db, business("lotus", mapped("points", FieldType.NUMBER)))
    assert _build(made) == ["custom_date_1", "custom_number_1", "custom_select_1"]
    assert _slot_indexes(made) == {}


def test_an_index_stays_while_any_business_filters_by_the_column(made: Engine) -> None:
    _build(made)
    with made.begin() as db:
        applied(db, business("other"))
        applied(db, business("lotus", mapped("nothing")))
    assert _build(made) == []


def test_a_birthday_is_found_through_the_index_by_month_and_day(made: Engine) -> None:
    _build(made)
    dialect = made.dialect.name
    birth = customer.c.custom_date_1
    query = select(customer.c.id).where(
        customer.c.business_id == 1,
        birth.is_not(None),
        date_part(birth, Part.MONTH) == 5,
        date_part(birth, Part.DAY) == 15,
    )
    with made.connect() as db:
        if dialect == "postgresql":
            db.execute(text("SET enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN " if dialect == "sqlite" else "EXPLAIN "
        sql = query.compile(db, compile_kwargs={"literal_binds": True})
        plan = "\n".join(str(row) for row in db.execute(text(f"{explain}{sql}")))
    assert "ix_customer_custom_date_1_month_day" in plan


def test_every_slot_index_holds_only_rows_that_have_a_value(made: Engine) -> None:
    _build(made)
    statements = _slot_indexes(made).values()
    assert len(statements) == 4
    assert all("IS NOT NULL" in statement for statement in statements)
