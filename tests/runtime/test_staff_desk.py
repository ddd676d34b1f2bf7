"""The staff works in Telegram: replies and commands, each within its rights."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Self

import pytest
from sqlalchemy import update

from crm.services.ledger import Cause
from crm.services.tasks import add_task
from crm.tables import activity, customer, mail, note, outbox, tag, task
from engine.bidi import unmarked
from tests.support.desk import CRM, NOON, Office
from tests.support.invariants import violations

ALI, SARA, REZA, VERA, GROUP = "777", "778", "779", "780", "-100200"

STAFF = """
staff:
  - {name: Ali, telegram: 777, role: owner, teams: [sales]}
  - {name: Sara, telegram: 778, teams: [sales]}
  - {name: Reza, telegram: 779, teams: [stock]}
  - {name: Vera, telegram: 780, role: viewer}
  - {name: Counter, telegram: -100200, teams: [counter]}
"""

FLOWS = """
flow: help
triggers: [{on: command, command: help}]
nodes:
  - {ask: What is it?, save_to: nickname}
  - {handoff: sales}
  - {say: The bot again.}
---
flow: counter
triggers: [{on: command, command: counter}]
nodes: [{handoff: counter}, {say: The bot again.}]
---
flow: news
triggers: [{on: command, command: news}]
nodes: [{notify: Look at this, to: sales}]
---
flow: hello
triggers: [{on: message, any: true}]
nodes: [{say: Hello.}]
"""


class Shop(Office):
    def __init__(self, crm: str = CRM, **others: Any) -> None:
        super().__init__(FLOWS, crm=crm + STAFF, **others)

    def news_of(self, text: str, peer: str) -> str:
        """The id on the platform of the newest message to a peer that holds this."""
        found = self.rows(outbox, "provider_message_id", "payload", peer=peer)
        return next(str(id_) for id_, payload in reversed(found) if text in payload["text"])

    def replies(self, to: str, text: str, *, peer: str, **changes: Any) -> Self:
        """Somebody of the staff replies to the news that holds `to`."""
        payload = {"reply_to": self.news_of(to, peer), **changes.pop("payload", {})}
        return self.says(text, peer=peer, payload=payload, **changes)

    def heard(self, peer: str) -> list[str]:
        return [unmarked(text) for text in self.said(peer)]

    def handed(self) -> Self:
        self.says("/help", "Tea")
        self.said()
        return self

    def assign(self, name: str) -> None:
        with self.engine.begin() as db:
            db.execute(update(customer).values(assigned_to=name))

    def sound(self) -> bool:
        with self.engine.connect() as db:
            assert violations(db, at_rest=True) == []
        return True


@pytest.mark.usefixtures("on_both_stores")
def test_a_reply_to_what_was_passed_on_reaches_the_customer_and_release_ends_the_talk() -> None:
    shop = Shop().handed()
    assert "waits for somebody" in shop.heard(SARA)[0]
    shop.says("Are you there?")
    assert "Are you there?" in shop.heard(SARA)[0]
    shop.replies("Are you there?", "Yes, I am Sara.", peer=SARA)
    assert shop.said() == ["Yes, I am Sara."]
    assert shop.said(SARA) == []
    shop.replies("Are you there?", "/release", peer=SARA)
    assert shop.said() == ["The bot again."]
    assert shop.heard(SARA) == ["The bot talks with Customer 1 (id:1) again."]
    assert shop.sound()


def test_the_staff_becomes_no_customer_by_what_it_does_and_its_words_are_kept_once() -> None:
    shop = Shop().handed()
    shop.says("/today", peer=SARA)
    shop.replies("waits for", "A secret", peer=SARA)
    assert len(shop.rows(customer, "id")) == 1
    kept = shop.rows(mail, "payload", conversation_id=None)
    assert kept == [{"staff": SARA}] * 2


def test_all_else_that_the_staff_writes_is_an_ordinary_talk() -> None:
    shop = Shop()
    shop.says("/help", peer=ALI)
    assert shop.said(ALI) == ["What is it?"]
    shop.replies("What is it?", "Trying it out", peer=ALI)
    assert "waits for somebody" in shop.said(SARA)[0]
    assert len(shop.rows(customer, "id")) == 1


def test_a_stranger_or_another_channel_has_no_command_of_the_staff() -> None:
    assert Shop().says("/today", "/find ann", peer="999").said("999") == []
    assert Shop(channel="instagram").says("/today", peer=ALI).said(ALI) == []


@pytest.mark.usefixtures("on_both_stores")
def test_what_comes_twice_is_done_once() -> None:
    shop = Shop().says("hi")
    again = shop.inbound("/note 1 Likes tea", peer=ALI)
    shop.receives(again, again).receives(again)
    assert shop.rows(note, "text") == ["Likes tea"]
    assert shop.heard(ALI) == ["Noted for Customer 1 (id:1)."]


def test_an_act_is_done_too_where_what_came_with_it_is_only_stored() -> None:
    shop = Shop().says("hi")
    shop.keep(shop.inbound("more", peer="bob"), shop.inbound("/note 1 Likes tea", peer=ALI))
    assert shop.rows(note, "text", "author") == [("Likes tea", "Ali")]


def test_a_reply_to_other_news_is_not_sent_and_says_how_to_write() -> None:
    shop = Shop().says("/news")
    shop.said()
    shop.replies("Look at this", "He always asks that", peer=SARA)
    assert shop.said() == []
    shop.assign("Sara")
    assert shop.heard(SARA)[-1].endswith("To write to Customer 1 (id:1): /take 1")
    shop.says("/take 1", peer=SARA).replies("You talk with", "Good day", peer=SARA)
    assert shop.said() == ["Good day"]
    shop.says("Hello Sara")
    assert "Hello Sara" in shop.heard(SARA)[-1]
    assert shop.said() == []


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"text": "/relese"}, "there is no such command"),
        ({"text": "", "kind": "photo", "payload": {"media": {"kind": "photo"}, "text": ""}},
         "only texts can be passed on"),
        ({"text": "x" * 4_001}, "at most 4,000 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_passed_on_is_said(what: dict[str, Any], told: str) -> None:
    shop = Shop().handed()
    shop.replies("waits for", what.pop("text"), peer=SARA, **what)
    assert shop.said() == []
    assert told in shop.heard(SARA)[-1]


@pytest.mark.usefixtures("on_both_stores")
def test_an_agent_reaches_own_customers_and_those_handed_over_to_their_team() -> None:
    shop = Shop().says("hi", peer="bob").handed()
    for command in ("/take 2", "/note 2 Tea", "/tag 2 VIP", "/task 2 Call", "/release 2"):
        shop.says(command, peer=REZA)
        assert "I know no customer '2'" in shop.heard(REZA)[-1]
    assert shop.says("/find customer", peer=REZA).heard(REZA) == ["Nobody is found."]
    assert shop.says("/note 2 Tea", peer=SARA).heard(SARA)[-1] == "Noted for Customer 2 (id:2)."
    assert (
        shop.says("/find customer", peer=SARA).heard(SARA)[-1]
        == "Customer 2 (id:2)\nTalks with: sales"
    )
    assert "I know no" in shop.says("/note 1 Tea", peer=SARA).heard(SARA)[-1]
    shop.assign("stock")
    assert shop.says("/note 1 Tea", peer=REZA).heard(REZA) == ["Noted for Customer 1 (id:1)."]


def test_a_viewer_looks_and_changes_nothing() -> None:
    shop = Shop().handed()
    for command in ("/take 1", "/release", "/note 1 Tea", "/tag 1 VIP", "/task 1 Call"):
        shop.says(command, peer=VERA)
    assert shop.heard(VERA) == ["Your role does not allow that."] * 5
    assert shop.says("/find 1", peer=VERA).heard(VERA) == ["Customer 1 (id:1)\nTalks with: sales"]


@pytest.mark.usefixtures("on_both_stores")
def test_tags_are_given_and_taken_away_and_an_unknown_one_is_refused() -> None:
    shop = Shop().says("hi")
    shop.says("/tag 1 VIP #Asked", "/tag 1 -vip", "/tag 1 Nonsense", peer=ALI)
    first, second, third = shop.heard(ALI)
    assert (first, second) == (
        "Customer 1 (id:1) has now: Asked, VIP",
        "Customer 1 (id:1) has now: Asked",
    )
    assert "That was not done." in third
    assert len(shop.rows(tag, "id")) == 2


def test_a_task_is_of_whoever_makes_it_and_may_be_due() -> None:
    shop = Shop().says("hi")
    shop.says("/task 1 2d Call back", "/task 1 2026-03-09 Send it", "/task 1 Later", peer=ALI)
    assert shop.heard(ALI)[0] == "Task 1 about Customer 1 (id:1): Call back"
    made = shop.rows(task, "title", "assigned_to", "due_at")
    assert [row[:2] for row in made] == [("Call back", "Ali"), ("Send it", "Ali"), ("Later", "Ali")]
    assert made[0][2] == NOON + timedelta(days=2)
    assert made[1][2].date() == (NOON + timedelta(days=7)).date()
    assert made[2][2] is None


def test_as_a_reply_a_command_is_about_the_customer_of_the_news() -> None:
    shop = Shop().says("/news")
    shop.replies("Look at this", "/note Wants a call", peer=ALI)
    shop.replies("Look at this", "/tag VIP", peer=ALI)
    shop.replies("Noted for", "/find", peer=ALI)
    assert shop.rows(note, "text") == ["Wants a call"]
    assert shop.heard(ALI)[-1] == "Customer 1 (id:1)\nTags: VIP"


@pytest.mark.parametrize("command", ["/take", "/note", "/note 1", "/tag 1", "/task", "/find"])
def test_a_command_without_what_it_needs_says_how_it_is_written(command: str) -> None:
    shop = Shop().says("hi")
    assert "Write it like this: /" in shop.says(command, peer=ALI).heard(ALI)[0]


def test_release_alone_is_for_the_only_talk() -> None:
    shop = Shop()
    assert shop.says("/release", peer=SARA).heard(SARA) == ["You talk with nobody now."]
    shop.handed().says("/help", "Tea", peer="bob")
    shop.heard(SARA)
    asked = shop.says("/release", peer=SARA).heard(SARA)[0]
    assert "Customer 1 (id:1)" in asked
    assert "Customer 2 (id:2)" in asked
    shop.says("/release 2", "/release", peer=SARA)
    assert shop.said() == ["The bot again."]


@pytest.mark.usefixtures("on_both_stores")
def test_today_tells_what_there_is_and_nothing_of_others_customers() -> None:
    shop = Shop().handed()
    assert shop.says("/today", peer=REZA).heard(REZA) == ["Nothing is to be done today."]
    column = shop.library.columns["birth_date"]
    born = (NOON - timedelta(days=365 * 30 + 8)).date().replace(month=3, day=2)
    with shop.engine.begin() as db:
        values = {column: born, "next_follow_up_at": NOON, "crm_score": 90}
        db.execute(update(customer).values(values))
        at = (db, shop.library.business_id, shop.library.business)
        given = {"title": "Call", "assigned_to": "sales", "due_at": NOON - timedelta(hours=1)}
        add_task(*at, 1, given, Cause("cli"), NOON)
    shop.heard(SARA)
    told = shop.says("/today", peer=SARA).heard(SARA)[0]
    assert told.split("\n\n") == [
        "Wait for an answer:\n• Customer 1 (id:1)",
        "Tasks:\n• Call, Customer 1 (overdue)",
        "Follow-ups:\n• Customer 1 (id:1)",
        "Birthdays:\n• Customer 1 (id:1)",
        "Hot leads:\n• Customer 1 (id:1)",
    ]
    assert shop.says("/today", peer=REZA).heard(REZA) == ["Nothing is to be done today."]


def test_in_a_group_each_answers_in_their_own_name_and_strangers_in_that_of_the_group() -> None:
    shop = Shop().says("/counter")
    group: dict[str, Any] = {"peer": GROUP, "private": False}
    shop.replies("waits for", "Ali here", sender=ALI, **group)
    shop.replies("waits for", "A helper", sender="4242", **group)
    assert shop.said() == ["Ali here", "A helper"]
    shop.says("Thanks", peer="ann")
    shop.replies("Thanks", "/release", sender="4242", **group)
    assert shop.said() == ["The bot again."]
    said = shop.rows(activity, "by", type="message_sent")
    assert said[:2] == ["staff:Ali", "staff:Counter"]
    assert shop.says("/today", peer="-5", sender=ALI, private=False).said("-5") == []


def test_a_persian_business_hears_it_in_persian() -> None:
    shop = Shop(CRM.replace("[en, fa]", "[fa, en]")).handed()
    assert "خبری" in shop.says("/note", peer=ALI).heard(ALI)[-1]


def test_what_goes_wrong_is_told_and_undone_and_others_are_served() -> None:
    shop = Shop().says("hi")
    with shop.engine.begin() as db:
        db.exec_driver_sql("DROP TABLE note")
    shop.receives(shop.inbound("/note 1 Tea", peer=ALI), shop.inbound("hi", peer="bob"))
    assert shop.heard(ALI) == ["Something went wrong, and nothing was done."]
    assert shop.said("bob") == ["Hello."]


def test_who_has_blocked_the_bot_cannot_be_taken_and_the_staff_hears_it() -> None:
    shop = Shop().says("hi").says("", kind="blocked")
    shop.says("/take 1", peer=ALI)
    assert shop.heard(ALI) == ["Customer 1 (id:1) cannot be written to now."]
