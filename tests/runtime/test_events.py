"""Events: what happens with a customer stops runs, lets them go on, and starts flows, once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from crm.services.ledger import Cause, Ledger
from crm.tables import activity, event, run, segment, segment_member, trigger_firing
from tests.support.desk import CRM, NOON, Office

both_stores = pytest.mark.usefixtures("on_both_stores")

MARK = """
flow: mark
triggers: [{on: command, command: vip}]
nodes: [{tag: {add: [VIP]}}, {say: Done}]
---
flow: unmark
triggers: [{on: command, command: plain}]
nodes: [{tag: {remove: [VIP]}}]
---
"""


def office(flows: str, **options: Any) -> Office:
    return Office(MARK + flows, **options)


def welcome(more: str = "", nodes: str = "[{say: Welcome}]", flow: str = "welcome") -> str:
    trigger = f"{{on: tag_added, tag: VIP{more}}}"
    return f"flow: {flow}\ntriggers: [{trigger}]\nnodes: {nodes}\n"


def decided(at: Office) -> list[Any]:
    rows = at.rows(trigger_firing, "trigger", "status", "reason")
    return [(trigger.partition("/")[0], status, reason) for trigger, status, reason in rows]


ASK = "flow: ask\ntriggers: [{on: command, command: ask}]\nnodes: [{ask: Name?, save_to: var.x}]\n"


SEGMENTS = "segments: {big: {name: Big, static: true}}\n"


class TestStarting:
    @both_stores
    def test_an_event_starts_the_flow_that_listens_for_it(self) -> None:
        at = office(welcome()).says("/vip")
        assert at.said() == ["Done", "Welcome"]
        assert decided(at) == [("welcome", "started", None)]

    def test_each_occurrence_starts_it_once(self) -> None:
        at = office(welcome()).says("/vip", "/vip", "/plain", "/vip")
        assert at.said().count("Welcome") == 2

    def test_what_is_put_on_again_without_a_change_is_no_event(self) -> None:
        at = office(welcome()).says("/vip", "/vip")
        assert at.said().count("Welcome") == 1

    def test_a_field_s_old_and_new_value_tell_the_event(self) -> None:
        at = Office(
            "flow: size\ntriggers: [{on: command, command: size}]\n"
            "nodes: [{ask: Size?, save_to: size}]\n---\n"
            "flow: grown\ntriggers: [{on: field_updated, field: size, from: 40, to: 41}]\n"
            'nodes: [{say: "{{ event.old }} to {{ event.new }}"}]\n---\n'
            "flow: first\ntriggers: [{on: custom_field_updated, field: size, from: null}]\n"
            "nodes: [{say: First}]\n"
        )
        at.says("/size", "40", "/size", "42", "/size", "40", "/size", "41")
        assert at.said() == [
            "Size?", "First", "Size?", "Size?", "Size?", "40 to 41"
        ]  # fmt: skip

    def test_only_is_asked_when_it_is_released_and_uses_the_occasion_up(self) -> None:
        at = office(welcome(", only: {first_name: Sara}")).says("/vip")
        assert at.said() == ["Done"]
        assert decided(at) == [("welcome", "skipped", "`only` does not hold")]

    def test_once_for_ever(self) -> None:
        at = office(welcome(", once: ever")).says("/vip", "/plain", "/vip")
        assert at.said().count("Welcome") == 1
        assert decided(at)[1][1:] == ("skipped", "has started before")

    @both_stores
    def test_once_in_a_time(self) -> None:
        at = office(welcome(", once: 30d")).says("/vip", "/plain", "/vip")
        at.advance("30d").says("/plain", "/vip")
        assert at.said().count("Welcome") == 2

    def test_the_greater_priority_starts_first(self) -> None:
        first = welcome(", priority: 5", "[{say: First}]", flow="zz")
        assert office(welcome() + "---\n" + first).says("/vip").said() == [
            "Done", "First", "Welcome"
        ]  # fmt: skip

    def test_who_has_opted_out_is_not_written_to(self) -> None:
        at = office(welcome()).says("/vip", "stop", "/plain", "/vip")
        assert at.said().count("Welcome") == 1
        assert decided(at)[1][1:] == ("skipped", "opted out")

    def test_another_channel_only(self) -> None:
        at = office(welcome(", channel: instagram")).says("/vip")
        assert at.said() == ["Done"]
        assert decided(at)[0][1] == "skipped"

    def test_again_decides_for_who_is_in_the_flow_already(self) -> None:
        slow = "[{say: Welcome}, {delay: 1d}, {say: Later}]"
        at = office(welcome(nodes=slow)).says("/vip", "/plain", "/vip")
        assert at.said() == ["Done", "Welcome", "Done"]
        assert decided(at)[1] == ("welcome", "skipped", "is in the flow already")

    def test_again_restart_ends_the_earlier_run(self) -> None:
        slow = "[{say: Welcome}, {delay: 1d}]\nagain: restart"
        at = office(welcome(nodes=slow)).says("/vip", "/plain", "/vip")
        assert at.said().count("Welcome") == 2
        assert at.rows(run, "outcome", flow="welcome") == ["restarted", None]

    def test_again_parallel_lets_both_go_on(self) -> None:
        slow = "[{say: Welcome}, {delay: 1d}]\nagain: parallel"
        at = office(welcome(nodes=slow)).says("/vip", "/plain", "/vip")
        assert at.rows(run, "status", flow="welcome") == ["sleeping", "sleeping"]


@both_stores
class TestBusy:
    def test_what_is_automatic_waits_for_the_open_question_to_close(self) -> None:
        at = office(
            "flow: ask\ntriggers: [{on: command, command: ask}]\n"
            "nodes: [{tag: {add: [VIP]}}, {ask: Name?, save_to: var.x}]\n---\n" + welcome()
        ).says("/ask")
        assert at.said() == ["Name?"]
        assert decided(at) == [("welcome", "held", "a question is open")]
        at.says("Sara")
        assert at.said() == ["Welcome"]
        assert decided(at) == [("welcome", "started", None)]

    def asking_and_marked(self, more: str, *others: str) -> Office:
        return office(
            "flow: ask\ntriggers: [{on: command, command: ask}]\n"
            "nodes: [{tag: {add: [VIP]}}, {ask: Name?, save_to: var.x}, {say: Thanks}]\n---\n"
            + "---\n".join((welcome(more), *others))
        ).says("/ask")

    def test_if_busy_skip(self) -> None:
        at = self.asking_and_marked(", if_busy: skip").says("Sara")
        assert at.said() == ["Name?", "Thanks"]
        assert decided(at) == [("welcome", "skipped", "a question is open")]

    def test_if_busy_interrupt(self) -> None:
        at = self.asking_and_marked(", if_busy: interrupt")
        assert at.said() == ["Name?", "Welcome"]
        assert at.rows(run, "outcome", flow="ask") == ["interrupted"]

    def test_what_waited_too_long_is_skipped_as_expired(self) -> None:
        at = self.asking_and_marked(", catch_up: 2h").advance("2h").says("Sara")
        assert at.said() == ["Name?", "Thanks"]
        assert decided(at) == [("welcome", "skipped", "expired")]

    def test_a_day_is_how_long_it_waits_by_default(self) -> None:
        at = self.asking_and_marked("").advance("23h")
        assert decided(at)[0][1] == "held"
        assert decided(at.advance("1h"))[0][1:] == ("skipped", "expired")

    def test_the_oldest_goes_first_and_one_that_asks_keeps_the_rest_waiting(self) -> None:
        asks = "[{ask: Shoe size?, save_to: var.y}]"
        last = "flow: last\ntriggers: [{on: tag_removed}]\nnodes: [{say: Last}]\n"
        at = office(
            "flow: ask\ntriggers: [{on: command, command: ask}]\nnodes:\n"
            "  - {tag: {add: [VIP]}}\n  - {tag: {remove: [VIP]}}\n"
            "  - {ask: Name?, save_to: var.x}\n---\n" + welcome(nodes=asks) + "---\n" + last
        ).says("/ask", "Sara")
        assert at.said() == ["Name?", "Shoe size?"]
        assert at.says("40").said() == ["Last"]

    def test_what_waits_is_there_after_a_restart(self) -> None:
        at = self.asking_and_marked("")
        at.use(at.origin)
        assert at.says("Sara").said() == ["Name?", "Thanks", "Welcome"]

    def test_a_command_may_say_that_it_waits(self) -> None:
        at = office(
            ASK + "---\nflow: news\ntriggers: [{on: command, command: news, if_busy: queue}]\n"
            "nodes: [{say: News}]\n"
        ).says("/ask", "/news")
        assert at.said() == ["Name?"]
        assert at.says("Sara").said() == ["News"]

    def test_a_run_that_would_ask_while_a_question_is_open_does_so_afterwards(self) -> None:
        at = office(
            ASK + "---\nflow: later\ntriggers: [{on: command, command: later}]\n"
            "nodes: [{delay: 1h}, {ask: Colour?, save_to: var.c}]\n"
        ).says("/later", "/ask")
        assert at.advance("2h").said() == ["Name?"]
        assert at.says("Sara").said() == ["Colour?"]

    def test_a_run_that_only_says_something_says_it_at_its_time(self) -> None:
        at = office(
            ASK + "---\nflow: later\ntriggers: [{on: command, command: later}]\n"
            "nodes: [{delay: 1h}, {say: Drip}]\n"
        ).says("/later", "/ask")
        assert at.advance("2h").said() == ["Name?", "Drip"]


class TestOnceForMessages:
    @both_stores
    def test_a_keyword_may_start_its_flow_once(self) -> None:
        at = Office(
            "flow: gift\ntriggers: [{on: message, keywords: [gift], once: ever}]\n"
            "nodes: [{say: Here}]\n---\n"
            "flow: other\ntriggers: [{on: message, any: true}]\nnodes: [{say: What?}]\n"
        ).says("gift", "gift")
        assert at.said() == ["Here", "What?"]


WAIT = """
flow: wait
triggers: [{on: command, command: wait}]
nodes:
  - wait_for: {on: tag_added, tag: VIP}
    timeout: {after: 3d, goto: silent}
  - {say: "Saw {{ answer.tag }}", end: seen}
  - {id: silent, say: Nothing came}
