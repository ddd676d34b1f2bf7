"""Taking in: what arrives is told apart from what was seen, from strangers, from noise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from sqlalchemy import insert, update

from bots.channel import Inbound, Kind
from crm.tables import activity, conversation, customer, customer_account, event, mail, outbox, run
from engine.wording import wording
from rapport.build import open_account
from rapport.runtime.intake import Broken
from tests.support.desk import NOON, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

FLOWS = """
flow: greet
triggers: [{on: command, command: start}]
nodes:
  - {ask: Your name?, save_to: first_name}
  - {say: "Hello {{ customer.first_name }}", end: greeted}
---
flow: echo
triggers: [{on: message, any: yes}]
nodes: [{say: "You wrote {{ reply.text }}{{ event.text }}", end: said}]
"""

PROFILE = {"first_name": "Ann", "last_name": "Lee", "username": "ann_lee", "language": "fa"}


@pytest.fixture
def office() -> Office:
    return Office(FLOWS)


class TestDuplicates:
    def test_an_update_that_comes_again_later_changes_nothing(self, office: Office) -> None:
        hello = office.inbound("hello")
        office.receives(hello).receives(hello)
        assert office.said() == ["You wrote hello"]
        assert office.rows(mail, "dedup_key", "status") == [(hello.dedup_key, "done")]

    def test_an_update_that_comes_twice_in_one_answer_is_taken_once(self, office: Office) -> None:
        hello = office.inbound("hello")
        office.receives(hello, hello)
        assert office.said() == ["You wrote hello"]

    def test_it_is_known_by_its_key_and_not_by_its_number(self, office: Office) -> None:
        """Telegram's update ids begin anew after a quiet week."""
        office.says("later", provider_seq=900).says("earlier", provider_seq=3)
        assert office.said() == ["You wrote later", "You wrote earlier"]

    def test_what_waits_behind_a_held_conversation_is_taken_once_too(self, office: Office) -> None:
        hello = office.inbound("hello")
        office.keep(hello)
        office.take_in(hello)
        office.drive.settle_down()
        assert office.said() == ["You wrote hello"]


class TestNewCustomers:
    def test_two_messages_of_a_stranger_in_one_answer_make_one_customer(
        self, office: Office
    ) -> None:
        office.receives(office.inbound("one"), office.inbound("two"))
        assert office.said() == ["You wrote one", "You wrote two"]
        assert len(office.rows(customer, "id")) == 1
        assert len(office.rows(conversation, "id")) == 1

    def test_two_strangers_in_one_answer_are_two_customers(self, office: Office) -> None:
        office.receives(office.inbound("one"), office.inbound("two", peer="bob"))
        assert (office.said("ann"), office.said("bob")) == (["You wrote one"], ["You wrote two"])

    def test_the_channels_profile_and_the_businesss_customs_are_what_is_known(
        self, office: Office
    ) -> None:
        office.says("hello", payload={"profile": PROFILE})
        known = ("first_name", "last_name", "username", "language", "display_name", "source",
                 "status", "customer_type", "currency", "timezone", "created_at")  # fmt: skip
        assert office.rows(customer, *known) == [
            ("Ann", "Lee", "ann_lee", "fa", "Ann Lee", "telegram", "lead", "individual", "USD",
             "UTC", NOON)
        ]  # fmt: skip
        assert office.rows(customer_account, "channel", "external_id", "username", "blocked") == [
            ("telegram", "ann", "ann_lee", False)
        ]

    def test_somebody_without_a_name_has_one_to_be_shown_by(self, office: Office) -> None:
        office.says("hello")
        assert office.rows(customer, "display_name") == ["Customer 1"]

    def test_a_name_of_the_profile_that_is_too_long_is_not_cut_but_left_out(
        self, office: Office
    ) -> None:
        office.says("hello", payload={"profile": {**PROFILE, "first_name": "x" * 101}})
        assert office.rows(customer, "first_name", "last_name") == [(None, "Lee")]

    def test_a_later_profile_never_goes_over_what_the_person_gave(self, office: Office) -> None:
        office.says("/start").says("Sara", payload={"profile": PROFILE})
        office.says("hello", payload={"profile": PROFILE})
        assert office.customer("first_name") == "Sara"

    def test_it_is_said_once_on_the_timeline_and_as_an_event(self, office: Office) -> None:
        office.says("hello").says("again")
        created = office.rows(activity, "by", "data", type="customer_created")
        assert created == [("channel:telegram", {"channel": "telegram"})]
        assert office.rows(event, "data", type="customer_created") == [{"channel": "telegram"}]

    def test_a_flow_for_new_customers_starts_with_the_first_message_alone(self) -> None:
        office = Office("flow: welcome\ntriggers: customer_created\nnodes: [{say: Welcome}]\n")
        office.receives(office.inbound("one"), office.inbound("two")).says("three")
        assert office.said() == ["Welcome"]

    def test_the_same_person_on_a_second_bot_gets_a_second_conversation(
        self, office: Office
    ) -> None:
        office.says("hello", payload={"profile": PROFILE})
        with office.engine.begin() as db:
            second = open_account(db, office.library.business_id, "telegram", "2", "", NOON)
        first = office.origin
        office.use(second, first)
        office.says("/start", payload={"profile": {"first_name": "Other"}})
        assert len(office.rows(customer, "id")) == 1
        assert len(office.rows(customer_account, "id")) == 1
        assert office.rows(conversation, "account_id", "customer_id") == [
            (first.account_id, 1),
            (second.account_id, 1),
        ]
        assert office.customer("first_name") == "Ann"
        assert office.said() == ["You wrote hello", "Your name?"]

    def test_a_question_asked_on_one_bot_is_not_answered_on_another(self, office: Office) -> None:
        office.says("/start")
        first = office.origin
        with office.engine.begin() as db:
            second = open_account(db, office.library.business_id, "telegram", "2", "", NOON)
        office.use(second, first)
        office.says("hello there")
        assert office.customer("first_name") is None


