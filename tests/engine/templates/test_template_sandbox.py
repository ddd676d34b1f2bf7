"""Nobody gets out of a template, and nothing in it can take long or grow large."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.templates import (
    Record,
    Scope,
    TemplateFailed,
    compile_template,
)
from engine.templates.bounds import MAX_TEXT
from tests.engine.templates.scopes import ENGLISH, NOW, TEHRAN, problems, render, scope

ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ customer['__class__'] }}",
    "{{ customer.values.__class__ }}",
    "{{ _customer }}",
    "{{ customer._values }}",
    "{{ customer | attr('__class__') }}",
    "{{ [1] | map(attribute='__class__') | list }}",
    "{{ customer | pprint }}",
    "{{ x | safe }}",
    "{{ self.__init__.__globals__ }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum() }}",
    "{{ namespace() }}",
    "{{ range(10 ** 9) }}",
    "{{ dict(a=1) }}",
    "{{ ''.join(['a']) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '{0.__class__}' | format(1) }}",
    "{{ '%(a)s' | format(a=1) }}",
    "{{ '%*d' | format(9, 9) }}",
    "{{ '%1000000d' | format(1) }}",
    "{{ '%.99999999999f' | format(1) }}",
    "{{ 2 ** 9999999 }}",
    "{{ 'a' * 10000000 }}",
    "{{ 10000000 * 'a' }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% set x = 1 %}",
    "{% set x %}a{% endset %}",
    "{% with a = 1 %}{% endwith %}",
    "{% include 'x' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}a{% endfilter %}",
    "{% autoescape false %}{% endautoescape %}",
    "{% do x %}",
    "{% for i in range(9) %}{% endfor %}",
]


@pytest.mark.parametrize("source", ESCAPES)
def test_a_way_out_is_refused_when_the_template_is_loaded(source: str) -> None:
    assert problems(source)


@pytest.mark.parametrize(
    "path",
    ["first_name.upper", "items", "values", "labels", "get", "likes.append", "birth_date.ctime"],
)
def test_a_method_of_python_is_only_a_name_without_a_value(path: str) -> None:
    assert render(f"[{{{{ customer.{path} }}}}]") == "[]"


def test_a_key_with_one_underscore_can_be_read_from_somebody_elses_json() -> None:
    assert render("{{ event.json['_id'] }}", event={"json": {"_id": "a1"}}) == "a1"


@given(st.text(max_size=300))
def test_whatever_text_is_put_in_comes_out_unchanged(text: str) -> None:
    customer = Record({"name": text, "choice": "x"}, {"choice": {"x": text}})
    put_in = scope(customer=customer, var={"list": [text]})

    for source in ("{{ customer.name }}", "{{ customer.choice }}", "{{ var.list | first }}"):
        assert compile_template(f"<{source}>").render(put_in) == f"<{text}>"
    assert compile_template("{{ customer.name }}").evaluate(put_in) == text


@pytest.mark.parametrize(
    "text", ["{{ 1 + 1 }}", "{% if x %}", "<b>&amp;</b>", "%s %d %(x)s", "{0.__class__}", "\\n$1"]
)
def test_what_looks_like_a_template_is_data_everywhere(text: str) -> None:
    source = "{{ t }}{{ '%s' | format(t) }}{{ 'x' | replace('x', t) }}{{ ['', ''] | join(t) }}"

    assert render(source, t=text) == text * 4


LONG = "ab " * 2_730
ENDLESS = {
    "nested concatenation": "{% for i in l %}{{ t ~ t ~ t ~ t }}{% endfor %}",
    "a long output": "{% for i in l %}{{ t }}{% endfor %}",
    "many long texts": "{{ t }}" * 2_000,
    "a join": "{{ l | join(t) }}",
    "a replacement": "{{ t | replace('a', t) }}",
    "a list of long texts": "{{ [t, t, t] }}",
    "percent encoding": "{{ p | url }}",
    "a list too long": "{{ longer | join }}",
    "a loop too long": "{% for i in longer %}x{% endfor %}",
    "a search too long": "{{ 5 in longer }}",
    "a text too long": "{{ longest | length }}",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS.keys())
def test_what_would_grow_past_the_bounds_fails(source: str) -> None:
    names: dict[str, Any] = {
        "t": LONG,
        "p": "ض" * 8_000,
        "l": list(range(100)),
        "longer": list(range(101)),
        "longest": "a" * (MAX_TEXT + 1),
    }

    with pytest.raises(TemplateFailed, match="more than"):
        render(source, **names)


def test_an_output_of_the_greatest_length_is_still_given() -> None:
    assert len(render("{{ t }}a", t="x" * (MAX_TEXT - 1))) == MAX_TEXT
    with pytest.raises(TemplateFailed):
        render("{{ t }}ab", t="x" * (MAX_TEXT - 1))


def test_a_template_that_does_too_much_is_refused_when_it_is_loaded() -> None:
    body = "{{ t | upper | length }}" * 12

    (problem,) = problems("{% for i in l %}" + body + "{% endfor %}")

    assert problem.message.startswith("the template does too much")
    assert not problems(body)


DEAREST = {
    "words": "{{ t | title | title | title | title | title | title | title | title | length }}",
    "letters": "{{ p | upper | upper | upper | upper | upper | upper | upper | upper | length }}",
    "order": "{{ texts | sort | first | length }}" * 6,
    "search": "{{ 'x' in texts }}" * 7,
    "printing": "{{ (texts | first ~ '') | length }}" * 3,
    "days": "{{ now | when | length }}" * 8,
}


@pytest.mark.parametrize("body", DEAREST.values(), ids=DEAREST.keys())
def test_the_dearest_template_that_loads_ends_within_seconds(body: str) -> None:
    template = compile_template("{% for i in numbers %}" + body + "{% endfor %}")
    texts = ["a" * 8_000 + str(number) for number in range(100)]
    put_in = scope(t=LONG, p="سلام " * 1_638, texts=texts, numbers=list(range(100)))

    begun = time.thread_time()
    assert len(template.render(put_in)) <= MAX_TEXT

    assert time.thread_time() - begun < 8


NESTED = [
    "{{" * 8_000,
    "{% if x %}" * 1_500,
    "{{ " + "(" * 8_000,
    "{{ " + "[" * 5_000 + "]" * 5_000 + " }}",
    "{{ " + "not " * 3_900 + "x }}",
    "{{ " + "-" * 9_000 + "x }}",
    "{{ " + "x + " * 3_900 + "x }}",
    "{{ " + "a if b else " * 1_000 + "c }}",
    "{{ x" + "[0]" * 5_000 + " }}",
    "{{ x" + " | upper" * 1_500 + " }}",
]


@pytest.mark.parametrize("source", NESTED, ids=lambda source: source[:12])
def test_a_source_nested_without_end_is_a_problem_and_not_a_crash(source: str) -> None:
    assert problems(source)


_PIECES = """{{ }} {% %} {# #} if for in endif endfor x .y | upper ( ) ' " 1 0x e9 + ** ~ [ ] - _
    % raw endraw set macro سلام \\ else == history , : is none not loop"""
_LINES = st.lists(st.sampled_from([*_PIECES.split(), "\n", "\r\n"]), max_size=25).map(" ".join)


@settings(max_examples=300)
@given(st.one_of(_LINES, st.text(max_size=60)))
def test_any_source_compiles_and_renders_or_is_told_what_is_wrong(source: str) -> None:
    found = problems(source)

    assert all(problem.message and problem.line >= 1 <= problem.column for problem in found)
    if not found:
        with suppress(TemplateFailed):
            text = compile_template(source).render(Scope({}, ENGLISH, TEHRAN, NOW))
            assert len(text) <= len(source)
