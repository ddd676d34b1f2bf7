"""`http`: ask another system, and go on with its answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from msgspec import Struct

from engine.assigning import assign
from engine.effects import CallHttp
from engine.http_request import (
    Parts,
    Request,
    SecretPart,
    Text,
    json_parts,
    moment_text,
    number_text,
    quoted,
    text_parts,
)
from engine.http_request import joined as join
from engine.http_shapes import ADDRESS, HEADER_NAME, SECRET_TEXT, VALUES
from engine.node import Exit, Go, Next, Node, Stay
from engine.passage import Passage
from engine.resume import HttpAnswered, Resume, TimedOut
from engine.run import Alarm, Wait
from engine.shapes import ASSIGNMENTS, NODE_REF, WORD, MapOf, OneOf, Option, Reader
from engine.templates import Template
from engine.templates.pieces import Pieces, Secret

PATIENCE = timedelta(seconds=10)
"""How long a person who is being asked waits for the answer; then it counts as none."""

MOST_BODY = 100_000
"""Characters of a request's body."""

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")

_BODIES: Mapping[str, str] = {
    "json": "application/json",
    "form": "application/x-www-form-urlencoded",
    "body": "text/plain; charset=utf-8",
}

_DOTS = re.compile(r"(?i)(?:\.|%2e){1,2}")
_BREAKS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class _CannotAsk(Exception):
    """The request cannot be made of these values; the text says why and names no value."""


class Called(Struct, frozen=True):
    """A request as written. body: the kind of it, a key of _BODIES, and its value; or None."""

    method: str
    url: Pieces
    query: Mapping[str, Any]
    headers: Mapping[str, Any]
    body: tuple[str, Any] | None


class Http(Node, frozen=True, kw_only=True):
    """on_error: where it goes without a good answer; '' for its own exit, with `answer.error`."""

    KIND: ClassVar[str] = "http"
    HELP: ClassVar[str] = (
        "Asks another system once the turn is stored, and goes on with its answer."
    )
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "http": Option(
            ADDRESS, "the address; what is put in is data", "https://api.example.com/orders",
            required=True,
        ),
        "method": Option(OneOf(*METHODS), "default GET, and POST where there is a body", "POST"),
        "query": Option(MapOf(WORD, VALUES), "what stands behind '?'", '{page: 1, tag: "{{ x }}"}'),
        "headers": Option(
            MapOf(HEADER_NAME, SECRET_TEXT), "headers of the request",
            '{Authorization: "Bearer {{ secret.SHOP_KEY }}"}',
        ),
        "json": Option(VALUES, "a body in JSON", '{customer: "{{ customer.id }}"}'),
        "form": Option(MapOf(WORD, VALUES), "a body as a web form sends it", "{name: Sara}"),
        "body": Option(SECRET_TEXT, "a body as it is"),
        "save": Option(
            ASSIGNMENTS, "what of the answer is kept, and where",
            '{var.s: "{{ answer.json.status }}"}',
        ),
        "on_error": Option(NODE_REF, "where it goes without an answer of 2xx"),
    }  # fmt: skip

    called: Called
    save: tuple[tuple[str, Any], ...] = ()
    on_error: str = ""

    @classmethod
    def build(cls, common: dict[str, Any], options: dict[str, Any], reader: Reader) -> Http:
        bodies = [kind for kind in _BODIES if kind in options]
        for second in bodies[1:]:
            message = f"the body is in `{bodies[0]}` already"
            reader.error(reader.at(second), "E112", message, "A request has one body.")
        body = (bodies[0], options[bodies[0]]) if bodies else None
        method = options.get("method", "POST" if body else "GET")
        if body and method in ("GET", "HEAD"):
            cure = "Use `query`, or another method."
            reader.error(reader.at("method"), "E112", f"a {method} has no body", cure)
        called = Called(
            method, options["http"], options.get("query", {}), options.get("headers", {}), body
        )
        save, on_error = options.get("save", ()), options.get("on_error", "")
        return cls(**common, called=called, save=save, on_error=on_error)

    @property
    def waits(self) -> bool:
        return True

    def exits(self) -> Iterator[tuple[str, str]]:
        if self.on_error:
            yield "on_error", self.on_error

    def take_over(self, before: Node | None, wait: Wait) -> Wait | None:
        """The answer to another request is not this one's."""
        return wait if isinstance(before, Http) and before.called == self.called else None

    def enter(self, at: Passage) -> Next:
        try:
            request = _request(at, self.called)
        except _CannotAsk as reason:
            return self._fail(at, str(reason))
        # Who is being talked with waits for the answer, and not for long. Behind a delay nobody
        # does: the answer may come when it comes.
        holds = not at.alone
        until = at.now + PATIENCE if holds else None
        wait_id = at.new_wait_id()
        at.ask_for(CallHttp(wait_id, request, until))
        alarms = () if until is None else (Alarm(until, "timeout"),)
        return Stay(Wait(wait_id, asked_at=at.now, asks=holds, alarms=alarms, holds=holds))

    def resume(self, at: Passage, resume: Resume) -> Next:
        assert at.wait is not None, "only a waiting run is resumed"
        match resume:
            case HttpAnswered(answer=answer) if answer["error"] is None:
                at.bring(answer)
                return self._go_on(at)
            case HttpAnswered(answer=answer):
                return self._fail(at, str(answer["error"]), answer)
            case TimedOut():
                return self._fail(at, f"no answer within {PATIENCE.seconds} seconds")
            case _:
                return Stay(at.wait)

    def _go_on(self, at: Passage) -> Next:
        for name, written in self.save:
            value = at.evaluate(written)
            # An answer that does not tell something is no reason to forget it.
            if value is not None or written is None or name.startswith("var."):
                assign(at, name, value)
        return Exit()

    def _fail(self, at: Passage, reason: str, answer: Mapping[str, Any] | None = None) -> Next:
        at.bring(answer or {"status": 0, "json": None, "text": "", "error": reason})
        at.problem(f"the request failed: {reason}")
        return Go(self.on_error, "on_error") if self.on_error else Exit()