class TestNoise:
    @pytest.mark.parametrize(
        ("kind", "private", "sender", "reason"),
        [
            ("text", False, "ann", "not in a private chat"),
            ("post", False, "", "not in a private chat"),
            ("text", True, "", "not from a person"),
            ("blocked", True, "ann", "from nobody known"),
            ("edited", True, "ann", "from nobody known"),
            ("reaction", True, "ann", "nothing to do for this kind"),
            ("other", True, "ann", "nothing to do for this kind"),
        ],
    )
    def test_it_is_kept_as_ignored_mail_with_the_reason_and_makes_nobody(
        self, office: Office, kind: Kind, private: bool, sender: str, reason: str
    ) -> None:
        office.says("hello", kind=kind, private=private, sender=sender)
        assert office.rows(mail, "kind", "status", "last_error", "done_at") == [
            (kind, "ignored", reason, NOON)
        ]
        assert office.rows(customer, "id") == []
        assert office.said() == []

    def test_group_chatter_of_somebody_known_does_not_answer_their_question(
        self, office: Office
    ) -> None:
        office.says("/start").says("Bob", private=False, peer="group", sender="ann")
        assert office.customer("first_name") is None
        assert office.rows(mail, "status") == ["done", "ignored"]

    def test_an_update_that_cannot_be_read_is_a_dead_letter_with_its_raw_text(
        self, office: Office
    ) -> None:
        raw = {"update_id": 7, "message": "\x00 not an object"}
        office.receives(Broken("tg:1:7", "message is no object", raw), office.inbound("hello"))
        letter = office.rows(
            mail, "conversation_id", "kind", "status", "last_error", "payload", dedup_key="tg:1:7"
        )
        stored = '{"update_id": 7, "message": "\\u0000 not an object"}'
        assert letter == [(None, "broken", "dead", "message is no object", {"raw": stored})]
        assert office.said() == ["You wrote hello"]

    def test_the_same_broken_update_is_one_dead_letter(self, office: Office) -> None:
        broken = Broken("tg:1:7", "message is no object", {})
        office.receives(broken, broken).receives(broken)
        assert office.rows(mail, "status") == ["dead"]

    def test_blocking_and_unblocking_are_noted_on_the_account_and_leave_the_question_open(
        self, office: Office
    ) -> None:
        office.says("/start").says("", kind="blocked")
        assert office.rows(customer_account, "blocked") == [True]
        office.says("", kind="unblocked").says("Sara")
        assert office.rows(customer_account, "blocked") == [False]
        assert office.customer("first_name") == "Sara"
        assert office.rows(activity, "type", by="engine")[-2:] == [
            "account_blocked",
            "account_unblocked",
        ]

    def test_of_what_comes_in_together_the_last_says_whether_somebody_can_be_reached(
        self, office: Office
    ) -> None:
        office.says("/start").says("/start", peer="bob")
        office.receives(
            office.inbound("Ann"),
            office.inbound("", kind="blocked"),
            office.inbound("", kind="blocked", peer="bob"),
            office.inbound("Bob", peer="bob"),
        )
        assert office.rows(customer_account, "blocked") == [True, False]


