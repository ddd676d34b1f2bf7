"""Which hosts a business lets its flows call: `http: {hosts: [...]}` of crm.yaml.

    api.example.com         this host, on any port
    api.example.com:8443    this host, on this port
    "*.example.com"         every host below it
    10.0.0.5, 10.0.0.0/8    this address, these addresses: private ones are reached only so
    localhost               this machine

Where nothing is listed every host of the open internet may be called, on ports 80 and 443. What is
listed says which hosts may be called; where they lie is looked at apart from it. A name that leads
to a private address is refused unless that address is listed too: whoever owns the name decides
where it leads.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple

Network = IPv4Network | IPv6Network

LOCALHOST = "localhost"
_LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))

WEB_PORTS = frozenset({80, 443})
"""Of hosts that are not listed."""


class Host(NamedTuple):
    """What one entry allows. name: '' for networks, `.example.com` for all below it. port: None for
    any."""

    name: str
    networks: tuple[Network, ...] = ()
    port: int | None = None


def parse_host(text: str) -> Host:
    """One entry. Raises ValueError, with a message for the author."""
    text = text.strip().lower()
    network = _network(text)
    if network is not None:
        return Host("", (network,))
    name, port = _port_of(text)
    network = _network(name.strip("[]"))
    if network is not None:
        return Host("", (network,), port)
    bare = name.removeprefix("*.")
    labels = bare.encode("idna").decode("ascii") if not bare.isascii() else bare
    if not labels or not all(_is_label(label) for label in labels.split(".")):
        raise ValueError(
            "a host such as api.example.com, an address or a network belongs here, without http://"
            f" and path, not '{text}'"
        )
    name = f".{labels}" if bare != name else labels
    return Host(name, _LOOPBACK if name == LOCALHOST else (), port)


def networks_of(hosts: Iterable[Host]) -> tuple[Network, ...]:
    """The private addresses that are allowed."""
    return tuple(network for host in hosts for network in host.networks)


def is_allowed(name: str, port: int, hosts: Iterable[Host]) -> bool:
    """Whether a host may be called on a port. name: in small letters, IDNA, or an address."""
    hosts = tuple(hosts)
    if not hosts:
        return port in WEB_PORTS
    return any(_fits(name, host) and host.port in (None, port) for host in hosts)


def _fits(name: str, host: Host) -> bool:
    if host.name.startswith("."):
        return name.endswith(host.name)
    if host.name and name == host.name:
        return True
    try:
        return any(ip_address(name) in network for network in host.networks)
    except ValueError:
        return False


def _network(text: str) -> Network | None:
    try:
        return ip_network(text)
    except ValueError:
        return None


def _port_of(text: str) -> tuple[str, int | None]:
    name, colon, written = text.rpartition(":")
    if not colon:
        return text, None
    if not (written.isascii() and written.isdigit() and 0 < int(written) < 65536):
        raise ValueError(f"a port such as 8443 stands behind the ':', not '{written}'")
    return name, int(written)


def _is_label(label: str) -> bool:
    return 0 < len(label) < 64 and label.replace("-", "").replace("_", "").isalnum()
