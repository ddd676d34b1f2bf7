"""Who gets a message, clause by clause, as conversations of one project."""

from __future__ import annotations

import pytest

from crm.tables import run
from tests.support.desk import CRM, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

MORE = """
always: [{keywords: [help], flow: helping}, {keywords: [agent], handoff: Ali}]
fallback: lost
staff: [{name: Ali, telegram: "11"}]
"""

FLOWS = """
flow: order
triggers: [{on: command, command: order}]
nodes:
  - id: what
    ask: What?
    choices: [Price, {text: Help, value: help}]
    skip: [agent]
    save_to: var.what
  - id: size
    ask: Size?
    save_to: size
    back: true
  - say: "Done {{ var.what }}"
    end: done
---
flow: helping
nodes: [{say: This is help}]
---
flow: lost
nodes: [{say: Pardon?}]
---
flow: price
triggers:
  - {on: message, keywords: [price]}
  - {on: message, contains: [how much]}
  - {on: message, pattern: "^sku [0-9]+$"}
  - {on: command, command: price}
nodes: [{say: Ten}]
---
flow: more
nodes: [{say: More}]
---
flow: menu
triggers: [{on: command, command: menu}]
nodes: [{say: Menu, buttons: [{text: More, flow: more}]}]
---
flow: chat
triggers: [{on: command, command: chat}]
nodes: [{ask: Tell me, save_to: var.x, choices: [a, b]}, {say: "You said {{ var.x }}"}]
"""


@pytest.fixture
def at() -> Office:
    return Office(FLOWS, crm=CRM + MORE)


def heard(at: Office, *texts: str) -> list[str]:
    """What the bot says to the last of these."""
    at.says(*texts[:-1]).said()
    return at.says(texts[-1]).said()


class TestOptOut:
    @pytest.mark.parametrize("before", [(), ("/order",), ("/order", "price"), ("agent",)])
    def test_it_wins_from_any_state(self, at: Office, before: tuple[str, ...]) -> None:
        (answer,) = heard(at, "hi", *before, "STOP")
        assert "no more automatic messages" in answer
        assert at.customer("opted_out_at") is not None

    def test_it_wins_in_a_detour_and_ends_what_that_covered(self) -> None:
        asks = FLOWS.replace(
            "nodes: [{say: This is help}]", "nodes: [{ask: With what?, save_to: var.w}]"
        )
        at = Office(asks, crm=CRM + MORE)
        heard(at, "/order", "Price", "help", "stop")
        assert set(at.rows(run, "status")) == {"ended"}

    def test_its_own_messages_are_answered_and_start_undoes_it(self, at: Office) -> None:
        assert heard(at, "stop", "price") == ["Ten"]
        at.says("/start")
        assert at.customer("opted_out_at") is None


class TestTheQuestionsOwnWords:
    def test_a_choice_comes_before_always_and_keywords(self, at: Office) -> None:
        assert heard(at, "/order", "help") == ["Size?"]

    def test_a_skip_word_comes_before_always(self, at: Office) -> None:
        assert heard(at, "/order", "agent") == ["Size?"]

    def test_a_back_word_leads_back(self, at: Office) -> None:
        assert heard(at, "/order", "price", "back") == ["What?"]


class TestAlways:
    def test_it_comes_before_the_question_which_is_asked_again(self, at: Office) -> None:
        assert heard(at, "/order", "price", "help") == ["This is help", "Size?"]
        assert at.says("40").said() == ["Done Price"]

    def test_it_comes_before_what_waits_for_any_answer(self, at: Office) -> None:
        assert heard(at, "/chat", "help")[0] == "This is help"

    def test_without_a_question_it_just_runs(self, at: Office) -> None:
        assert heard(at, "hi", "help") == ["This is help"]


class TestCommands:
    def test_a_command_interrupts_the_question(self, at: Office) -> None:
        assert heard(at, "/order", "/price") == ["Ten"]
        assert at.rows(run, "outcome", flow="order") == ["interrupted"]

    def test_one_that_nobody_claims_goes_to_fallback_and_the_question_stays(
        self, at: Office
    ) -> None:
        assert heard(at, "/order", "price", "/nothing") == ["Pardon?", "Size?"]
        assert at.says("40").said() == ["Done Price"]

    def test_cancel_ends_what_is_open(self, at: Office) -> None:
        assert heard(at, "/order", "/cancel") == ["Cancelled."]
        assert at.rows(run, "outcome", flow="order") == ["cancelled"]

    def test_start_that_no_flow_claims_ends_it_too(self, at: Office) -> None:
        assert heard(at, "/order", "/start") == ["Cancelled."]

    def test_without_a_question_start_is_the_fallback_s(self, at: Office) -> None:
        assert heard(at, "hi", "/start") == ["Pardon?"]


class TestTheOpenQuestion:
    def test_it_comes_before_keywords_patterns_and_fallback(self, at: Office) -> None:
        for text in ("price", "how much is it", "sku 12", "what?"):
            at.says("/order", "price").said()
            (again,) = at.says(text).said()
            assert "Ten" not in again
            assert "Pardon" not in again

    def test_an_edited_message_is_another_try_only_while_its_question_is_open(
        self, at: Office
    ) -> None:
        at.says("/order", "price")
        at.says("big", payload={"message_id": "77"})
        at.says("40", kind="edited", payload={"message_id": "77"})
        assert at.customer("size") == 40
        at.said()
        assert at.says("41", kind="edited", payload={"message_id": "77"}).said() == []
        assert at.customer("size") == 40

    def test_a_button_of_an_older_question_changes_nothing(self, at: Office) -> None:
        at.says("/order", "price", "40", "/chat")
        at.said()
        answer = at.press("1-1.0").said()
        assert answer == ["That button belongs to an earlier question."]
        assert at.rows(run, "status", flow="chat") == ["asking"]

    def test_a_button_that_starts_a_flow_does_so_however_old_it_is(self, at: Office) -> None:
        at.says("/menu", "/order").said()
        at.press("f:more")
        assert at.said() == ["More"]
        assert at.rows(run, "outcome", flow="order") == ["interrupted"]


class TestTheRest:
    def test_a_keyword_then_a_word_in_it_then_a_pattern_then_fallback(self, at: Office) -> None:
        assert heard(at, "hi", "Price!") == ["Ten"]
        assert heard(at, "so how much is it") == ["Ten"]
        assert heard(at, "SKU 12") == ["Ten"]
        assert heard(at, "sku twelve") == ["Pardon?"]
