"""One open question at a time: what covers it, what comes back, and what ends with it."""

from __future__ import annotations

import pytest

from crm.tables import activity, customer, customer_account, run, timer
from engine.wording import wording
from tests.support.desk import CRM, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

FLOWS = """
flow: f
triggers: [{on: command, command: go}]
nodes:
  - id: name
    ask: Name?
    save_to: first_name
    timeout: {after: 2h, remind: [{after: 30m, text: Still there?}], goto: bye}
  - {say: "Hello {{ customer.first_name }}", end: named}
  - {id: bye, say: Bye, end: silent}
---
flow: what
nodes:
  - ask: What about?
    save_to: var.what
    choices: [shoes, prices]
    timeout: {after: 5h, goto: enough}
  - {say: I see, end: seen}
  - {id: enough, say: Never mind, end: enough}
---
flow: later
triggers: [{on: command, command: later}]
nodes: [{delay: 10m}, {ask: How was it?, save_to: var.how}, {say: Good to know}]
"""


@pytest.fixture
def office() -> Office:
    office = Office(FLOWS, crm=CRM + "always: [{keywords: [help], flow: what}]\n")
    office.says("/go").said()
    return office


def test_a_reminder_of_a_covered_question_is_not_sent_and_steals_no_answer(office: Office) -> None:
    office.says("help").said()
    assert office.advance("40m").said() == []
    assert office.says("shoes").said() == ["I see", "Name?"]
    assert office.rows(customer, "first_name") == [None]
    assert office.says("Sara").said() == ["Hello Sara"]


def test_a_question_whose_time_ran_out_while_it_was_covered_ends_when_it_comes_back(
    office: Office,
) -> None:
    office.says("help").said()
    assert office.advance("3h").said() == []
    assert office.says("shoes").said() == ["I see", "Bye"]
    assert office.rows(run, "flow", "outcome") == [("f", "silent"), ("what", "seen")]


def test_a_question_that_comes_back_keeps_its_timeout(office: Office) -> None:
    office.says("help").advance("10m").says("shoes").said()
    assert office.advance("110m").said() == ["Still there?", "Bye"]


def test_leaving_a_detour_for_good_ends_what_it_covered(office: Office) -> None:
    office.says("help", "/cancel").said()
    assert office.rows(run, "flow", "outcome") == [("f", "cancelled"), ("what", "cancelled")]
    assert office.rows(timer, "run_id") == []
    assert office.rows(customer, "asking_run") == [None]


def test_another_flow_interrupts_the_covered_question_too(office: Office) -> None:
    office.says("help", "/go").said()
    outcomes = office.rows(run, "flow", "status", "outcome")
    assert ("what", "ended", "interrupted") in outcomes
    assert [flow for flow, status, _ in outcomes if status == "asking"] == ["f"]


def test_what_asks_by_itself_waits_until_the_open_question_is_answered(office: Office) -> None:
    office.says("/later").says("/go").said()
    assert office.advance("10m").said() == []
    assert office.says("Sara").said() == ["Hello Sara", "How was it?"]
    assert office.says("fine").said() == ["Good to know"]


def test_a_message_says_that_the_person_can_be_reached_again(office: Office) -> None:
    office.receives(office.inbound("", kind="blocked"))
    assert office.rows(customer_account, "blocked") == [True]
    office.says("Sara")
    assert office.rows(customer_account, "blocked") == [False]


def test_a_press_stands_on_the_timeline_with_the_buttons_text(office: Office) -> None:
    office.says("help").presses("shoes")
    received = [
        text for kind, text in office.rows(activity, "type", "description")
        if kind == "message_received"
    ]  # fmt: skip
    assert received[-1] == "shoes"


def test_a_word_said_twice_begins_its_detour_anew_and_piles_up_nothing(office: Office) -> None:
    assert office.says("help", "help", "help").said().count("What about?") == 3
    assert sorted(office.rows(run, "flow", "status")) == [
        ("f", "sleeping"), ("what", "asking"), ("what", "ended"), ("what", "ended"),
    ]  # fmt: skip
    assert office.says("shoes").said() == ["I see", "Name?"]


def test_our_own_words_come_in_the_language_that_flows_speak_to_the_customer() -> None:
    office = Office(FLOWS, crm=CRM)
    profile = {"profile": {"language": "fa-IR"}}
    said = office.receives(office.inbound("/cancel", payload=profile)).said()
    assert said == [wording("nothing_to_cancel", "fa")]
