"""How a run advances: calls, ends, limits, and what cannot go on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from engine.effects import Leave, Record
from engine.facts import Facts
from engine.messages import Message
from engine.resume import Cancelled, Elapsed, Reminded, Reply, Started, TimedOut
from engine.run import Frame, Run
from engine.step import STEP_LIMIT, step
from tests.engine.step.talk import NOON, Talk, load


def flow(nodes: str) -> str:
    return f"flow: f\nnodes:\n{nodes}"


class TestEnds:
    def test_a_flow_that_runs_off_its_last_node_is_done(self) -> None:
        assert Talk(flow("  - say: Hi\n")).start("f").outcome == "done"

    def test_end_ends_the_called_flow_and_end_all_its_callers_too(self) -> None:
        called = "---\nflow: g\nnodes:\n  - say: In g\n    {}: stopped\n"
        talk = Talk(flow("  - call: g\n  - say: Back\n") + called.format("end")).start("f")
        assert (talk.said(), talk.outcome) == (["In g", "Back"], "done")
        talk = Talk(flow("  - call: g\n  - say: Back\n") + called.format("end_all")).start("f")
        assert (talk.said(), talk.outcome) == (["In g"], "stopped")

    def test_a_question_nobody_answers_ends_the_callers_too(self) -> None:
        called = "---\nflow: g\nnodes:\n  - ask: Well?\n"
        talk = Talk(flow("  - call: g\n  - say: Back\n") + called).start("f")
        talk.advance(timedelta(days=7))
        assert (talk.said(), talk.outcome) == (["Well?"], "no_reply")

    def test_cancelled_leaves_every_node_of_the_stack(self) -> None:
        called = "---\nflow: g\nnodes:\n  - id: q\n    ask: Well?\n"
        talk = Talk(flow("  - id: c\n    call: g\n") + called).start("f")
        talk.resume(Cancelled("interrupted"))
        left = [effect for effect in talk.effects if isinstance(effect, Leave)]
        assert [(e.flow, e.node, e.left_by) for e in left] == [
            ("g", "q", "interrupted"),
            ("f", "c", "interrupted"),
        ]
        assert talk.outcome == "interrupted"

    def test_a_visit_lasts_from_entering_to_leaving(self) -> None:
        talk = Talk(flow("  - id: q\n    ask: Well?\n")).start("f")
        talk.advance(timedelta(hours=1)).user("yes")
        (left,) = [effect for effect in talk.effects if isinstance(effect, Leave)]
        assert left == Leave("f", "q", NOON, "done")


class TestChannels:
    def test_a_node_of_other_channels_is_passed_over_by_its_own_exit(self) -> None:
        nodes = "  - say: A\n    channels: [chat]\n    end: early\n"
        talk = Talk(flow(nodes), channel="telegram").start("f")
        assert (talk.said(), talk.outcome) == ([], "early")
        talk = Talk(flow(nodes), channel="chat").start("f")
        assert (talk.said(), talk.outcome) == (["A"], "early")


class TestWhatCannotGoOn:
    def test_a_loop_without_a_wait_ends_at_the_limit_with_a_reason(self) -> None:
        # A loader would refuse this circle, so it is made of what only shows when it runs.
        nodes = (
            "  - id: a\n    ask: X?\n    overwrite: if_empty\n    save_to: var.x\n"
            "  - id: b\n    set: {var.n: 1}\n    goto: a\n"
        )
        talk = Talk(load("flow: f\nvars: {x: 1}\nnodes:\n" + nodes)).start("f")
        assert talk.outcome == "failed"
        assert talk.problems[-1].endswith(f"{STEP_LIMIT} nodes in a row without a wait")

    def test_flows_that_call_one_another_for_ever_end_at_the_limit(self) -> None:
        loaded = load(flow("  - call: g\n") + "---\nflow: g\nnodes:\n  - say: x\n")
        talk = Talk(loaded)
        talk.flows["g", 0] = replace(talk.flows["f", 0], key="g")
        assert talk.start("f").outcome == "failed"

    def test_a_version_that_is_gone_ends_the_run_with_a_reason(self) -> None:
        talk = Talk(flow("  - ask: Well?\n")).start("f")
        del talk.flows["f", 0]
        talk.resume(Reply(Message(text="x")))
        assert talk.outcome == "failed"
        assert talk.problems == ["Flow f failed at ask: flow 'f' version 0 does not exist"]

    def test_a_node_that_is_gone_ends_the_run_with_a_reason(self) -> None:
        talk = Talk(flow("  - ask: Well?\n")).start("f")
        assert talk.run is not None
        talk.run = replace(talk.run, frames=(Frame("f", 0, "gone"),))
        talk.resume(Reply(Message(text="x")))
        assert talk.problems == ["Flow f failed at gone: node 'gone' is not in f version 0"]

    def test_a_missing_called_flow_ends_the_run_with_a_reason(self) -> None:
        talk = Talk(flow("  - call: g\n") + "---\nflow: g\nnodes:\n  - say: x\n")
        del talk.flows["g", 0]
        assert talk.start("f").outcome == "failed"
        assert isinstance(talk.effects[0], Record)


class TestCallersMistakes:
    def test_an_ended_run_is_not_resumed(self) -> None:
        talk = Talk(flow("  - say: Hi\n")).start("f")
        for resume in (Reply(Message(text="x")), Started(), Cancelled("x")):
            with pytest.raises(ValueError, match="cannot go on"):
                talk.resume(resume)

    def test_a_waiting_run_is_not_started_again(self) -> None:
        talk = Talk(flow("  - ask: Well?\n")).start("f")
        with pytest.raises(ValueError, match="run 1 cannot go on by Started: asking"):
            talk.resume(Started())


class TestStaleTimers:
    @pytest.mark.parametrize(
        "resume", [TimedOut("1-1"), Reminded("1-1", 0), Elapsed("1-1"), TimedOut("9-9")]
    )
    def test_a_timer_of_a_wait_that_is_over_changes_nothing(self, resume: TimedOut) -> None:
        talk = Talk(flow("  - ask: A?\n  - ask: B?\n")).start("f").user("x")
        talk.said()
        before = talk.run
        assert talk.resume(resume).run == before
        assert talk.said() == []


def test_the_step_does_not_change_what_it_is_given() -> None:
    talk = Talk(flow("  - set: {var.n: 2, city: Yazd}\n  - tag: {add: [VIP]}\n"))
    values = {"city": "Tehran"}
    facts = Facts(7, talk.business, "telegram", values=values)
    run = Run(1, (Frame("f", 0, vars={"n": 1}),))
    after, effects = step(talk.flows, run, Started(), facts, NOON)
    assert (run.frames[0].vars, values, facts.tags) == ({"n": 1}, {"city": "Tehran"}, frozenset())
    assert after.frames[0].vars == {"n": 2}
    assert len(effects) == 4
