"""A customer who is handed over: the bot is silent, and the staff and they reach each other."""

from __future__ import annotations

from typing import Any, Self

import pytest
from sqlalchemy import update

from crm.errors import NotTalking
from crm.tables import activity, customer, run, trigger_firing
from rapport.runtime import inbox
from rapport.runtime.calls import Call, claim_calls
from rapport.testing.transcripts import run_transcripts
from tests.support.desk import CRM, Office, load

both_stores = pytest.mark.usefixtures("on_both_stores")

STAFF = """
staff:
  - {name: Ali, telegram: "11", teams: [support]}
  - {name: Zoe, telegram: "12"}
always:
  - {keywords: [agent, human], handoff: support, resume_after: 12h}
  - {keywords: [help], flow: helping}
"""

FLOWS = """
flow: talk
triggers: [{on: command, command: talk}]
nodes:
  - say: One moment
  - handoff: support
    timeout: {after: 30m, goto: sorry}
    resume_after: 6h
  - say: I am back
  - ask: Name?
    save_to: first_name
    end: named
  - id: sorry
    say: Nobody is there
    end: sorry
---
flow: ask
triggers: [{on: command, command: ask}]
nodes: [{ask: Size?, save_to: size, timeout: {after: 2h, remind: [{after: 1h, text: Still?}]}}]
---
flow: helping
nodes: [{say: Write /talk}]
---
flow: other
triggers: [{on: message, keywords: [price]}, {on: tag_added, tag: VIP}]
nodes: [{say: Ten}]
---
flow: drip
triggers: [{on: command, command: drip}]
nodes: [{delay: 1h}, {tag: {add: [VIP]}}, {say: Drip}]
---
flow: waiting
triggers: [{on: command, command: waiting}]
nodes: [{wait_for: {on: tag_added, tag: VIP}}, {say: Seen}]
"""


class Front(Office):
    """An office whose staff acts. Ali reads at the number 11, Zoe at 12."""

    def __init__(self, flows: str = FLOWS, **options: Any) -> None:
        super().__init__(flows, crm=CRM + STAFF, **options)

    def staff(self, act: str, *words: str, by: str = "Ali", peer: str = "ann") -> Self:
        acts: dict[str, Any] = {
            "reply": inbox.answer, "release": inbox.release, "take": inbox.take,
        }  # fmt: skip
        with self.engine.begin() as db:
            business_id, now = self.library.business_id, self.clock.now()
            acts[act](db, business_id, self.customer_id(peer), by, *words, now)
        self.drive.settle_down()
        return self

    def talks(self) -> list[inbox.Talk]:
        with self.engine.begin() as db:
            return inbox.talks(db, self.library.business_id)

    def outcomes(self, flow: str) -> list[Any]:
        return self.rows(run, "outcome", flow=flow)


@pytest.fixture
def at() -> Front:
    return Front()


@both_stores
class TestTalking:
    def test_the_bot_is_silent_and_each_reaches_the_other(self) -> None:
        at = Front().says("/talk", "my order is late", "price", "/ask", "help")
        assert at.said() == ["One moment"]
        id_ = at.customer_id()
        assert at.said("11") == [
            f"🙋 Customer {id_} (id:{id_}) waits for somebody to talk with.",
            *(
                f"Customer {id_} (id:{id_}): {text}"
                for text in ("my order is late", "price", "/ask", "help")
            ),
        ]
        assert at.said("12") == []
        at.staff("reply", "We look into it").staff("reply", "It comes today")
        assert at.said() == ["We look into it", "It comes today"]

    def test_when_it_is_given_back_the_flow_goes_on(self) -> None:
        at = Front().says("/talk", "hello").staff("release")
        assert at.said() == ["One moment", "I am back", "Name?"]
        at.says("Ann")
        assert at.customer("first_name") == "Ann"

    def test_who_speaks_stands_on_the_timeline(self) -> None:
        at = Front().says("/talk", "hello").staff("reply", "Hi", by="Zoe").staff("release")
        rows = at.rows(activity, "type", "by", "description")
        assert ("message_sent", "staff:Zoe", "Hi") in rows
        assert ("released", "staff:Ali", "Given back to the bot") in rows
        assert [type_ for type_, *_ in rows if type_ in ("handed_over", "taken_back")] == [
            "handed_over", "taken_back",
        ]  # fmt: skip

    def test_the_list_says_who_waits_for_an_answer_and_since_when(self) -> None:
        at = Front().says("/talk", peer="bob").advance("1m").says("/talk", "hello")
        assert [talk.name for talk in at.talks()] == [
            f"Customer {at.customer_id('bob')}", f"Customer {at.customer_id()}"
        ]  # fmt: skip
        at.advance("1m").staff("reply", "Hi", peer="bob")
        first, second = at.talks()
        assert (first.to, first.last, first.is_answered) == ("support", "hello", False)
        assert second.is_answered
        at.says("thanks", peer="bob")
        assert [talk.is_answered for talk in at.talks()] == [False, False]
        at.staff("release").staff("release", peer="bob")
        assert at.talks() == []


