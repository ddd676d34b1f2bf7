"""A turn: what one customer's mail does to runs, fields and messages, all in one transaction."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from crm.tables import (
    activity,
    conversation,
    customer,
    customer_tag,
    event,
    field_history,
    interaction,
    mail,
    outbox,
    run,
    timer,
    visit,
)
from tests.support.desk import CRM, NOON, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

LEAD = """
flow: lead
triggers: [{on: command, command: start}]
nodes:
  - {id: name, ask: Your name?, save_to: first_name}
  - {id: size, ask: "Which size?\\nA number.", save_to: size, timeout: {after: 2h, goto: silent}}
  - {say: "Size {{ customer.size }}", end: captured}
  - {id: silent, say: Bye, end: gave_up}
---
flow: help
nodes: [{say: Here is help}]
---
flow: prices
triggers: [{on: command, command: prices}]
nodes: [{ask: For what?, save_to: var.what}, {say: "{{ var.what }}: 5"}]
"""
CRM_ALWAYS = "always: [{keywords: [help], flow: help}]\n"


@pytest.fixture
def office() -> Office:
    return Office(LEAD, crm=CRM + (CRM_ALWAYS))


def simple(nodes: str, **options: Any) -> Office:
    """An office with one flow that begins by /go."""
    head = "flow: f\ntriggers: [{on: command, command: go}]\nnodes:\n"
    return Office(head + nodes, **options)


class TestOrder:
    def test_two_quick_messages_answer_two_questions_in_order(self, office: Office) -> None:
        office.says("/start")
        office.receives(office.inbound("Sara"), office.inbound("40"))
        assert office.said() == ["Your name?", "Which size?\nA number.", "Size 40"]
        assert (office.customer("first_name"), office.customer("size")) == ("Sara", Decimal(40))

    def test_what_comes_together_is_applied_in_the_providers_order(self, office: Office) -> None:
        office.says("/start")
        first, second = office.inbound("Sara"), office.inbound("40")
        office.receives(second, first)
        assert office.said()[-1] == "Size 40"

    def test_what_waits_together_is_applied_in_the_providers_order(self, office: Office) -> None:
        office.says("/start")
        first, second = office.inbound("Sara"), office.inbound("40")
        office.keep(second)
        office.keep(first)
        office.drive.settle_down()
        assert office.said()[-1] == "Size 40"

    def test_what_has_no_place_in_that_order_comes_after_what_has(self, office: Office) -> None:
        office.says("/start")
        second = office.inbound("40", provider_seq=None)
        office.receives(second, office.inbound("Sara"))
        assert office.said()[-1] == "Size 40"

    def test_two_people_in_one_answer_do_not_mix(self, office: Office) -> None:
        people = ("ann", "bob", "cleo")
        office.receives(*(office.inbound("/start", peer=peer) for peer in people))
        office.receives(*(office.inbound(f"I am {peer}", peer=peer) for peer in people))
        office.receives(*(office.inbound(str(40 + n), peer=p) for n, p in enumerate(people)))
        assert [office.customer("first_name", peer) for peer in people] == [
            "I am ann", "I am bob", "I am cleo",
        ]  # fmt: skip
        assert [office.said(peer)[-1] for peer in people] == ["Size 40", "Size 41", "Size 42"]

    def test_more_conversations_than_one_batch_takes_are_all_worked_off(self) -> None:
        office = simple("  - say: Hello\n")
        office.keep(*(office.inbound("/go", peer=f"p{number}") for number in range(300)))
        office.drive.settle_down()
        assert len(office.shown) == 300
        assert set(office.rows(mail, "status")) == {"done"}


class TestWhatIsWritten:
    def test_history_timeline_and_event_of_an_answer(self, office: Office) -> None:
        office.says("/start").says("Sara").says("40")
        assert office.rows(
            field_history, "field", "old", "new", "by", "flow", "flow_version", "node", "mail_id",
            "at",
        ) == [
            ("first_name", None, "Sara", "flow:lead", "lead", 1, "name", 2, NOON),
            ("size", None, 40, "flow:lead", "lead", 1, "size", 3, NOON),
        ]  # fmt: skip
        assert office.rows(activity, "type", "description", "by") == [
            ("customer_created", "First message on telegram", "channel:telegram"),
            ("message_received", "/start", "customer"),
            ("workflow_triggered", "lead by lead/command command=start", "engine"),
            ("message_sent", "Your name?", "bot"),
            ("score_changed", "0 → 32", "rule:score"),
            ("message_received", "Sara", "customer"),
            ("field_updated", "first_name: Sara", "flow:lead"),
            ("message_sent", "Which size?\nA number.", "bot"),
            ("message_received", "40", "customer"),
            ("field_updated", "size: 40", "flow:lead"),
            ("message_sent", "Size 40", "bot"),
            ("score_changed", "32 → 34", "rule:score"),
        ]
        assert office.rows(event, "type", "data", "depth") == [
            ("customer_created", {"channel": "telegram"}, 0),
            ("score_changed", {"old": 0, "new": 32}, 1),
            ("field_updated", {"field": "first_name", "old": None, "new": "Sara"}, 0),
            ("field_updated", {"field": "size", "old": None, "new": 40}, 0),
            ("score_changed", {"old": 32, "new": 34}, 1),
        ]

    def test_one_run_with_its_visits_and_no_timer_left(self, office: Office) -> None:
        office.says("/start").says("Sara").says("40")
        assert office.rows(run, "flow", "flow_version", "status", "outcome", "wait_id") == [
            ("lead", 1, "ended", "captured", None)
        ]
        assert office.rows(visit, "node", "left_by") == [
            ("name", "size"),
            ("size", "say_3"),
            ("say_3", "captured"),
        ]
        assert office.rows(timer, "run_id") == []
        assert office.customer("asking_run") is None

    def test_a_run_that_waits_says_where_and_until_when(self, office: Office) -> None:
        office.says("/start").says("Sara").says("big")
        ((run_id, node, wait_id, status, attempts, since),) = office.rows(
            run, "id", "node", "wait_id", "status", "attempts", "waiting_since"
        )
        assert (node, status, attempts, since) == ("size", "asking", 1, NOON)
        assert office.rows(timer, "run_id", "wait_id", "due_at") == [
            (run_id, wait_id, NOON + timedelta(hours=2))
        ]
        assert office.customer("asking_run") == run_id

    def test_each_message_is_named_by_the_mail_it_answers(self) -> None:
        office = simple("  - say: [One, Two]\n")
        office.says("/go")
        assert office.rows(outbox, "dedup_key", "lane", "status") == [
            ("mail:1:0", 0, "sent"),
            ("mail:1:1", 0, "sent"),
        ]

    def test_mail_keeps_the_number_of_the_turn_that_applied_it(self, office: Office) -> None:
        office.receives(office.inbound("/start"), office.inbound("Sara"))
        office.says("40")
        first, second, third = office.rows(mail, "turn_id")
        assert first == second != third

    def test_an_unchanged_answer_writes_nothing_but_that_it_was_said(self, office: Office) -> None:
        office.says("/start").says("Sara").says("/start").says("Sara")
        assert office.rows(field_history, "field") == ["first_name"]
        assert office.rows(event, "type") == ["customer_created", "score_changed", "field_updated"]

    def test_the_display_name_follows_the_names_parts(self, office: Office) -> None:
        office.says("/start", payload={"profile": {"first_name": "Ann", "last_name": "Lee"}})
        assert office.customer("display_name") == "Ann Lee"
        office.says("Sara")
        assert office.customer("display_name") == "Sara Lee"
        assert office.customer("name_folded") == "sara lee"

    def test_tags_that_a_flow_puts_on_and_takes_off(self) -> None:
        office = simple("  - tag: {add: [VIP, Asked]}\n  - tag: {remove: [VIP], add: [Asked]}\n")
        office.says("/go")
        tags = office.library.tags
        assert office.rows(customer_tag, "tag_id", "by") == [(tags["Asked"], "flow:f")]
        assert [data["tag"] for data in office.rows(event, "data", type="tag_added")] == [
            "VIP",
            "Asked",
        ]
        assert office.rows(activity, "description", type="tag_removed") == ["VIP"]

    def test_a_sensitive_value_is_hidden_on_the_timeline_and_in_events(self) -> None:
        office = simple("  - {ask: What is it?, save_to: illness}\n")
        office.says("/go").says("Asthma")
        assert office.customer("illness") == "Asthma"
        assert office.rows(activity, "description", "data", type="field_updated") == [
            ("illness: •••", {"field": "illness", "old": None, "new": "•••"})
        ]
        assert office.rows(event, "data", type="field_updated") == [
            {"field": "illness", "old": None, "new": "•••"}
        ]
        assert office.rows(field_history, "new") == ["Asthma"]


class TestExtras:
    def test_a_declared_extra_and_an_undeclared_key_are_kept_in_the_json(self) -> None:
        office = simple(
            "  - {ask: Nick?, save_to: nickname}\n  - {ask: Pet?, customer_field_key: pet}\n"
            "  - {say: '{{ customer.nickname }} and {{ customer.pet }}'}\n"
        )
        office.says("/go").says("Sasa").says("cat")
        assert office.customer("custom_fields_extra") == {"nickname": "Sasa", "pet": "cat"}
        assert office.said()[-1] == "Sasa and cat"
        assert office.rows(field_history, "field", "new") == [("nickname", "Sasa"), ("pet", "cat")]

    def test_a_known_answer_under_an_undeclared_key_is_not_asked_for_again(self) -> None:
        office = simple(
            "  - {ask: Pet?, customer_field_key: pet, overwrite: if_empty}\n  - {say: Thanks}\n"
        )
        office.says("/go").says("cat").said()
        assert office.says("/go").said() == ["Thanks"]

    def test_each_change_of_an_undeclared_key_tells_what_was_there_before(self) -> None:
        office = simple("  - {ask: Pet?, customer_field_key: pet}\n")
        office.says("/go").says("cat").says("/go").says("dog")
        assert office.rows(field_history, "old", "new") == [(None, "cat"), ("cat", "dog")]
        together = simple("  - {ask: Pet?, customer_field_key: pet}\n")
        together.receives(*(together.inbound(text) for text in ("/go", "cat", "/go", "dog")))
        assert together.rows(field_history, "old", "new") == [(None, "cat"), ("cat", "dog")]

    def test_clearing_one_removes_its_key_alone(self) -> None:
        office = simple(
            "  - {ask: Nick?, save_to: nickname}\n  - {ask: Pet?, customer_field_key: pet}\n"
            "  - {ask: Forget?, save_to: var.x}\n  - set: {nickname: null}\n"
        )
        office.says("/go").says("Sasa").says("cat").says("yes")
        assert office.customer("custom_fields_extra") == {"pet": "cat"}


def test_a_template_lists_the_earlier_values_of_a_number() -> None:
    office = simple(
        "  - {ask: Size?, save_to: size}\n  - say: \"{{ history('size') | join(' ') }}\"\n"
    )
    for size in ("40", "41.5", "42"):
        office.says("/go").says(size)
    assert office.says("/go").says("43").said()[-1] == "42 41.5 40"


class TestDerivedColumns:
    def test_the_last_message_is_remembered(self, office: Office) -> None:
        office.says("/start").advance("10m").says("Sara")
        later = NOON + timedelta(minutes=10)
        assert office.customer("last_message_at") == later
        assert office.customer("last_contacted_at") == later

    def test_a_message_after_six_hours_of_silence_is_a_new_interaction(
        self, office: Office
    ) -> None:
        office.says("hi").advance("5h").says("hi").advance("359m").says("hi")
        assert office.customer("total_interactions") == 1
        office.advance("6h").says("hi")
        assert office.customer("total_interactions") == 2
        assert office.rows(interaction, "kind", "channel", "direction", "at") == [
            ("chat", "telegram", "inbound", NOON),
            ("chat", "telegram", "inbound", NOON + timedelta(hours=16, minutes=59)),
        ]

    def test_what_the_bot_sends_by_itself_moves_neither(self, office: Office) -> None:
        office.says("/start").says("Sara").advance("3h")
        assert office.said()[-1] == "Bye"
        assert office.customer("last_message_at") == NOON
        assert office.customer("last_contacted_at") == NOON

    def test_the_persons_order_of_day_and_month_is_learned_from_an_unclear_date(self) -> None:
        office = simple("  - {ask: Born?, save_to: birth_date}\n")
        office.says("/go").says("03/04/1990")
        assert office.customer("birth_date") is None
        buttons = [b.label for row in office.shown[-1].outgoing().buttons for b in row]
        assert len(buttons) == 2
        office.presses(buttons[0])
        assert office.customer("date_order") == "dmy"
        assert office.customer("birth_date") == date(1990, 4, 3)
        office.says("/go").says("05/04/1990")
        assert office.customer("birth_date") == date(1990, 4, 5)


class TestWhoGetsIt:
    def test_a_command_interrupts_what_was_asked(self, office: Office) -> None:
        office.says("/start").says("/prices").says("shoes")
        assert office.rows(run, "flow", "status", "outcome") == [
            ("lead", "ended", "interrupted"),
            ("prices", "ended", "done"),
        ]
        assert office.customer("first_name") is None
        assert office.said() == ["Your name?", "For what?", "shoes: 5"]

    def test_starting_a_flow_anew_restarts_it(self, office: Office) -> None:
        office.says("/start").says("Sara").says("/start")
        assert office.rows(run, "status", "outcome") == [("ended", "restarted"), ("asking", None)]
        assert office.said()[-1] == "Your name?"

    def test_again_ignore_leaves_the_run_as_it_is(self) -> None:
        office = Office(
            "flow: f\nagain: ignore\ntriggers: [{on: command, command: go}]\n"
            "nodes: [{ask: A?, save_to: var.a}, {ask: B?, save_to: var.b}]\n"
        )
        office.says("/go").says("a").says("/go")
        assert office.rows(run, "node", "status") == [("ask_b", "asking")]

    def test_again_parallel_lets_the_older_run_sleep_on(self) -> None:
        office = Office(
            "flow: f\nagain: parallel\ntriggers: [{on: command, command: go}]\n"
            "nodes: [{delay: 1h}, {say: Late}]\n"
        )
        office.says("/go").advance("10m").says("/go")
        assert office.rows(run, "status") == ["sleeping", "sleeping"]
        office.advance("50m")
        assert office.said() == ["Late"]
        office.advance("10m")
        assert office.said() == ["Late"]

    def test_a_detour_returns_to_the_open_question_in_its_short_form(self, office: Office) -> None:
        office.says("/start").says("Sara").said()
        assert office.says("help").said() == ["Here is help", "A number."]
        assert office.says("40").said() == ["Size 40"]

    def test_a_detour_that_asks_something_comes_back_when_it_is_answered(self) -> None:
        office = Office(
            LEAD
            + "---\nflow: ask_help\nnodes: [{ask: About what?, save_to: var.x}, {say: I see}]\n",
            crm=CRM + ("always: [{keywords: [help], flow: ask_help}]\n"),
        )
        office.says("/start").says("Sara").says("help").said()
        assert sorted(office.rows(run, "flow", "status")) == [
            ("ask_help", "asking"),
            ("lead", "sleeping"),
        ]
        assert office.says("sizes").said() == ["I see", "A number."]
        assert office.says("40").said() == ["Size 40"]
        assert office.customer("asking_run") is None

    def test_cancel_ends_what_is_open(self, office: Office) -> None:
        office.says("/start").said()
        assert office.says("/cancel").said() == ["Cancelled."]
        assert office.rows(run, "outcome") == ["cancelled"]
        assert office.says("/cancel").said() == ["There is nothing to cancel."]

    def test_a_button_of_an_older_question_gets_a_short_answer_and_changes_nothing(self) -> None:
        office = simple(
            "  - {ask: Sure?, choices: ['Yes', 'No'], save_to: var.a}\n"
            "  - {ask: Really?, choices: [Oh yes, Oh no], save_to: var.b}\n"
        )
        office.says("/go")
        token = office.shown[-1].outgoing().buttons[0][0].token or ""
        office.presses("Yes").said()
        assert office.press(token).said() == ["That button belongs to an earlier question."]
        assert office.rows(run, "node", "status", "attempts") == [("ask_b", "asking", 0)]

    def test_a_value_that_somebody_else_has_is_asked_for_again(self) -> None:
        office = simple("  - {ask: Your code?, save_to: code}\n  - {say: Thanks}\n")
        office.says("/go", peer="bob").says("A1", peer="bob").says("/go").said()
        (refusal,) = office.says("A1").said()
        assert refusal.startswith("That is already in use.")
        assert office.customer("code") is None
        assert office.says("A2").said() == ["Thanks"]

    def test_of_two_who_give_it_in_the_same_answer_one_is_asked_again(self) -> None:
        office = simple("  - {ask: Your code?, save_to: code}\n  - {say: Thanks}\n")
        people = ("ann", "bob")
        office.receives(*(office.inbound("/go", peer=peer) for peer in people))
        office.receives(*(office.inbound("A1", peer=peer) for peer in people))
        assert office.rows(customer, office.library.columns["code"]) == ["A1", None]
        assert office.said("ann")[-1] == "Thanks"
        assert office.said("bob")[-1].startswith("That is already in use.")

    def test_giving_ones_own_value_again_is_no_clash(self) -> None:
        office = simple("  - {ask: Your code?, save_to: code}\n  - {say: Thanks}\n")
        office.says("/go").says("A1").says("/go").says("A1")
        assert office.said()[-1] == "Thanks"


class TestContentProblems:
    def test_flows_that_call_each_other_without_a_wait_end_with_a_recorded_reason(self) -> None:
        office = simple("  - call: g\n---\nflow: g\nnodes: [{call: f}]\n")
        office.says("/go")
        assert office.rows(run, "status", "outcome") == [("ended", "failed")]
        (reason,) = office.rows(activity, "description", type="workflow_failed")
        assert "1000 nodes in a row without a wait" in reason
        assert office.rows(mail, "status") == ["done"]

    def test_a_template_that_fails_is_recorded_and_the_flow_goes_on(self) -> None:
        office = simple("  - say: '{{ customer.first_name + 1 }}'\n  - say: Next\n")
        office.says("/go", payload={"profile": {"first_name": "Ann"}})
        assert office.said() == [
            "Something went wrong on our side. We have made a note of it.",
            "Next",
        ]
        (reason,) = office.rows(activity, "description", type="flow_problem")
        assert reason.startswith("f, node say_1: a template failed:")

    def test_a_reply_too_long_for_its_column_is_asked_for_again(self, office: Office) -> None:
        office.says("/start").said()
        (answer,) = office.says("x" * 4000).said()
        assert "100" in answer
        assert office.customer("first_name") is None


class TestVersions:
    SECOND = (
        LEAD.replace("flow: lead", "flow: lead\non_update: finish")
        .replace("Your name?", "What are you called?")
        .replace("Size {{", "Chosen {{")
    )

    def test_who_waits_finishes_on_the_old_version_and_newcomers_get_the_new_one(
        self, office: Office
    ) -> None:
        office.says("/start").says("Sara").said()
        office.apply(self.SECOND)
        assert office.says("/start", peer="bob").said("bob") == ["What are you called?"]
        assert office.says("40").said() == ["Size 40"]
        office.says("Bob", peer="bob").says("41", peer="bob")
        assert office.said("bob")[-1] == "Chosen 41"
        assert office.rows(run, "flow_version") == [1, 2]
        assert office.rows(field_history, "flow_version") == [1, 1, 2, 2]

    def test_a_called_flow_too_is_the_one_of_the_moment_it_was_called(self) -> None:
        first = (
            "flow: outer\ntriggers: [{on: command, command: go}]\n"
            "nodes: [{call: inner}, {say: 'outer {{ answer.a }}'}]\n"
            "---\nflow: inner\nnodes: [{ask: A?, save_to: var.a}, {say: inner one}]\n"
        )
        office = Office(first)
        office.says("/go")
        second = first.replace("inner one", "inner two")
        office.apply(second.replace("flow: inner", "flow: inner\non_update: finish"))
        assert office.says("x").said() == ["A?", "inner one", "outer x"]
        assert office.says("/go").says("y").said() == ["A?", "inner two", "outer y"]

    def test_applying_the_same_flows_again_makes_no_version(self, office: Office) -> None:
        office.says("/start").says("Sara")
        office.apply(LEAD)
        office.says("40")
        assert office.rows(field_history, "flow_version") == [1, 1]

    def test_a_flow_that_was_removed_is_finished_by_those_who_are_in_it(self) -> None:
        both = LEAD + "---\nflow: gone\ntriggers: [{on: command, command: bye}]\n"
        both += "nodes: [{ask: Why?, save_to: var.w}, {say: 'So {{ var.w }}'}]\n"
        office = Office(both)
        office.says("/bye").said()
        office.apply(LEAD)
        assert office.says("because").said() == ["So because"]
        office.says("/bye")
        assert office.rows(run, "flow") == ["gone"]


def test_one_transaction_takes_in_the_message_and_its_turn(office: Office) -> None:
    with office.counting_commits() as commits:
        turned = office.take_in(office.inbound("/start"))
    assert commits == [1]
    assert [delivery.payload["text"] for delivery in turned.deliveries] == ["Your name?"]
    assert office.rows(mail, "status") == ["done"]
    assert office.rows(outbox, "status") == ["pending"]


def test_a_hundred_peoples_messages_are_one_transaction(office: Office) -> None:
    arrivals = [office.inbound("/start", peer=f"p{number}") for number in range(100)]
    with office.counting_commits() as commits:
        assert office.take_in(*arrivals).letters == 100
    assert commits == [1]


def test_a_long_message_is_stored_in_the_pieces_that_its_channel_takes(office: Office) -> None:
    office = simple("  - say: '{{ event.text }}{{ event.text }}'\n")
    office.says("/go " + "word " * 800)
    pieces = office.said()
    assert [len(piece) <= 4096 for piece in pieces] == [True, True]
    assert office.rows(outbox, "dedup_key") == ["mail:1:0", "mail:1:1"]
    assert len(office.rows(activity, "description", type="message_sent")) == 1


def test_a_message_in_a_conversation_nobody_asks_anything_in_is_stored_and_answered_by_nobody(
    office: Office,
) -> None:
    office.says("what is this?")
    assert office.said() == []
    assert office.rows(mail, "status") == ["done"]
    assert office.rows(conversation, "status") == ["idle"]


def test_the_moment_of_a_turn_is_the_one_it_was_given(office: Office) -> None:
    moment = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    office.advance("3h").says("/start")
    assert office.rows(mail, "received_at", "done_at") == [(moment, moment)]
