"""An address that a flow names never leads to this machine or its neighbours, by whatever way."""

from __future__ import annotations

import asyncio
import gzip
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from rapport.outgoing import Answer, Failed, Limits, OutgoingHttp, Refused, may_be_reached
from tests.support.aio import run
from tests.support.needs import need

OURS = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.9.9.9",
    "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "168.63.129.16", "224.0.0.1",
    "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "100::1", "2001::1", "2001:db8::1",
    "2002:7f00:1::", "2002:808:808::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254",
    "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
    "", "localhost", "127.1", "2130706433", "0x7f000001", "1.2.3.4.5", "١٢٧.٠.٠.١",
]  # fmt: skip

OUTSIDE = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", OURS)
def test_an_address_inside_or_of_no_sense_is_not_reached(address: str) -> None:
    assert not may_be_reached(address)


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_in_the_open_internet_is_reached(address: str) -> None:
    assert may_be_reached(address)


def test_a_business_may_be_allowed_a_network_and_no_more_than_that() -> None:
    networks = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))

    assert may_be_reached("10.1.2.3", networks)
    assert may_be_reached("::ffff:10.1.2.3", networks)
    assert may_be_reached("fd00::1", networks)
    assert not may_be_reached("10.2.0.1", networks)
    assert not may_be_reached("127.0.0.1", networks)


HIDDEN, SHOWN = "127.0.0.1", "127.0.0.2"
"""Two machines, as it were: a neighbour that must not be reached, and one that may be."""


