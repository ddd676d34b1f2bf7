"""HTTP requests to addresses that a business wrote, and that must not reach what is ours.

A flow may name any address, and a name may lead anywhere: to this machine, to its neighbours, to
the cloud's service that gives out keys. So a name is resolved once, its addresses are checked, and
the connection is made to a checked address; certificate and `Host` stay those of the name. Every
redirect goes the same way. Nothing is taken from the environment: no proxy, no `.netrc`.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import (
    IPv4Address,
    ip_address,
    ip_network,
)
from typing import TYPE_CHECKING, Self

import httpx
from msgspec import Struct

from engine.http_hosts import WEB_PORTS, Host, Network, is_allowed, networks_of
from engine.http_shapes import OURS

if TYPE_CHECKING:
    from ssl import SSLContext

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a name, in the order to try them. Raises OSError for a name there is not."""

ADDRESSES_TRIED = 3
"""Of a name with many addresses; a machine that is down among them must not use up the time."""

_UNICAST = ip_network("2000::/3")
"""All that is routed of IPv6: https://www.iana.org/assignments/ipv6-address-space"""

_NOT_OUTSIDE = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",  # Azure's platform, from inside: a public address in name only
            "192.0.0.0/24",  # the protocol's own; a cloud's metadata is among them
            "192.88.99.0/24",  # 6to4's relays, which lead to IPv4 by another way
            "2001::/23",  # special purposes, Teredo among them
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4: an IPv4 address of any kind is inside
            "3fff::/20",  # documentation
        ),
    )
)
"""Beyond what `ipaddress` calls global: https://www.iana.org/assignments/iana-ipv6-special-registry"""

_KEPT_ELSEWHERE = ("accept", "accept-encoding", "user-agent")
"""Headers that go along to another host: whatever else there is may be a key."""


class Refused(Exception):
    """A request that is not made; the text says why and names the host alone. Do not retry."""


class Failed(Exception):
    """A request that brought no answer that can be used; it may be tried again."""


class Unusable(Failed):
    """An answer that is there and cannot be used: another try would bring the same."""


class Limits(Struct, frozen=True):
    """What requests of one business may do. hosts: the only ones that it may ask, with the networks
    that it may reach besides the open internet; where there are none, `networks` says those, and
    any host may be asked on one of `ports`. most_bytes: of an answer's body.
    seconds: for everything, redirects included."""

    networks: tuple[Network, ...] = ()
    ports: frozenset[int] = WEB_PORTS
    most_bytes: int = 1_000_000
    seconds: float = 10.0
    redirects: int = 3
    hosts: tuple[Host, ...] = ()

    @property
    def reached(self) -> tuple[Network, ...]:
        """The private networks that may be reached."""
        return (*self.networks, *networks_of(self.hosts))


class Answer(Struct, frozen=True):
    """headers: names in small letters. url: where it came from, after redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """As the machine resolves names."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class OutgoingHttp:
    """Requests of one business; an async context manager."""

    def __init__(
        self,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        resolve: Resolve = system_resolve,
        verify: SSLContext | bool = True,
    ) -> None:
        self._limits = limits
        self._client = httpx.AsyncClient(
            transport=_Pinned(limits, resolve, verify),
            trust_env=False,
            timeout=limits.seconds,
            # None is taken: one answer sets nothing for the next request.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            headers={"User-Agent": "rapport", "Accept-Encoding": "identity"},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def request(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, content: bytes = b""
    ) -> Answer:
        """Ask, following redirects. Raises Refused and Failed."""
        for name in headers or ():
            if name.lower() in OURS or name.lower().startswith("proxy-"):
                raise Refused(f"the header {name} is not a flow's to set")
        try:
            async with asyncio.timeout(self._limits.seconds):
                # httpx takes texts of letters beyond ASCII for no headers.
                written = {name.encode(): value.encode() for name, value in (headers or {}).items()}
                asked = self._client.build_request(method, url, headers=written, content=content)
                return await self._follow(asked)
        except TimeoutError:
            raise Failed(f"no answer within {self._limits.seconds:g} seconds") from None
        except httpx.InvalidURL:
            raise Refused("that is not an address") from None
        except (httpx.HTTPError, OSError) as error:
            # The text is left out: it may hold the address, and with it a key in its query.
            raise Failed(f"no answer ({type(error).__name__})") from None

    async def _follow(self, request: httpx.Request) -> Answer:
        for _ in range(self._limits.redirects + 1):
            response = await self._client.send(request, stream=True, auth=None)
            try:
                if response.next_request is None:
                    return await self._read(response)
                request = _onward(request, response.next_request)
            finally:
                await response.aclose()
        raise Unusable(f"more than {self._limits.redirects} redirects")

    async def _read(self, response: httpx.Response) -> Answer:
        """The whole answer. A compressed one, which was not asked for, could grow without end."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise Unusable("the answer is compressed")
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > self._limits.most_bytes:
                raise Unusable(f"the answer has more than {self._limits.most_bytes:,} bytes")
        return Answer(
            response.status_code, dict(response.headers), bytes(body), str(response.request.url)
        )


def may_be_reached(address: str, networks: Iterable[Network] = ()) -> bool:
    """Whether an IP address is outside, in the open internet, or in one of the networks given."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if not isinstance(ip, IPv4Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    if any(ip in network for network in networks):
        return True
    if any(ip in network for network in _NOT_OUTSIDE):
        return False
    if isinstance(ip, IPv4Address):
        return ip.is_global and not ip.is_multicast
    return ip in _UNICAST and ip.is_global


