"""What a turn does it does on both stores: `on_both_stores` runs a test on each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.support import desk
from tests.support.database import DIALECTS, emptied, store_with_tables


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Engine]:
    """A PostgreSQL database with tables that the whole session shares, one test at a time."""
    with store_with_tables("postgresql") as engine:
        yield engine


@pytest.fixture(params=DIALECTS)
def on_both_stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Offices that name no database open one of this kind."""
    if request.param == "postgresql":
        engine: Engine = request.getfixturevalue("postgresql")
        monkeypatch.setattr(desk, "new_store", lambda: emptied(engine))
    return str(request.param)
