"""A connection to PostgreSQL that is lost is said in one line, and the next one is a new one."""

from __future__ import annotations

import logging
import os
import socket

import pytest
from sqlalchemy import Engine, select

from crm.database import DatabaseUnavailable, clear_errors, open_engine
from crm.sql import Statement
from crm.tables import business
from tests.support.database import empty_schema

KEYS = Statement(lambda _: select(business.c.key), ())


def test_one_that_is_lost_under_a_hot_statement_leaves_no_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with empty_schema() as url:
        engine = open_engine(url, read_only=True)
        with caplog.at_level(logging.WARNING), pytest.raises(DatabaseUnavailable):
            _read_over_a_lost_one(engine)
        with engine.connect() as db:
            assert db.exec_driver_sql("SELECT 1").scalar_one() == 1
        engine.dispose()
    assert caplog.records == []


def _read_over_a_lost_one(engine: Engine) -> None:
    """The network takes it, and the server does not say a word."""
    with clear_errors(), engine.connect() as db:
        driver = db.connection.driver_connection
        assert driver is not None
        with socket.socket(fileno=os.dup(driver.fileno())) as wire:
            wire.shutdown(socket.SHUT_RDWR)
        KEYS.fetch(db)
