"""What follows by itself: in SQL as in Python, on both databases, for one customer and for all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, update

from crm.services.following import Following
from crm.services.rules_pass import Pass, is_pass_due
from crm.services.smart_tags import dry_run, undo
from crm.tables import activity, customer, customer_tag, event, segment, segment_member
from engine.derive.scores import model_of
from rapport.build import apply_loaded
from tests.support.database import DIALECTS, emptied, store_with_tables
from tests.support.desk import NOON, load

HEAD = """
business: {key: shop, name: Shop, timezone: UTC}
fields:
  one: {type: text}
  two: {type: number}
  three: {type: date}
tags: {Big: {}, Old: {}}
segments:
  vip_customers: {name: VIPs, when: {crm_score__gte: 50, total_purchases__gte: 2}}
  silent: {when: {last_contacted_at__lt: 30 days ago}}
smart_tags:
  - {tag: Big, when: {total_spent__gte: 1000}, remove_when_false: true}
"""

MODELS = {
    "simple": "",
    "rfm": "scoring: {model: rfm, levels: {monetary: [900.5, 500, 100, 0.01]}}\n",
    "weighted": "scoring: {model: weighted, levels: {spent: 1000, average_order: 70}}\n",
}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Engine]:
    with store_with_tables("postgresql") as made:
        yield made


@pytest.fixture(params=DIALECTS)
def store(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "postgresql":
        yield emptied(request.getfixturevalue("postgresql"))
        return
    with store_with_tables(request.param) as made:
        yield made


def applied(engine: Engine, model: str = "simple") -> Any:
    loaded = load("flow: f\nnodes: [say: Hi]\n", HEAD + MODELS[model])
    with engine.begin() as db:
        return apply_loaded(db, loaded, NOON).library


def person(library: Any, **columns: Any) -> dict[str, Any]:
    return {
        "business_id": library.business_id, "display_name": "A", "name_folded": "a",
        "created_at": NOON - timedelta(days=400), "updated_at": NOON, **columns,
    }  # fmt: skip


def add(engine: Engine, *people: dict[str, Any]) -> list[int]:
    with engine.begin() as db:
        return [
            db.execute(insert(customer).values(one).returning(customer.c.id)).scalar_one()
            for one in people
        ]


def run_pass(engine: Engine, library: Any, now: datetime, piece: int = 500) -> Pass:
    walk, more = Pass(library.business_id, library.business, piece), True
    while more:
        with engine.begin() as db:
            more = walk.tick(db, now)
    return walk


def rows(engine: Engine, statement: Any) -> list[Any]:
    with engine.connect() as db:
        return [tuple(row) for row in db.execute(statement)]


moments = st.none() | st.integers(-2 * 86_400_000_000, 400 * 86_400_000_000).map(
    lambda span: NOON - timedelta(microseconds=span)
)
counts = st.integers(0, 40)
money = st.integers(0, 2_000_00).map(lambda cents: Decimal(cents) / 100)
customers = st.fixed_dictionaries(
    {
        "total_interactions": counts, "total_visits": counts, "total_purchases": counts,
        "total_spent": money, "last_contacted_at": moments, "last_visit_at": moments,
        "custom_text_1": st.sampled_from([None, "x"]),
        "custom_number_1": st.sampled_from([None, Decimal(0)]),
    }
)  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_a_pass_leaves_every_customer_as_the_pure_rules_say(store: Engine, model: str) -> None:
    library = applied(store, model)
    reckon = model_of(library.business.scoring, 3)

    @settings(max_examples=12, deadline=None)
    @given(st.lists(customers, min_size=1, max_size=25))
    def holds(people: list[dict[str, Any]]) -> None:
        ids = add(store, *(person(library, **one) for one in people))
        run_pass(store, library, NOON, piece=7)
        with store.begin() as db:
            following = Following(db, library.business_id, library.business)
            for one in following.people(db, ids, NOON):
                assert one.values["crm_score"] == reckon(one, NOON).value
                assert following.rules.settle_all(one, following.moment(NOON)) == []
        assert run_pass(store, library, NOON).changed == {}

    holds()


class TestAPass:
    def test_time_alone_moves_scores_stages_and_segments(self, store: Engine) -> None:
        library = applied(store)
        (id_,) = add(
            store,
            person(library, last_contacted_at=NOON, last_visit_at=NOON, total_visits=1),
        )
        run_pass(store, library, NOON)
        shown = select(customer.c.crm_score, customer.c.health, customer.c.lifecycle_stage)
        assert rows(store, shown) == [(30, "red", "first_visit")]
        later = NOON + timedelta(days=31)
        run_pass(store, library, later)
        assert rows(store, shown) == [(0, "red", "first_visit")]
        assert rows(store, select(segment_member.c.customer_id)) == [(id_,)]
        run_pass(store, library, NOON + timedelta(days=181))
        assert rows(store, shown) == [(0, "red", "churned")]
        told = rows(store, select(activity.c.type, activity.c.description).order_by(activity.c.id))
        assert told == [
            ("score_changed", "0 → 30"),
            ("stage_changed", "lifecycle: lead → first_visit"),
            ("score_changed", "30 → 0"),
            ("segment_changed", "entered silent"),
            ("stage_changed", "lifecycle: first_visit → churned"),
        ]
        assert len(rows(store, select(event.c.type))) == 5

    def test_the_members_of_segments_are_counted(self, store: Engine) -> None:
        library = applied(store)
        add(
            store, *(person(library, last_contacted_at=NOON - timedelta(days=40)) for _ in range(3))
        )
        run_pass(store, library, NOON)
        counted = select(segment.c.member_count, segment.c.last_calculated_at).where(
            segment.c.key == "silent"
        )
        assert rows(store, counted) == [(3, NOON)]

    def test_a_pass_is_due_once_a_day_and_after_each_apply(self, store: Engine) -> None:
        library = applied(store)

        def due(now: datetime) -> bool:
            with store.connect() as db:
                return is_pass_due(db, library.business_id, library.business, now)

        assert due(NOON)
        run_pass(store, library, NOON)
        assert not due(NOON + timedelta(hours=11))
        assert due(NOON + timedelta(hours=12))


class TestSmartTags:
    def test_what_a_person_put_on_is_never_taken_away(self, store: Engine) -> None:
        library = applied(store)
        ruled, mine = add(store, *(person(library, total_spent=Decimal(2000)) for _ in range(2)))
        with store.begin() as db:
            db.execute(
                insert(customer_tag).values(
                    customer_id=mine, tag_id=library.tags["Big"], at=NOON, by="console:ali",
                    business_id=library.business_id,
                )
            )  # fmt: skip
        run_pass(store, library, NOON)
        who = select(customer_tag.c.customer_id, customer_tag.c.by).order_by(customer_tag.c.by)
        assert rows(store, who) == [(mine, "console:ali"), (ruled, "rule:Big")]
        with store.begin() as db:
            db.execute(update(customer).values(total_spent=Decimal(1)))
            told = dry_run(db, library.business_id, library.business, "Big", NOON)
            assert (told["add"], told["remove"]) == (0, 1)
        run_pass(store, library, NOON)
        assert rows(store, who) == [(mine, "console:ali")]

    def test_what_a_rule_wrote_is_undone(self, store: Engine) -> None:
        library = applied(store)
        add(store, *(person(library, total_spent=Decimal(2000)) for _ in range(3)))
        run_pass(store, library, NOON)
        with store.begin() as db:
            assert undo(db, library.business_id, library.business, "Big", "cli", NOON) == 3
        assert rows(store, select(customer_tag.c.customer_id)) == []