# -- from what is written to a request of these values


def _request(at: Passage, called: Called) -> Request:
    """Raises _CannotAsk."""
    headers = [(name, _header(at, name, value)) for name, value in called.headers.items()]
    body: Parts = ()
    if called.body is not None:
        kind, written = called.body
        body = _body(at, kind, written)
        if not any(name.lower() == "content-type" for name, _ in headers):
            headers.append(("Content-Type", (_BODIES[kind],)))
    if sum(len(part) for part in body if isinstance(part, str)) > MOST_BODY:
        raise _CannotAsk(f"its body has more than {MOST_BODY:,} characters")
    return Request(called.method, _url(at, called), tuple(headers), body)


def _url(at: Passage, called: Called) -> Parts:
    path: list[str | SecretPart] = []
    query: list[str | SecretPart] = []
    for piece in called.url.pieces:
        place = query or path
        if isinstance(piece, str):
            before, mark, behind = piece.partition("?") if not query else ("", "", piece)
            path.append(before)
            query += [mark + behind] if mark or query else []
        elif isinstance(piece, Secret):
            place.append(SecretPart(piece.name, "form" if query else "path"))
        else:
            place.append(quoted(_text(at, piece), "form" if query else "path"))
    _check_path(path)
    query = [part for part in query if part]
    pairs = _pairs(at, called.query)
    if pairs:
        query.append("&" if query else "?")
    return join([*path, *query, *pairs])


def _check_path(path: list[str | SecretPart]) -> None:
    """A value that is `..` would lead out of the place that the address names."""
    text = "".join(part if isinstance(part, str) else "?" for part in path)
    if any(_DOTS.fullmatch(segment) for segment in text.split("/")):
        raise _CannotAsk("a part of its path is '.' or '..'")


def _pairs(at: Passage, values: Mapping[str, Any]) -> list[str | SecretPart]:
    """`name=value` of each value, of each item of a list; what has no value is left out."""
    pairs: list[str | SecretPart] = []
    for name, written in values.items():
        value = _value(at, written)
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is None:
                continue
            pairs += ["&"] if pairs else []
            pairs += [quoted(name, "form"), "=", *text_parts(_plain(item), "form")]
    return pairs


def _header(at: Passage, name: str, written: Any) -> Parts:
    parts = text_parts(_plain(_value(at, written)), "plain")
    if any(_BREAKS.search(part) for part in parts if isinstance(part, str)):
        raise _CannotAsk(f"the header {name} would have a line break or a control character")
    return parts


def _body(at: Passage, kind: str, written: Any) -> Parts:
    if kind == "form":
        return join(_pairs(at, written))
    value = _value(at, written)
    if kind == "body":
        return text_parts(_plain(value), "plain")
    try:
        return json_parts(value)
    except (ValueError, RecursionError) as error:
        raise _CannotAsk(f"its body cannot be written as JSON: {error}") from None


def _value(at: Passage, written: Any) -> Any:
    """What is written, with its values; secrets stay names."""
    if isinstance(written, Pieces):
        pieces = (_text(at, one) if isinstance(one, Template) else one for one in written.pieces)
        return Text(tuple(pieces))
    if isinstance(written, Template):
        return at.evaluate(written)
    if isinstance(written, tuple):
        return [_value(at, item) for item in written]
    if isinstance(written, dict):
        return {key: _value(at, item) for key, item in written.items()}
    return written


def _text(at: Passage, template: Template) -> str:
    text: str | None = at.fill(template)
    if text is None:
        raise _CannotAsk("a template of it failed")
    return text


def _plain(value: Any) -> Text | str:
    """A value as a text for machines, whatever the customer speaks."""
    if isinstance(value, Text | str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, date | time):
        return moment_text(value)
    if isinstance(value, int | float):
        return str(value)
    raise _CannotAsk("a list or a group of values stands where one value belongs")
