"""What follows by itself: in SQL as in Python, on both databases, for one customer and for all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, insert, select, update

from crm.errors import NotAllowed
from crm.scores_sql import score_of
from crm.services.customers import archive_customer
from crm.services.following import Following
from crm.services.interactions import record_interaction
from crm.services.notes import add_note
from crm.services.purchases import change_status, list_purchases, record_purchase
from crm.services.referrals import set_referrer
from crm.services.rules_pass import Pass, ask_for_pass, is_pass_due
from crm.services.show import show_as_of
from crm.services.smart_tags import dry_run, undo
from crm.tables import activity, customer, customer_tag, event, segment, segment_member
from engine.derive.scores import model_of
from rapport.build import apply_loaded
from tests.crm.businesses import CAUSE
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


def applied(engine: Engine, model: str = "simple", head: str = HEAD) -> Any:
    loaded = load("flow: f\nnodes: [say: Hi]\n", head + MODELS[model])
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


def scores_in_sql(db: Connection, following: Following, now: datetime) -> dict[int, int]:
    """By customer; none by the model that a statement cannot reckon."""
    if following.rules.needs_rates:
        return {}
    columns = [customer.c[following.columns[key]] for key in ("one", "two", "three")]
    slots = columns if following.rules.counts_fields else []
    score = score_of(following.rules.scoring, slots, now, db.dialect.name)
    return {row.id: row.score for row in db.execute(select(customer.c.id, score.label("score")))}


@pytest.mark.parametrize("model", MODELS)
def test_a_pass_leaves_every_customer_as_the_pure_rules_say(store: Engine, model: str) -> None:
    library = applied(store, model)
    reckon = model_of(library.business.scoring, 3)

    @settings(max_examples=5, deadline=None)
    @given(st.lists(customers, min_size=1, max_size=15))
    def holds(people: list[dict[str, Any]]) -> None:
        ids = add(store, *(person(library, **one) for one in people))
        for later in (0, 3, 40):  # the first finds everything astray, the others what time moved
            now = NOON + timedelta(days=later)
            run_pass(store, library, now, piece=7)
            with store.begin() as db:
                following = Following(db, library.business_id, library.business)
                in_sql = scores_in_sql(db, following, now)
                for one in following.people(db, ids, now):
                    score = reckon(one, now).value
                    assert one.values["crm_score"] == in_sql.get(one.customer_id, score) == score
                    assert following.rules.settle_all(one, following.moment(now)) == []
            assert run_pass(store, library, now).changed == {}

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

    def test_rules_that_change_while_a_pass_is_under_way_get_one_of_their_own(
        self, store: Engine
    ) -> None:
        library = applied(store)
        add(store, *(person(library) for _ in range(8)))
        walk = Pass(library.business_id, library.business, 1)
        with store.begin() as db:
            assert walk.tick(db, NOON)
        with store.begin() as db:
            ask_for_pass(db, library.business_id)
        more = True
        while more:
            with store.begin() as db:
                more = walk.tick(db, NOON)
        with store.begin() as db:
            assert is_pass_due(db, library.business_id, library.business, NOON)

    def test_a_pass_that_nobody_ended_is_due_again(self, store: Engine) -> None:
        library = applied(store)
        add(store, person(library))
        with store.begin() as db:
            assert Pass(library.business_id, library.business).tick(db, NOON)
            assert is_pass_due(db, library.business_id, library.business, NOON)

    def test_where_health_begins_may_move_without_a_score(self, store: Engine) -> None:
        library = applied(store)
        add(store, person(library, crm_score=40, total_interactions=20, health="green"))
        run_pass(store, library, NOON)
        assert rows(store, select(customer.c.crm_score, customer.c.health)) == [(40, "red")]

    def test_who_spent_much_is_looked_at_only_where_something_changes(self, store: Engine) -> None:
        library = applied(store)
        largest = Decimal("9999999999999999.99")
        ids = add(store, *(person(library, total_spent=one) for one in (Decimal(7), largest)))
        run_pass(store, library, NOON)
        worth = select(customer.c.lifetime_value).order_by(customer.c.id)
        assert rows(store, worth) == [(Decimal(21),), (largest,)]
        with store.begin() as db:
            following = Following(db, library.business_id, library.business)
            assert following.astray(db, NOON, 0, ids[-1], 9) == ([], ids[-1])


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

    def test_what_a_changed_rule_wrote_is_undone_for_whom_it_does_not_fit(
        self, store: Engine
    ) -> None:
        library = applied(store)
        one, other = add(
            store, *(person(library, total_spent=Decimal(spent)) for spent in (1500, 2000))
        )
        run_pass(store, library, NOON)
        changed = applied(
            store, head=HEAD.replace("gte: 1000}, remove_when_false: true", "gte: 2000}")
        )
        run_pass(store, changed, NOON)
        who = select(customer_tag.c.customer_id).order_by(customer_tag.c.customer_id)
        assert rows(store, who) == [(one,), (other,)]
        with store.begin() as db:
            assert undo(db, changed.business_id, changed.business, "Big", "cli", NOON) == (1, 1)
        run_pass(store, changed, NOON + timedelta(days=1))
        assert rows(store, who) == [(other,)]

    def test_undoing_a_rule_that_holds_for_all_is_refused_for_it_would_come_back(
        self, store: Engine
    ) -> None:
        library = applied(store)
        add(store, *(person(library, total_spent=Decimal(2000)) for _ in range(3)))
        run_pass(store, library, NOON)
        with store.begin() as db, pytest.raises(NotAllowed, match="holds for all 3"):
            undo(db, library.business_id, library.business, "Big", "cli", NOON)
        gone = applied(store, head=HEAD[: HEAD.index("smart_tags")])
        with store.begin() as db:
            assert undo(db, gone.business_id, gone.business, "Big", "cli", NOON) == (3, 0)
        assert rows(store, select(customer_tag.c.customer_id)) == []


class TestAtOnce:
    """Whatever a service changes, what follows is there in the same transaction."""

    def test_a_purchase_by_hand_moves_all_that_follows_from_it(self, store: Engine) -> None:
        library = applied(store)
        (id_,) = add(store, person(library))
        given = {"amount": Decimal(1000)}
        with store.begin() as db:
            for number in ("1", "2"):
                record_purchase(
                    db, library.business_id, library.business, id_, given | {"number": number},
                    CAUSE, NOON,
                )  # fmt: skip
        shown = select(
            customer.c.crm_score, customer.c.journey_stage, customer.c.lifecycle_stage,
            customer.c.lifetime_value,
        )  # fmt: skip
        assert rows(store, shown) == [(10, "retention", "first_visit", Decimal(6000))]
        assert rows(store, select(customer_tag.c.by)) == [("rule:Big",)]
        with store.begin() as db:
            (bought,) = [
                one.id for one in list_purchases(db, library.business_id, id_) if one.number == "2"
            ]
            change_status(db, library.business_id, library.business, bought, "void", CAUSE, NOON)
        assert rows(store, shown) == [(5, "retention", "first_visit", Decimal(3000))]
        assert run_pass(store, library, NOON).changed == {}

    def test_a_recorded_call_moves_the_score_and_a_segment(self, store: Engine) -> None:
        library = applied(store)
        (id_,) = add(store, person(library, last_contacted_at=NOON - timedelta(days=31)))
        run_pass(store, library, NOON)
        assert rows(store, select(segment_member.c.customer_id)) == [(id_,)]
        with store.begin() as db:
            record_interaction(
                db, library.business_id, library.business, id_, {"kind": "call"}, CAUSE, NOON
            )
        assert rows(store, select(customer.c.crm_score)) == [(32,)]
        assert rows(store, select(segment_member.c.customer_id)) == []

    def test_who_brought_somebody_becomes_an_advocate_with_it(self, store: Engine) -> None:
        library = applied(store)
        new, old = add(store, person(library), person(library))
        with store.begin() as db:
            set_referrer(db, library.business_id, library.business, new, old, CAUSE, NOON)
        stages = select(customer.c.journey_stage).order_by(customer.c.id)
        assert rows(store, stages) == [("awareness",), ("advocacy",)]

    def test_archiving_lets_rules_about_the_status_follow(self, store: Engine) -> None:
        head = HEAD.replace("segments:", "segments:\n  ours: {when: {status: active}}")
        library = applied(store, head=head)
        (id_,) = add(store, person(library, status="active"))
        run_pass(store, library, NOON)
        assert rows(store, select(segment_member.c.customer_id)) == [(id_,)]
        with store.begin() as db:
            archive_customer(db, library.business_id, library.business, id_, CAUSE, NOON)
        assert rows(store, select(segment_member.c.customer_id)) == []

    def test_a_note_moves_nothing_and_asks_nothing(self, store: Engine) -> None:
        library = applied(store)
        (id_,) = add(store, person(library, total_interactions=9))
        with store.begin() as db:
            add_note(db, library.business_id, library.business, id_, {"text": "Hi"}, CAUSE, NOON)
        assert rows(store, select(customer.c.crm_score)) == [(0,)]


class TestTheParts:
    def shown(self, store: Engine, library: Any, id_: int, now: datetime) -> Any:
        with store.begin() as db:
            return show_as_of(db, library.business_id, library.business, id_, now)

    def test_they_are_those_of_now_where_they_add_up_to_the_score(self, store: Engine) -> None:
        library = applied(store)
        (id_,) = add(store, person(library, total_interactions=3, last_contacted_at=NOON))
        run_pass(store, library, NOON)
        with store.begin() as db:  # three points from one part to another, past every service
            db.execute(
                update(customer).values(
                    last_contacted_at=NOON - timedelta(days=2), total_interactions=4
                )
            )
        parts = self.shown(store, library, id_, NOON)["score_parts"]
        assert parts == {"engagement": 8, "recency": 28, "purchases": 0, "completeness": 0}

    def test_they_are_those_of_the_score_shown_until_the_next_pass(self, store: Engine) -> None:
        library = applied(store)
        (id_,) = add(store, person(library, last_contacted_at=NOON))
        run_pass(store, library, NOON)
        shown = self.shown(store, library, id_, NOON + timedelta(days=2))
        assert (shown["crm_score"], sum(shown["score_parts"].values())) == (30, 30)
        run_pass(store, library, NOON + timedelta(days=2))
        shown = self.shown(store, library, id_, NOON + timedelta(days=2))
        assert (shown["crm_score"], shown["score_parts"]["recency"]) == (28, 28)
