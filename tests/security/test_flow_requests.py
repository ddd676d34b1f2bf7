"""The requests of flows: where they may lead, what they take along, and what nobody may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web

from engine.http_hosts import Host, is_allowed, networks_of, parse_host
from engine.http_request import Request, SecretPart
from rapport import redaction
from rapport.http_caller import MOST_ANSWER, MOST_TEXT, HttpCaller, read_body
from rapport.runtime.calls import Stored
from rapport.runtime.performer import Reply
from tests.support.aio import run

HERE = "127.0.0.1"
KEY = "planted-key-of-the-shop"


class Server:
    """What it was asked, and what it answers."""

    def __init__(self) -> None:
        self.port = 0
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: list[web.Response] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append((request.method, request.raw_path, headers, await request.read()))
        if request.path == "/never":
            await asyncio.Event().wait()
        if request.path == "/echo":
            return web.json_response({"headers": dict(request.headers), "path": request.raw_path})
        return self.answers.pop(0) if self.answers else web.json_response({"ok": True})


@asynccontextmanager
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, HERE, 0).start()
        made.port = runner.addresses[0][1]
        yield made
    finally:
        await runner.cleanup()


async def nowhere(_host: str, _port: int) -> Sequence[str]:
    return [HERE]


def caller(*hosts: str, **secrets: str) -> HttpCaller:
    return HttpCaller(lambda: tuple(map(parse_host, hosts)), secrets.get, nowhere)


async def ask(
    at: Server, path: str = "/", *, host: str = HERE, allowed: Sequence[str] = (HERE,),
    seconds: float = 5.0, secrets: dict[str, str] | None = None, method: str = "GET", **parts: Any,
) -> Reply:  # fmt: skip
    url = parts.pop("url", (f"http://{host}:{at.port}{path}",))
    stored = Stored(Request(method, url, **parts), "the-key")
    return await caller(*allowed, **(secrets or {}))(stored, seconds)


@pytest.fixture(autouse=True)
def _nothing_is_kept_secret() -> Any:
    yield
    redaction.forget_all()


def test_a_listed_address_is_reached_and_its_json_comes_back() -> None:
    async def main() -> Reply:
        async with server() as at:
            at.answers = [web.Response(text='{"price": 0.1, "n": [1, null, true]}')]
            return await ask(at)

    reply = run(main())
    assert reply.again_in is None
    assert reply.answer == {
        "status": 200,
        "json": {"price": Decimal("0.1"), "n": [1, None, True]},
        "text": "",
        "error": None,
    }


@pytest.mark.parametrize(
    ("host", "allowed", "why"),
    [
        (HERE, (), "port"),
        ("localhost", ("api.example.com",), "not among the hosts"),
        (HERE, ("api.example.com",), "not among the hosts"),
        ("shop.example.com", ("shop.example.com",), "not in the open internet"),
        ("shop.example.com", ("*.example.com",), "not in the open internet"),
        ("shop.example.com", ("shop.example.com:1",), "not among the hosts"),
        ("0x7f000001", (HERE,), "not among the hosts"),
        ("example.com", ("*.example.com", HERE), "not among the hosts"),
        ("evil-example.com", ("*.example.com", HERE), "not among the hosts"),
    ],
)
def test_what_is_not_listed_is_not_reached(host: str, allowed: tuple[str, ...], why: str) -> None:
    async def main() -> tuple[Reply, int]:
        async with server() as at:
            return await ask(at, host=host, allowed=allowed), len(at.asked)

    reply, asked = run(main())
    assert asked == 0
    assert reply.again_in is None
    assert why in reply.answer["error"]


@pytest.mark.parametrize(
    "allowed", [(HERE,), ("127.0.0.0/8",), ("localhost",), ("localhost", "1.1.1.1")]
)
def test_a_private_address_is_reached_where_it_is_listed_itself(allowed: tuple[str, ...]) -> None:
    async def main() -> Reply:
        async with server() as at:
            return await ask(at, allowed=allowed)

    assert run(main()).answer["status"] == 200


def test_a_redirect_is_held_to_the_same_hosts() -> None:
    async def main() -> tuple[Reply, int]:
        async with server() as at:
            where = {"Location": f"http://localhost:{at.port}/secret"}
            at.answers = [web.Response(status=302, headers=where)]
            return await ask(at), len(at.asked)

    reply, asked = run(main())
    assert asked == 1
    assert "not among the hosts" in reply.answer["error"]


def test_a_secret_is_put_in_where_it_stands_and_quoted_for_its_place() -> None:
    secret = 'a"b/c&d é'

    async def main() -> Any:
        async with server() as at:
            await ask(
                at, method="POST", secrets={"KEY": secret},
                url=(f"http://{HERE}:{at.port}/", SecretPart("KEY", "path"), "?k=",
                     SecretPart("KEY", "form")),
                headers=(("X-Key", ("Bearer ", SecretPart("KEY"))),),
                body=('{"key":"', SecretPart("KEY", "json"), '"}'),
            )  # fmt: skip
            return at.asked

    ((method, path, headers, body),) = run(main())
    assert method == "POST"
    assert path == "/a%22b%2Fc%26d%20%C3%A9?k=a%22b%2Fc%26d+%C3%A9"
    assert headers["x-key"].encode("utf-8", "surrogateescape").decode() == f"Bearer {secret}"
    assert json.loads(body) == {"key": secret}


def test_a_secret_that_is_not_set_is_named_and_nothing_is_asked() -> None:
    async def main() -> tuple[Reply, int]:
        async with server() as at:
            return await ask(at, headers=(("X-Key", (SecretPart("KEY"),)),)), len(at.asked)

    reply, asked = run(main())
    assert asked == 0
    assert reply.answer["error"] == "secret.KEY is not set in the environment"
    assert reply.again_in is None


def test_a_secret_that_comes_back_is_blanked_out_before_it_is_kept() -> None:
    async def main() -> Reply:
        async with server() as at:
            headers = (("X-Key", (SecretPart("KEY"),)),)
            return await ask(at, "/echo", secrets={"KEY": KEY}, headers=headers)

    assert KEY not in repr(run(main()))


def test_a_secret_with_a_line_break_stands_in_no_header() -> None:
    async def main() -> tuple[Reply, int]:
        async with server() as at:
            secrets = {"KEY": "a\r\nHost: evil"}
            headers = (("X-Key", (SecretPart("KEY"),)),)
            return await ask(at, secrets=secrets, headers=headers), len(at.asked)

    reply, asked = run(main())
    assert asked == 0
    assert "line break" in reply.answer["error"]


def test_what_changes_something_has_the_key_that_tells_its_second_try_from_another() -> None:
    async def main() -> Any:
        async with server() as at:
            await ask(at, method="POST", body=("x",))
            await ask(at, method="GET")
            await ask(at, method="POST", headers=(("Idempotency-Key", ("mine",)),))
            return [headers.get("idempotency-key") for _, _, headers, _ in at.asked]

    assert run(main()) == ["the-key", None, "mine"]


@pytest.mark.parametrize(
    ("status", "headers", "again_in"),
    [
        (404, {}, None),
        (400, {"Retry-After": "1"}, None),
        (500, {}, 0.0),
        (503, {"Retry-After": "7"}, 7.0),
        (429, {"Retry-After": "99999999999"}, 3600.0),
        (429, {"Retry-After": "-1"}, 0.0),
        (
            429,
            {
                "Date": "Mon, 02 Mar 2026 12:00:00 GMT",
                "Retry-After": "Mon, 02 Mar 2026 12:00:09 GMT",
            },
            9.0,
        ),
    ],
)
def test_only_what_may_change_is_tried_again(
    status: int, headers: dict[str, str], again_in: float | None
) -> None:
    async def main() -> Reply:
        async with server() as at:
            at.answers = [web.Response(status=status, headers=headers, text="no")]
            return await ask(at)

    reply = run(main())
    assert (reply.answer["status"], reply.answer["text"]) == (status, "no")
    assert reply.answer["error"] == f"it was answered with {status}"
    assert reply.again_in == again_in


def test_a_server_that_never_answers_and_one_that_is_not_there_are_tried_again() -> None:
    async def main() -> tuple[Reply, Reply]:
        async with server() as at:
            slow = await ask(at, "/never", seconds=0.2)
            at.port = 1
            return slow, await ask(at)

    for reply in run(main()):
        assert reply.again_in == 0.0
        assert reply.answer["status"] == 0
        assert "no answer" in reply.answer["error"]


def test_an_answer_without_end_is_not_read_and_not_asked_for_again() -> None:
    async def main() -> Reply:
        async with server() as at:
            at.answers = [web.Response(body=b"x" * (MOST_ANSWER + 1))]
            return await ask(at)

    reply = run(main())
    assert reply.again_in is None
    assert "has more than" in reply.answer["error"]


@pytest.mark.parametrize(
    ("content", "value", "text"),
    [
        (b'{"a": "b\\u0000c\\ud800"}', {"a": "bc"}, ""),
        (b"[" * 60 + b"]" * 60, None, "[" * 60 + "]" * 60),
        (b'{"a": 1e999999}', None, '{"a": 1e999999}'),
        (b'{"a": NaN}', None, '{"a": NaN}'),
        (b"[12345678901234567890]", [Decimal(12345678901234567890)], ""),
        (b"plain \xff text", None, "plain \ufffd text"),
        (b"", None, ""),
        (b"x" * (MOST_TEXT + 9), None, "x" * MOST_TEXT),
    ],
)
def test_of_an_answer_only_what_a_store_takes_is_kept(
    content: bytes, value: Any, text: str
) -> None:
    body = read_body(content)
    assert (body.json, body.text) == (value, text)


@pytest.mark.parametrize(
    "entry", ["https://a.com", "a.com/x", "", "a b", "a.com:x", "*", "me@a.com"]
)
def test_what_is_no_host_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"belongs here|stands behind"):
        parse_host(entry)


def test_hosts_are_read_as_they_are_meant() -> None:
    assert parse_host("API.Example.com:8443") == Host("api.example.com", (), 8443)
    assert parse_host("[::1]:80").port == 80
    assert not networks_of([parse_host("api.example.com")])
    assert is_allowed("a.b.example.com", 443, [parse_host("*.example.com")])
    assert is_allowed("xn--caf-dma.com", 443, [parse_host("café.com")])
    assert is_allowed("api.example.com", 80, [])
    assert not is_allowed("api.example.com", 22, [])
