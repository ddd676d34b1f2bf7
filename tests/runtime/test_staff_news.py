"""The staff is told of customers: stored with what it tells of, sent once, and never lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import structlog

from crm.services.dead import list_dead, requeue
from crm.services.erasing import erase_customer
from crm.services.ledger import Cause
from crm.services.merging import merge
from crm.tables import activity, customer, customer_account, outbox
from engine.bidi import unmarked
from rapport.build import open_account
from rapport.runtime.deliveries import Delivery, mark_unreachable, pending
from tests.support.desk import CRM, Office, load
from tests.support.invariants import violations

ALI, SARA = "777", "778"

STAFF = """
staff:
  - {name: Ali, telegram: 777, role: owner, teams: [sales]}
  - {name: Sara, telegram: 778, teams: [sales]}
  - {name: Reza, teams: [stock]}
  - {name: Double, telegram: 777, teams: [sales]}
"""

FLOWS = """
flow: lead
triggers: [{on: command, command: start}]
nodes:
  - {ask: Your name?, save_to: first_name}
  - {notify: "{{ customer.first_name }} is here", to: sales}
  - {say: Thank you.}
---
flow: call
triggers: [{on: command, command: call}]
nodes:
  - {notify: Call them, to: assigned}
  - {notify: Bring it, to: stock}
  - {delay: 1h}
  - {notify: An hour ago, to: Ali}