class TestTime:
    def test_nobody_comes_in_time(self, at: Front) -> None:
        at.says("/talk").advance("29m").says("hello?").advance("1m")
        assert at.said() == ["One moment", "Nobody is there"]
        assert at.outcomes("talk") == ["sorry"]

    def test_an_answer_in_time_ends_the_timeout(self, at: Front) -> None:
        at.says("/talk").advance("29m").staff("reply", "Here").advance("1h")
        assert at.said() == ["One moment", "Here"]

    def test_the_bot_goes_on_after_so_much_silence_of_both(self, at: Front) -> None:
        at.says("/talk").staff("reply", "Here").advance("5h").says("hm")
        at.advance("5h").staff("reply", "So?").advance("359m")
        assert at.said() == ["One moment", "Here", "So?"]
        assert at.advance("1m").said() == ["I am back", "Name?"]

    def test_without_a_way_the_run_ends_as_nobody_came(self) -> None:
        at = (
            Front(
                "flow: talk\ntriggers: [{on: command, command: talk}]\n"
                "nodes: [{handoff: Ali, timeout: 1h}, {say: Never}]\n---\n"
                "flow: helping\nnodes: [{say: x}]\n"
            )
            .says("/talk")
            .advance("1h")
        )
        assert at.said() == []
        assert at.outcomes("talk") == ["nobody_came"]

    def test_it_survives_a_restart(self, at: Front) -> None:
        at.says("/talk", "hello")
        at.apply(FLOWS)
        at.says("still there?").staff("release")
        assert at.said() == ["One moment", "I am back", "Name?"]


class TestAlways:
    def test_a_word_calls_somebody_of_the_staff(self) -> None:
        at = Front().says("Agent!", "my order")
        assert at.said() == ["Somebody of our team will answer you here."]
        assert len(at.said("11")) == 2
        assert at.staff("release").said() == ["You are talking with our bot again."]

    def test_the_open_question_is_asked_again_afterwards(self, at: Front) -> None:
        at.says("/ask", "agent", "40").staff("reply", "Yes?").staff("release")
        assert at.said() == [
            "Size?", "Somebody of our team will answer you here.", "Yes?",
            "You are talking with our bot again.", "Size?",
        ]  # fmt: skip
        assert at.says("41").customer("size") == 41

    def test_it_is_back_by_itself_after_its_silence(self, at: Front) -> None:
        at.says("agent").advance("11h").says("hello?").advance("11h")
        assert len(at.said()) == 1
        assert at.advance("1h").said() == ["You are talking with our bot again."]

    def test_the_list_shows_what_the_person_said_not_the_bot(self, at: Front) -> None:
        at.says("agent")
        assert [talk.last for talk in at.talks()] == ["agent"]

    def test_the_question_s_own_words_come_first(self) -> None:
        at = Front(
            "flow: pick\ntriggers: [{on: command, command: pick}]\n"
            "nodes: [{ask: Who?, choices: [agent, bot], save_to: var.x}, {say: '{{ var.x }}'}]\n"
            "---\nflow: helping\nnodes: [{say: x}]\n"
        ).says("/pick", "agent")
        assert at.said() == ["Who?", "agent"]


