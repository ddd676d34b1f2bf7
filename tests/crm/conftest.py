"""The services' tests run on both stores, each in a transaction that is rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from tests.support.database import DIALECTS, empty_store, store_with_tables


@pytest.fixture(scope="session", params=DIALECTS)
def store(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database with tables that the whole session shares: never commit to it."""
    with store_with_tables(request.param) as engine:
        yield engine


@pytest.fixture
def db(store: Engine) -> Iterator[Connection]:
    """A connection whose transaction is rolled back after the test."""
    with store.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


@pytest.fixture(params=DIALECTS)
def empty(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """A database without tables, of the test's own."""
    with empty_store(request.param) as engine:
        yield engine
