"""A node that reads what follows from something the step has changed sees it as it then is."""

from __future__ import annotations

from tests.engine.step.talk import BUSINESS, Talk

CRM = (
    BUSINESS.replace(
        "segments: {",
        "segments: {large: {when: {shoe_size__gte: 40}}, "
        "rich: {when: {segment: large, tags: VIP}}, ",
    )
    + "smart_tags: [{tag: VIP, when: {shoe_size__gte: 45}, remove_when_false: true}]\n"
)

FLOW = """
flow: f
triggers: {on: command, command: start}
nodes:
  - id: size
    ask: Which size?
    save_to: shoe_size
  - branch:
      - {when: {segment: rich}, goto: rich}
      - {when: {segment: large}, goto: large}
  - {say: "small, {{ reply.text }}", goto: again}
  - {id: large, say: "large, {{ reply.text }}", goto: again}
  - {id: rich, say: "rich, {{ reply.text }}", goto: again}
  - id: again
    ask: More?
    save_to: var.more
"""


def talk(size: str) -> Talk:
    return Talk(FLOW, business=CRM).user("/start").user(size)


def test_a_segment_is_entered_before_the_branch_that_asks_for_it() -> None:
    assert talk("42").said() == ["Which size?", "large, 42", "More?"]
    assert talk("30").said() == ["Which size?", "small, 30", "More?"]


def test_what_follows_over_several_rules_is_there_too() -> None:
    person = talk("46")
    assert person.said() == ["Which size?", "rich, 46", "More?"]
    assert person.tags == {"VIP"}
    kinds = [(item.kind, item.name, item.depth) for item in person.derived]
    assert kinds == [("score", "crm_score", 1), ("segment", "large", 1), ("tag", "VIP", 1),
                     ("segment", "rich", 2)]  # fmt: skip


def test_the_waits_of_a_run_that_rested_stay_unique() -> None:
    person = talk("42")
    assert person.run is not None
    assert person.run.wait is not None
    assert person.run.wait.id == "1-2"


def test_a_flow_that_reads_nothing_that_follows_never_rests() -> None:
    flow = "flow: f\ntriggers: {on: command, command: start}\nnodes:\n  - {set: {points: 1}}\n"
    person = Talk(flow + "  - say: Hi {{ customer.points }}\n", business=CRM).user("/start")
    assert person.derived == []