@both_stores
class TestSilence:
    def test_opting_out_wins_and_the_talk_goes_on(self) -> None:
        at = Front().says("/talk", "stop")
        assert "no more automatic messages" in at.said()[-1]
        assert at.customer("opted_out_at") is not None
        assert at.said("11")[-1].endswith(": stop")
        assert at.staff("reply", "Sorry to hear").said() == ["Sorry to hear"]

    def test_after_an_opt_out_nobody_is_asked_what_they_do_not_see(self) -> None:
        at = Front().says("/talk", "stop").staff("release")
        assert at.outcomes("talk") == ["opted_out"]
        assert at.said()[2:] == []

    def test_what_is_automatic_waits_until_the_bot_is_back(self) -> None:
        at = Front().says("/drip", "/talk", "hello").staff("reply", "Hi").advance("2h")
        assert at.said() == ["One moment", "Hi"]
        assert at.rows(trigger_firing, "status") == []
        at.staff("release")
        assert at.said() == ["I am back", "Name?", "Drip"]

    def test_a_run_that_waits_for_an_event_goes_on_afterwards(self) -> None:
        at = Front().says("/waiting", "/drip").advance("59m").says("agent").advance("2m")
        assert at.said()[1:] == []
        at.staff("release")
        assert set(at.said()) >= {"You are talking with our bot again.", "Drip", "Seen"}

    def test_reminder_and_timeout_of_a_covered_question_wait(self) -> None:
        at = Front().says("/ask", "agent").advance("3h")
        assert len(at.said()) == 2
        at.staff("release")
        assert at.said() == ["You are talking with our bot again."]
        assert at.outcomes("ask") == ["no_reply"]


@both_stores
class TestTaking:
    def test_the_staff_takes_a_customer_from_the_bot(self) -> None:
        at = Front().says("/ask").staff("take", by="Zoe").says("40")
        assert at.said() == ["Size?"]
        id_ = at.customer_id()
        assert (at.said("11"), at.said("12")) == ([], [f"Customer {id_} (id:{id_}): 40"])
        assert at.staff("release", by="Zoe").said() == [
            "You are talking with our bot again.", "Size?"
        ]  # fmt: skip

    def test_one_of_a_team_takes_the_talk_to_themselves(self) -> None:
        at = Front().says("/talk").staff("take", by="Zoe").says("hello")
        assert (len(at.said("11")), len(at.said("12"))) == (1, 1)

    def test_a_word_of_the_staff_reaches_whoever_the_bot_talks_with(self) -> None:
        at = Front().says("/ask").staff("reply", "By the way").says("40")
        assert at.said() == ["Size?", "By the way"]
        assert at.customer("size") == 40


class TestAssigned:
    def test_a_word_calls_whoever_the_customer_is_assigned_to(self) -> None:
        crm = (
            "staff: [{name: Ali, telegram: '11'}]\nalways: [{keywords: agent, handoff: assigned}]\n"
        )
        at = Office("flow: f\nnodes: [{say: x}]\n", crm=CRM + crm).says("hi")
        with at.engine.begin() as db:
            db.execute(update(customer).values(assigned_to="Ali"))
        at.says("agent")
        assert len(at.said("11")) == 1

    def test_where_nobody_can_be_told_the_timeline_says_so(self) -> None:
        at = Front(
            "flow: talk\ntriggers: [{on: command, command: talk}]\n"
            "nodes: [{handoff: assigned}]\n---\nflow: helping\nnodes: [{say: x}]\n"
        ).says("/talk")
        assert "staff_not_told" in at.rows(activity, "type")
        assert len(at.talks()) == 1


