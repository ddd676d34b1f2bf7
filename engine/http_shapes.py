"""How the parts of a request are read: its address, its headers, the values it takes along."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Any

from engine.http_hosts import WEB_PORTS, Host, is_allowed, parse_host
from engine.problems import Position
from engine.shapes import ListOf, Reader, ScalarShape, Shape
from engine.shapes.reader import inside_text
from engine.shapes.shape import SCALAR_TYPES
from engine.shapes.templates import read_template
from engine.shapes.values import AnyValue
from engine.source import Scalar, Source
from engine.templates import Template, TemplateError, compile_template
from engine.templates.pieces import Pieces, names_a_secret, take_apart

_ADDRESS = re.compile(r"(?i)(https?)://([^/?#\s\\]+)(?:[/?].*)?", re.DOTALL)

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
"""A token of RFC 9110."""

OURS = frozenset(
    {
        "accept-encoding", "connection", "content-length", "host", "te", "trailer",
        "transfer-encoding", "upgrade",
    }
)  # fmt: skip
"""Headers that say how a request is carried; a flow's could smuggle a second one."""

NOT_FOR_FLOWS = ("RAPPORT_", "TELEGRAM_", "INSTAGRAM_")
"""Beginnings of variables that are the program's own: a flow is no way to the bot's token."""


def pieces_of(source: Scalar, reader: Reader) -> Pieces | None:
    """A text taken apart; None, its problems reported, where that cannot be done."""
    try:
        pieces = take_apart(source.text)
    except TemplateError as error:
        for problem in error.problems:
            place = inside_text(source.content, source.position, problem.line, problem.column)
            reader.error(place, "E501", problem.message, problem.suggestion)
        return None
    for template in pieces.templates:
        reader.use_template(template, source.content, source.position)
    for name in pieces.secrets:
        if name.upper().startswith(NOT_FOR_FLOWS):
            message = f"'secret.{name}' is a setting of Rapport's own, and none for flows"
            reader.error(source.position, "E343", message, "Give it another name for the flow.")
    return pieces


class Address(Shape[Pieces]):
    """Scheme, host and port are written; what is put in is a part of a path or of a query."""

    wanted = "an address such as https://api.example.com/orders"

    def read(self, source: Source, reader: Reader) -> Pieces | None:
        if not isinstance(source, Scalar) or source.empty:
            self.refuse(source, reader)
            return None
        pieces = pieces_of(source, reader)
        if pieces is None:
            return None
        why = _why_not(pieces)
        if why:
            reader.error(source.position, "E341", *why)
            return None
        _check_host(str(pieces.pieces[0]), source.position, reader)
        return pieces

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


def _why_not(pieces: Pieces) -> tuple[str, str] | None:
    """What is wrong with an address, and the cure."""
    written = [piece for piece in pieces.pieces if isinstance(piece, str)]
    first = pieces.pieces[0] if pieces.pieces else ""
    found = _ADDRESS.fullmatch(first) if isinstance(first, str) else None
    if found is None:
        return "an address begins with https:// and a host, written out", (
            "What {{ }} puts in may stand in the path or behind '?'."
        )
    if len(pieces.pieces) > 1 and first.endswith(found[2]):  # type: ignore[union-attr]  # a text, or nothing was found
        return "a value cannot be a part of the host", "Write the host out, with a / behind it."
    if "@" in found[2]:
        return "an address holds no user name or password", "Put them into `headers`."
    if any("#" in piece for piece in written):
        return "what stands behind '#' is never sent", "Leave it out."
    if any(re.search(r"[\s\\\x00-\x1f]", piece) for piece in written):
        return "an address has no blanks and no backslash", "Write a blank as %20."
    if _place_of(found[2]) is None:
        return f"'{found[2]}' is no host", "Write it as https://api.example.com/path."
    return None


def _place_of(authority: str) -> tuple[str, int | None] | None:
    """Host and port; None where they are none."""
    name, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        name, port = authority, ""
    elif not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return None
    try:
        name = name.strip("[]").lower()
        return (name if name.isascii() else name.encode("idna").decode("ascii")), (
            int(port) if port else None
        )
    except UnicodeError:
        return None


def _check_host(address: str, position: Position, reader: Reader) -> None:
    """Report a host that crm.yaml does not let flows call. Where its name leads, only the moment
    of calling tells."""
    found = _ADDRESS.fullmatch(address)
    assert found is not None, "it was looked at before"
    place = _place_of(found[2])
    assert place is not None, "it was looked at before"
    name, port = place[0], place[1] or (443 if found[1].lower() == "https" else 80)
    hosts = reader.business.http.get("hosts", ())
    if hosts and is_allowed(name, port, hosts):
        return
    if hosts:
        message = f"'{found[2]}' is not among the hosts that flows may call"
    elif _is_private(name):
        message = f"'{name}' is not in the open internet"
    elif port not in WEB_PORTS:
        message = f"port {port} is not one of the web's"
    else:
        return
    reader.error(position, "E342", message, "List it in crm.yaml under 'http: {hosts: ...}'.")


def _is_private(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return not ip_address(name).is_global
    except ValueError:
        return False


class SecretText(ScalarShape[Pieces | Template]):
    """A text in which values and secrets may stand."""

    wanted = "a text"

    def read(self, source: Source, reader: Reader) -> Pieces | Template | None:
        if not isinstance(source, Scalar):
            self.refuse(source, reader)
            return None
        return with_secrets(source, reader)

    def schema(self) -> dict[str, Any]:
        return {"type": SCALAR_TYPES}


def with_secrets(source: Scalar, reader: Reader) -> Pieces | Template | None:
    """The template of a text; its pieces where secrets are among them. None if it is neither."""
    if "secret" in source.text:
        try:
            apart = names_a_secret(compile_template(source.text))
        except TemplateError:
            apart = False
        if apart:
            return pieces_of(source, reader)
    return read_template(source, reader)


class Values(AnyValue):
    """As `VALUE`, with secrets in the texts: those are Pieces."""

    def read(self, source: Source, reader: Reader) -> Any:
        if isinstance(source, Scalar) and "secret" in source.text:
            read = with_secrets(source, reader)
            if isinstance(read, Pieces):
                return read
            return read.source if read is not None and read.is_constant else read
        return super().read(source, reader)


class HeaderName(Shape[str]):
    wanted = "the name of a header such as X-Api-Key"

    def read(self, source: Source, reader: Reader) -> str | None:
        if not isinstance(source, Scalar):
            self.refuse(source, reader)
            return None
        name = source.text
        if not _HEADER.fullmatch(name):
            message = f"'{name}' is not the name of a header"
            reader.error(source.position, "E344", message, "Write one such as X-Api-Key.")
            return None
        if name.lower() in OURS or name.lower().startswith("proxy-"):
            message = f"the header {name} is not a flow's to set"
            reader.error(source.position, "E344", message, "Rapport sets it where it is needed.")
            return None
        return name

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


class _Host(ScalarShape[Host]):
    """A host that flows may call (engine.http_hosts)."""

    wanted = "a host such as api.example.com"

    def parse(self, text: str) -> Host:
        return parse_host(text)

    def schema(self) -> dict[str, Any]:
        return {"type": "string"}


ADDRESS = Address()
HOSTS = ListOf(_Host())
SECRET_TEXT = SecretText()
VALUES = Values()
HEADER_NAME = HeaderName()
