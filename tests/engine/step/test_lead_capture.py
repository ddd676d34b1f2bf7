"""The example of the flow language, from its first word to each of its ends."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from engine.effects import AddTag, Leave, SendMessage, SetField
from engine.messages import Message
from tests.engine.step.talk import Talk

FLOWS = """
flow: lead_capture
triggers:
  - {on: command, command: start}
  - {on: message, keywords: [hi, hello, سلام]}
vars: {confirmed: false}
nodes:
  - say: "Hi {{ customer.first_name | default('there') }} 👋"
  - id: birthday
    ask: When is your birthday?
    save_to: birth_date
    retry:
      text: "I could not read that as a date. Try 1990-05-15."
      attempts: 3
      goto: category
    timeout:
      after: 2h
      remind: [{after: 30m, text: "Still there?"}]
      goto: gave_up
    skip: [later]
  - id: category
    ask: {en: "What are you looking for?", fa: "دنبال چه هستید؟"}
    save_to: favorite_category
  - ask: "So, {{ customer.favorite_category }}. Right?"
    choices: ["Yes", {text: Change it, goto: category}]
    save_to: var.confirmed
  - branch:
      - {when: {crm_score__gte: 80}, goto: vip}
      - {when: {any: [{favorite_category: shoes}, {tags: [Sneakers]}]}, goto: shoes}
    else: thanks
  - id: vip
    tag: {add: [VIP]}
    goto: thanks
  - id: shoes
    call: shoe_size
  - id: thanks
    say: "Thank you! Your code is {{ 'W-%04d' | format(customer.id) }}."
    end: captured
  - id: gave_up
    say: Another time.
    end: gave_up
---
flow: shoe_size
nodes:
  - form: [shoe_size]
    end: measured