class TestOptingOut:
    def automated(self, office: Office, lane: int = 1) -> None:
        """A message of a campaign, on its way to ann in an hour."""
        with office.engine.begin() as db:
            db.execute(
                insert(outbox).values(
                    business_id=office.library.business_id, account_id=office.origin.account_id,
                    conversation_id=1, dedup_key=f"campaign:{lane}", peer="ann", lane=lane,
                    payload={"text": "Sale!"}, status="pending", attempts=0, created_at=NOON,
                    due_at=NOON + timedelta(hours=1),
                )
            )  # fmt: skip

    def test_it_cancels_what_is_automatic_and_unsent_and_is_recorded(self, office: Office) -> None:
        office.says("hello")
        self.automated(office, lane=0)
        self.automated(office, lane=1)
        office.says("STOP")
        assert office.rows(outbox, "status", "last_error", dedup_key="campaign:1") == [
            ("cancelled", "opted out")
        ]
        assert office.rows(outbox, "status", dedup_key="campaign:0") == ["pending"]
        assert office.customer("opted_out_at") == NOON
        assert office.rows(activity, "type", "by", type="opted_out") == [("opted_out", "customer")]
        assert office.said()[-1].startswith("You will get no more automatic messages")

    def test_it_counts_from_the_intake_on_before_anything_that_is_queued(
        self, office: Office
    ) -> None:
        office.says("hello")
        self.automated(office)
        office.keep(office.inbound("first"), office.inbound("stop"))
        assert office.customer("opted_out_at") == NOON
        assert office.rows(outbox, "status", dedup_key="campaign:1") == ["cancelled"]
        assert office.rows(mail, "status")[1:] == ["waiting", "waiting"]

    def test_somebody_elses_messages_go_on(self, office: Office) -> None:
        office.says("hello")
        self.automated(office)
        office.says("stop", peer="bob")
        assert office.rows(outbox, "status", dedup_key="campaign:1") == ["pending"]

    def test_the_open_question_ends_with_it(self, office: Office) -> None:
        office.says("/start").says("stop")
        assert office.rows(run, "status", "outcome") == [("ended", "opted_out")]
        assert office.customer("asking_run") is None
        assert office.customer("first_name") is None

    def test_who_opted_out_is_still_answered(self, office: Office) -> None:
        office.says("stop").said()
        assert office.says("hello").said() == ["You wrote hello"]
        assert office.customer("opted_out_at") == NOON

    def test_start_undoes_it_is_recorded_and_does_what_it_does(self, office: Office) -> None:
        office.says("stop").said()
        assert office.says("/start").said() == ["Your name?"]
        assert office.customer("opted_out_at") is None
        assert office.rows(activity, "by", type="opted_in") == ["customer"]

    def test_an_opt_in_word_undoes_it_too_and_where_no_flow_takes_it_that_is_said(self) -> None:
        office = Office("flow: f\ntriggers: [{on: command, command: go}]\nnodes: [{say: Hi}]\n")
        office.says("stop").said()
        assert office.says("subscribe").said() == ["Welcome back. You will hear from us again."]
        assert office.customer("opted_out_at") is None

    def test_stop_and_start_in_one_answer_leave_what_was_said_last(self, office: Office) -> None:
        office.receives(office.inbound("stop"), office.inbound("/start"))
        assert office.customer("opted_out_at") is None
        office.receives(office.inbound("/start"), office.inbound("stop"))
        assert office.customer("opted_out_at") == NOON

    def test_nobody_is_reminded_who_opted_out_elsewhere(self) -> None:
        """The console or an import may set it while a question is open."""
        office = Office(
            "flow: f\ntriggers: [{on: command, command: start}]\nnodes:\n"
            "  - {ask: Who?, timeout: {after: 2h, remind: [{after: 1h, text: Still there?}]}}\n"
        )
        office.says("/start")
        with office.engine.begin() as db:
            db.execute(update(customer).values(opted_out_at=NOON))
        office.advance("90m")
        assert office.said() == ["Who?"]


def test_a_second_message_of_one_person_waits_while_the_first_is_held(office: Office) -> None:
    """Order beats progress: nothing is applied past a conversation that is held."""
    first: Inbound = office.inbound("one")
    office.keep(first)
    with office.engine.begin() as db:
        db.execute(update(conversation).values(hold_until=NOON + timedelta(minutes=1)))
    office.says("two").says("hello", peer="bob")
    assert (office.said("ann"), office.said("bob")) == ([], ["You wrote hello"])
    office.advance("1m")
    assert office.said("ann") == ["You wrote one", "You wrote two"]


