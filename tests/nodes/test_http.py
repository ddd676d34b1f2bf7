"""What a request is made of, and where what people wrote can lead it: nowhere."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.effects import CallHttp
from engine.http_request import Request, filled
from engine.resume import HttpAnswered
from tests.engine.step.talk import Talk, load

FLOW = """
flow: f
vars: {n: 0}
nodes:
  - http: "https://api.example.com/a/{{ customer.first_name }}/b?q={{ customer.first_name }}#"
    OPTIONS
    on_error: bad
  - {end: good}
  - {id: bad, end: bad}
"""


def asked(options: str = "headers: {}", **values: Any) -> Request | None:
    talk = Talk(FLOW.replace("#", "").replace("OPTIONS", options), **values).start("f")
    calls = [effect for effect in talk.effects if isinstance(effect, CallHttp)]
    return calls[0].request if calls else None


def url_of(request: Request | None) -> str:
    assert request is not None
    return filled(request.url, lambda name: f"<{name}>")


@given(st.text(min_size=1, max_size=30).filter(lambda text: text.strip(". \t\n") != ""))
def test_whatever_somebody_is_called_the_request_goes_to_the_same_place(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return  # no store holds it
    request = asked(first_name=name)
    parts = urlsplit(url_of(request))
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "api.example.com", "")
    assert len(parts.path.split("/")) == 4
    assert parse_qsl(parts.query, keep_blank_values=True) == [("q", name)]


@pytest.mark.parametrize("name", ["..", "."])
def test_a_value_that_would_lead_up_the_path_is_not_asked_with(name: str) -> None:
    assert asked(first_name=name) is None


def test_values_keep_their_kind_in_json_and_are_plain_elsewhere() -> None:
    request = asked(
        "json: {n: '{{ customer.points }}', none: '{{ customer.site }}', yes: true}\n"
        "    query: {n: '{{ customer.points }}', list: [a, b], none: '{{ customer.site }}'}",
        first_name="Sara", points=12, language="fa",
    )  # fmt: skip
    assert request is not None
    assert request.method == "POST"
    assert url_of(request).endswith("/b?q=Sara&n=12&list=a&list=b")
    assert request.body == ('{"n":12,"none":null,"yes":true}',)
    assert ("Content-Type", ("application/json",)) in request.headers


def test_a_form_and_a_plain_body_say_what_they_are() -> None:
    form = asked("form: {name: '{{ customer.first_name }}', k: '{{ secret.K }}'}", first_name="ä &")
    assert form is not None
    assert filled(form.body, lambda _: "s&t") == "name=%C3%A4+%26&k=s%26t"
    plain = asked("body: 'Hi {{ customer.first_name }}'\n    method: PUT", first_name="Sara")
    assert plain is not None
    assert (plain.method, plain.body) == ("PUT", ("Hi Sara",))


def test_a_header_takes_no_line_break_from_anybody() -> None:
    assert asked("headers: {X-A: '{{ customer.first_name }}'}", first_name="a\nHost: evil") is None


def test_a_request_that_cannot_be_made_leaves_by_on_error_and_says_why() -> None:
    talk = Talk(FLOW.replace("#", "").replace("OPTIONS", "headers: {}"), first_name="..").start("f")
    assert talk.outcome == "bad"
    assert talk.problems[0].endswith("the request failed: a part of its path is '.' or '..'")


def test_no_secret_and_no_environment_is_in_what_a_step_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP_KEY", "planted-shop-key")
    request = asked("headers: {X-A: 'Bearer {{ secret.SHOP_KEY }}'}", first_name="{{ secret.X }}")
    assert request is not None
    assert request.secrets == {"SHOP_KEY"}
    assert "planted-shop-key" not in repr(request)


def test_an_answer_of_another_wait_does_nothing() -> None:
    talk = Talk(FLOW.replace("#", "").replace("OPTIONS", "headers: {}"), first_name="a").start("f")
    answer = {"status": 200, "json": None, "text": "", "error": None}
    assert talk.resume(HttpAnswered("9-9", answer)).node == "http"
    assert talk.run is not None
    assert talk.run.wait is not None
    assert talk.resume(HttpAnswered(talk.run.wait.id, answer)).outcome == "good"


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ("http: 'https://{{ var.x }}.example.com/'", "3:11 E341"),
        ("http: ftp://example.com/", "3:11 E341"),
        ("http: https://example.com/#top", "3:11 E341"),
        ("http: https://example.com:8443/", "3:11 E342"),
        ("http: http://localhost/", "3:11 E342"),
        ("http: https://example.com/\n    headers: {Host: a}", "4:15 E344"),
        ("http: https://example.com/\n    json: {}\n    body: a", "5:11 E112"),
        ("http: https://example.com/\n    method: GET\n    json: {}", "4:13 E112"),
        ("http: https://example.com/{{ secret.A | upper }}", "3:34 E501"),
        ("say: '{{ secret.A }}'", "3:14 E502"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(node: str, told: str) -> None:
    loaded = load(f"flow: f\nnodes:\n  - {node}\n")
    found = [f"{one.position.line}:{one.position.column} {one.code}" for one in loaded.problems]
    assert told in found
