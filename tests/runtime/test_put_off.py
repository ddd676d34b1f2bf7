"""A run that may not go on now goes on later, whatever it goes on by."""

from __future__ import annotations

import pytest

from crm.tables import activity, expansion, run
from engine.transcript import HttpReply
from tests.support.desk import CRM, Office

pytestmark = pytest.mark.usefixtures("on_both_stores")

URL = "https://api.example.com/colour"

ASK = (
    "flow: ask\ntriggers: [{on: command, command: ask}]\n"
    "nodes: [{ask: Name?, save_to: var.x}]\n---\n"
)


def slow(nodes: str, more: str = "") -> str:
    return f"flow: slow\ntriggers: [{{on: command, command: slow}}]\nnodes: {nodes}\n{more}"


def held_up(flow: str, **options: object) -> Office:
    """The flow began, a question was asked meanwhile, and an hour has passed."""
    at = Office(ASK + flow, **options).says("/slow", "/ask").advance("2h")  # type: ignore[arg-type]  # an Office's own
    assert at.said() == ["Name?"]
    return at.says("Sara")


def test_an_answer_to_a_request_waits_for_the_open_question() -> None:
    at = held_up(
        slow(
            f"[{{delay: 1h}}, {{http: '{URL}'}}, {{ask: '{{{{ answer.json }}}}?', save_to: var.c}}]"
        ),
        http={URL: [HttpReply(json="Red")]},
    )
    assert at.said() == ["Red?"]
    at.says("yes")
    assert at.rows(run, "outcome", flow="slow") == ["done"]


def test_a_question_behind_what_follows_from_a_change_waits_too() -> None:
    crm = CRM + "segments: {big: {name: Big, when: {size__gte: 40}}}\n"
    flow = slow(
        "[{delay: 1h}, {set: {size: 42}}, "
        "{branch: [{when: {segment: big}, goto: colour}], else: end}, "
        "{id: colour, ask: Colour?, save_to: var.c}, {say: 'So {{ var.c }}'}]"
    )
    at = held_up(flow, crm=crm)
    assert at.customer("size") == 42
    assert at.said() == ["Colour?"]
    assert at.says("red").said() == ["So red"]


def test_a_stop_that_leads_to_a_question_waits_too() -> None:
    mark = "---\nflow: mark\ntriggers: [{on: command, command: ask2}]\nnodes: [{say: x}]\n"
    asks = (
        "flow: ask\ntriggers: [{on: command, command: ask}]\n"
        "nodes: [{tag: {add: [VIP]}}, {ask: Name?, save_to: var.x}]\n---\n"
    )
    stop = "stop_on: [{on: tag_added, tag: VIP, goto: why}]\n"
    flow = slow("[{delay: 1d}, {say: Never, end: x}, {id: why, ask: Why?, save_to: var.c}]", stop)
    at = Office(asks + flow + mark).says("/slow", "/ask")
    assert at.said() == ["Name?"]
    assert at.says("Sara").said() == ["Why?"]


def test_a_flow_that_begins_anew_with_a_question_waits_for_the_open_one() -> None:
    first = slow("[{delay: 1d}, {say: Late}]", "on_update: restart\n")
    at = Office(ASK + first).says("/slow", "/ask")
    at.advance("1m").apply(ASK + slow("[{ask: Colour?, save_to: var.c}]", "on_update: restart\n"))
    at.says("Sara")
    assert at.said() == ["Name?", "Colour?"]
    at.says("red")
    assert at.rows(run, "outcome", flow="slow") == ["done"]


def test_after_an_opt_out_a_run_that_wakes_to_ask_ends() -> None:
    at = Office(ASK + slow("[{delay: 1h}, {tag: {add: [VIP]}}, {ask: How?, save_to: var.x}]"))
    at.says("/slow", "stop").said()
    assert at.advance("2h").said() == []
    assert at.rows(run, "outcome", flow="slow") == ["opted_out"]
    assert "message_withheld" in at.rows(activity, "type")
    assert at.says("/ask", "Sara").said() == ["Name?"]


def test_what_a_run_does_that_waited_is_heard_too() -> None:
    welcome = "---\nflow: welcome\ntriggers: [{on: tag_added, tag: VIP}]\nnodes: [{say: Welcome}]\n"
    at = held_up(slow("[{delay: 1h}, {ask: How?, save_to: var.c}]", "") + welcome)
    assert at.said() == ["How?"]


def test_what_a_woken_run_makes_happen_starts_what_listens_for_it() -> None:
    woken = slow(
        "[{delay: 1h}, {ask: How?, choices: [fine], save_to: var.c}, "
        "{id: tagged, tag: {add: [VIP]}}]"
    )
    welcome = "---\nflow: welcome\ntriggers: [{on: tag_added, tag: VIP}]\nnodes: [{say: Welcome}]\n"
    at = held_up(woken + welcome)
    at.says("fine")
    assert at.said() == ["How?", "Welcome"]


def test_a_flow_for_a_segment_is_started_once_though_something_is_counted_in_between() -> None:
    crm = CRM + "segments: {all: {name: All, static: true}}\n"
    flow = slow(
        "[{start: hello, for: all}, {purchase: {amount: 5}}, "
        "{branch: [{when: {total_purchases: 1}, goto: end}], else: end}]"
    )
    at = Office(flow + "---\nflow: hello\nnodes: [{say: x}]\n", crm=crm).says("/slow")
    assert len(at.rows(expansion, "id")) == 1