"""


class TestWaiting:
    @both_stores
    def test_a_run_goes_on_by_the_event_it_waits_for(self) -> None:
        at = office(WAIT).says("/wait", "/vip")
        assert at.said() == ["Done", "Saw VIP"]
        assert at.rows(run, "outcome", flow="wait") == ["seen"]

    def test_it_does_not_wait_for_ever_where_it_says_so(self) -> None:
        assert office(WAIT).says("/wait").advance("3d").said() == ["Nothing came"]

    def test_what_happened_before_it_waited_is_not_waited_for(self) -> None:
        early = WAIT.replace("  - wait_for", "  - tag: {add: [VIP]}\n  - wait_for")
        at = office(early).says("/wait")
        assert at.said() == []
        assert at.says("/plain", "/vip").said() == ["Done", "Saw VIP"]

    def test_only_is_asked_of_the_event(self) -> None:
        picky = WAIT.replace("tag: VIP}", "only: {event.tag: Asked}}")
        assert office(picky).says("/wait", "/vip").said() == ["Done"]

    def test_a_message_may_be_waited_for(self) -> None:
        at = Office(
            "flow: wait\ntriggers: [{on: command, command: wait}]\n"
            "nodes: [{wait_for: {on: message, keywords: [paid]}}, {say: Thanks}]\n---\n"
            "flow: lost\ntriggers: [{on: message, any: true}]\nnodes: [{say: What?}]\n"
        ).says("/wait", "hm", "Paid!")
        assert at.said() == ["What?", "Thanks"]

    def test_the_open_question_comes_before_who_waits_for_a_message(self) -> None:
        at = Office(
            ASK + "---\nflow: wait\ntriggers: [{on: command, command: wait}]\n"
            "nodes: [{wait_for: {on: message, any: true}}, {say: Heard}]\n"
        ).says("/wait", "/ask", "Sara")
        assert at.said() == ["Name?"]
        assert at.says("hello").said() == ["Heard"]

    def test_an_event_that_comes_while_a_question_is_open_is_not_forgotten(self) -> None:
        at = office(
            WAIT.replace("  - {say: \"Saw {{ answer.tag }}\", end: seen}",
                         "  - {ask: \"{{ answer.tag }}?\", save_to: var.x}")
            + "---\nflow: both\ntriggers: [{on: command, command: both}]\n"
            "nodes: [{tag: {add: [VIP]}}, {ask: Name?, save_to: var.x}]\n"
        ).says("/wait", "/both")  # fmt: skip
        assert at.said() == ["Name?"]
        assert at.says("Sara").said() == ["VIP?"]


STOP = """
flow: course
triggers: [{on: command, command: course}]
stop_on:
  - {on: tag_added, tag: VIP, outcome: bought}
  - {on: tag_removed, tag: VIP, goto: pity}
  - {on: message, keywords: [enough]}
