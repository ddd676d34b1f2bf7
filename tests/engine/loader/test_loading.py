"""A project that is right becomes flows that run, and old versions are read again."""

from __future__ import annotations

import itertools
import re
import sys

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.durations import Duration
from engine.loader import Loaded, load_flow, load_project
from engine.schema import project_schema
from engine.transcript import Advance, Bot, Expect, Press, User
from nodes import KINDS
from tests.engine.loader.loading import CRM, industry, load, nodes, told

FLOW = """\
flow: lead
title: Lead capture
purpose: service
expires: 12h
again: ignore
on_update: finish
triggers:
  - {on: command, command: /Start}
  - {on: message, keywords: [Hi!, سَلام], id: hello}
  - customer_created
vars: {confirmed: false, n: 1, nothing: null}
nodes:
  - say: "Hi {{ customer.first_name }}, {{ history('points') | first }}"
  - ask: When is your birthday?
    save_to: birthday
  - ask: Sure?
    save_to: var.confirmed
  - ask: Again?
    save_to: var.confirmed
  - {id: last, set: {points: 5}}
  - {delay: 2d, was: pause}
  - branch: [{when: {segment: loyal}, goto: last}]
    else: thanks
  - {id: thanks, tag: {add: VIP}, end: captured}
"""


def test_a_flow_holds_what_its_file_says() -> None:
    loaded = load(FLOW)
    assert not loaded.problems, [str(problem) for problem in loaded.problems]
    flow = loaded.flows["lead"]
    assert (flow.title, flow.purpose, flow.again) == ("Lead capture", "service", "ignore")
    assert (flow.on_update, flow.expires) == ("finish", Duration(seconds=43_200))
    assert flow.vars == {"confirmed": False, "n": 1, "nothing": None}
    assert flow.was == {"pause": "delay"}
    assert flow.source == FLOW
    assert loaded.files == {"lead": "flow.yaml"}


def test_nodes_without_an_id_are_named_by_kind_and_place_or_by_what_they_wait_for() -> None:
    flow = load(FLOW).flows["lead"]
    assert [node.id for node in flow.nodes] == [
        *("say_1", "ask_birthday", "ask_confirmed", "ask_confirmed_2"),
        *("last", "delay", "branch_7", "thanks"),
    ]
    assert flow.places["thanks"] == 7
    assert flow.below("thanks") == ""


def test_a_flow_knows_what_it_reads() -> None:
    reads = load(FLOW).flows["lead"].reads
    assert reads.fields == {"first_name", "birthday", "points"}
    assert reads.history == {"points"}
    assert (reads.tags, reads.segments, reads.extra) == (True, True, False)
    assert load(nodes("- {ask: Pet?, save_to: pet}\n")).flows["f"].reads.extra


def test_a_field_may_be_saved_and_set_under_its_whole_name() -> None:
    loaded = load(
        "flow: f\nnodes:\n  - {ask: Who?, save_to: customer.first_name}\n"
        "  - set: {customer.last_name: Doe}\n"
    )
    assert loaded.problems == ()
    assert loaded.flows["f"].reads.fields >= {"first_name", "last_name"}


def test_triggers_have_an_identity_that_survives_reordering() -> None:
    triggers = load(FLOW).flows["lead"].triggers
    assert [(trigger.id, trigger.on) for trigger in triggers] == [
        ("lead/command command=start", "command"),
        ("lead/hello", "message"),
        ("lead/customer_created", "customer_created"),
    ]
    assert triggers[1].options == {"keywords": ("hi", "سلام")}
    swapped = "flow: f\ntriggers: {on: message, keywords: %s}\nnodes:\n- say: Hi\n"
    ids = {
        load(swapped % words).flows["f"].triggers[0].id for words in ("[a, b]", "[b, a]", "[B, a!]")
    }
    assert len(ids) == 1


def test_flows_and_tests_may_share_a_file_and_each_keeps_its_own_source() -> None:
    flow = nodes("- say: Hi\n")
    loaded = load(f"{flow}---\ntest: it greets\nflow: f\nsteps: [{{user: hi}}, {{bot: Hi}}]\n")
    assert not loaded.problems
    assert loaded.flows["f"].source == flow
    assert [test.name for test in loaded.tests] == ["it greets"]


def test_a_stored_version_is_read_again_without_regard_to_the_rest_of_the_project() -> None:
    text = nodes("- call: gone\n- ask: {en: Why?}\n  save_to: gone\n")
    business = load().business
    flow = load_flow(text, business, KINDS, "f", 3)
    assert flow is not None
    assert (flow.version, flow.source) == (3, text)
    assert load_flow(text, business, KINDS, "g", 3) is None
    assert load_flow(nodes("- sya: Hi\n"), business, KINDS, "f", 3) is None


