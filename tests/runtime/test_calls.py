"""A run that asks another system waits for the answer; what the person writes waits behind it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from crm.tables import activity, conversation, effect, mail, run
from engine.transcript import HttpReply
from rapport.runtime.calls import LEASE, Call, claim_calls, next_call, put_off, store_answer
from tests.support.desk import CRM, Office
from tests.support.invariants import violations

URL = "https://api.example.com/price"

FLOWS = f"""
flow: price
triggers: [{{on: command, command: price}}]
nodes:
  - ask: Which article?
    save_to: var.article
  - http: {URL}
    query: {{article: "{{{{ var.article }}}}"}}
    on_error: sorry
  - ask: "It costs {{{{ answer.json.price }}}}. Take it?"
    choices: ["Yes", "No"]
    save_to: var.taken
  - say: "So, {{{{ var.taken }}}}."
    end: told
  - id: sorry
    say: "Not now: {{{{ answer.error }}}}."
    end: failed
---
flow: later
triggers: [{{on: command, command: later}}]
nodes:
  - delay: 1h
  - http: {URL}
  - say: "Later it costs {{{{ answer.json.price }}}}."
---
flow: hello
triggers: [{{on: message, keywords: [hello]}}]
nodes: [{{say: Hello you}}]
"""

ANSWER: Mapping[str, Any] = {"status": 200, "json": {"price": 12}, "text": "", "error": None}


class Shop(Office):
    """Its requests are made by the test, or `at_once` by the drive."""

    def __init__(self, *, at_once: bool = False) -> None:
        super().__init__(FLOWS, http={URL: [HttpReply(json={"price": 12})]} if at_once else None)

    def asks(self, *more: str, peer: str = "ann") -> Shop:
        self.says("/price", "shoes", *more, peer=peer)
        return self

    def claim(self, most: int = 10) -> list[Call]:
        with self.engine.begin() as db:
            return claim_calls(db, self.library.business_id, self.clock.now(), most)

    def answer(self, call: Call, answer: Mapping[str, Any] = ANSWER) -> bool:
        with self.engine.begin() as db:
            stored = self.desk.answer(db, call, answer, self.clock.now()).more
        self.drive.settle_down()
        return stored

    def due(self) -> Any:
        with self.engine.connect() as db:
            return next_call(db, self.library.business_id)

    def sound(self, *, at_rest: bool = True) -> bool:
        with self.engine.connect() as db:
            assert violations(db, at_rest=at_rest) == []
        return True


@pytest.fixture
def shop(on_both_stores: str) -> Shop:
    return Shop()


def test_a_request_is_a_row_of_the_same_transaction_and_its_answer_goes_on(shop: Shop) -> None:
    shop.asks()
    assert shop.said() == ["Which article?"]
    (call,) = shop.claim()
    assert call.stored.request.url == (f"{URL}?article=shoes",)
    assert shop.answer(call)
    assert shop.presses("Yes").said() == ["It costs 12. Take it?", "So, Yes."]
    assert shop.rows(effect, "status", "request") == [("done", {})]
    assert shop.sound()


def test_what_is_written_meanwhile_waits_behind_the_answer(shop: Shop) -> None:
    shop.asks("hello", "Yes")
    assert shop.said() == ["Which article?"]
    assert shop.rows(mail, "status") == ["done", "done", "waiting", "waiting"]
    assert shop.sound(at_rest=False)
    (call,) = shop.claim()
    shop.answer(call)
    assert shop.said()[0] == "It costs 12. Take it?"
    assert shop.rows(run, "outcome", flow="price") == ["told"]
    assert set(shop.rows(mail, "status")) == {"done"}
    assert shop.sound()


def test_what_comes_in_one_batch_with_the_reply_waits_too(shop: Shop) -> None:
    shop.says("/price").said()
    shop.receives(shop.inbound("shoes"), shop.inbound("Yes"), shop.inbound("hello"))
    assert shop.said() == []
    assert shop.sound(at_rest=False)
    (call,) = shop.claim()
    shop.answer(call)
    assert shop.said() == ["It costs 12. Take it?", "So, Yes.", "Hello you"]
    assert shop.sound()


def test_other_people_are_answered_meanwhile(shop: Shop) -> None:
    shop.asks("hello")
    assert shop.says("hello", peer="bob").said("bob") == ["Hello you"]


def test_opting_out_waits_for_nothing(shop: Shop) -> None:
    shop.asks("hello", "stop")
    said = shop.said()
    assert said[:2] == ["Which article?", "Hello you"]
    assert len(said) == 3
    assert shop.rows(run, "outcome", flow="price") == ["opted_out"]
    assert shop.claim() == []
    assert shop.rows(effect, "status") == ["cancelled"]
    assert shop.sound()


def test_after_ten_seconds_there_is_no_answer_and_what_was_written_comes(shop: Shop) -> None:
    shop.asks("hello")
    shop.advance("9s")
    assert shop.said() == ["Which article?"]
    shop.advance("1s")
    assert shop.said() == ["Not now: no answer within 10 seconds.", "Hello you"]
    assert shop.rows(run, "outcome", flow="price") == ["failed"]
    assert shop.sound()


def test_an_answer_that_comes_too_late_does_nothing(shop: Shop) -> None:
    (call,) = shop.asks().claim()
    shop.advance("10s").said()
    assert shop.answer(call)
    assert shop.said() == []
    assert set(shop.rows(mail, "status")) == {"done"}
    assert shop.sound()


def test_behind_a_delay_nobody_waits_and_people_are_answered_at_once(shop: Shop) -> None:
    shop.says("/later").advance("1h")
    assert shop.says("hello").said() == ["Hello you"]
    (call,) = shop.claim()
    assert call.stored.until is None
    shop.advance("5m")
    (again,) = shop.claim()
    shop.answer(again)
    assert shop.said() == ["Later it costs 12."]
    assert shop.sound()


def test_a_request_is_one_performers_until_its_lease_ends(shop: Shop) -> None:
    shop.says("/later").advance("1h")
    (first,) = shop.claim()
    assert shop.claim() == []
    assert shop.due() == shop.clock.now() + LEASE
    shop.clock.set(shop.clock.now() + LEASE)
    (second,) = shop.claim()
    assert (second.id, second.attempts) == (first.id, 2)
    assert second.stored.key == first.stored.key
    assert not shop.answer(first), "it is another's by now"
    assert shop.answer(second)
    assert not shop.answer(second), "it is answered already"
    assert shop.rows(mail, "kind").count("http") == 1
    assert shop.said() == ["Later it costs 12."]


def test_a_request_that_is_put_off_is_due_later(shop: Shop) -> None:
    shop.says("/later").advance("1h")
    (call,) = shop.claim()
    later = shop.clock.now() + timedelta(seconds=7)
    with shop.engine.begin() as db:
        put_off(db, shop.library.business_id, call, later)
    assert shop.due() == later
    assert shop.claim() == []
    shop.clock.set(later)
    assert [item.attempts for item in shop.claim()] == [2]


def test_many_are_claimed_the_oldest_first_and_no_more_than_wanted(shop: Shop) -> None:
    for peer in ("ann", "bob", "cleo"):
        shop.asks(peer=peer)
        shop.clock.set(shop.clock.now() + timedelta(seconds=1))
    first, second = shop.claim(2)
    (third,) = shop.claim(2)
    assert first.run_id < second.run_id < third.run_id


def test_the_requests_of_another_business_are_not_seen(shop: Shop) -> None:
    shop.asks()
    other = shop.library.business_id + 1
    (call,) = shop.claim()
    with shop.engine.begin() as db:
        assert claim_calls(db, other, shop.clock.now() + LEASE, 10) == []
        assert not store_answer(db, other, call, ANSWER, shop.clock.now())
        assert next_call(db, other) is None


def test_a_failure_stands_on_the_timeline_without_the_address(shop: Shop) -> None:
    (call,) = shop.asks().claim()
    shop.answer(call, {**ANSWER, "status": 500, "error": "it was answered with 500"})
    assert shop.said()[-1] == "Not now: it was answered with 500."
    (told,) = shop.rows(activity, "description", type="flow_problem")
    assert told.endswith(": the request failed: it was answered with 500")
    assert "example.com" not in told


def test_the_conversation_is_let_go_at_once_when_the_answer_comes(shop: Shop) -> None:
    shop.asks("hello")
    ((status, hold_until),) = shop.rows(conversation, "status", "hold_until")
    assert (status, hold_until) == ("ready", shop.clock.now() + timedelta(seconds=10))
    (call,) = shop.claim()
    shop.answer(call)
    assert shop.rows(conversation, "status", "hold_until") == [("idle", None)]


def test_the_memory_forgets_nobody_else(shop: Shop) -> None:
    shop.says("hello", peer="bob")
    (call,) = shop.asks().claim()
    known = len(shop.memory.cases)
    with shop.engine.begin() as db:
        shop.desk.answer(db, call, ANSWER, shop.clock.now())
    assert len(shop.memory.cases) == max(known - 1, 0)


def test_a_flood_that_waits_behind_an_answer_is_answered_once(shop: Shop) -> None:
    shop.asks()
    shop.keep(*(shop.inbound("hello") for _ in range(250)))
    shop.drive.settle_down()
    assert shop.said() == ["Which article?"]
    (call,) = shop.claim()
    shop.answer(call)
    first, second = shop.said()
    assert first == "It costs 12. Take it?"
    assert second != "Hello you"
    assert shop.rows(mail, "status").count("ignored") == 249
    assert shop.sound()


def test_what_makes_requests_at_once_brings_them_in_the_same_moment(on_both_stores: str) -> None:
    shop = Shop(at_once=True)
    assert shop.asks("No").said() == ["Which article?", "It costs 12. Take it?", "So, No."]
    assert shop.sound()


LATER = """
flow: later
triggers: [{on: command, command: later}]
nodes:
  - delay: 1h
  - set: {first_name: Zed}
  - http: URL
    query: {groups: "{{ customer.segments }}"}
  - say: Then.