"""

QUESTION = "When is your birthday?"
NOT_A_DATE = f"I could not read that as a date. Try 1990-05-15.\n{QUESTION}"


@pytest.fixture
def talk() -> Talk:
    return Talk(FLOWS, first_name="Sara", language="en")


def at_category(talk: Talk) -> Talk:
    talk.user("/start").user("1990-05-15")
    talk.said()
    return talk


def test_a_visitor_leaves_a_birthday_and_a_category(talk: Talk) -> None:
    assert talk.user("/start").said() == ["Hi Sara 👋", QUESTION]
    assert talk.user("banana").said() == [NOT_A_DATE]
    assert talk.user("۱۳۶۹/۰۲/۲۵").said() == ["What are you looking for?"]
    assert talk.values["birth_date"] == date(1990, 5, 15)
    assert talk.buttons() == [["Clothes"], ["Shoes"], ["Accessories"]]
    assert talk.press("Clothes").said() == ["So, Clothes. Right?"]
    assert talk.press("Yes").said() == ["Thank you! Your code is W-0007."]
    assert (talk.outcome, talk.values["favorite_category"]) == ("captured", "clothes")
    assert talk.vars == {"confirmed": "Yes"}
    assert talk.problems == []


def test_what_set_a_value_is_told_with_it(talk: Talk) -> None:
    talk.user("/start").user("1990-05-15")
    written = [effect for effect in talk.effects if isinstance(effect, SetField)]
    assert written == [
        SetField("birth_date", None, date(1990, 5, 15), "lead_capture", 0, "birthday")
    ]


def test_a_person_of_many_points_becomes_a_vip(talk: Talk) -> None:
    talk.values["crm_score"] = Decimal(80)
    at_category(talk).press("Accessories").press("Yes")
    assert AddTag("VIP", "vip") in talk.effects
    assert talk.outcome == "captured"


def test_shoes_lead_through_another_flow_and_back(talk: Talk) -> None:
    assert at_category(talk).press("Shoes").press("Yes").said()[-1] == "What is your size?"
    assert [frame.flow for frame in talk.run.frames] == ["lead_capture", "shoe_size"]  # type: ignore[union-attr]
    said = talk.user("۴۲").said()
    assert said == ["Thank you! Your code is W-0007."]
    assert talk.values["shoe_size"] == Decimal(42)
    assert talk.outcome == "captured"
    left = [(e.flow, e.node, e.left_by) for e in talk.effects if isinstance(e, Leave)]
    assert ("shoe_size", "form", "measured") in left
    assert ("lead_capture", "shoes", "thanks") in left


def test_a_choice_may_lead_back(talk: Talk) -> None:
    at_category(talk).press("Shoes")
    talk.said()
    assert talk.press("Change it").said() == ["What are you looking for?"]
    assert talk.press("Clothes").said() == ["So, Clothes. Right?"]


def test_the_third_invalid_reply_leaves_by_its_way_out(talk: Talk) -> None:
    talk.user("/start").user("banana").user("apple")
    talk.said()
    assert talk.user("pear").said() == ["What are you looking for?"]
    assert talk.values.get("birth_date") is None


def test_a_skip_word_leaves_the_question_and_stores_nothing(talk: Talk) -> None:
    talk.user("/start").said()
    assert talk.user("  LATER! ").said() == ["What are you looking for?"]
    assert talk.values.get("birth_date") is None


def test_a_silent_visitor_is_reminded_once_and_let_go(talk: Talk) -> None:
    talk.user("/start").said()
    assert talk.advance(timedelta(minutes=29)).said() == []
    assert talk.advance(timedelta(minutes=1)).said() == ["Still there?"]
    assert talk.advance(timedelta(minutes=89)).said() == []
    assert talk.advance(timedelta(minutes=1)).said() == ["Another time."]
    assert talk.outcome == "gave_up"


def test_neither_an_invalid_reply_nor_a_reminder_starts_the_time_again(talk: Talk) -> None:
    talk.user("/start").advance(timedelta(minutes=119)).user("banana")
    talk.said()
    assert talk.advance(timedelta(minutes=1)).said() == ["Another time."]


def test_an_answer_after_the_reminder_is_still_an_answer(talk: Talk) -> None:
    talk.user("/start").advance(timedelta(hours=1)).user("1990-05-15")
    assert talk.values["birth_date"] == date(1990, 5, 15)
    assert talk.node == "category"


def test_without_a_timeout_a_question_closes_after_a_week(talk: Talk) -> None:
    at_category(talk).advance(timedelta(days=7) - timedelta(seconds=1))
    assert talk.node == "category"
    talk.advance(timedelta(seconds=1))
    assert (talk.outcome, talk.said()) == ("no_reply", [])


def test_an_ambiguous_date_is_asked_back_and_teaches_the_order(talk: Talk) -> None:
    talk.user("/start").said()
    assert talk.user("03/04/1990").said() == ["Which date do you mean?"]
    assert talk.buttons() == [["3 April 1990"], ["4 March 1990"]]
    talk.press("4 March 1990")
    assert talk.values["birth_date"] == date(1990, 3, 4)
    assert talk.values["date_order"] == "mdy"
    assert talk.node == "category"


def test_the_meaning_of_an_ambiguous_date_may_be_typed_by_its_number(talk: Talk) -> None:
    talk.user("/start").user("03/04/1990").user("1")
    assert talk.values["birth_date"] == date(1990, 4, 3)
    assert talk.values["date_order"] == "dmy"


def test_buttons_of_two_ambiguous_replies_keep_their_own_dates(talk: Talk) -> None:
    talk.user("/start").user("03/04/1990").user("05/06/1991").press("3 April 1990")
    assert talk.values["birth_date"] == date(1990, 4, 3)


def test_a_learned_order_is_not_asked_again(talk: Talk) -> None:
    talk.values["date_order"] = "dmy"
    talk.user("/start").user("03/04/1990")
    assert talk.values["birth_date"] == date(1990, 4, 3)


def test_a_date_in_the_future_is_no_birthday(talk: Talk) -> None:
    talk.user("/start").said()
    assert talk.user("2030-01-01").said() == [NOT_A_DATE]


def test_a_customer_of_another_language_reads_it(talk: Talk) -> None:
    talk.values["language"] = "fa"
    talk.user("/start").user("1990-05-15")
    assert talk.said()[-1] == "دنبال چه هستید؟"
    assert talk.buttons() == [["لباس"], ["کفش"], ["اکسسوری"]]
    assert talk.user("كفش").said() == ["So, \u2068کفش\u2069. Right?"]
    assert talk.values["favorite_category"] == "shoes"


def test_pressing_a_button_of_an_earlier_question_changes_nothing(talk: Talk) -> None:
    at_category(talk).press("Shoes")
    before, stale = talk.run, Message(kind="press", token="1-2.0")
    talk.send(stale)
    assert talk.run == before


def test_every_question_sends_one_message(talk: Talk) -> None:
    talk.user("/start")
    assert len([e for e in talk.effects if isinstance(e, SendMessage)]) == 2
    talk.user("03/04/90")
    talk.said()
    assert len(talk.user("x").said()) == 1