"""


class Shop(Office):
    def __init__(self, *, channel: str = "telegram") -> None:
        super().__init__(FLOWS, crm=CRM + STAFF, channel=channel)

    def timeline(self, type_: str) -> list[Any]:
        return self.rows(activity, "description", "data", type=type_)

    def with_bot(self, channel: str, name: str) -> Shop:
        """One more account of the business."""
        with self.engine.begin() as db:
            at = open_account(db, self.library.business_id, channel, name, name, self.clock.now())
        self.use(self.origin, at)
        return self

    def assign(self, name: str) -> None:
        with self.engine.begin() as db:
            db.execute(customer.update().values(assigned_to=name))

    def waiting(self) -> list[Delivery]:
        with self.engine.connect() as db:
            return pending(db, self.origin.account_id, self.clock.now(), 10)

    def sound(self, *, at_rest: bool = True) -> bool:
        with self.engine.connect() as db:
            assert violations(db, at_rest=at_rest) == []
        return True


def test_each_of_a_team_is_told_once_and_the_customer_hears_nothing_of_it() -> None:
    shop = Shop()
    shop.says("/start", "Ann")
    assert (shop.said(ALI), shop.said(SARA)) == (["Ann is here"], ["Ann is here"])
    assert shop.said() == ["Your name?", "Thank you."]
    told = {"to": "sales", "people": ["Ali", "Sara"]}
    assert shop.timeline("staff_told") == [("Ann is here", told)]
    assert shop.rows(outbox, "customer_id", conversation_id=None) == [shop.customer_id()] * 2
    assert shop.sound()


def test_what_two_flows_tell_for_one_mail_has_keys_of_its_own() -> None:
    shop = Shop()
    shop.says("/start", "Ann", "/start", "Anna")
    assert shop.said(ALI) == ["Ann is here", "Anna is here"]
    keys = shop.rows(outbox, "dedup_key", conversation_id=None)
    assert len(set(keys)) == 4
    assert all(key.startswith("staff:mail:") for key in keys)


def test_whoever_the_customer_is_assigned_to_is_told() -> None:
    shop = Shop()
    shop.says("/call")
    shop.assign("Sara")
    shop.said(SARA)
    shop.says("/call")
    assert shop.said(SARA) == ["Call them"]


def test_where_nobody_can_be_told_the_timeline_has_it_and_the_log_says_so_once() -> None:
    shop = Shop()
    with structlog.testing.capture_logs() as lines:
        shop.says("/call", "/call", peer="bob")
    assert shop.timeline("staff_not_told")[:2] == [
        ("Call them", {"to": "assigned"}),
        ("Bring it", {"to": "stock"}),
    ]
    said = [line["to"] for line in lines if line["event"] == "staff_not_told"]
    assert said == ["assigned", "stock"]
    assert shop.rows(outbox, "id", conversation_id=None) == []


def test_what_a_clock_tells_waits_behind_what_answers_people() -> None:
    shop = Shop()
    shop.says("/call")
    shop.advance("1h")
    assert shop.said(ALI) == ["An hour ago"]
    assert shop.rows(outbox, "lane", conversation_id=None) == [1]


def test_a_customer_who_opts_out_takes_nothing_from_the_staff() -> None:
    shop = Shop()
    shop.says("/call")
    shop.clock.set(shop.clock.now() + timedelta(hours=1))
    with shop.engine.begin() as db:
        shop.desk.ring(db, shop.clock.now())
    shop.work()
    shop.take_in(shop.inbound("stop"))
    assert shop.rows(outbox, "lane", "status", conversation_id=None) == [(1, "pending")]


def test_of_instagram_the_staff_is_told_on_telegram() -> None:
    shop = Shop(channel="instagram")
    shop.says("/start", "Ann")
    assert shop.timeline("staff_not_told") == [("Ann is here", {"to": "sales"})]
    shop.with_bot("telegram", "staff_bot").says("/start", "Anna")
    (account_id,) = set(shop.rows(outbox, "account_id", conversation_id=None))
    assert account_id != shop.origin.account_id


@pytest.mark.parametrize("written_to", [0, 1])
def test_of_several_bots_the_one_tells_that_the_person_has_written_to(written_to: int) -> None:
    shop = Shop().with_bot("telegram", "second")
    bots = list(shop.drives)
    ali = shop.inbound("hello", peer=ALI)
    shop.drives[bots[written_to]].take_in(ali)
    shop.says("/start", "Ann")
    rows = dict(shop.rows(outbox, "peer", "account_id", conversation_id=None))
    assert rows == {ALI: bots[written_to].account_id, SARA: bots[0].account_id}


def test_one_of_the_staff_who_has_blocked_the_bot_leaves_the_customer_reachable() -> None:
    shop = Shop()
    shop.says("/start")
    shop.take_in(shop.inbound("Ann"))
    (news, *_) = [one for one in shop.waiting() if one.peer == ALI]
    with shop.engine.begin() as db:
        mark_unreachable(db, news, "telegram", shop.clock.now())
    assert shop.rows(customer_account, "blocked") == [False]
    shop.drive.settle_down()
    assert shop.said() == ["Your name?", "Thank you."]
    assert shop.said(SARA) == ["Ann is here"]
    assert shop.timeline("staff_not_told") == [("Ann is here", {"to": "sales", "number": ALI})]

    with shop.engine.begin() as db:
        (letter,) = list_dead(db, shop.library.business_id)
        assert letter.customer_id == shop.customer_id()
        requeue(db, shop.library.business_id, letter.reference, shop.clock.now())
    shop.drive.settle_down()
    assert shop.said(ALI) == ["Ann is here"]
    assert shop.sound()


def test_a_turn_that_fails_tells_nobody() -> None:
    shop = Shop()
    shop.says("/start")
    with shop.engine.connect() as db, db.begin() as transaction:
        shop.desk.take_in(db, shop.origin, [shop.inbound("Ann")], shop.clock.now())
        transaction.rollback()
    assert shop.rows(outbox, "id", conversation_id=None) == []
    shop.memory.forget()
    shop.says("Ann")
    assert shop.said(ALI) == ["Ann is here"]


def test_who_is_mentioned_in_a_note_hears_of_it() -> None:
    shop = Shop()
    note = (
        "flow: note\ntriggers: [{on: command, command: note}]\nnodes: [{note: Ask @sara and @reza}]"
    )
    shop.apply(load(note, CRM + STAFF))
    shop.says("/note")
    (told,) = shop.said(SARA)
    assert unmarked(told).startswith("You are mentioned in a note about")
    assert unmarked(told).endswith(f"(id:{shop.customer_id()}): Ask @sara and @reza")
    assert shop.timeline("staff_not_told") == []


def test_what_is_told_of_somebody_goes_with_them() -> None:
    shop = Shop()
    shop.says("/start", "Ann")
    shop.says("/start", peer="bob")
    ann, bob = shop.customer_id("ann"), shop.customer_id("bob")
    business, cause = shop.library.business_id, Cause(by="test")
    with shop.engine.begin() as db:
        merge(db, business, shop.library.business, ann, bob, cause, shop.clock.now())
    assert shop.rows(outbox, "customer_id", conversation_id=None) == [bob, bob]
    with shop.engine.begin() as db:
        erase_customer(db, business, bob, cause, shop.clock.now())
    assert shop.rows(outbox, "payload", "peer", conversation_id=None) == [({}, "erased")] * 2


def test_a_long_text_goes_in_pieces_in_order() -> None:
    words = " ".join(str(number) for number in range(2_000))
    head = "flow: long\ntriggers: [{on: command, command: long}]\nnodes:\n"
    flow = f"{head}- {{notify: {words}, to: Ali}}\n"
    shop = Shop()
    shop.apply(load(flow, CRM + STAFF))
    shop.says("/long")
    pieces = shop.said(ALI)
    assert len(pieces) > 1
    assert " ".join(pieces) == words
    assert shop.sound()