TEST = """\
test: a visitor
flow: f
channel: chat
customer: {first_name: Sara, points: 10, nick: null}
now: 2026-03-01T10:00:00+03:30
vars: {n: 1}
steps:
  - user: ۱۳۶۹/۰۲/۲۵
  - bot: "Hi Sara 👋"
  - bot: {contains: [a, b], not_contains: c, matches: "d+", buttons: [[x, y], z]}
  - press: "Yes"
  - advance: 30m
  - silent: 2d
  - expect: {customer.birthday: 1990-05-15, tags: [VIP], node: ended, outcome: null}
"""


def test_a_transcript_is_read_as_it_is_written() -> None:
    loaded = load(nodes("- say: Hi\n"), test=TEST)
    assert not loaded.problems, [str(problem) for problem in loaded.problems]
    (test,) = loaded.tests
    assert (test.name, test.flow, test.channel, test.vars) == ("a visitor", "f", "chat", {"n": 1})
    assert test.customer == {"first_name": "Sara", "points": "10", "nick": None}
    assert test.now is not None
    assert test.now.isoformat() == "2026-03-01T10:00:00+03:30"
    user, whole, parts, press, advance, silent, expect = test.steps
    assert isinstance(user, User)
    assert user.text == "۱۳۶۹/۰۲/۲۵"
    assert isinstance(whole, Bot)
    assert whole.text == "Hi Sara 👋"
    assert whole.buttons is None
    assert isinstance(parts, Bot)
    assert parts.text is None
    assert (parts.contains, parts.not_contains) == (("a", "b"), ("c",))
    assert (parts.matches, parts.buttons) == ("d+", ("x", "y", "z"))
    assert isinstance(press, Press)
    assert press.button == "Yes"
    assert isinstance(advance, Advance)
    assert not advance.silent
    assert isinstance(silent, Advance)
    assert silent.silent
    assert silent.duration == Duration(days=2)
    assert isinstance(expect, Expect)
    assert expect.values == {
        "customer.birthday": "1990-05-15",
        "tags": ("VIP",),
        "node": "ended",
        "outcome": None,
    }
    assert expect.position.line == 14


@pytest.mark.parametrize(
    ("step", "problem"),
    [
        ("{usr: hi}", "3:11 E801"),
        ("{user: hi, bot: ho}", "3:10 E801"),
        ("hello", "3:10 E801"),
        ("{advance: 5}", "3:20 E203"),
        ("{bot: {contain: a}}", "3:17 E101"),
        ("{bot: {matches: '(a'}}", "3:26 E405"),
        ("{expect: 5}", "3:19 E201"),
    ],
)
def test_a_step_that_is_none_is_a_problem(step: str, problem: str) -> None:
    loaded = load(nodes("- say: Hi\n"), test=f"test: t\nflow: f\nsteps: [ {step}]\n")
    assert told(loaded.problems) == [problem]


def test_a_test_of_an_unknown_flow_and_a_now_without_an_offset_are_problems() -> None:
    loaded = load(test="test: t\nflow: f\nnow: 2026-03-01\nsteps: [user: hi]\n")
    assert told(loaded.problems) == ["2:7 E304", "3:6 E203"]


# -- the schema


class EditorLoader(yaml.SafeLoader):
    """YAML as an editor reads it (1.2's core schema): no dates, and `on` is a word."""


EditorLoader.yaml_implicit_resolvers = {
    letter: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] in ("int", "float", "null", "merge")
    ]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
EditorLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("true|false"), list("tf"))
SCHEMA = project_schema(KINDS)
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def fits(text: str) -> bool:
    documents = yaml.load_all(text, EditorLoader)  # it is a safe loader
    return all(VALIDATOR.is_valid(document) for document in documents)


def test_the_schema_is_one_and_takes_what_the_loader_takes() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for text in (CRM, FLOW, TEST, nodes("- {say: Hi, goto: end}\n- end: done\n- end_all: x\n")):
        assert fits(text), text


@pytest.mark.parametrize(
    "text",
    [
        nodes("- say: Hi\n  gotoo: end\n"),
        nodes("- sya: Hi\n"),
        "flow: f\nnodez: []\n",
        "flow: f\nagain: never\nnodes: [say: Hi]\n",
        "flow: f\ntriggers: {on: command}\nnodes: [say: Hi]\n",
        "test: t\nflow: f\nsteps: [{usr: hi}]\n",
        "business: {nme: L}\n",
        CRM + "industri: retail\n",
    ],
)
def test_the_schema_refuses_what_the_loader_refuses(text: str) -> None:
    assert not fits(text)


