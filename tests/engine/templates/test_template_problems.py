"""What is found wrong in a source when it is loaded, and what its names are."""

from __future__ import annotations

import pytest

from engine.templates import TemplateProblem, Use, compile_template
from tests.engine.templates.scopes import problems


def test_every_problem_of_a_source_is_told_with_its_place() -> None:
    source = "{{ a | uper }}\nand {{ b ** 2 }} {{ c.d() }}\n{% set x = 1 %}"

    assert problems(source) == [
        TemplateProblem(1, 8, "there is no filter 'uper'", "Did you mean 'upper'?"),
        TemplateProblem(2, 8, "'**' is not allowed in a template", "Write x * x."),
        TemplateProblem(2, 24, "only history('field') can be called in a template"),
        TemplateProblem(
            3,
            4,
            "a template knows the blocks {% if %} and {% for %} only",
            "Use the node `set` to keep a value in var.x.",
        ),
    ]


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        ("a\n {{ x + }}", 2, 9),
        ("{% if x %}\n{{ y }}", 2, 6),
        ("a\n{{ b @ c }}", 2, 1),
        ("a\n{# never closed", 2, 1),
        ("{{ '\\x' }}", 1, 4),
        ("{% surprise %}", 1, 4),
        ("{{ " + "9" * 5000 + " }}", 1, 4),
        ("{{ }}", 1, 4),
    ],
)
def test_broken_grammar_is_one_problem_at_its_place(source: str, line: int, column: int) -> None:
    (problem,) = problems(source)

    assert (problem.line, problem.column) == (line, column)
    assert problem.message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ x is dfined }}", "there is no test 'dfined'"),
        ("{{ x | replace(1) }}", "missing a required argument: 'new'"),
        ("{{ x | upper(1) }}", "too many positional arguments"),
        ("{{ x | join(by=1) }}", "unexpected keyword argument 'by'"),
        ("{{ x | join(*y) }}", "* and ** cannot stand in arguments"),
        ("{{ x[y] }}", "only a constant key or index can stand in [ ]"),
        ("{{ x[1:2] }}", "only a constant key or index can stand in [ ]"),
        ("{{ {'a': 1} }}", "a group of values cannot be written in a template"),
        ("{{ 'a' * 1000 }}", "'*' works on numbers, not on text"),
        ("{{ '%d' % x }}", "'%' works on numbers, not on text"),
        ("{{ x | format(1) }}", "format needs its pattern before it"),
        ("{{ '%d %d' | format(1) }}", "the pattern has 2 places, format is given 1 values"),
        ("{{ '%x' | format(1) }}", "a pattern of format knows %d, %f, %s and %% only"),
        ("{% for a in b %}{% for c in d %}{% endfor %}{% endfor %}", "a template has one for"),
        ("{% for a in b %}{% endfor %}{% for c in d %}{% endfor %}", "a template has one for"),
        ("{% for a, b in c %}{% endfor %}", "a for has one variable"),
        ("{% for loop in c %}{% endfor %}", "a variable cannot be called 'loop'"),
        ("{% for a in b recursive %}{% endfor %}", "a for cannot be recursive"),
        ("{{ history(x) }}", "only history('field') can be called in a template"),
        ("{{ history() }}", "only history('field') can be called in a template"),
        ("{{ '" + "a" * 9000 + "' }}", "this text or number is too long for a template"),
        ("a" * 9000 + "{{ x }}", "a text has at most 8,192 characters"),
        ("a" * 20_000 + "{{ x }}", "a template has at most 16,384 characters, this one 20,007"),
        ("{{ [" + "1," * 200 + "] }}", "a list has at most 100 items"),
        ("{{ '\\ud800' }}", "this text holds a character that no message can carry"),
        ("{{ 'a\\x00b' }}", "this text holds a character that no message can carry"),
        ("{{ 1e40 }}", "this text or number is too long for a template"),
    ],
)
def test_what_a_template_may_not_say_is_refused_in_plain_words(source: str, message: str) -> None:
    assert message in " ".join(problem.message for problem in problems(source))


def test_the_names_a_template_reads_are_known_with_their_places() -> None:
    template = compile_template(
        "{{ customer.first_name }} {{ event.json['email'].x }}\n"
        "{% for p in answer.items %}{{ p.name }} {{ var.x }} {{ loop.index }}{% endfor %}"
    )

    assert template.uses == (
        Use(("customer", "first_name"), 1, 4),
        Use(("event", "json", "email", "x"), 1, 30),
        Use(("answer", "items"), 2, 13),
        Use(("var", "x"), 2, 44),
    )
    assert template.names == {use.path for use in template.uses}


def test_the_fields_whose_history_is_read_are_known() -> None:
    template = compile_template("{{ history('weight_kg') | first }}")

    assert template.histories == (Use(("weight_kg",), 1, 12),)
    assert template.uses == ()


def test_what_stands_before_an_index_is_a_name_and_what_follows_is_not() -> None:
    assert compile_template("{{ event.json[0].x.y }}").names == {("event", "json")}


def test_plain_text_is_a_constant() -> None:
    template = compile_template("100 % {sure} }} #1")

    assert template.is_constant
    assert template.names == frozenset()


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_places_are_the_same_for_every_kind_of_line_ending(ending: str) -> None:
    assert compile_template(f"a{ending}b{ending}{{{{ x }}}}").uses == (Use(("x",), 3, 4),)