@dataclass
class Town:
    """Two servers on one port, the names that lead to them, and what each was asked."""

    port: int = 0
    names: dict[str, list[str]] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=list)
    asked: list[tuple[str, web.Request]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def resolve(self, host: str, _port: int) -> Sequence[str]:
        """Each time the first address that is left, as for a name that is moved under us."""
        self.resolved.append(host)
        if host not in self.names:
            raise OSError("Name or service not known")
        left = self.names[host]
        return left.pop(0).split() if len(left) > 1 else left[0].split()

    def client(self, **limits: Any) -> OutgoingHttp:
        limits = {"networks": (ip_network(f"{SHOWN}/32"),), "ports": {self.port}} | limits
        return OutgoingHttp(Limits(**limits), self.resolve)

    def url(self, host: str, path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        self.asked.append((request.transport.get_extra_info("sockname")[0], request))
        self.bodies.append(await request.read())
        match request.path:
            case "/to":
                status = int(request.query.get("status", "302"))
                return web.Response(status=status, headers={"Location": request.query["where"]})
            case "/large":
                return web.Response(body=b"x" * int(request.query["size"]))
            case "/zipped":
                packed = gzip.compress(b"x" * 10_000_000)
                return web.Response(body=packed, headers={"Content-Encoding": "gzip"})
            case "/never":
                await asyncio.Event().wait()
            case "/cookie":
                return web.Response(headers={"Set-Cookie": "id=1; Path=/"})
        return web.Response(text="hello", headers={"X-Answer": "yes"})

    def reached(self) -> list[str]:
        return [address for address, _ in self.asked]


@asynccontextmanager
async def town(context: ssl.SSLContext | None = None) -> AsyncIterator[Town]:
    made = Town()
    app = web.Application()
    app.router.add_route("*", "/{any:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, HIDDEN, 0, ssl_context=context).start()
        made.port = runner.addresses[0][1]
        await web.TCPSite(runner, SHOWN, made.port, ssl_context=context).start()
        yield made
    finally:
        await runner.cleanup()


def ask(
    path: str = "/", host: str = "shop.example", *, names: dict[str, list[str]] | None = None,
    method: str = "GET", headers: dict[str, str] | None = None, content: bytes = b"",
    **limits: Any,
) -> tuple[Town, Answer | Exception]:  # fmt: skip
    """One request in a town where shop.example may be reached; `{port}` in a path is its port."""

    async def main() -> tuple[Town, Answer | Exception]:
        async with town() as made, made.client(**limits) as client:
            made.names = {"shop.example": [SHOWN], "inside.example": [HIDDEN], **(names or {})}
            url = made.url(host, path.replace("{port}", str(made.port)))
            try:
                return made, await client.request(method, url, headers, content)
            except (Refused, Failed) as error:
                return made, error

    return run(main())


def test_a_request_goes_to_the_address_and_speaks_of_the_name() -> None:
    made, answer = ask("/a?b=c", headers={"X-Key": "1"}, method="POST", content=b"{}")

    assert isinstance(answer, Answer)
    assert (answer.status, answer.body, answer.headers["x-answer"]) == (200, b"hello", "yes")
    ((address, request),) = made.asked
    assert (address, request.host) == (SHOWN, f"shop.example:{made.port}")
    assert (request.path_qs, request.headers["X-Key"], made.bodies) == ("/a?b=c", "1", [b"{}"])


@pytest.mark.parametrize(
    "host", ["inside.example", HIDDEN, f"[::ffff:{HIDDEN}]", "2130706433", "0x7f.1", "both.example"]
)
def test_a_name_that_leads_inside_is_refused_and_nothing_is_connected(host: str) -> None:
    names = {"2130706433": [HIDDEN], "0x7f.1": [HIDDEN], "both.example": [f"{HIDDEN} ::1"]}

    made, refused = ask(host=host, names=names)

    assert isinstance(refused, Refused)
    assert "not in the open internet" in str(refused)
    assert made.asked == []


def test_of_several_addresses_only_those_outside_are_tried() -> None:
    made, answer = ask(names={"shop.example": [f"{HIDDEN} {SHOWN}"]})

    assert isinstance(answer, Answer)
    assert made.reached() == [SHOWN]


def test_a_machine_that_is_down_is_passed_over() -> None:
    networks = (ip_network("127.0.0.2/31"),)

    made, answer = ask(names={"shop.example": [f"127.0.0.3 {SHOWN}"]}, networks=networks)

    assert isinstance(answer, Answer)
    assert made.reached() == [SHOWN]


def test_a_name_that_moves_after_it_was_checked_leads_to_what_was_checked() -> None:
    made, answer = ask(names={"shop.example": [SHOWN, HIDDEN]})

    assert isinstance(answer, Answer)
    assert (made.resolved, made.reached()) == (["shop.example"], [SHOWN])


def test_the_next_request_looks_the_name_up_anew_and_keeps_no_connection() -> None:
    async def main() -> tuple[Town, str]:
        async with town() as made, made.client() as client:
            made.names = {"shop.example": [SHOWN, HIDDEN]}
            await client.request("GET", made.url("shop.example"))
            with pytest.raises(Refused) as refused:
                await client.request("GET", made.url("shop.example"))
            return made, str(refused.value)

    made, refused = run(main())
    assert refused == "shop.example is not in the open internet"
    assert made.reached() == [SHOWN]


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("http://inside.example:{port}/", "inside.example is not in the open internet"),
        (f"http://{HIDDEN}:{{port}}/", f"{HIDDEN} is not in the open internet"),
        ("http://[::ffff:127.0.0.1]:{port}/", "not in the open internet"),
        ("http://shop.example:22/", "port 22 of shop.example is not allowed"),
        ("http://me:key@shop.example:{port}/", "no user name or password"),
        ("file:///etc/passwd", "only http and https"),
        ("gopher://shop.example:{port}/", "only http and https"),
        ("http://", ""),
    ],
)
def test_a_redirect_is_checked_as_the_first_address_was(where: str, said: str) -> None:
    made, refused = ask(f"/to?where={where}")

    assert isinstance(refused, Refused | Failed)
    assert said in str(refused)
    assert made.reached() == [SHOWN]


def test_redirects_end() -> None:
    made, failed = ask("/to?where=/to?where=/to?where=/to?where=/to?where=/", redirects=2)

    assert isinstance(failed, Failed)
    assert str(failed) == "more than 2 redirects"
    assert len(made.asked) == 3


KEYS = {"Authorization": "Bearer a", "Cookie": "a=b", "X-Api-Key": "c", "Accept": "text/plain"}


def test_no_key_goes_along_to_another_host() -> None:
    made, answer = ask(
        "/to?where=http://other.example:{port}/", headers=KEYS, names={"other.example": [SHOWN]}
    )

    assert isinstance(answer, Answer)
    (_, first), (_, second) = made.asked
    assert {name: first.headers.get(name) for name in KEYS} == KEYS
    assert {name: second.headers.get(name) for name in KEYS} == {
        **dict.fromkeys(KEYS), "Accept": "text/plain"
    }  # fmt: skip
    assert second.host == f"other.example:{made.port}"


def test_on_the_same_host_keys_go_along() -> None:
    made, _ = ask("/to?where=/there", headers={"X-Api-Key": "c"})

    assert [request.headers.get("X-Api-Key") for _, request in made.asked] == ["c", "c"]


def test_a_body_is_not_sent_on_to_another_host() -> None:
    where = "/to?status=307&where=http://other.example:{port}/"
    made, refused = ask(
        where, method="POST", content=b"secret", names={"other.example": [SHOWN]}
    )  # fmt: skip

    assert isinstance(refused, Refused)
    assert len(made.asked) == 1


def test_a_body_is_sent_on_on_the_same_host_and_left_out_after_see_other() -> None:
    made, _ = ask("/to?status=307&where=/there", method="POST", content=b"{}")
    assert made.bodies == [b"{}", b"{}"]
    made, _ = ask("/to?status=303&where=/there", method="POST", content=b"{}")
    assert made.bodies == [b"{}", b""]


def test_cookies_are_not_kept_from_one_request_to_the_next() -> None:
    async def main() -> Town:
        async with town() as made, made.client() as client:
            made.names = {"shop.example": [SHOWN]}
            for path in ("/cookie", "/"):
                await client.request("GET", made.url("shop.example", path))
            return made

    assert run(main()).asked[1][1].cookies == {}


def test_an_answer_is_taken_up_to_its_bound() -> None:
    _, answer = ask("/large?size=1000", most_bytes=1000)
    assert isinstance(answer, Answer)
    _, failed = ask("/large?size=1001", most_bytes=1000)
    assert isinstance(failed, Failed)
    assert str(failed) == "the answer has more than 1,000 bytes"


def test_a_compressed_answer_is_not_unpacked() -> None:
    made, failed = ask("/zipped")

    assert isinstance(failed, Failed)
    assert str(failed) == "the answer is compressed"
    assert made.asked[0][1].headers["Accept-Encoding"] == "identity"


def test_an_answer_that_does_not_come_is_given_up() -> None:
    _, failed = ask("/never", seconds=0.2)

    assert isinstance(failed, Failed)
    assert str(failed) == "no answer within 0.2 seconds"


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Proxy-Auth"])
def test_headers_that_carry_the_request_are_not_a_flows(name: str) -> None:
    made, refused = ask(headers={name: "inside.example"})

    assert isinstance(refused, Refused)
    assert (made.resolved, made.asked) == ([], [])


def test_a_header_cannot_bring_a_second_one_with_it() -> None:
    made, failed = ask(headers={"X-Name": "a\r\nHost: inside.example"})

    assert isinstance(failed, Failed)
    assert made.asked == []


def test_nothing_is_taken_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{HIDDEN}:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine shop.example login me password key")
    monkeypatch.setenv("NETRC", str(netrc))

    made, answer = ask()

    assert isinstance(answer, Answer)
    assert "Authorization" not in made.asked[0][1].headers


@pytest.mark.parametrize("host", ["nowhere.example", "a" * 300, "a..b", "sh op.example"])
def test_a_name_that_is_none_is_an_error_without_the_address(host: str) -> None:
    _, error = ask("/?key=hunter2", host=host)

    assert isinstance(error, Refused | Failed)
    assert "hunter2" not in str(error)


def test_the_certificate_has_to_be_that_of_the_name(tmp_path: Path) -> None:
    server, trusted = _certificate(tmp_path, "shop.example")

    async def main() -> tuple[Answer, str]:
        async with town(server) as made:
            made.names = {"shop.example": [SHOWN], "other.example": [SHOWN]}
            limits = Limits((ip_network(f"{SHOWN}/32"),), frozenset({made.port}))
            async with OutgoingHttp(limits, made.resolve, trusted) as client:
                answer = await client.request("GET", made.url("shop.example", scheme="https"))
                with pytest.raises(Failed) as failed:
                    await client.request("GET", made.url("other.example", scheme="https"))
                return answer, str(failed.value)

    answer, failed = run(main())
    assert (answer.status, failed) == (200, "no answer (ConnectError)")


def test_a_redirect_does_not_lead_from_https_to_http(tmp_path: Path) -> None:
    server, trusted = _certificate(tmp_path, "shop.example")

    async def main() -> str:
        async with town(server) as made:
            made.names = {"shop.example": [SHOWN]}
            limits = Limits((ip_network(f"{SHOWN}/32"),), frozenset({made.port, 80}))
            url = made.url("shop.example", "/to?where=http://shop.example/", "https")
            async with OutgoingHttp(limits, made.resolve, trusted) as client:
                with pytest.raises(Refused) as refused:
                    await client.request("GET", url)
                return str(refused.value)

    assert run(main()) == "a redirect leads from https to http"


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context with a certificate of that name, and a client's that trusts it."""
    openssl = shutil.which("openssl")
    need(None if openssl else "there is no openssl to sign with")
    assert openssl is not None
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return server, ssl.create_default_context(cafile=str(certificate))