nodes:
  - {ask: Lesson one?, save_to: var.a, skip: [no]}
  - {delay: 7d}
  - {say: Lesson two, end: done}
  - {id: pity, say: A pity}
"""


class TestStopping:
    def test_a_run_that_asks_ends_the_moment_it_happens(self) -> None:
        at = office(STOP).says("/course", "/vip")
        assert at.rows(run, "outcome", flow="course") == ["interrupted"]
        at = office(STOP.replace("ask: Lesson one?, save_to: var.a, skip: [no]", "delay: 1d"))
        at.says("/course", "/vip")
        assert at.rows(run, "outcome", flow="course") == ["bought"]
        assert at.advance("30d").said() == ["Done"]

    def test_it_may_go_elsewhere_instead(self) -> None:
        at = office(STOP).says("/vip", "/course", "ok", "/plain")
        assert at.said() == ["Done", "Lesson one?", "A pity"]

    def test_a_message_stops_it_before_the_question_hears_it(self) -> None:
        at = office(STOP).says("/course", "Enough!")
        assert at.said() == ["Lesson one?"]
        assert at.rows(run, "outcome", flow="course") == ["stopped"]

    def test_what_a_flow_does_itself_stops_it_before_its_next_node(self) -> None:
        own = "flow: f\ntriggers: [{on: command, command: f}]\nstop_on: [tag_added]\n"
        at = Office(own + "nodes: [{tag: {add: [VIP]}}, {say: Never}]\n").says("/f")
        assert at.said() == []
        assert at.rows(run, "outcome") == ["stopped"]

    def test_a_caller_stops_for_what_the_called_flow_does(self) -> None:
        at = Office(
            "flow: outer\ntriggers: [{on: command, command: f}]\n"
            "stop_on: [{on: tag_added, goto: out}]\n"
            "nodes: [{call: inner}, {say: Never}, {id: out, say: Out}]\n---\n"
            "flow: inner\nnodes: [{tag: {add: [VIP]}}, {say: Never}]\n"
        ).says("/f")
        assert at.said() == ["Out"]

    def test_the_stopped_question_gives_way_to_what_waited(self) -> None:
        stopped = "flow: ask\ntriggers: [{on: command, command: ask}]\nstop_on: [tag_removed]\n"
        at = office(
            stopped + "nodes: [{tag: {add: [VIP]}}, {ask: Name?, save_to: var.x}]\n---\n"
            + welcome() + "---\nflow: off\ntriggers: [{on: tag_added, tag: Asked, "
            "if_busy: interrupt}]\nnodes: [{tag: {remove: [VIP]}}]\n"
        ).says("/ask")  # fmt: skip
        with_event(at, "tag_removed", {"tag": "VIP"})
        assert at.said() == ["Name?", "Welcome"]


def with_event(at: Office, type_: str, data: Any, days_ago: int = 0) -> None:
    """Something happened outside of turns, as a console or an import writes it."""
    row = {
        "business_id": at.library.business_id, "customer_id": at.customer_id(), "type": type_,
        "data": data, "depth": 0, "at": at.clock.now() - timedelta(days=days_ago), "unheard": True,
    }  # fmt: skip
    with at.engine.begin() as db:
        db.execute(insert(event).values(**row))
    at.drive.settle_down()


class TestFromOutside:
    @both_stores
    def test_what_a_service_changes_is_heard_by_the_turns(self) -> None:
        at = Office(
            "flow: hi\ntriggers: [{on: command, command: hi}]\nnodes: [{say: Hi}]\n---\n"
            "flow: size\ntriggers: [{on: field_updated, field: size}]\n"
            'nodes: [{say: "{{ event.new }}"}]\n'
        ).says("/hi")
        library = at.library
        with at.engine.begin() as db:
            ledger = Ledger(library.business_id, library.business.fields, library.columns)
            values: Any = {"size": 44}
            ledger.set_field(at.customer_id(), "size", values, None, NOON, Cause(by="console"))
            ledger.write(db)
        at.drive.settle_down()
        assert at.said() == ["Hi", "44"]
        assert set(at.rows(event, "unheard")) == {None}

    @both_stores
    def test_it_is_heard_once(self) -> None:
        at = office(welcome()).says("/plain")
        with_event(at, "tag_added", {"tag": "VIP"})
        at.drive.settle_down()
        assert at.said() == ["Welcome"]
        assert [one[1] for one in decided(at)] == ["started"]

    def test_what_nobody_listens_for_is_only_marked(self) -> None:
        at = office(welcome()).says("/plain")
        with_event(at, "purchase", {"amount": 5})
        assert at.said() == []
        assert set(at.rows(event, "unheard")) == {None}

    @both_stores
    def test_what_happened_days_ago_starts_nothing(self) -> None:
        at = office(welcome()).says("/plain")
        with_event(at, "tag_added", {"tag": "VIP"}, days_ago=2)
        assert at.said() == []

    @both_stores
    def test_who_blocked_us_is_skipped_with_the_reason(self) -> None:
        at = office(welcome()).says("/plain").says("", kind="blocked")
        with_event(at, "tag_added", {"tag": "VIP"})
        assert at.said() == []
        assert decided(at) == [
            ("welcome", "skipped", "no account of the customer's may be written to")
        ]

    @pytest.mark.parametrize(
        ("trigger", "data", "fits"),
        [
            ("on: purchase, only: {event.amount__gte: 50}", {"amount": 99}, True),
            ("on: purchase, only: {event.amount__gte: 50}", {"amount": 9}, False),
            ("on: score_changed, crosses: 80", {"old": 70, "new": 85}, True),
            ("on: score_changed, crosses: 80, direction: down", {"old": 70, "new": 85}, False),
            ("on: customer_score_changed, by: 60", {"old": 70, "new": 11}, False),
            ("on: score_changed, by: 60, direction: up", {"old": 20, "new": 80}, True),
            ("on: stage_changed, to: vip", {"stage": "lifecycle", "new": "vip"}, True),
            ("on: stage_changed, stage: journey", {"stage": "lifecycle", "new": "vip"}, False),
            ("on: task_completed", {"title": "Call"}, True),
        ],
    )
    def test_each_event_by_its_options(
        self, trigger: str, data: dict[str, Any], fits: bool
    ) -> None:
        on = trigger.partition(",")[0].removeprefix("on: ").replace("customer_score", "score")
        at = office(f"flow: f\ntriggers: [{{{trigger}}}]\nnodes: [{{say: Yes}}]\n").says("/plain")
        with_event(at, on, data)
        assert at.said() == (["Yes"] if fits else [])

    def test_entering_and_leaving_a_segment_under_one_name(self) -> None:
        flow = "flow: f\ntriggers: [{on: customer_segment_changed, segment: big}]\n"
        say = 'nodes: [{say: "{{ event.direction }}"}]\n'
        at = office(flow + say, crm=CRM + SEGMENTS).says("/plain")
        with_event(at, "segment_entered", {"segment": "big"})
        with_event(at, "segment_left", {"segment": "big"})
        with_event(at, "segment_left", {"segment": "small"})
        assert at.said() == ["entered", "left"]


class TestChains:
    @both_stores
    def test_rules_that_feed_each_other_end_and_say_so(self) -> None:
        at = office(
            "flow: up\ntriggers: [{on: tag_added, tag: VIP}]\nnodes: [{tag: {remove: [VIP]}}]\n"
            "---\nflow: down\ntriggers: [{on: tag_removed, tag: VIP}]\n"
            "nodes: [{tag: {add: [VIP]}}]\n"
        ).says("/vip")
        assert len(at.rows(trigger_firing, "status")) == 8
        assert at.rows(activity, "type").count("rules_stopped") == 1
        assert max(at.rows(event, "depth")) == 8

    def test_runs_that_wake_each_other_end_too(self) -> None:
        loop = (
            "flow: {flow}\ntriggers: [{{on: command, command: {flow}}}]\nnodes:\n"
            "  - {{id: w, wait_for: {{on: {on}, tag: VIP}}, timeout: 1d}}\n"
            "  - {{tag: {{{do}: [VIP]}}, goto: w}}\n"
        )
        at = office(
            loop.format(flow="a", on="tag_added", do="remove") + "---\n"
            + loop.format(flow="b", on="tag_removed", do="add")
        ).says("/a", "/b", "/vip")  # fmt: skip
        assert at.rows(activity, "type").count("rules_stopped") == 1

    def test_the_next_thing_that_a_person_does_begins_a_new_chain(self) -> None:
        at = office(welcome())
        for _ in range(12):
            at.says("/vip", "/plain")
        assert at.said().count("Welcome") == 12


@both_stores
class TestStart:
    def test_a_flow_starts_for_itself_with_its_variables(self) -> None:
        at = Office(
            "flow: a\ntriggers: [{on: command, command: a}]\n"
            "nodes: [{start: b, with: {n: 5}}, {say: A}]\n---\n"
            'flow: b\nvars: {n: 1, m: 2}\nnodes: [{say: "{{ var.n }} {{ var.m }}"}]\n'
        ).says("/a")
        assert at.said() == ["A", "5 2"]

    def test_it_waits_for_the_question_that_its_starter_asks(self) -> None:
        at = Office(
            "flow: a\ntriggers: [{on: command, command: a}]\n"
            "nodes: [{start: b}, {ask: Name?, save_to: var.x}]\n---\nflow: b\nnodes: [{say: B}]\n"
        ).says("/a")
        assert at.said() == ["Name?"]
        assert at.says("Sara").said() == ["B"]

    def test_everybody_of_a_segment_gets_it_once_in_pieces(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("rapport.runtime.expansions.AT_ONCE", 2)
        at = Office(
            "flow: go\ntriggers: [{on: command, command: go}]\n"
            "nodes: [{start: news, for: big}]\n---\nflow: news\nnodes: [{say: News}]\n",
            crm=CRM + SEGMENTS,
        )
        people = [f"p{number}" for number in range(5)]
        for peer in people:
            at.says("hello", peer=peer)
        with at.engine.begin() as db:
            found = db.execute(select(segment.c.id)).scalar_one()
            for peer in people:
                db.execute(
                    insert(segment_member).values(
                        segment_id=found,
                        customer_id=at.customer_id(peer),
                        business_id=at.library.business_id,
                        entered_at=NOON,
                    )
                )
        at.says("/go", peer="boss")
        assert [at.said(peer) for peer in people] == [["News"]] * 5
        assert at.said("boss") == []
