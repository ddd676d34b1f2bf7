"""What an author gets told about options that contradict, and where."""

from __future__ import annotations

import pytest

from tests.engine.step.talk import load


def problems(node: str) -> list[tuple[str, str]]:
    """Code and message for each finding in a flow of this node and a way out."""
    text = f"flow: f\nnodes:\n  - {node}\n  - {{id: out, say: Bye}}\n"
    return [(problem.code, problem.message) for problem in load(text).problems]


@pytest.mark.parametrize(
    ("node", "code", "message"),
    [
        (
            "{ask: Q?, save_to: email, retry: {attempts: 3}}",
            "E112",
            "`retry` needs `goto` too",
        ),
        (
            "{ask: Q?, save_to: email, retry: {goto: out}}",
            "E112",
            "`retry` needs `attempts` too",
        ),
        (
            "{ask: Q?, timeout: {after: 2h, until: 2030-01-01}}",
            "E112",
            "`timeout` has `after` or `until`, not both",
        ),
        (
            "{ask: Q?, timeout: {offset: 2h}}",
            "E112",
            "`offset` counts from `until`, which is missing",
        ),
        (
            "{ask: Q?, timeout: {after: 1h, remind: {after: 2h, text: Well?}}}",
            "E112",
            "a reminder after 2h comes when the question has closed, after 1h",
        ),
        (
            "{ask: Q?, save_to: email, customer_field_key: mail}",
            "E112",
            "`customer_field_key` says the same as `save_to`",
        ),
        (
            "{ask: Q?, save_to: birth_date, expect: number}",
            "E401",
            "'birth_date' keeps a date, and a reply read as number is none",
        ),
        ("{task: {due: 1d}}", "E109", "a task needs 'title'"),
        ("{task: {title: A, priority: hgih}}", "E402", "'hgih' is not an option of 'priority'"),
        ("{task: {title: A, due: soon}}", "E203", "a duration such as 1d, a date or moment"),
        ("{task: {title: A, due: -1d}}", "E203", "what is to be done lies ahead"),
        ("{task: {title: A, due: 3}}", "E203", "a duration wants its unit"),
        ("{task: {title: A, assign: nobody}}", "E320", "nobody is called 'nobody'"),
        ("{task: {title: A, repeat: FREQ=HOURLY}}", "E321", "'FREQ=HOURLY' is no repetition"),
        ("{task: {title: A, colour: red}}", "E101", "unknown key 'colour'"),
        ("{purchase: {number: A-1}}", "E109", "a purchase needs 'amount'"),
        ('{purchase: {amount: "12,5"}}', "E403", "not a value of 'amount'"),
        ("{purchase: {amount: -5}}", "E403", "not a value of 'amount': That is too small"),
        ("{purchase: {amount: 5, currency: euro}}", "E403", "not a value of 'currency'"),
        ("{purchase: {amount: 5, status: payd}}", "E402", "'payd' is not an option of 'status'"),
        ("{purchase: {amount: 5, date: 2026-02-30}}", "E403", "not a value of 'date'"),
        ("{interaction: dance}", "E402", "'dance' is not an option of 'kind'"),
        (
            "{interaction: {kind: call, duration_minutes: -1}}",
            "E403",
            "not a value of 'duration_minutes'",
        ),
        (f"{{note: {'x' * 5_001}}}", "E403", "the note has 5001 characters"),
        ("{ask: Q?, expect: select}", "E112", "`expect: select` needs `choices`"),
        (
            "{ask: Q?, save_to: favorite_category, choices: [Clothes, Hats]}",
            "E402",
            "the choice 'Hats' is no value of 'favorite_category'",
        ),
        (
            "{ask: Q?, save_to: favorite_category, choices: [{text: Hats, value: hats}]}",
            "E402",
            "'hats' is not an option of 'favorite_category'",
        ),
        (
            '{ask: Q?, save_to: shoe_size, choices: ["40", "99"]}',
            "E403",
            "the choice '99' is no value of 'shoe_size'",
        ),
        (
            "{ask: Q?, save_to: shoe_size, rules: {past: true}}",
            "E112",
            "`past` is no rule of a number",
        ),
        ('{ask: Q?, rules: {pattern: "(?=a)"}}', "E405", "a pattern that cannot be used"),
        (
            '{ask: Q?, save_to: shoe_size, rules: {min: "{{ var.x }}"}}',
            "E112",
            "`min` is a value, not a template",
        ),
        ("{ask: Q?, choose: many}", "E112", "`choose: many` has nothing to choose from"),
        (
            "{ask: Q?, choose: many, choices: [A], expect: number}",
            "E112",
            "`choose: many` chooses, and expects no other",
        ),
        (
            "{ask: Q?, choose: many, choices: [A, {text: B, goto: out}]}",
            "E112",
            "with `choose: many` a choice has no `goto` of its own",
        ),
        (
            "{ask: Q?, choose: many, choices: [A], save_to: shoe_size}",
            "E401",
            "'shoe_size' keeps a number, and many are a list",
        ),
        (
            "{ask: Q?, merge_within: 5m, timeout: {after: 5m}}",
            "E112",
            "after a pause of 5m the question has closed, after 5m",
        ),
        (
            "{ask: Q?, expect: photo, save_to: shoe_size}",
            "E401",
            "'shoe_size' keeps a number, and a reply read as photo is none",
        ),
        ("{form: [{ask: Q?}]}", "E112", "what a form asks needs `save_to`"),
        ("{form: []}", "E202", "`form` asks nothing"),
        ("{say: []}", "E202", "`say` has no text"),
        (
            "{say: Hi, buttons: [{text: A}]}",
            "E112",
            "a button needs `url` or `flow`, one of the two",
        ),
        ("{tag: {}}", "E112", "`tag` needs `add` or `remove`"),
        (
            "{tag: {add: [VIP], remove: [VIP]}}",
            "E112",
            "the tag 'VIP' is added and removed at once",
        ),
        ("{delay: {}}", "E112", "`delay` needs `for` or `at`, or `until` without them"),
        (
            "{delay: {for: 1d, offset: 2h}}",
            "E112",
            "`offset` counts from `until`, which is missing",
        ),
        (
            "{delay: {for: 1d, until: 2030-01-01}}",
            "E112",
            "`delay` needs `for` or `at`, or `until` without them",
        ),
        (
            "{branch: {when: {is_vip: true}, goto: out}, else: out, goto: out}",
            "E113",
            "`else` is where a branch goes: no other exit",
        ),
    ],
)
def test_options_that_contradict_are_told(node: str, code: str, message: str) -> None:
    found = problems(node)
    assert any(c == code and m.startswith(message) for c, m in found), found


