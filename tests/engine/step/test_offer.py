"""In which order a message is offered, and who gets it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.business import Business
from engine.facts import Facts
from engine.messages import Message
from engine.offer import (
    Answer,
    Cancel,
    Decision,
    Detour,
    Fallback,
    Nothing,
    OptIn,
    OptOut,
    StalePress,
    Start,
    TriggerIndex,
    decide,
    is_opt_out,
)
from tests.engine.step.talk import BUSINESS, NOON, Talk, load

FLOWS = """
flow: lead
triggers:
  - {on: command, command: start}
  - {on: message, keywords: [hi, سلام, قیمت‌ها]}
nodes: [{ask: Name?, save_to: first_name, choices: [help me, stop it], skip: [later]}]
---
flow: prices
triggers:
  - {id: word, on: message, contains: [price]}
  - {id: offer, on: message, contains: [special price]}
  - {on: command, command: prices}
nodes: [{say: Prices}]
---
flow: spring
triggers: [{on: referral, ref: spring_24}]
nodes: [{say: Spring}]
---
flow: friends
triggers: [{on: referral}]
nodes: [{say: Friends}]
---
flow: welcome
triggers: [{on: customer_created}]
nodes: [{say: Welcome}]
---
flow: everybody
triggers: [{on: message, keywords: [vip]}]
nodes: [{say: For all}]
---
flow: vips
triggers: [{on: message, keywords: [vip], only: {is_vip: true}}]
nodes: [{say: For you}]
---
flow: phones
channels: [chat]
triggers: [{on: message, keywords: [terminal]}]
nodes: [{say: In the terminal}]
---
flow: help
nodes: [{say: Help}]
"""
ALWAYS = """
always:
  - {keywords: [help, راهنما], flow: help}