def test_every_kind_and_option_is_in_the_schema_with_its_help() -> None:
    kinds = {rule["if"]["required"][0]: rule["then"] for rule in SCHEMA["$defs"]["node"]["allOf"]}
    for kind in KINDS:
        if kind.KIND == "end":
            continue
        properties = kinds[kind.KIND]["properties"]
        assert all(
            properties[name]["description"] == option.help for name, option in kind.OPTIONS.items()
        )


# -- nothing a file says raises

WORDS = st.sampled_from(
    (
        *("flow", "nodes", "say", "ask", "form", "branch", "set", "tag", "delay", "call", "end"),
        *("goto", "when", "else", "save_to", "choices", "timeout", "after", "retry", "attempts"),
        *("skip", "remind", "text", "buttons", "url", "triggers", "on", "command", "message"),
        *("keywords", "only", "vars", "defaults", "business", "fields", "type", "rules", "select"),
        *("options", "min", "pattern", "tags", "segments", "always", "staff", "industry", "retail"),
        *("test", "steps", "bot", "user", "expect", "advance", "points", "category", "var.x", "id"),
        *("{{ customer.x }}", "{{ 1 + }}", "{% if %}", "1h", "-3d", "5", "no", "null", "", "end"),
        *("x_a", "en", "fa", "telegram", "with", "for", "until", "offset", "overwrite", "expect"),
        *("confirm", "rows", "value", "all", "any", "not", "points__gte", "\u200c", "🎂", "()"),
    )
)
TREES = st.recursive(
    WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)


def written(tree: object) -> str:
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False)


def everything_is_told(loaded: Loaded) -> None:
    for problem in loaded.problems:
        assert problem.position.file
        assert problem.message


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(WORDS, TREES, max_size=6), TREES, TREES)
def test_no_tree_in_any_place_raises(crm: dict[str, object], tree: object, other: object) -> None:
    everything_is_told(load(written({"flow": "f", "nodes": [tree, other]}), crm=written(crm)))
    everything_is_told(load(written(other), test=written({"test": "t", "steps": tree})))
    everything_is_told(load(crm=written({"business": {"name": "L"}, **crm, "fields": tree})))


def places(tree: object) -> list[tuple[object, ...]]:
    """The path of every value of a tree."""
    found: list[tuple[object, ...]] = [()]
    if isinstance(tree, dict):
        found += [(key, *rest) for key, value in tree.items() for rest in places(value)]
    if isinstance(tree, list):
        found += [(place, *rest) for place, value in enumerate(tree) for rest in places(value)]
    return found


def changed(tree: object, path: tuple[object, ...], value: object) -> object:
    if not path:
        return value
    if isinstance(tree, dict):
        return {
            key: changed(old, path[1:], value) if key == path[0] else old
            for key, old in tree.items()
        }
    assert isinstance(tree, list)
    return [changed(old, path[1:], value) if at == path[0] else old for at, old in enumerate(tree)]


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_good_file_with_any_one_value_replaced_is_loaded_or_told_about(
    data: st.DataObject,
) -> None:
    name, text = data.draw(st.sampled_from([("flow", FLOW), ("crm", CRM), ("test", TEST)]))
    tree = yaml.load(text, yaml.BaseLoader)  # plain texts and nothing else
    path = data.draw(st.sampled_from(places(tree)))
    bad = written(changed(tree, path, data.draw(TREES)))
    everything_is_told(load(FLOW, crm=bad) if name == "crm" else load(**{name: bad}))


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_no_text_raises(text: str) -> None:
    everything_is_told(load_project({"crm.yaml": text, "a.yaml": text}, KINDS, industry))


def test_loading_a_flow_of_ten_times_as_many_nodes_is_ten_times_the_work() -> None:
    def calls(count: int) -> int:
        """How many functions loading calls: unlike seconds, the same on a busy machine."""
        text = nodes("".join(f"- {{id: n{at}, ask: 'Q {at}?'}}\n" for at in range(count)))
        counted = itertools.count()
        sys.setprofile(lambda *_: next(counted))
        try:
            loaded = load(text)
        finally:
            sys.setprofile(None)
        assert not loaded.problems
        return next(counted)

    calls(10)  # what is made once is made now
    assert calls(1_000) < 12 * calls(100)
