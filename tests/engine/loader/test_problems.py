"""What is wrong in a flow is told all at once, each at its place and with a cure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.codes import CODES
from tests.engine.loader.loading import CRM, load, load_whole, nodes, told

TASK = [
    # -- the flow's shape
    ("flow: f\n", "1:1 E109", "needs 'nodes'", ""),
    ("flow: f\nnodez: []\nnodes:\n- say: Hi\n", "2:1 E101", "'nodez'", "'nodes'"),
    ("flow: f\nnodes: []\n", "2:8 E111", "list of nodes", ""),
    ("flow: f\nnodes: hello\n", "2:8 E111", "list of nodes", ""),
    ("flow: f f\nnodes:\n- say: Hi\n", "1:7 E203", "cannot be a name", ""),
    ("flow: f\nagain: restrat\nnodes:\n- say: Hi\n", "2:8 E204", "'restrat'", "'restart'"),
    ("flow: f\nexpires: 24\nnodes:\n- say: Hi\n", "2:10 E203", "unit", ""),
    ("flow: f\nstop_on: [purchse]\nnodes:\n- say: Hi\n", "2:11 E601", "purchse", "purchase"),
    ("campaign: x\n", "1:1 E630", "needs `flow`", "flow: NAME"),
    ("- a\n- b\n", "1:1 E011", "begins with", ""),
    # -- nodes
    (nodes("- hello\n"), "3:3 E201", "a node is a mapping", ""),
    (nodes("- sya: Hi\n"), "3:3 E108", "'sya'", "'say'"),
    (nodes("- {id: a}\n"), "3:3 E108", "needs a key", ""),
    (nodes("- handoff: sails\n"), "3:12 E320", "'sails'", "'sales'"),
    (nodes("- {handoff: sales, timeout: {goto: end}}\n"), "3:29 E112", "`timeout`", "after"),
    (nodes("- say: Hi\n  ask: How?\n"), "4:3 E107", "'say' and 'ask'", "each"),
    (nodes("- say: Hi\n  gotoo: end\n"), "4:3 E101", "'gotoo'", "'goto'"),
    (nodes("- {id: a, say: Hi}\n- {id: a, say: Ho}\n"), "4:8 E102", "line 3", ""),
    (nodes("- {id: end, say: Hi}\n"), "3:8 E206", "'end'", ""),
    (nodes("- {id: 1a, say: Hi}\n"), "3:8 E203", "'1a'", ""),
    (nodes("- {say: Hi, goto: end, end: x}\n"), "3:29 E113", "one way", ""),
    (nodes("- say: Hi\n  goto:\n"), "4:3 E202", "nothing is written", ""),
    (nodes("- say: Hi\n  goto: [a]\n"), "4:9 E201", "the id of a node", ""),
    (nodes("- say: Hi\n  channels: telegrm\n"), "4:13 E204", "'telegrm'", "'telegram'"),
    ("flow: f\nvars: {n: ['{{ now }}']}\nnodes: [say: b]", "2:12 E203", "plain value", "set:"),
    (nodes("- {id: b, was: a, ask: Why?}\n- {id: a, ask: How?}\n"), "3:16 E120", "line 4", "`was`"),
    (nodes("- {id: b, was: ask, ask: Why?}\n- ask: How?\n"), "3:16 E120", "'ask'", "`was`"),
    (nodes("- {id: b, was: b, ask: Why?}\n"), "3:16 E120", "line 3", "`was`"),
    (nodes("- {id: b, was: a, ask: Why?}\n- {id: c, was: a, ask: How?}\n"), "4:16 E121",
     "'a' already go to the node 'b'", "one node"),
    (nodes("- {id: last, was: final, say: Hi}\n"), "3:19 W120", "nobody waits", "`was`"),
    # -- ways
    (nodes("- {id: a, say: Hi, goto: thnks}\n- {id: thanks, say: Ho}\n"), "3:26 E103",
     "node 'a' goes to 'thnks', which does not exist", "'thanks'"),
    (nodes("- {id: a, say: Hi, end: done}\n- {id: b, say: Ho}\n"), "4:3 E104", "'b'", ""),
    (nodes("- {id: a, say: Hi}\n- {id: b, say: Ho, goto: a}\n"), "3:3 E105", "a → b → a", ""),
    (nodes("- {id: a, say: Hi, goto: a}\n"), "3:3 E105", "without a wait", ""),
    (nodes("- {id: a, ask: Why?, goto: a}\n"), "3:3 E106", "'a'", "way out"),
    # -- names
    (nodes("- tag: {add: VPI}\n"), "3:14 E302", "'VPI'", "'VIP'"),
    (nodes("- tag: {add: Wholly new}\n"), "3:14 E302", "'Wholly new'", "crm.yaml"),
    (nodes("- call: g\n"), "3:9 E304", "'g'", ""),
    (nodes("- set: {pionts: 1}\n"), "3:9 E301", "'pionts'", "'points'"),
    (nodes("- set: {crm_score: 1}\n"), "3:9 E307", "'crm_score'", ""),
    (nodes("- say: Hi {{ customer.frist_name }}\n"), "3:14 E301", "'frist_name'", "'first_name'"),
    (nodes("- say: Hi {{ first_name }}\n"), "3:14 E502", "'first_name'", "customer.first_name"),
    (nodes("- say: Hi {{ custmer.first_name }}\n"), "3:14 E502", "'custmer", "'customer'"),
    (nodes("- say: Hi {{ var.n }}\n"), "3:14 E306", "'n'", "vars"),
    (nodes("- say: Hi {{ business.nmae }}\n"), "3:14 E502", "'nmae'", "'name'"),
    (nodes("- say: '{{ history(\"pionts\") }}'\n"), "3:20 E301", "'pionts'", "'points'"),
    # -- types
    (nodes("- set: {points: many}\n"), "3:17 E403", "'points'", "12.50"),
    (nodes("- set: {points: 101}\n"), "3:17 E403", "at most 100", ""),
    (nodes("- set: {birthday: 15.5.1990}\n"), "3:19 E403", "'birthday'", "1990-05-15"),
    (nodes("- set: {category: shoe}\n"), "3:19 E402", "'shoe'", "'shoes'"),
    (nodes("- branch: [{when: {points__gtee: 1}, goto: end}]\n"), "3:20 E404", "gtee", "gte"),
    (nodes("- branch: [{when: {points__bigger: 1}, goto: end}]\n"), "3:20 E404", "points__bigger",
     "greater_than"),
    (nodes("- branch: [{when: {points__contains: 1}, goto: end}]\n"), "3:20 E404", "number", ""),
    (nodes("- branch: [{when: {points: many}, goto: end}]\n"), "3:28 E404", "'points'", ""),
    (nodes("- branch: [{when: {category: shoe}, goto: end}]\n"), "3:30 E404", "'shoe'", "'shoes'"),
    (nodes("- branch: [{when: {segment: loyl}, goto: end}]\n"), "3:29 E404", "'loyl'", "'loyal'"),
    (nodes("- branch: [{when: {tags: [VPI]}, goto: end}]\n"), "3:26 E404", "'VPI'", "'VIP'"),
    (nodes("- branch: [{when: {channel: telegrm}, goto: end}]\n"), "3:29 E404", "'telegrm'",
     "'telegram'"),
    (nodes("- branch: [{when: {reply.text__month: 1}, goto: end}]\n"), "3:20 E404", "text", ""),
    # -- texts and templates
    (nodes("- say: Hi {{ customer. }}\n"), "3:24 E501", "", ""),
    (nodes("- say: |\n    Hi\n    {{ x | uper }}\n"), "5:12 E501", "'uper'", "'upper'"),
    (nodes("- say: {en: Hi, de: Hallo, fa: سلام}\n"), "3:17 E205", "'de'", ""),
    (nodes("- say: {en: Hi, you there, fa: Ho}\n"), "3:17 E205", "you there", "comma"),
    (nodes("- ask: Hi\n  choices: [{text: a, friend}]\n"), "4:23 E101", "friend", "comma"),
    (nodes("- say: {en: Hi, fa: Ho, en: Ho}\n"), "3:25 E007", "'en'", ""),
    (nodes("- say:\n"), "3:3 E202", "text", ""),
    (nodes("- say: {en: Hi}\n"), "3:8 W501", "in fa", "en"),
    (nodes(f"- say: {'x' * 4097}\n"), "3:8 E604", "4097 characters", "telegram"),
    # -- triggers
    ("flow: f\ntriggers: {on: mesage, any: yes}\nnodes:\n- say: Hi\n", "2:16 E601", "'mesage'",
     "'message'"),
    ("flow: f\ntriggers: {on: webhook}\nnodes:\n- say: Hi\n", "2:16 E901", "not available", ""),
    ("flow: f\ntriggers: {on: message}\nnodes:\n- say: Hi\n", "2:11 E109", "keywords", ""),
    ("flow: f\ntriggers: {on: command}\nnodes:\n- say: Hi\n", "2:11 E109", "'command'", ""),
    ("flow: f\ntriggers: {command: start}\nnodes:\n- say: Hi\n", "2:11 E109", "'on'", ""),
    ("flow: f\ntriggers: {on: command, command: روز}\nnodes:\n- say: Hi\n", "2:34 E203", "En", ""),
    ("flow: f\ntriggers: {on: command, command: go, only: {pointz: 1}}\nnodes:\n- say: Hi\n",
     "2:45 E404", "pointz", "points"),
    ("flow: f\ntriggers: [{on: command, command: a}, {on: command, command: /A}]\nnodes: [say: b]",
     "2:39 E603", "same occasion", ""),
    ("flow: f\ntriggers: {on: customer_created, once: never}\nnodes: [say: b]",
     "2:40 E203", "never",
     ""),
    ("flow: f\ntriggers: {on: message, keywords: STOP}\nnodes: [say: b]", "2:11 W601", "stop", ""),
    # -- defaults
    ("flow: f\ndefaults: {aks: {}}\nnodes:\n- say: Hi\n", "2:12 E101", "'aks'", "'ask'"),
    ("flow: f\ndefaults: {ask: {tiemout: 1h}}\nnodes:\n- say: Hi\n", "2:18 E101", "'tiemout'",
     "'timeout'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem", "message", "cure"), TASK)
def test_one_mistake_is_one_problem_at_its_place(
    text: str, problem: str, message: str, cure: str
) -> None:
    loaded = load(text)
    assert told(loaded.problems) == [problem], [str(one) for one in loaded.problems]
    assert message in loaded.problems[0].message
    assert cure in loaded.problems[0].suggestion
    assert loaded.problems[0].position.file == "flow.yaml"


def test_every_problem_of_a_project_is_told_at_once_in_the_order_of_the_files() -> None:
    loaded = load(
        nodes("- sya: Hi\n- tag: {add: VPI}\n- say: Ho\n  goto: nowhere\n"),
        crm=CRM + "industri: retail\n",
        other="flow: g\nnodes:\n- set: {points: x}\n- say: Hi\n  goto: nowhere\n",
    )
    assert [f"{one.position.file} {one.code}" for one in loaded.problems] == [
        "crm.yaml E101",
        "flow.yaml E108",
        "flow.yaml E302",
        "flow.yaml E103",
        "other.yaml E403",
        "other.yaml E103",
    ]


def test_a_reply_saved_to_an_undeclared_field_is_a_warning_that_says_what_was_meant() -> None:
    loaded = load(nodes("- ask: How many?\n  save_to: pionts\n"))
    assert told(loaded.problems) == ["4:12 W301"]
    assert loaded.ok
    assert "'points'" in loaded.problems[0].suggestion


def test_what_some_reply_is_saved_to_may_be_read_everywhere() -> None:
    loaded = load(nodes("- {ask: Pet?, save_to: pet}\n- say: '{{ customer.pet }}'\n"))
    assert told(loaded.problems) == ["3:24 W301"]


def test_variables_come_from_vars_from_nodes_and_from_whoever_calls() -> None:
    loaded = load(
        "flow: f\nvars: {a: 1}\nnodes:\n- {ask: B?, save_to: var.b}\n- set: {var.c: 1}\n"
        "- say: '{{ var.a }}{{ var.b }}{{ var.c }}'\n- call: g\n  with: {d: 1}\n",
        g="flow: g\nnodes:\n- say: '{{ var.d }}'\n",
    )
    assert not loaded.problems


def test_a_circle_with_a_wait_in_it_is_a_menu() -> None:
    loaded = load(nodes("- {id: a, say: Hi}\n- {id: b, ask: More?, goto: a}\n"))
    assert told(loaded.problems) == ["3:3 W101"]


def test_a_called_flow_that_waits_is_a_wait() -> None:
    circle = nodes("- {id: a, call: g}\n- branch: [{when: {points: 1}, goto: end}]\n  else: a\n")
    waits = "flow: g\nnodes:\n- ask: Who?\n"
    assert not load(circle, g=waits).problems
    assert told(load(circle, g="flow: g\nnodes:\n- say: Me\n").problems) == ["3:3 E105"]


def test_ways_are_not_judged_in_a_flow_that_could_not_be_read_whole() -> None:
    loaded = load(nodes("- {id: a, say: Hi, goto: c}\n- {id: b, sya: Ho}\n- {id: c, say: Hu}\n"))
    assert told(loaded.problems) == ["4:11 E108"]


def test_two_flows_of_one_name_and_two_tests_of_one_name_are_problems() -> None:
    loaded = load(nodes("- say: Hi\n"), other=nodes("- say: Ho\n"))
    assert [f"{one.position.file} {one.code}" for one in loaded.problems] == ["other.yaml E110"]
    test = "test: t\nflow: f\nsteps: [{user: hi}]\n"
    loaded = load(nodes("- say: Hi\n"), tests=f"{test}---\n{test}")
    assert told(loaded.problems) == ["5:1 E110"]


TWO = "flow: {}\ntriggers: {}\nnodes:\n- say: Hi\n"


@pytest.mark.parametrize(
    ("first", "second", "claimed"),
    [
        ("{on: message, keywords: [Hello]}", "{on: message, keywords: [hi, hello!]}", "'hello'"),
        ("{on: message, contains: سلام}", "{on: message, contains: سلام}", "'سلام'"),
        ("{on: command, command: start}", "{on: command, command: /start}", "'start'"),
        ("{on: message, any: true}", "{on: message, any: yes}", "'any message'"),
        ("customer_created", "customer_created", "'customer_created'"),
    ],
)
def test_one_word_claimed_by_two_flows_is_a_problem(first: str, second: str, claimed: str) -> None:
    loaded = load(TWO.format("a", first), b=TWO.format("b", second))
    assert [one.code for one in loaded.problems] == ["E602"]
    assert claimed in str(loaded.problems[0])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{on: message, keywords: hello}", "{on: message, contains: hello}"),
        ("{on: command, command: start}", "{on: command, command: start, only: {points: 1}}"),
        ("{on: message, any: yes}", "{on: message, any: yes, priority: -1}"),
        (
            "{on: command, command: start, channel: chat}",
            "{on: command, command: start, channel: telegram}",
        ),
    ],
)
def test_triggers_that_can_be_told_apart_may_share_a_word(first: str, second: str) -> None:
    assert not load(TWO.format("a", first), b=TWO.format("b", second)).problems


def test_a_keyword_that_always_takes_first_is_a_problem() -> None:
    crm = CRM + "always: {keywords: help, flow: b}\n"
    loaded = load(
        TWO.format("a", "{on: message, keywords: Help}"), b=TWO.format("b", "[]"), crm=crm
    )
    assert told(loaded.problems) == ["2:11 E602"]


def test_instagram_has_its_limits_where_the_business_is_there() -> None:
    long = nodes(f"- say: {'x' * 1001}\n- ask: Which?\n  choices: [{'y' * 21}]\n")
    assert not load(long).problems
    assert [one.code for one in load(long, crm=CRM + "instagram: {id: 1}\n").problems] == [
        "E604",
        "E605",
    ]
    assert [one.code for one in load("channels: instagram\n" + long).problems] == ["E604", "E605"]
    own = nodes(f"- say: {{instagram: short, telegram: {'x' * 1001}}}\n")
    assert not load(own, crm=CRM + "instagram: {id: 1}\n").problems


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("choices: [a, b, c, d, e, f, g, h, i, j, k, l, m]", []),
        ("choices: [a, b, c, d, e, f, g, h, i, j, k, l, m, n]", ["4:12 E606"]),
        ("choices: [a, b, c, d, e, f, g, h, i, j, k, l, {text: m, when: {points: 1}}, n]", []),
        ("choices: [a, b, c, d, e, f, g, h, i, j, k, l, m]\n  skip: true", ["4:12 E606"]),
        ("choices: '{{ event.list }}'", []),
        ("save_to: size", ["4:12 E606"]),
    ],
)
def test_a_question_has_no_more_buttons_than_instagram_takes(
    asked: str, problem: list[str]
) -> None:
    crm = CRM.replace(
        "  nick:", f"  size: {{type: select, options: [{', '.join('abcdefghijklmn')}]}}\n  nick:"
    )
    flow = nodes(f"- ask: Which?\n  {asked}\n")
    assert not load(flow, crm=crm).problems
    assert told(load(flow, crm=crm + "instagram: {id: 1}\n").problems) == problem


def test_a_row_has_no_more_buttons_than_telegram_shows() -> None:
    rows = "[[{text: a, url: 'https://a'}" + ", {text: b, url: 'https://b'}" * 8 + "]]"
    loaded = load(nodes(f"- say: Hi\n  buttons: {rows}\n"))
    assert told(loaded.problems) == ["4:12 E606"]
    assert "takes 8" in loaded.problems[0].message


def test_a_customer_field_key_needs_no_declaration_and_is_loaded_with_the_extras() -> None:
    loaded = load(nodes("- {ask: Pet?, customer_field_key: pet}\n- say: '{{ customer.pet }}'\n"))
    assert not loaded.problems
    assert loaded.flows["f"].reads.extra
    derived = load(nodes("- {ask: Pet?, customer_field_key: crm_score}\n"))
    assert told(derived.problems) == ["3:35 E307"]


def test_the_options_of_a_field_are_buttons_too() -> None:
    field = f"fields: {{a: {{type: select, options: [x, {'y' * 21}]}}}}\n"
    crm = "business: {name: L}\n" + field
    assert not load(crm=crm).problems
    assert told(load(crm=crm + "instagram: {id: 1}\n").problems) == ["2:41 E605"]


def test_keys_that_begin_with_x_are_a_place_for_anchors() -> None:
    text = "flow: f\nx_t: &t {after: 1h}\nnodes:\n- {ask: Who?, timeout: *t, x_note: later}\n"
    assert not load(text).problems


def test_defaults_lie_under_every_node_of_their_kind() -> None:
    crm = CRM + "defaults: {ask: {timeout: {after: 1h, goto: nowhere}}}\n"
    loaded = load(nodes("- ask: Who?\n- ask: Why?\n  timeout: {after: 2h}\n"), crm=crm)
    assert [(str(one.position), one.code) for one in loaded.problems] == [
        (str(loaded.problems[0].position), "E103")
    ]
    assert loaded.problems[0].position.file == "crm.yaml"


def test_every_code_is_listed_and_every_listed_code_is_used() -> None:
    root = Path(__file__).parents[3]
    written = {
        code
        for folder in ("engine", "nodes", "rapport")
        for path in (root / folder).rglob("*.py")
        if path.name != "codes.py"
        for code in re.findall(r'"([EW]\d{3})"', path.read_text(encoding="utf-8"))
    }
    assert written == set(CODES)


LATER_IN_CRM = [
    ("retention: {messages: 365d}", "2:1"),
]


@pytest.mark.parametrize(("section", "place"), LATER_IN_CRM)
def test_a_key_of_crm_yaml_that_has_no_effect_yet_is_a_warning_there(
    section: str, place: str
) -> None:
    loaded = load_whole(crm=f"business: {{name: Lotus}}\n{section}\ntags: [VIP]\n")
    assert told(loaded.problems) == [f"{place} W901"]
    assert "has no effect yet in this version" in loaded.problems[0].message
    assert loaded.ok


def test_keys_that_have_an_effect_are_not_warned_of() -> None:
    crm = (
        "business: {name: Lotus, calendar: jalali, currency: IRT}\n"
        "fields: {points: {type: number, sensitive: true, track: true, filterable: false}}\n"
        "tags: [VIP]\n"
        "sending: {rate: 20, per_chat: 1, opt_out: [leave], opt_in: [back]}\n"
        "fallback: f\n"
    )
    flow = "flow: f\nagain: ignore\nchannels: telegram\nerror: Sorry\nnodes: [say: Hi]\n"
    assert not load_whole(flow, crm=crm).problems
