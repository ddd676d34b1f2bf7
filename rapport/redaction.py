"""The secrets that this process was told, and their removal from whatever is shown or kept.

`read_settings` tells them; a command that takes an address as an argument tells that one. They are
blanked out in logs, in everything on standard error, in the reasons stored with dead letters, in
`config` and `doctor`, and in the file of a fault. Standard output is not gone through as a whole:
it has people's data, and a short password may be a part of somebody's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TextIO

HIDDEN = "***"

SHORTEST_SECRET = 4
"""Shorter ones would blank out ordinary words; they are no secrets either."""

_SECRET_OPTIONS = frozenset({"password", "passwd", "sslpassword", "secret", "token"})
"""Options of an address whose values are secrets: libpq takes a password there too."""

_known: tuple[str, ...] = ()


def keep_secret(secrets: Iterable[str]) -> None:
    """From now on these are blanked out, also where they are quoted for an address or in JSON."""
    global _known  # noqa: PLW0603  # one tuple, replaced whole: safe between threads
    forms = {form for secret in secrets for form in _forms(secret)}
    kept = {form for form in forms if len(form) >= SHORTEST_SECRET}
    # The longest first: one secret may be a part of another.
    _known = tuple(sorted({*_known, *kept}, key=lambda form: (-len(form), form)))


def forget_all() -> None:
    """For tests: a secret of one is a word of the next."""
    global _known  # noqa: PLW0603  # see above
    _known = ()


def secrets_in(address: str) -> Iterator[str]:
    """The passwords in a URL, however badly they are quoted; none in what is no URL."""
    from urllib.parse import parse_qsl

    scheme, found, rest = address.partition("://")
    if not found or not scheme:
        return
    for userinfo in (rest.partition("@")[0], rest.rpartition("@")[0]):
        if "@" in rest and ":" in userinfo:
            yield userinfo.partition(":")[2]
    for name, value in parse_qsl(rest.partition("?")[2]):
        if name.lower() in _SECRET_OPTIONS:
            yield value


def redacted(text: str) -> str:
    """The text with no known secret in it."""
    for secret in _known:
        text = text.replace(secret, HIDDEN)
    return text


def redacted_value(value: Any) -> Any:
    """A value with no secret in it, however deep; what is no plain value is shown as text."""
    if isinstance(value, dict):
        return {key: redacted_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted_value(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redacted(str(value))


class RedactedStream:
    """A stream of text that lets no secret through; all else it leaves to the stream it is for.

    It is the last line: warnings, and what Python itself prints of an error in a thread or a
    task, come by no logger of ours.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(redacted(text))

    def writelines(self, lines: Iterable[str]) -> None:
        self._stream.writelines(map(redacted, lines))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _forms(secret: str) -> Iterator[str]:
    """A secret as it is and as it stands in addresses, in JSON and in Python's own messages."""
    import json
    from urllib.parse import quote, quote_plus, unquote

    for form in (secret, unquote(secret)):
        yield form
        yield quote(form, safe="")
        yield quote(form)
        yield quote_plus(form)
        yield json.dumps(form)[1:-1]
        yield json.dumps(form, ensure_ascii=False)[1:-1]
        yield repr(form)[1:-1]
        yield repr(form.encode())[2:-1]
