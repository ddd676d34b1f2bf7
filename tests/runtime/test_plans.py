"""What runs for every message reads by an index: its cost does not grow with the customers."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, event

from crm.tables import metadata
from tests.support.desk import CRM, Office

BIG = frozenset(
    {
        "activity", "conversation", "customer", "customer_account", "customer_tag", "event",
        "field_history", "interaction", "mail", "outbox", "run", "timer", "visit",
    }
)  # fmt: skip
"""Tables that grow with the customers or with what they write."""

FLOWS = """
flow: f
triggers: [{on: command, command: start}]
nodes:
  - {ask: Your name?, save_to: first_name}
  - id: code
    ask: Your code?
    save_to: code
    timeout: {after: 2h, remind: [{after: 1h, text: Still there?}], goto: silent}
  - {tag: {add: VIP}}
  - branch: [{when: {any: [{tags: [Asked]}, {segment: few}, {nickname: x}]}, goto: end}]
  - {say: "{{ history('first_name') | join }}"}
  - {id: silent, say: Bye}
---
flow: help
nodes: [{ask: With what?, save_to: var.what}]
"""


class Recording(sqlite3.Connection):
    """A connection that keeps the text of each statement, with the parameters of its first run."""

    seen: dict[str, Any]

    def cursor(self, *_: object) -> sqlite3.Cursor:  # type: ignore[override]  # no factory is given
        made = super().cursor(_Cursor)
        assert isinstance(made, _Cursor)
        made.seen = self.seen
        return made

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self.seen.setdefault(sql, parameters)
        return super().execute(sql, parameters)

    def executemany(self, sql: str, rows: Any) -> sqlite3.Cursor:
        rows = list(rows)
        self.seen.setdefault(sql, rows[0])
        return super().executemany(sql, rows)


class _Cursor(sqlite3.Cursor):
    seen: dict[str, Any]

    def execute(self, sql: str, parameters: Any = ()) -> _Cursor:
        self.seen.setdefault(sql, parameters)
        super().execute(sql, parameters)
        return self

    def executemany(self, sql: str, rows: Any) -> _Cursor:
        rows = list(rows)
        self.seen.setdefault(sql, rows[0])
        super().executemany(sql, rows)
        return self


@pytest.fixture
def seen() -> Iterator[dict[str, Any]]:
    """Statements that are run by engines opened meanwhile."""
    statements: dict[str, Any] = {}

    def connect(_: Any, __: Any, args: Sequence[Any], named: dict[str, Any]) -> sqlite3.Connection:
        made = sqlite3.connect(*args, **named, factory=Recording)
        made.seen = statements
        return made

    event.listen(Engine, "do_connect", connect)
    yield statements
    event.remove(Engine, "do_connect", connect)


def plan(office: Office, sql: str, parameters: Any) -> list[str]:
    with office.engine.connect() as db:
        cursor = db.connection.cursor()
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
        return [row[3] for row in cursor.fetchall()]


def a_day_of_work(office: Office) -> None:
    """Somebody new, answers, a detour, silence, a restart's sweep, opting out and in again."""
    office.says("/start").says("Ann").says("help").says("this").says("C1")
    office.says("/start", peer="bob").says("Bob", peer="bob").advance("3h")
    office.keep(office.inbound("hello"), office.inbound("stop", peer="bob"))
    office.drive.settle_down()
    office.says("/start", peer="bob").says("", kind="blocked", peer="bob")


def test_no_statement_of_a_days_work_goes_through_a_big_table(seen: dict[str, Any]) -> None:
    office = Office(
        FLOWS,
        crm=CRM + "segments: {few: {static: true}}\nalways: [{keywords: [help], flow: help}]\n",
    )
    seen.clear()
    a_day_of_work(office)
    worked = {sql: parameters for sql, parameters in seen.items() if _is_planned(sql)}
    assert len(worked) > 15
    scans = {
        sql: steps
        for sql, parameters in worked.items()
        if (steps := [step for step in plan(office, sql, parameters) if _goes_through(step)])
    }
    assert not scans, "\n".join(f"{steps} {sql}" for sql, steps in scans.items())


@pytest.mark.parametrize(
    ("about", "index"),
    [
        (r"FROM timer\b.*due_at <= ", "ix_timer_business_id_due_at"),
        (r"FROM mail\b.*status = 'waiting'", "ix_mail_waiting"),
        (r"FROM outbox\b.*status = 'pending' AND.*due_at <= ", "ix_outbox_pending"),
        (r"FROM conversation\b.*status = 'ready'.*hold_until", "ix_conversation_ready"),
        (r"FROM run\b.*status (!=|<>) 'ended'", "ix_run_open"),
    ],
)
def test_what_waits_is_found_by_the_index_of_what_waits(
    seen: dict[str, Any], about: str, index: str
) -> None:
    """Partial indexes are small; they are used only where the condition is written out."""
    office = Office(FLOWS)
    seen.clear()
    office.says("/start").says("Ann").advance("3h")
    office.keep(office.inbound("hello"))
    office.drive.settle_down()
    found = [sql for sql in seen if re.search(about, sql, re.DOTALL) and sql.startswith("SELECT")]
    assert found
    for sql in found:
        assert any(index in step for step in plan(office, sql, seen[sql])), sql


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT * FROM mail WHERE payload = ?", True),
        ("SELECT count(*) FROM customer WHERE ? IS NOT NULL", True),
        ("SELECT * FROM mail WHERE id = ?", False),
    ],
)
def test_a_statement_that_goes_through_a_table_would_be_found(sql: str, found: bool) -> None:
    office = Office(FLOWS)
    assert any(map(_goes_through, plan(office, sql, (1,)))) is found


def _is_planned(sql: str) -> bool:
    """Of an INSERT SQLite shows how it would look for rows that point at nothing, which it does
    only where a constraint is deferred; here none is.
    """
    return sql.lstrip().startswith(("SELECT", "UPDATE", "DELETE"))


def _goes_through(step: str) -> bool:
    """Going through a partial index is no fault: it holds what waits, not what there is."""
    table = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
    return table is not None and table[1] in BIG and table[2] not in WAITING


WAITING = frozenset(
    index.name
    for table in metadata.sorted_tables
    for index in table.indexes
    if table.name != "customer" and index.dialect_options["sqlite"]["where"] is not None
)
"""Partial indexes."""
