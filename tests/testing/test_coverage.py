"""What tests go through of a flow, and what is told of the rest."""

from __future__ import annotations

from pathlib import Path

from rapport.project import read_project
from rapport.testing.coverage import Coverage, counts_of
from rapport.testing.transcripts import run_transcripts
from tests.support.small_project import write_project

FLOW = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - id: size
    ask: Which size?
    save_to: size
    retry: {text: A number., attempts: 3, goto: help}
    timeout: {after: 2h, remind: [{after: 30m, text: Still there?}, {after: 1h, text: Hello?}]}
    skip: [later]
  - id: which
    branch:
      - {when: {size__gte: 45}, goto: large}
      - {when: {size__lt: 10}, goto: large}
    else: paper
  - id: large
    say: That is large.
  - id: paper
    ask: Wrapped?
    choices: [{text: Yes, goto: wrapped}, {text: Please, goto: wrapped}, No]
    save_to: var.paper
  - {id: help, say: Somebody will call you., end: helped}
  - {id: wrapped, say: It will be wrapped., end: ordered}
"""

FORM = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - id: both
    form:
      - {save_to: size, retry: {text: A number.}}
      - {save_to: colour, timeout: {after: 1h, remind: {after: 10m, text: Still there?}}}
  - {id: thanks, say: Thanks}
"""

START = "  - user: /start\n  - bot: {contains: size}\n"


def untaken(tmp_path: Path, *tests: str, flow: str = FLOW) -> list[tuple[str, str]]:
    """The paths that tests of these steps do not take."""
    text = "---\n".join(
        f"test: number {number}\nflow: order\nsteps:\n{steps}" for number, steps in enumerate(tests)
    )
    loaded = read_project(write_project(tmp_path / "kiosk", order=flow, tests=text))
    assert loaded.ok, loaded.problems
    coverage = Coverage(loaded.flows)
    for held in run_transcripts(loaded, coverage.watch):
        assert held.passed, held.difference
    (order,) = coverage.report()
    taken, total = counts_of([order])
    assert total - taken == len(order.untaken)
    return [(one.path.node, one.path.by) for one in order.untaken]


def test_without_a_test_nothing_is_taken(tmp_path: Path) -> None:
    paths = untaken(tmp_path, "  - silent: 1d\n")
    assert paths == [
        ("size", ""), ("size", "next"), ("size", "retry"), ("size", "invalid"),
        ("size", "timeout"), ("size", "reminder 1"), ("size", "reminder 2"), ("size", "skip"),
        ("which", ""), ("which", "case 1"), ("which", "case 2"), ("which", "else"), ("large", ""),
        ("paper", ""), ("paper", "next"), ("paper", "choice wrapped"),
        ("help", ""), ("wrapped", ""),
    ]  # fmt: skip


def test_a_way_is_taken_by_what_led_there_and_not_by_where_it_leads(tmp_path: Path) -> None:
    steps = f"{START}  - user: '46'\n  - bot: That is large.\n  - bot: Wrapped?\n"
    paths = untaken(tmp_path, steps)
    assert ("which", "case 1") not in paths
    assert ("which", "case 2") in paths
    assert ("size", "next") not in paths


def test_invalid_replies_reminders_and_the_end_of_a_question_are_paths(tmp_path: Path) -> None:
    silence = f"{START}  - advance: 1h\n  - bot: Still there?\n  - bot: Hello?\n  - advance: 1h\n"
    nonsense = "  - user: banana\n  - bot: {contains: A number}\n"
    lost = f"{START}{2 * nonsense}  - user: banana\n  - bot: {{contains: call}}\n"
    left = [by for node, by in untaken(tmp_path, silence, lost) if node == "size"]
    assert left == ["next", "skip"]


def test_skipping_and_a_choice_that_leads_on_are_paths(tmp_path: Path) -> None:
    later = f"{START}  - user: later\n  - bot: {{contains: Wrapped}}\n"
    wrapped = "  - press: Please\n  - bot: {contains: will be}\n"
    left = untaken(tmp_path, later + wrapped)
    assert {("size", "skip"), ("paper", "choice wrapped")}.isdisjoint(left)
    assert ("paper", "next") in left


def test_the_questions_of_a_form_are_told_apart(tmp_path: Path) -> None:
    all_of_it = untaken(tmp_path, "  - silent: 1d\n", flow=FORM)
    assert all_of_it == [
        ("both", ""), ("both", "next"), ("both", "size invalid"), ("both", "colour timeout"),
        ("both", "colour reminder 1"), ("thanks", ""),
    ]  # fmt: skip
    start = "  - user: /start\n  - bot: {contains: Size}\n"
    asked = f"{start}  - user: '42'\n  - bot: {{contains: Colour}}\n"
    reminded = f"{asked}  - advance: 1h\n  - bot: Still there?\n"
    answered = f"{asked}  - user: red\n  - bot: Thanks\n"
    assert untaken(tmp_path, reminded, answered, flow=FORM) == [("both", "size invalid")]


ALL_CHOICES_LEAD_ON = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: paper, ask: Wrapped?, choices: [{text: Yes, goto: done}, {text: No, goto: done}]}
  - {id: done, say: Done}
"""


def test_a_question_whose_every_choice_leads_on_has_no_exit_of_its_own(tmp_path: Path) -> None:
    steps = "  - user: /start\n  - bot: Wrapped?\n  - user: yes\n  - bot: Done\n"
    assert untaken(tmp_path, steps, flow=ALL_CHOICES_LEAD_ON) == []


SHARED = FORM.replace("{save_to: size, retry: {text: A number.}}", "size").replace(
    "  - {id: thanks",
    "    confirm: All right?\n    timeout: {after: 2h, goto: thanks}\n  - {id: thanks",
)


def test_the_time_out_of_a_form_is_one_path_for_all_its_questions(tmp_path: Path) -> None:
    begun = START.replace("size", "Size")
    not_taken = untaken(tmp_path / "a", begun, flow=SHARED)
    assert [by for node, by in not_taken if node == "both" and "timeout" in by] == [
        "timeout", "colour timeout",
    ]  # fmt: skip
    out_of_time = begun + "  - advance: 2h\n  - bot: Thanks\n"
    not_taken = untaken(tmp_path / "b", out_of_time, flow=SHARED)
    assert ("both", "timeout") not in not_taken
    assert ("both", "colour timeout") in not_taken


SPLIT = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: ways, split: {warm: 50, short: 50}}
  - {id: warm, say: How good to see you!, end: greeted}
  - {id: short, say: Hi.}
"""


def test_a_way_of_a_split_may_lead_to_the_node_below(tmp_path: Path) -> None:
    text = "test: warmly\nflow: order\narms: {order: warm}\nsteps:\n  - user: /start\n"
    loaded = read_project(
        write_project(tmp_path, order=SPLIT, tests=text + "  - bot: {contains: good}\n")
    )
    coverage = Coverage(loaded.flows)
    assert all(held.passed for held in run_transcripts(loaded, coverage.watch))
    (covered,) = (one for one in coverage.report() if one.total)
    told = [(one.path.node, one.path.by) for one in covered.untaken]
    assert told == [("ways", "short"), ("short", "")]