""".replace("URL", URL)


def test_who_rests_for_what_follows_before_a_request_is_still_behind_its_delay() -> None:
    at = Office(LATER, crm=f"{CRM}segments: {{last: {{when: {{first_name: Zed}}}}}}\n")
    at.says("/later")
    at.advance("1h")
    (stored,) = at.rows(effect, "request")
    assert "until" not in stored
    assert "last" in str(stored), "the segment has followed"
    assert at.rows(run, "status") == ["sleeping"]


ANEW = """
flow: f
on_update: restart
triggers: [{on: command, command: start}]
nodes:
  - say: Anew
  - http: URL
  - ask: "{{ answer.json.price }}. Well?"
    save_to: first_name
---
flow: hello
triggers: [{on: command, command: hello}]
nodes: [{say: Hello you}]
""".replace("URL", URL)
BEFORE = """
flow: f
triggers: [{on: command, command: start}]
nodes: [{ask: Name?, save_to: first_name}]
"""


def test_a_command_waits_behind_the_request_of_a_flow_that_begins_anew() -> None:
    at = Office(BEFORE + "---\n" + ANEW.partition("---\n")[2])
    at.says("/start").said()
    at.apply(ANEW)
    assert at.says("/hello").said() == ["Anew"]
    with at.engine.begin() as db:
        (call,) = claim_calls(db, at.library.business_id, at.clock.now(), 5)
        at.desk.answer(db, call, ANSWER, at.clock.now())
    at.drive.settle_down()
    assert at.said() == ["12. Well?", "Hello you"]
    with at.engine.connect() as db:
        assert violations(db, at_rest=False) == []


def test_what_was_said_to_the_old_question_is_no_answer_to_the_one_behind_the_request() -> None:
    at = Office(BEFORE)
    at.says("/start").said()
    at.apply(ANEW)
    assert at.says("Ann").said() == ["Anew"]
    with at.engine.begin() as db:
        (call,) = claim_calls(db, at.library.business_id, at.clock.now(), 5)
        at.desk.answer(db, call, ANSWER, at.clock.now())
    at.drive.settle_down()
    assert at.said() == ["12. Well?"]
    assert at.customer("first_name") is None
