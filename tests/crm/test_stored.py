"""The short way to store and read a row gives what SQLAlchemy's own way gives."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    make_url,
    select,
)
from sqlalchemy.types import TypeEngine

from crm.database import open_engine
from crm.sql import Statement
from crm.stored import decoder_of, dumps, encoder_of, loads
from crm.tables import metadata
from crm.tables.types import Hundredths, Json, UtcDateTime

MOMENTS = st.datetimes(timezones=st.just(UTC))
DECIMALS = st.decimals(
    min_value=Decimal("-9999999999999999.99"), max_value=Decimal("9999999999999999.99"), places=2
)
# JSON as both orjson and the standard library write it: no NaN, no infinity.
DOCUMENTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def is_kept_by_sqlite(document: Any) -> bool:
    """A number alone is kept as SQLite's own: whole below 2^63, 5.0 as 5."""
    if isinstance(document, float):
        return not document.is_integer()
    return not isinstance(document, int) or -(2**63) <= document < 2**63


STORED_DOCUMENTS = DOCUMENTS.filter(is_kept_by_sqlite)

SAMPLES: list[tuple[TypeEngine[Any], st.SearchStrategy[Any]]] = [
    (UtcDateTime(), MOMENTS),
    (Hundredths(), DECIMALS),
    (Date(), st.dates()),
    (Boolean(), st.booleans()),
    (String(50), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
    (Json, STORED_DOCUMENTS),
]

SQLITE = make_url("sqlite://").get_dialect()()

ROW = Table(
    "row",
    MetaData(),
    Column("id", Integer, primary_key=True),
    *(Column(f"c{number}", type_) for number, (type_, _) in enumerate(SAMPLES)),
)
NAMES = [column.name for column in ROW.columns if column.name != "id"]
VALUES = st.tuples(*(st.none() | values for _, values in SAMPLES))

INSERT = Statement(lambda _: insert(ROW), NAMES)
SELECT = Statement(lambda _: select(*(ROW.c[name] for name in NAMES)), ())


def the_same(one: Any, other: Any) -> bool:
    """Equal, and of one class all the way down: 1 is not True, 1.0 is not Decimal(1)."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=0, abs_tol=0)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(the_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(the_same, one, other))
    return type(one) is type(other) and one == other


@given(VALUES)
def test_what_one_way_stores_the_other_reads_as_it_was(row: tuple[Any, ...]) -> None:
    engine = open_engine("sqlite://")
    ROW.metadata.create_all(engine)
    with engine.begin() as db:
        INSERT.many(db, [row])
        db.execute(insert(ROW).values(dict(zip(NAMES, row, strict=True))))
        short, long = SELECT.fetch(db), [tuple(one) for one in db.execute(select(*ROW.c[1:]))]
    engine.dispose()
    assert all(the_same(one, other) for one, other in zip(short[0], row, strict=True))
    assert all(the_same(list(one), list(row)) for one in (*short, *long))


@given(VALUES)
def test_both_ways_put_the_same_bytes_into_the_file(row: tuple[Any, ...]) -> None:
    """But for JSON, of which only the blanks differ."""
    engine = open_engine("sqlite://")
    ROW.metadata.create_all(engine)
    with engine.begin() as db:
        INSERT.many(db, [row])
        db.execute(insert(ROW).values(dict(zip(NAMES, row, strict=True))))
        (_, *ours, our_json), (_, *theirs, their_json) = db.exec_driver_sql("SELECT * FROM row")
    engine.dispose()
    assert all(the_same(one, other) for one, other in zip(ours, theirs, strict=True))
    assert the_same(loads(our_json), loads(their_json))


@pytest.mark.parametrize("dialect", ["sqlite://", "postgresql+psycopg://"])
def test_every_column_there_is_can_be_stored_and_read(dialect: str) -> None:
    """A type that is added later, and has a form of its own on SQLite, needs a line there."""
    named = make_url(dialect).get_dialect()()
    for column in (column for table in metadata.sorted_tables for column in table.columns):
        decoder_of(column.type, named)
        own = column.type.dialect_impl(named).bind_processor(named)
        if own is not None and not isinstance(column.type, Boolean):
            assert encoder_of(column.type, named) is not None, str(column)


def test_a_moment_without_a_zone_is_refused() -> None:
    encode = encoder_of(UtcDateTime(), SQLITE)
    assert encode is not None
    with pytest.raises((ValueError, TypeError)):
        encode(datetime(2026, 1, 1))  # noqa: DTZ001  # that is what is refused


@given(DOCUMENTS)
def test_a_document_is_read_as_it_was_written(document: Any) -> None:
    assert the_same(loads(dumps(document)), document)


@pytest.mark.parametrize("text", ["\ud800", 2**64, -(2**63) - 1, {"a": ["\udfff"]}])
def test_what_the_quick_way_cannot_write_is_written_all_the_same(text: Any) -> None:
    written = dumps(text)
    assert written is not None
    assert json.loads(written) == text
    assert loads(written) == text


def test_nothing_is_null_and_not_a_document() -> None:
    assert dumps(None) is None
    assert loads(None) is None


def test_a_day_is_a_day() -> None:
    decode = decoder_of(Date(), SQLITE)
    assert decode is not None
    assert decode("1990-05-15") == date(1990, 5, 15)