"""
LOADED = load(FLOWS, BUSINESS + ALWAYS)
INDEX = TriggerIndex.of(LOADED.flows.values(), LOADED.business)
BARE = load("flow: f\nnodes: [{say: Hi}]\n")
OPEN = Talk(LOADED).start("lead").run.wait  # type: ignore[union-attr]  # it asks


def offer(
    message: Message | str, *, asked: bool = False, created: bool = False, **values: Any
) -> Decision:
    if isinstance(message, str):
        message = written(message)
    facts = Facts(7, LOADED.business, "telegram", values=values)
    return decide(message, OPEN if asked else None, INDEX, facts, NOON, created=created)


def written(text: str) -> Message:
    if not text.startswith("/"):
        return Message(text=text)
    command, _, argument = text[1:].partition(" ")
    return Message(kind="command", text=text, command=command, argument=argument)


def started(message: Message | str, **kwargs: Any) -> str:
    decision = offer(message, **kwargs)
    assert isinstance(decision, Start), decision
    return decision.trigger


class TestOptingOut:
    @pytest.mark.parametrize(
        "word",
        ["STOP", "stop!", "Unsubscribe", "/stop", "لغو۱۱", "لغو عضویت", "إلغاء الاشتراك", "Durdur"],
    )
    def test_words_in_four_languages_are_built_in_and_win_over_everything(self, word: str) -> None:
        assert offer(word, asked=True) == OptOut()
        assert is_opt_out(word, LOADED.business)

    @pytest.mark.parametrize("text", ["stop it", "please don't stop", "cancel", ""])
    def test_only_the_whole_message_counts(self, text: str) -> None:
        assert not is_opt_out(text, LOADED.business)

    def test_a_business_has_words_of_its_own(self) -> None:
        business = Business(key="b", name="B", opt_out=("Basta!",))
        assert is_opt_out("basta", business)

    def test_start_undoes_it_and_does_what_it_does(self) -> None:
        decision = offer("/start", opted_out_at=NOON)
        assert isinstance(decision, OptIn)
        assert isinstance(decision.then, Start)

    def test_an_opt_in_word_undoes_it(self) -> None:
        assert offer("Subscribe", opted_out_at=NOON) == OptIn(Nothing("opted in"))
        assert isinstance(offer("subscribe"), Nothing)

    def test_other_messages_are_still_answered(self) -> None:
        assert (
            started("hi", opted_out_at=NOON)
            == "lead/" + INDEX.keywords["hi"][0].id.partition("/")[2]
        )


class TestTheOpenQuestion:
    def test_its_own_choices_win_over_always(self) -> None:
        assert offer("Help me", asked=True) == Answer()
        assert offer("later", asked=True) == Answer()

    def test_always_wins_over_it_and_comes_back(self) -> None:
        decision = offer("help!", asked=True)
        assert decision == Detour("help", "help/always", {"text": "help!"})

    def test_commands_win_over_it(self) -> None:
        assert isinstance(offer("/prices", asked=True), Start)

    def test_it_wins_over_keywords(self) -> None:
        assert offer("hi", asked=True) == Answer()
        assert offer("what is the price", asked=True) == Answer()

    def test_it_gets_what_is_no_text(self) -> None:
        assert offer(Message(kind="sticker"), asked=True) == Answer()

    def test_its_buttons_answer_it(self) -> None:
        assert OPEN is not None
        assert offer(Message(kind="press", token=f"{OPEN.id}.0"), asked=True) == Answer()

    @pytest.mark.parametrize("token", ["1-0.0", "1-1.99", "1-1.-1", "1-1.x", "1-1.²", "", "f:gone"])
    def test_a_button_of_another_question_is_stale(self, token: str) -> None:
        assert offer(Message(kind="press", token=token), asked=True) == StalePress()
        assert offer(Message(kind="press", token=token)) == StalePress()

    def test_an_edited_message_it_never_got_is_not_for_it(self) -> None:
        message = Message(kind="edited", text="Sara", message_id="m9")
        assert isinstance(offer(message, asked=True), Nothing)
        assert isinstance(offer(message), Nothing)


class TestWithoutAQuestion:
    def test_a_button_of_a_flow_starts_it_however_old_it_is(self) -> None:
        assert started(Message(kind="press", token="f:help")) == "help/button"

    def test_always_just_starts(self) -> None:
        assert started("راهنما") == "help/always"

    def test_a_keyword_is_the_whole_message_folded(self) -> None:
        assert started(" HI! ").startswith("lead/")
        assert started("قيمتها".replace("ها", "\u200cها")).startswith("lead/")
        assert isinstance(offer("hi there"), Nothing)

    def test_contains_finds_whole_words_and_the_longer_phrase_wins(self) -> None:
        assert started("What is the PRICE?") == "prices/word"
        assert started("any special price today") == "prices/offer"
        assert isinstance(offer("priceless"), Nothing)

    def test_a_referral_is_more_specific_than_the_command(self) -> None:
        assert started("/start spring_24").startswith("spring/")
        assert started("/start somebody").startswith("friends/")
        assert started("/start").startswith("lead/")

    def test_the_event_tells_what_was_written(self) -> None:
        decision = offer("/start spring_24")
        assert isinstance(decision, Start)
        assert decision.event == {
            "text": "/start spring_24",
            "command": "start",
            "ref": "spring_24",
        }

    def test_a_new_customer_starts_where_no_word_says_otherwise(self) -> None:
        assert started("hello?", created=True).startswith("welcome/")
        assert started("hi", created=True).startswith("lead/")
        assert started(Message(kind="sticker"), created=True).startswith("welcome/")

    def test_only_looks_at_the_customer_and_wins_over_a_trigger_for_everybody(self) -> None:
        assert started("vip").startswith("everybody/")
        assert started("vip", is_vip=True).startswith("vips/")

    def test_a_flow_of_another_channel_does_not_start(self) -> None:
        assert isinstance(offer("terminal"), Nothing)

    def test_what_is_no_text_is_left_alone(self) -> None:
        assert isinstance(offer(Message(kind="voice")), Nothing)


class TestCommandsNobodyClaims:
    def test_cancel_ends_what_is_open(self) -> None:
        assert offer("/cancel", asked=True) == Cancel()

    def test_so_does_start_in_a_business_without_it(self) -> None:
        bare = TriggerIndex.of(BARE.flows.values(), BARE.business)
        facts = Facts(7, BARE.business, "telegram")
        assert decide(written("/start"), OPEN, bare, facts, NOON) == Cancel()

    def test_the_open_question_says_that_it_is_unknown(self) -> None:
        assert offer("/weather", asked=True) == Answer()
        assert isinstance(offer("/weather"), Nothing)

    def test_the_fallback_takes_them_and_all_that_nobody_takes(self) -> None:
        loaded = load(FLOWS, BUSINESS + ALWAYS + "fallback: help\n")
        index = TriggerIndex.of(loaded.flows.values(), loaded.business)
        facts = Facts(7, loaded.business, "telegram")
        for wait in (None, OPEN):
            decision = decide(written("/weather"), wait, index, facts, NOON)
            assert isinstance(decision, Fallback)
        assert isinstance(decide(written("what?"), None, index, facts, NOON), Fallback)
        assert isinstance(decide(Message(kind="sticker"), None, index, facts, NOON), Nothing)


def test_the_trigger_of_higher_priority_is_asked_first() -> None:
    flows = """
flow: a
triggers: [{on: message, any: true}]
nodes: [{say: A}]
---
flow: b
triggers: [{on: message, any: true, priority: 5, only: {is_vip: true}}]
nodes: [{say: B}]
"""
    loaded = load(flows)
    index = TriggerIndex.of(loaded.flows.values(), loaded.business)
    found = [
        decide(written("x"), None, index, Facts(7, loaded.business, "chat", values=values), NOON)
        for values in ({"is_vip": True}, {})
    ]
    assert [decision.flow for decision in found if isinstance(decision, Start)] == ["b", "a"]
