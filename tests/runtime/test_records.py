"""What flows record: notes, tasks, purchases, interactions, and the totals that follow."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from crm.services.show import show_customer
from crm.tables import activity, customer, event, interaction, note, purchase, task
from tests.support.desk import NOON, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

CRM = """
business: {key: shop, name: Shop, languages: [en], timezone: Asia/Tehran, currency: IRT}
fields:
  order: {label: Order, type: text}
  total: {label: Total, type: number}
staff: [{name: Ali, role: owner}, {name: Sara N, role: agent, teams: [sales]}]
"""


def office(nodes: str, **options: Any) -> Office:
    return Office(
        f"flow: f\ntriggers: {{on: command, command: start}}\nnodes:\n{nodes}", crm=CRM, **options
    )


def timeline(at: Office, *types: str) -> list[tuple[str, str]]:
    rows = at.rows(activity, "type", "description")
    return [(type_, told) for type_, told in rows if type_ in types]


def events(at: Office, type_: str) -> list[Any]:
    return at.rows(event, "data", type=type_)


def totals(at: Office, *names: str, peer: str = "ann") -> list[Any]:
    return [at.customer(name, peer) for name in names]


def test_a_note_stands_in_its_table_on_the_timeline_and_as_an_event() -> None:
    shop = office('  - note: "Wants boots. @sara_n"\n    pinned: true\n').says("/start")
    assert shop.rows(note, "text", "author", "pinned", "mentions") == [
        ("Wants boots. @sara_n", "flow:f", True, ["Sara N"])
    ]
    assert timeline(shop, "note_added") == [("note_added", "Wants boots. @sara_n")]
    assert events(shop, "note_added") == [
        {"note": 1, "private": False, "pinned": True, "mentions": ["Sara N"]}
    ]


def test_a_task_has_its_due_time_by_the_clock_of_the_customer_and_its_team() -> None:
    shop = office(
        '  - task: {title: "Call {{ customer.id }}", due: 1d, priority: high, assign: SALES,'
        " repeat: weekly}\n"
        "  - task: {title: On a day, due: 2026-03-21}\n"
        "  - task: Any time\n"
    ).says("/start")
    ann = shop.customer_id()
    assert shop.rows(
        task, "title", "due_at", "priority", "assigned_to", "recurrence", "customer_id", "by"
    ) == [
        (
            f"Call {ann}",
            datetime(2026, 3, 3, 12, tzinfo=UTC),
            "high",
            "sales",
            "FREQ=WEEKLY",
            ann,
            "flow:f",
        ),
        (
            "On a day",
            datetime(2026, 3, 21, 20, 29, 59, tzinfo=UTC),
            "normal",
            None,
            None,
            ann,
            "flow:f",
        ),
        ("Any time", None, "normal", None, None, ann, "flow:f"),
    ]
    assert [one["task"] for one in events(shop, "task_created")] == [1, 2, 3]


def test_assigned_is_whoever_the_customer_is_assigned_to() -> None:
    shop = office(
        "  - task: {title: Nobody yet, assign: assigned}\n"
        "  - set: {assigned_to: Ali}\n"
        "  - task: {title: Now, assign: assigned}\n"
    ).says("/start")
    assert shop.rows(task, "assigned_to") == [None, "Ali"]


def test_purchases_are_counted_at_once_and_a_number_counts_once() -> None:
    shop = office(
        "  - purchase: {amount: 250, number: A-1}\n"
        "  - purchase: {amount: 250, number: A-1}\n"
        "  - purchase: {amount: 12.50, currency: EUR}\n"
        "  - purchase: {amount: 70, status: draft}\n"
        "  - purchase: {amount: 40, status: refunded, date: 2026-02-01}\n"
    ).says("/start")
    assert shop.rows(purchase, "number", "amount", "currency", "status", "refunded") == [
        ("A-1", Decimal(250), "IRT", "paid", Decimal(0)),
        (None, Decimal("12.50"), "EUR", "paid", Decimal(0)),
        (None, Decimal(70), "IRT", "draft", Decimal(0)),
        (None, Decimal(40), "IRT", "refunded", Decimal(40)),
    ]
    names = ("total_purchases", "total_invoices", "total_spent", "total_revenue", "total_visits")
    assert totals(shop, *names) == [2, 4, Decimal(250), Decimal(250), 2]
    assert totals(shop, "first_visit_at", "last_visit_at") == [
        datetime(2026, 2, 1, 8, 30, tzinfo=UTC), NOON
    ]  # fmt: skip
    assert [one["amount"] for one in events(shop, "purchase")] == [250, 12.5]
    shop.says("/start")
    assert totals(shop, *names[:3]) == [3, 7, Decimal(250)]


def test_a_number_that_is_another_customers_is_not_taken_and_the_timeline_says_so() -> None:
    shop = (
        office("  - purchase: {amount: 5, number: A-1}\n").says("/start").says("/start", peer="bob")
    )
    assert shop.rows(purchase, "customer_id") == [shop.customer_id()]
    assert totals(shop, "total_purchases", peer="bob") == [0]
    assert [told for _, told in timeline(shop, "flow_problem")] == [
        "purchase A-1 is another customer's"
    ]


def test_two_people_with_one_number_in_one_batch_do_not_get_both() -> None:
    shop = office("  - purchase: {amount: 5, number: A-1}\n")
    shop.take_in(shop.inbound("/start"), shop.inbound("/start", peer="bob"))
    assert len(shop.rows(purchase, "id")) == 1


def test_interactions_are_counted_with_the_chats_and_ask_for_follow_ups() -> None:
    shop = office(
        "  - interaction: visit\n"
        "  - interaction: {kind: visit, outcome: bought}\n"
        "  - interaction: {kind: call, direction: outbound, duration_minutes: 3, handled_by: ali,"
        " follow_up_date: 3d}\n"
    ).says("/start")
    assert shop.rows(
        interaction, "kind", "channel", "direction", "handled_by", "duration_minutes"
    ) == [
        ("chat", "telegram", "inbound", None, None),
        ("visit", "in_person", "inbound", None, None),
        ("visit", "in_person", "inbound", None, None),
        ("call", "phone", "outbound", "Ali", 3),
    ]
    assert totals(shop, "total_interactions", "total_visits", "last_contacted_at") == [4, 1, NOON]
    assert shop.rows(interaction, "follow_up_date", kind="call") == [date(2026, 3, 5)]
    assert totals(shop, "next_follow_up_at") == [datetime(2026, 3, 4, 20, 30, tzinfo=UTC)]
    shop.advance("7h").says("/start")
    assert totals(shop, "total_interactions", "total_visits") == [8, 1]


def test_a_follow_up_set_by_hand_goes_first_and_cleared_gives_way() -> None:
    shop = office(
        "  - interaction: {kind: call, follow_up_date: 2026-03-10}\n"
        "  - set: {next_follow_up_at: 2026-04-01T09:00:00Z}\n"
        "  - say: Set.\n"
        "  - ask: Clear?\n    save_to: order\n"
        "  - set: {next_follow_up_at: null}\n"
    ).says("/start")
    assert totals(shop, "next_follow_up_at") == [datetime(2026, 4, 1, 9, tzinfo=UTC)]
    shop.says("yes")
    assert totals(shop, "next_follow_up_at") == [datetime(2026, 3, 9, 20, 30, tzinfo=UTC)]


def test_totals_stay_true_for_the_next_turn_that_is_taken_from_memory() -> None:
    shop = office(
        "  - purchase: {amount: 5}\n"
        "  - ask: More?\n    save_to: order\n"
        '  - say: "{{ customer.total_purchases }} {{ customer.total_spent }}"\n'
    ).says("/start", "no")
    assert shop.said()[-1] == "1 5"


@pytest.mark.parametrize(
    ("node", "why"),
    [
        ('task: {title: "{{ customer.order }}"}', "`title` was not recorded: This is needed"),
        ('task: {title: Call, priority: "{{ 5 }}"}', "`priority` was not recorded"),
        ('purchase: {amount: "{{ 0 - 5 }}"}', "`amount` was not recorded"),
        ('purchase: {amount: "{{ customer.total }}"}', "`amount` was not recorded: This is needed"),
        ("purchase: {amount: 5, currency: \"{{ 'euro' }}\"}", "`currency` was not recorded"),
        ('note: "{{ customer.order }}"', "`text` was not recorded: This is needed"),
        ("interaction: {kind: \"{{ 'dance' }}\"}", "`kind` was not recorded"),
    ],
)
def test_a_value_that_its_column_refuses_is_not_recorded_and_the_timeline_says_why(
    node: str, why: str
) -> None:
    shop = office(f"  - {node}\n  - say: On.\n").says("/start")
    assert shop.said() == ["On."]
    (problem,) = timeline(shop, "flow_problem")
    assert why in problem[1]
    assert [shop.rows(table, "id") for table in (task, purchase, note)] == [[], [], []]
    assert shop.rows(interaction, "kind") == ["chat"]


def test_a_task_whose_time_is_none_is_made_without_one() -> None:
    shop = office('  - task: {title: Call, due: "{{ customer.order }}"}\n').says("/start")
    assert shop.rows(task, "title", "due_at") == [("Call", None)]


def test_everything_recorded_is_shown_of_the_customer() -> None:
    shop = office(
        "  - note: Friendly\n  - task: {title: Call, due: 1d}\n  - purchase: {amount: 5}\n"
        "  - interaction: visit\n"
    ).says("/start")
    with shop.engine.connect() as db:
        shown = show_customer(db, shop.library.business_id, shop.customer_id())
    assert [one["text"] for one in shown["notes"]] == ["Friendly"]
    assert [one["title"] for one in shown["tasks"]] == ["Call"]
    assert [one["amount"] for one in shown["purchases"]] == [5]
    assert {one["type"] for one in shown["activities"]} > {
        "note_added", "task_created", "purchase_made", "interaction_recorded"
    }  # fmt: skip


def test_a_turn_that_records_nothing_asks_nothing_about_records() -> None:
    shop = office("  - say: Hi\n").says("/start")
    with shop.engine.connect() as db:
        kinds = db.scalars(select(interaction.c.kind)).all()
    assert kinds == ["chat"]
    assert shop.rows(customer, "total_interactions") == [1]


def test_who_comes_new_by_a_link_was_brought_by_its_owner_and_nobody_else_ever() -> None:
    shop = office('  - say: "Share {{ customer.referral_code }}"\n').says("/start")
    (said,) = shop.said()
    code = said.removeprefix("Share ")
    shop.says(f"/start ref_{code}", peer="bob").says("/start", peer="cleo")
    dora = shop.says(f"/start REF_{code.upper()}", peer="dora").said("dora")[0][6:]
    shop.says(f"/start ref_{dora}", peer="bob").says(f"/start ref_{code}", peer="cleo")
    shop.says(f"/start ref_{code}").says("/start ref_nobody", peer="eve")
    ann = shop.customer_id()
    brought = {
        peer: shop.customer("referred_by", peer) for peer in ("ann", "bob", "cleo", "dora", "eve")
    }
    assert brought == {"ann": None, "bob": ann, "cleo": None, "dora": ann, "eve": None}
    assert shop.rows(event, "customer_id", type="referred") == [ann, ann]
    with shop.engine.connect() as db:
        shown = show_customer(db, shop.library.business_id, ann)
    assert shown["referral_code"] == code
    assert [one["id"] for one in shown["referrals"]] == [
        shop.customer_id("dora"), shop.customer_id("bob")
    ]  # fmt: skip
