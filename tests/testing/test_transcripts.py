"""The runner of transcript tests: every kind of step, and every way to differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rapport.project import read_project
from rapport.testing.transcripts import Verdict, run_transcripts
from tests.support.desk import load
from tests.support.small_project import write_project

Held = Callable[..., Verdict]

HEAD = "test: one\nflow: order\n"


@pytest.fixture
def verdict(tmp_path: Path) -> Held:
    """What comes of one test: its keys, then its steps, as a file has them."""

    def held(steps: str, keys: str = "") -> Verdict:
        folder = write_project(tmp_path / "kiosk", tests=f"{HEAD}{keys}steps:\n{steps}")
        loaded = read_project(folder)
        assert loaded.ok, loaded.problems
        (only,) = run_transcripts(loaded)
        return only

    return held


ASKED = "  - user: /start\n  - bot: Hello\n  - bot: {contains: Which size}\n"


@pytest.mark.parametrize(
    "steps",
    [
        "  - advance: 45m\n  - bot: Still there?\n",
        "  - silent: 29m\n",
        "  - advance: 3h\n  - bot: Still there?\n  - expect: {node: ended, outcome: no_reply}\n",
        "  - expect: {node: size, outcome: null, tags: [], tasks: 0, channel: telegram}\n",
        "  - expect: {var.greeting: Hello, customer.size: null, customer.id: 1}\n",
        "  - expect: {now: 2026-01-15T09:00:00Z, now.weekday: thu, now.time: '12:30'}\n",
        "  - expect: {business.name: Kiosk, business.country: IR, event.text: /start}\n",
        "  - user: '7'\n  - bot: {matches: ^Which, not_contains: size, buttons: [Red, blue]}\n",
        "  - user: '7.50'\n  - bot: {contains: Which}\n  - expect: {customer.size: 7.5}\n",
    ],
)
def test_what_is_as_expected_passes(verdict: Held, steps: str) -> None:
    held = verdict(ASKED + steps)
    assert held.passed, held.difference


TELLING = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {notify: Somebody is here, to: sales}
  - {say: Hello}
  - {notify: They were told hello, to: sales}
"""
STAFF = "[{name: Ali, telegram: 7, teams: [sales]}, {name: Sara, telegram: 8, teams: [sales]}]"


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ("", None),
        ("  - staff: Somebody is here\n  - staff: {contains: hello}\n", None),
        ("  - staff: Somebody is here\n", "the staff was told something that no step expects"),
        ("  - staff: Nobody is here\n", "the staff was told something else"),
        ("  - staff: {contains: nobody}\n", "the message does not contain 'nobody'"),
        (
            "  - staff: {contains: Some}\n  - staff: {contains: hello}\n  - staff: More\n",
            "the staff was told nothing more",
        ),
    ],
)
@pytest.mark.parametrize("channel", ["telegram", "instagram", "chat"])
def test_what_the_staff_is_told_is_looked_at_where_a_step_asks(
    tmp_path: Path, channel: str, steps: str, why: str | None
) -> None:
    head = f"{TELLING}---\n{HEAD}channel: {channel}\nsteps:\n  - user: /start\n  - bot: Hello\n"
    loaded = load(head + steps, f"business: {{name: Kiosk}}\nstaff: {STAFF}\n")
    (held,) = run_transcripts(loaded)
    assert (held.difference.why if held.difference else None) == why


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        ("  - user: '7'\n", "the bot said something that no step expects"),
        ("  - bot: More\n", "the bot said nothing more"),
        ("  - silent: 30m\n", "the bot said something that no step expects"),
        ("  - press: Red\n", "there is no button 'Red' to press"),
        ("  - expect: {node: colour}\n", "node is not as expected"),
        ("  - expect: {customer.size: 7}\n", "customer.size is not as expected"),
        ("  - expect: {tags: [Asked]}\n", "tags is not as expected"),
        ("  - expect: {outcome: no_reply}\n", "outcome is not as expected"),
        ("  - user: '7'\n  - bot: Which colour\n", "the bot said something else"),
        ("  - user: '7'\n  - bot: {not_contains: colour}\n", "the message contains 'colour'"),
        ("  - user: '7'\n  - bot: {matches: size}\n", "the message does not match /size/"),
        ("  - user: '7'\n  - bot: {contains: W, buttons: [blue, red]}\n", "the buttons are others"),
        ("  - user: '7'\n  - bot: {contains: W, buttons: []}\n", "the buttons are others"),
    ],
)
def test_what_differs_is_told_with_the_step(verdict: Held, steps: str, why: str) -> None:
    held = verdict(ASKED + steps)
    assert held.difference is not None
    assert held.difference.why == why
    assert held.at is not None
    assert held.at.line > 6


def test_the_customer_is_known_before_the_first_message(verdict: Held) -> None:
    keys = "customer: {language: fa, first_name: سارا}\nnow: 2026-03-01T10:00:00+03:30\n"
    held = verdict(
        "  - user: /start\n  - bot: سلام\n  - bot: چه سایزی؟\n"
        "  - expect: {customer.first_name: سارا}\n",
        keys,
    )
    assert held.passed, held.difference


def test_a_customer_may_have_tags_from_the_beginning(verdict: Held) -> None:
    expected = "  - expect: {tags: [Asked]}\n"
    held = verdict(ASKED + expected, "customer: {tags: [Asked]}\n")
    assert held.passed, held.difference


def test_a_flow_may_begin_with_other_variables(verdict: Held) -> None:
    steps = "  - user: /start\n  - bot: Welcome\n  - bot: {contains: Which size}\n"
    assert verdict(steps, "vars: {greeting: Welcome}\n").passed