class _Pinned(httpx.AsyncBaseTransport):
    """Connects to an address that was checked, and not to what the name means a moment later."""

    def __init__(self, limits: Limits, resolve: Resolve, verify: SSLContext | bool) -> None:
        self._limits = limits
        self._resolve = resolve
        # No connection is kept: by its address it could be taken for one to another name, whose
        # certificate nobody has looked at.
        alone = httpx.Limits(max_keepalive_connections=0)
        self._inner = httpx.AsyncHTTPTransport(verify=verify, trust_env=False, limits=alone)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        _check_address(request.url, self._limits)
        failure: httpx.TransportError | None = None
        for address in (await self._checked(request.url))[:ADDRESSES_TRIED]:
            try:
                return await self._inner.handle_async_request(_to(address, request))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        assert failure is not None, "there is an address, or _checked raises"
        raise failure

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _checked(self, url: httpx.URL) -> list[str]:
        """The addresses that may be reached. Raises Refused where there is none."""
        found = (
            [url.host]
            if _is_address(url.host)
            else await self._resolve(url.raw_host.decode("ascii"), _port(url))
        )
        good = [address for address in found if may_be_reached(address, self._limits.reached)]
        if not good:
            raise Refused(f"{url.host} is not in the open internet")
        return good


def _check_address(url: httpx.URL, limits: Limits) -> None:
    if url.scheme not in ("http", "https"):
        raise Refused("only http and https addresses are asked")
    if not url.host:
        raise Refused("the address names no host")
    if url.userinfo:
        raise Refused("an address holds no user name or password: put them into a header")
    if limits.hosts:
        if not is_allowed(url.raw_host.decode("ascii").lower(), _port(url), limits.hosts):
            raise Refused(f"{url.host} is not among the hosts that flows may call")
    elif _port(url) not in limits.ports:
        raise Refused(f"port {_port(url)} of {url.host} is not allowed")


def _to(address: str, request: httpx.Request) -> httpx.Request:
    """The same request to one address; `Host` and the certificate stay those of the name."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii")},
    )


def _onward(asked: httpx.Request, onward: httpx.Request) -> httpx.Request:
    """Where a redirect leads. To another host nothing goes along that might be a secret."""
    if _origin(asked.url) == _origin(onward.url):
        return onward
    if asked.url.scheme == "https" and onward.url.scheme == "http":
        raise Refused("a redirect leads from https to http")
    if onward.method not in ("GET", "HEAD"):
        raise Refused(f"a redirect would send the request's body to {onward.url.host}")
    kept = {name: asked.headers[name] for name in _KEPT_ELSEWHERE if name in asked.headers}
    return httpx.Request(onward.method, onward.url, headers=kept, extensions=asked.extensions)


def _origin(url: httpx.URL) -> tuple[str, bytes, int]:
    return url.scheme, url.raw_host, _port(url)


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