@pytest.mark.parametrize(
    "node",
    [
        "{ask: Q?, save_to: description, expect: email}",
        "{ask: Q?, save_to: favorite_category, choices: [Clothes, کفش]}",
        '{ask: Q?, save_to: birth_date, choices: [today, "1990-05-15"]}',
        "{ask: Q?, save_to: is_vip, choices: [بله, nope]}",
        "{ask: Q?, choices: {text: Only one}}",
        "{ask: Q?, save_to: customer.first_name, skip: [a, b]}",
        "{ask: Q?, save_to: city, rules: {pattern: '[a-z]+', min_length: 2, max_length: 9}}",
        "{ask: Q?, expect: number, rules: {min: 1.5, max: 10}, save_to: var.n}",
        "{delay: {at: 18:00}}",
        "{say: {en: Hi, fa: سلام}, buttons: [[{text: A, flow: f}]]}",
    ],
)
def test_what_makes_sense_is_accepted(node: str) -> None:
    assert [m for m in problems(node) if m[0].startswith("E")] == []


def test_what_is_wrong_in_an_option_is_told_where_it_stands() -> None:
    text = "flow: f\nnodes:\n  - ask: Q?\n    save_to: birth_date\n    expect: number\n"
    (found,) = load(text).problems
    assert (found.position.line, found.position.column) == (5, 13)