class TestRefusals:
    def test_who_talks_with_the_bot_cannot_be_given_back(self, at: Front) -> None:
        at.says("/ask")
        with pytest.raises(NotTalking, match="nobody has taken over"):
            at.staff("release")

    @pytest.mark.parametrize(("text", "why"), [("  ", "needs a text"), ("x" * 4001, "at most")])
    def test_an_answer_is_some_text(self, at: Front, text: str, why: str) -> None:
        with pytest.raises(NotTalking, match=why):
            at.says("/talk").staff("reply", text)

    def test_who_has_blocked_us_cannot_be_taken(self, at: Front) -> None:
        at.says("/ask").receives(at.inbound(kind="blocked"))
        with pytest.raises(NotTalking, match="may be written to"):
            at.staff("take")


URL = "https://api.example.com/stock"


class TestAnswersOfOthers:
    FLOWS = (
        "flow: slow\ntriggers: [{on: command, command: slow}]\n"
        f"nodes: [{{delay: 1h}}, {{http: '{URL}'}}, "
        "{say: 'In stock: {{ answer.json }}'}]\n---\nflow: helping\nnodes: [{say: x}]\n"
    )

    def test_an_answer_to_a_request_waits_until_the_bot_is_back(self) -> None:
        at = Front(self.FLOWS)
        at.says("/slow").advance("61m").says("agent").said()
        (call,) = claimed(at)
        bring(at, call)
        assert at.said() == []
        at.staff("release")
        assert at.said() == ["You are talking with our bot again.", "In stock: 3"]

    def test_one_that_comes_for_an_earlier_wait_ends_no_talk(self) -> None:
        at = Front(
            "flow: slow\ntriggers: [{on: command, command: slow}]\n"
            f"nodes: [{{ask: Which?, save_to: var.x}}, {{http: '{URL}'}}, {{handoff: Ali}}]\n---\n"
            "flow: helping\nnodes: [{say: x}]\n"
        ).says("/slow", "this")
        (call,) = claimed(at)
        at.advance("11s")
        bring(at, call)
        assert [talk.to for talk in at.talks()] == ["Ali"]


def claimed(at: Front) -> list[Call]:
    with at.engine.begin() as db:
        return claim_calls(db, at.library.business_id, at.clock.now(), 10)


def bring(at: Front, call: Call) -> None:
    answer = {"status": 200, "json": 3, "text": "", "error": None}
    with at.engine.begin() as db:
        at.desk.answer(db, call, answer, at.clock.now())
    at.drive.settle_down()


class TestDetours:
    def test_a_flow_on_top_of_the_question_may_ask_after_the_talk(self) -> None:
        at = (
            Front(
                "flow: ask\ntriggers: [{on: command, command: ask}]\n"
                "nodes: [{ask: Size?, save_to: size}]\n---\n"
                "flow: helping\nnodes: [{handoff: Ali}, {ask: Was it good?, save_to: var.g}]\n"
            )
            .says("/ask", "help", "hello")
            .staff("release")
        )
        assert at.said() == ["Size?", "Was it good?"]
        assert at.says("yes").said() == ["Size?"]


class TestTranscripts:
    def test_a_test_may_say_what_the_staff_does(self) -> None:
        loaded = load(
            FLOWS,
            CRM + STAFF,
            talk="test: somebody helps\nflow: talk\nsteps:\n"
            "- {user: /talk}\n- {bot: One moment}\n- {staff: {contains: waits}}\n"
            "- {user: late}\n- {staff: {contains: late}}\n- {reply: It comes}\n"
            "- {bot: It comes}\n- {release: bot}\n- {bot: I am back}\n- {bot: Name?}\n"
            "- {user: Ann}\n- {expect: {outcome: named, customer.first_name: Ann}}\n---\n"
            "test: nobody has her\nflow: talk\nsteps:\n- {user: hm}\n- {release: bot}\n",
        )
        held, refused = run_transcripts(loaded)
        assert held.passed, held.difference
        assert refused.difference is not None
        assert "nobody has taken over" in refused.difference.why
