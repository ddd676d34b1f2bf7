"""Forgetting on both stores: in pieces, for one business, by indexes, beside others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, select
from sqlalchemy.sql import Select

from crm.database import open_engine
from crm.services.customers import create_customer
from crm.services.retention import RULES, Retention, Rule, _old, count_old
from crm.tables import (
    conversation,
    customer,
    effect,
    mail,
    metadata,
    run,
    trigger_firing,
)
from tests.crm.businesses import CAUSE, NOW, applied, business, conversation_of
from tests.support.database import store_with_tables

LATER = NOW + timedelta(days=1000)
PROJECT = business("lotus")


def letters(db: Connection, key: str, count: int, status: str = "done") -> int:
    """A business with mail that was done long ago; its id."""
    project = business(key)
    owner = applied(db, project)
    made = create_customer(db, owner, project, {}, CAUSE, NOW)
    talk = conversation_of(db, owner, made)
    rows: list[dict[str, Any]] = [
        {
            "business_id": owner, "conversation_id": talk, "dedup_key": f"{key}:{number}",
            "lane": 0, "kind": "text", "payload": {}, "status": status, "attempts": 1,
            "received_at": NOW, "done_at": NOW, "last_error": None,
        }
        for number in range(count)
    ]  # fmt: skip
    db.execute(insert(mail), rows)
    return owner


def forget(db: Connection, owner: int, piece: int = 4) -> list[int]:
    """A pass; how many rows went in each piece."""
    retention, pieces = Retention(owner, piece), []
    more = True
    while more:
        before = retention.forgotten.total()
        more = retention.tick(db, LATER)
        pieces.append(retention.forgotten.total() - before)
    return pieces


def test_a_pass_goes_in_pieces_of_so_many_rows(db: Connection) -> None:
    owner = letters(db, "lotus", 11)
    assert count_old(db, owner, LATER)["done mail"] == 10
    gone = forget(db, owner)
    assert (max(gone), sum(gone)) == (4, 10)
    assert count_old(db, owner, LATER)["done mail"] == 0


def test_the_rows_of_another_business_stay(db: Connection) -> None:
    ours, theirs = letters(db, "ours", 3), letters(db, "theirs", 3)
    letters(db, "third", 1)
    forget(db, ours)
    left = db.scalars(select(mail.c.business_id).order_by(mail.c.id)).all()
    assert left[:3] == [theirs] * 3
    assert ours not in left


def test_with_a_run_goes_what_it_asked_of_others(db: Connection) -> None:
    owner = letters(db, "lotus", 1)
    person, talk = db.execute(select(conversation.c.customer_id, conversation.c.id)).one()
    ended = {
        "business_id": owner, "customer_id": person, "conversation_id": talk, "flow": "lead",
        "flow_version": 1, "frames": [], "attempts": 0, "status": "ended", "cause": "mail:1",
        "started_at": NOW, "ended_at": NOW, "outcome": "done",
    }  # fmt: skip
    runs = [db.scalar(insert(run).values(ended).returning(run.c.id)) for _ in range(2)]
    asked = {"business_id": owner, "wait_id": "w", "request": {}, "status": "done", "attempts": 1}
    db.execute(insert(effect), [{**asked, "run_id": number, "due_at": NOW} for number in runs])
    forget(db, owner)
    assert db.scalars(select(run.c.id)).all() == runs[1:]
    assert db.scalars(select(effect.c.run_id)).all() == runs[1:]


def test_decided_firings_go_after_the_time_in_which_they_count(db: Connection) -> None:
    owner = letters(db, "lotus", 1)
    person = db.scalar(select(customer.c.id))
    for occurrence, decided in (("2024", NOW), ("2025", LATER), ("2026", None)):
        db.execute(
            insert(trigger_firing).values(
                trigger="birthday", customer_id=person, occurrence=occurrence, business_id=owner,
                status="started" if decided else "planned", due_at=NOW, decided_at=decided,
            )
        )  # fmt: skip
    forget(db, owner)
    kept = select(trigger_firing.c.occurrence).order_by(trigger_firing.c.occurrence)
    assert db.scalars(kept).all() == ["2025", "2026"]


def test_on_postgresql_what_somebody_works_on_is_left_for_another_time() -> None:
    with store_with_tables("postgresql") as engine:
        with engine.begin() as db:
            owner = letters(db, "lotus", 4)
        with engine.connect() as other, engine.begin() as db:
            held = other.scalars(select(mail.c.id).limit(1).with_for_update()).one()
            forget(db, owner)
            other.rollback()
        with engine.begin() as db:
            assert held in db.scalars(select(mail.c.id)).all()
            assert sum(forget(db, owner)) == 1


@pytest.fixture(scope="module")
def plans() -> Iterator[Engine]:
    engine = open_engine("sqlite://")
    metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.rises is None], ids=lambda rule: rule.name
)
def test_what_is_not_walked_to_is_found_by_an_index(plans: Engine, rule: Rule) -> None:
    old: Select[Any] = _old(rule, 1, NOW).order_by(rule.over).limit(9)
    with plans.connect() as db:
        compiled = old.compile(db, compile_kwargs={"literal_binds": True})
        plan = str(db.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all())
    assert f"SEARCH {rule.table.name} USING" in plan, plan
