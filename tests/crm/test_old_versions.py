"""Versions of flows that nobody is in are forgotten, and no other."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from crm.services.old_versions import KEEP, NEWEST, OldVersions
from crm.services.retention import Retention, count_old
from crm.tables import flow_version, run
from tests.support.desk import Office

CALLING = """
flow: outer
triggers: [{on: command, command: go}]
nodes: [{call: inner}, {say: outer}]
---
flow: inner
on_update: finish
nodes: [{ask: A 0?}, {say: inner}]
"""
VERSIONS = NEWEST + 4


def changed_often(at: Office) -> Office:
    """Version 14 of the inner flow is the current one."""
    for number in range(1, VERSIONS):
        at.clock.set(at.clock.now() + timedelta(seconds=1))
        at.apply(CALLING.replace("A 0?", f"A {number}?"))
    return at


def numbers(at: Office) -> list[int]:
    return at.rows(flow_version, "number", flow="inner")


def retain(at: Office, now: datetime, piece: int = 100) -> int:
    """A whole pass; how many versions it forgot."""
    retention, more = Retention(at.library.business_id, piece), True
    while more:
        with at.engine.begin() as db:
            more = retention.tick(db, now)
    return retention.forgotten["flow versions"]


def test_the_ten_newest_stay_and_what_was_replaced_lately() -> None:
    at = changed_often(Office(CALLING))
    later = at.clock.now() + KEEP
    assert retain(at, at.clock.now()) == 0
    with at.engine.begin() as db:
        assert count_old(db, at.library.business_id, later)["flow versions"] == 4
    assert retain(at, later) == 4
    assert numbers(at) == list(range(5, VERSIONS + 1))
    assert retain(at, later) == 0


@pytest.mark.parametrize("piece", [1, 2, 100])
def test_a_version_in_which_somebody_was_called_stays(piece: int) -> None:
    at = Office(CALLING)
    at.says("/go", peer="ann")
    changed_often(at)
    for peer in ("bob", "cid"):
        at.says("/go", peer=peer)
    later = at.clock.now() + KEEP
    assert retain(at, later, piece) == 3
    assert numbers(at)[0] == 1
    assert at.says("x", peer="ann").said("ann")[-2:] == ["inner", "outer"]
    assert retain(at, later, piece) == 1


def test_a_version_of_a_run_that_is_kept_stays() -> None:
    at = Office(CALLING)
    at.says("/go", "x")
    changed_often(at)
    with at.engine.begin() as db:
        db.execute(update(run).values(flow="inner", flow_version=2, ended_at=at.clock.now() + KEEP))
    assert retain(at, at.clock.now() + KEEP) == 3
    assert 2 in numbers(at)


def test_versions_of_another_business_are_not_looked_at() -> None:
    at = changed_often(Office(CALLING))
    with at.engine.begin() as db:
        nobodys = OldVersions(at.library.business_id + 1, 10)
        assert nobodys.tick(db, at.clock.now() + 2 * KEEP) == (0, False)
        assert nobodys.count(db, at.clock.now() + 2 * KEEP) == 0