def test_tests_know_nothing_of_each_other(tmp_path: Path) -> None:
    one = f"{HEAD}steps:\n{ASKED}  - user: '7'\n  - bot: {{contains: Which colour}}\n"
    folder = write_project(tmp_path / "kiosk", tests=f"{one}---\n{one}")
    assert [verdict.passed for verdict in run_transcripts(read_project(folder))] == [True, True]


SPLIT = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: greeting, split: {warm: 1, short: 99}, save_to: var.way}
  - {id: warm, say: How good to see you!, end: ordered}
  - {id: short, say: Hi., end: ordered}
"""


@pytest.mark.parametrize("name", ["order", "greeting"])
@pytest.mark.parametrize(("arm", "said"), [("warm", "How good to see you!"), ("short", "Hi.")])
def test_a_test_chooses_the_way_of_a_split(tmp_path: Path, name: str, arm: str, said: str) -> None:
    text = f"{HEAD}arms: {{{name}: {arm}}}\nsteps:\n  - user: /start\n  - bot: {said}\n"
    loaded = read_project(write_project(tmp_path / "kiosk", order=SPLIT, tests=text))
    (held,) = run_transcripts(loaded)
    assert held.passed, held.difference


def test_a_flow_may_ask_for_a_slot_instead_of_the_field_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "kiosk"
    folder.mkdir()
    (folder / "crm.yaml").write_text("business: {name: Kiosk}\nfields: {size: {type: number}}\n")
    (folder / "order.yaml").write_text(
        "flow: order\n"
        "triggers: {on: command, command: start}\n"
        "nodes:\n"
        "  - {ask: Which size?, save_to: size}\n"
        "  - branch: [{when: {custom_number_1__gte: 40}, goto: large}]\n"
        "    else: small\n"
        "  - {id: small, end: small}\n"
        "  - {id: large, end: large}\n"
        "---\n"
        "test: a large one\nflow: order\n"
        "steps: [{user: /start}, {bot: Which size?}, {user: '41'}, {expect: {outcome: large}}]\n"
    )
    loaded = read_project(folder)
    assert loaded.ok, loaded.problems
    (held,) = run_transcripts(loaded)
    assert held.passed, held.difference


ASKING = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - http: https://api.example.com/stock
    query: {size: 42}
    save: {var.left: "{{ answer.json.left }}"}
  - {say: "{{ var.left }} left", end: ordered}
"""


@pytest.mark.parametrize(
    ("http", "said", "why"),
    [
        ("https://api.example.com/stock: {json: {left: 3}}", "3 left", None),
        ("https://api.example.com/stock?size=42: {json: {left: 3}}", "3 left", None),
        ("GET https://api.example.com/stock: {json: {left: 3}}", "3 left", None),
        ("https://api.example.com/stock: {status: 500}", " left", None),
        (
            "https://api.example.com/other: {json: {left: 3}}",
            "3 left",
            "a request was made that the test does not answer",
        ),
    ],
)
def test_requests_are_answered_by_the_test_alone(
    tmp_path: Path, http: str, said: str, why: str | None
) -> None:
    text = f'{HEAD}http: {{"{http.partition(": ")[0]}": {http.partition(": ")[2]}}}\n'
    steps = f'steps:\n  - user: /start\n  - bot: {{contains: "{said}"}}\n'
    loaded = read_project(write_project(tmp_path / "kiosk", order=ASKING, tests=text + steps))
    assert loaded.ok, loaded.problems
    (held,) = run_transcripts(loaded)
    assert (held.difference.why if held.difference else None) == why


CLUB = """
flow: order
triggers:
  - purchase
  - {on: tag_added, tag: Asked}
  - {on: field_updated, field: size}
again: parallel
nodes:
  - say: "{{ event.amount | default('') }} {{ event.tag | default('') }} {{ event.new | default('') }}!"
    end: told
"""  # noqa: E501 - a text of one line


def told(tmp_path: Path, steps: str) -> Verdict:
    tests = f"{HEAD}steps:\n{steps}"
    loaded = read_project(write_project(tmp_path / "kiosk", order=CLUB, tests=tests))
    assert loaded.ok, loaded.problems
    (held,) = run_transcripts(loaded)
    return held


@pytest.mark.parametrize(
    "steps",
    [
        """
  - event: {on: purchase, amount: 99}
  - bot: {contains: '99'}
  - expect: {customer.total_purchases: 1, customer.total_spent: 99, event.amount: 99}
""",
        """
  - event: {on: tag_added, tag: Asked}
  - bot: {contains: Asked}
  - expect: {tags: [Asked], outcome: told}
""",
        """
  - event: {on: field_updated, field: size, to: 41}
  - bot: {contains: '41'}
  - expect: {customer.size: 41}
""",
        "  - event: {on: stage_changed, stage: journey, new: buyer}\n  - silent: 1d\n",
        """
  - start: order
  - bot: {contains: '!'}
  - advance: 1m
  - start: order
  - bot: {contains: '!'}
""",
    ],
)
def test_what_happens_beside_the_conversation_is_recorded_and_heard(
    tmp_path: Path, steps: str
) -> None:
    held = told(tmp_path, steps)
    assert held.passed, held.difference


def test_what_cannot_happen_is_told_with_the_reason(tmp_path: Path) -> None:
    held = told(tmp_path, "  - event: {on: purchase, amount: many}\n")
    assert held.difference is not None
    assert held.difference.why.startswith("this cannot happen: amount")


def test_all_that_the_bot_said_at_once_is_told_where_a_message_differs(verdict: Held) -> None:
    held = verdict("  - user: /start\n  - bot: Good day\n")
    assert held.difference is not None
    assert held.difference.besides == ("bot: Which size? ⏎ A number.",)