class TestLateness:
    """What overtakes is not taken back; what comes after it is applied as it comes, and marked."""

    def test_what_comes_after_a_later_one_was_applied_is_marked(self, office: Office) -> None:
        office.says("one", provider_seq=5).says("three", provider_seq=7)
        office.says("two", provider_seq=6).says("four", provider_seq=8)
        assert office.said() == ["You wrote one", "You wrote three", "You wrote two",
                                 "You wrote four"]  # fmt: skip
        assert office.rows(mail, "provider_seq", "late") == [
            (5, False), (7, False), (6, True), (8, False)
        ]  # fmt: skip

    def test_what_waits_behind_is_marked_too_and_what_waits_together_is_not(
        self, office: Office
    ) -> None:
        office.says("three", provider_seq=7)
        office.keep(office.inbound("five", provider_seq=9))
        office.keep(office.inbound("four", provider_seq=8), office.inbound("two", provider_seq=6))
        office.drive.settle_down()
        assert sorted(office.rows(mail, "provider_seq", "late")) == [
            (6, True), (7, False), (8, False), (9, False)
        ]  # fmt: skip

    def test_a_process_that_has_just_started_knows_it_from_the_timeline(
        self, office: Office
    ) -> None:
        office.says("three", provider_seq=7)
        office.apply(FLOWS)
        office.says("two", provider_seq=6).says("hello", provider_seq=1, peer="bob")
        assert office.rows(mail, "late") == [False, True, False]

    def test_within_one_stream_too_what_comes_out_of_order_is_marked(self, office: Office) -> None:
        office.use(replace(office.origin, stream="a poller's"))
        office.says("two", provider_seq=2).says("four", provider_seq=4).says(
            "three", provider_seq=3
        )
        office.says("five", provider_seq=5)
        assert office.rows(mail, "late") == [False, False, True, False]

    def test_numbers_that_begin_anew_after_a_quiet_week_are_not_late(self, office: Office) -> None:
        office.says("old", provider_seq=900).advance("8d").says("new", provider_seq=3)
        assert office.rows(mail, "late") == [False, False]


class TestFloods:
    def flood(self, office: Office, messages: int) -> None:
        """So many come while the conversation is held."""
        office.keep(office.inbound("first"))
        for _ in range(1, messages):
            office.keep(office.inbound("again"))

    def test_two_hundred_messages_that_wait_are_all_answered(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rapport.runtime.floods.MOST_AT_ONCE", 20)
        self.flood(office, 20)
        office.drive.settle_down()
        assert len(office.said()) == 20

    def test_more_are_set_aside_and_answered_once_and_the_question_stays_open(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rapport.runtime.floods.MOST_AT_ONCE", 20)
        office.says("/start").says("hello", peer="bob").said()
        self.flood(office, 21)
        office.keep(office.inbound("hello again", peer="bob"))
        office.drive.settle_down()
        assert office.said() == [wording("flooded", "en")]
        assert office.said("bob")[-1] == "You wrote hello again"
        assert office.rows(mail, "last_error", "payload", status="ignored")[0][0] == (
            "21 messages waited at once"
        )
        assert len(office.rows(mail, "id", status="ignored")) == 20
        assert office.rows(activity, "data", type="messages_ignored") == [{"messages": 21}]
        assert office.rows(conversation, "status") == ["idle", "idle"]
        assert office.says("Ann").said() == ["Hello Ann"]

    def test_a_timer_among_them_is_heard(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("rapport.runtime.floods.MOST_AT_ONCE", 20)
        office = Office(
            "flow: f\ntriggers: [{on: command, command: start}]\nnodes:\n"
            "  - {ask: Who?, timeout: {after: 2h, remind: [{after: 1h, text: Still there?}]}}\n"
        )
        office.says("/start").said()
        self.flood(office, 30)
        with office.engine.begin() as db:
            office.desk.ring(db, NOON + timedelta(hours=1))
        office.clock.set(NOON + timedelta(hours=1))
        office.drive.settle_down()
        assert office.said() == [wording("flooded", "en"), "Still there?"]

    def test_who_asks_for_silence_in_a_flood_gets_it(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rapport.runtime.floods.MOST_AT_ONCE", 20)
        office.says("hello")
        office.keep(office.inbound("stop"))
        self.flood(office, 30)
        office.drive.settle_down()
        assert office.customer("opted_out_at") == NOON
