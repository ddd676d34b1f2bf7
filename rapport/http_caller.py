"""Making the requests of flows: secrets are put in here, and nowhere else.

A secret is read from the environment or `.env` at the moment of sending; it is in no step, no row
and no log. What of it comes back in an answer is blanked out before the answer is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import ssl
from collections.abc import Callable
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from msgspec import Struct

from engine.business import Business
from engine.fields.clean import has_lone_surrogate
from engine.http_hosts import Host
from engine.http_request import Request, filled
from rapport.outgoing import (
    Answer,
    Failed,
    Limits,
    OutgoingHttp,
    Refused,
    Resolve,
    Unusable,
    system_resolve,
)
from rapport.redaction import keep_secret, redacted
from rapport.runtime.calls import Stored
from rapport.runtime.performer import Reply
from rapport.settings import ENV_FILE

MOST_ANSWER = 65_536
"""Bytes of an answer's body. It is kept with its run, and read again at each of the run's turns."""

MOST_TEXT = 8_192
"""Characters of an answer that is no JSON: as many as a template works with."""

MOST_DEPTH = 50
"""Levels of JSON."""

MOST_DIGITS = 100
"""Before or behind the point of a number."""

AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses that another try may change (RFC 9110, RFC 6585, RFC 8470)."""

MOST_PATIENCE = 3_600.0
"""Seconds of a `Retry-After` that are waited at most."""

KEEPS_NOTHING = ("GET", "HEAD")
"""Methods that change nothing, so that nobody has to know the second try from the first."""

Secrets = Callable[[str], str | None]
"""A secret by its name; None for one there is not."""


def environment(name: str) -> str | None:
    """A secret of the environment, or else of `.env`."""
    from dotenv import dotenv_values

    return os.environ.get(name) or dotenv_values(ENV_FILE).get(name) or None


def hosts_of(business: Business) -> tuple[Host, ...]:
    """The hosts that a business lets its flows call; none: any of the open internet."""
    hosts: tuple[Host, ...] = business.http.get("hosts", ())
    return hosts


class HttpCaller:
    """Makes the requests of one business. hosts: which its flows may call now."""

    def __init__(
        self,
        hosts: Callable[[], tuple[Host, ...]],
        secrets: Secrets = environment,
        resolve: Resolve = system_resolve,
        verify: ssl.SSLContext | None = None,
    ) -> None:
        self._hosts = hosts
        self._secrets = secrets
        self._resolve = resolve
        self._verify = verify

    async def __call__(self, stored: Stored, seconds: float) -> Reply:
        """One try, within so many seconds. Never raises for what a flow or a server does."""
        request = stored.request
        secrets = {name: self._secrets(name) for name in sorted(request.secrets)}
        for name, value in secrets.items():
            if value is None:
                return _failed(f"secret.{name} is not set in the environment")
        known = {name: value for name, value in secrets.items() if value is not None}
        keep_secret(known.values())
        if self._verify is None:
            self._verify = await asyncio.to_thread(ssl.create_default_context)
        limits = Limits(hosts=self._hosts(), most_bytes=MOST_ANSWER, seconds=seconds)
        try:
            async with OutgoingHttp(limits, self._resolve, self._verify) as client:
                return _reply(await client.request(*_written(stored, request, known.__getitem__)))
        except (Refused, Unusable) as error:
            return _failed(str(error))
        except Failed as error:
            return _failed(str(error), again_in=0.0)


def _written(
    stored: Stored, request: Request, secret: Callable[[str], str]
) -> tuple[str, str, dict[str, str], bytes]:
    """Method, address, headers and body, secrets among them. Raises Refused."""
    headers = {name: filled(parts, secret) for name, parts in request.headers}
    if any(mark in value for value in headers.values() for mark in "\r\n\0"):
        raise Refused("a secret with a line break cannot stand in a header")
    given = {name.lower() for name in headers}
    if request.method not in KEEPS_NOTHING and "idempotency-key" not in given:
        headers["Idempotency-Key"] = stored.key
    return (
        request.method,
        filled(request.url, secret),
        headers,
        filled(request.body, secret).encode(),
    )


def _reply(answer: Answer) -> Reply:
    status = answer.status
    good = 200 <= status < 300
    error = None if good else f"it was answered with {status}"
    body = read_body(answer.body)
    kept = {"status": status, "json": body.json, "text": body.text, "error": error}
    again = _again_in(answer) if status in AGAIN else None
    return Reply(kept, again)


def _failed(reason: str, again_in: float | None = None) -> Reply:
    answer = {"status": 0, "json": None, "text": "", "error": redacted(reason)}
    return Reply(answer, again_in)


class Body(Struct, frozen=True):
    """json: None where it is none. text: the whole as a text where it is no JSON, cut at
    MOST_TEXT."""

    json: Any = None
    text: str = ""


def read_body(content: bytes) -> Body:
    """What an answer says, without secrets and without what no store takes."""
    text = content.decode("utf-8", "replace").replace("\0", "")
    try:
        value = json.loads(text, parse_float=_number, parse_int=_number, parse_constant=_no_number)
        return Body(json=_kept(value, MOST_DEPTH))
    except (ValueError, RecursionError):
        return Body(text=redacted(text[:MOST_TEXT]))


def _kept(value: Any, levels: int) -> Any:
    """Raises ValueError for what lies too deep."""
    if isinstance(value, str):
        text = value.replace("\0", "")
        return redacted("".join(filter(_is_whole, text)) if has_lone_surrogate(text) else text)
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        raise ValueError("too deep")
    if isinstance(value, list):
        return [_kept(item, levels - 1) for item in value]
    return {_kept(key, 1): _kept(item, levels - 1) for key, item in value.items()}


def _is_whole(letter: str) -> bool:
    return not has_lone_surrogate(letter)


def _number(written: str) -> int | Decimal:
    """Exactly. Raises ValueError for a number that nobody means."""
    number = Decimal(written)
    if not -MOST_DIGITS <= number.adjusted() <= MOST_DIGITS or len(written) > 2 * MOST_DIGITS:
        raise ValueError("a number of too many digits")
    whole = number.as_tuple().exponent == 0 and abs(number) < 2**53
    return int(number) if whole else number


def _no_number(_: str) -> Any:
    raise ValueError("no number of JSON")


def _again_in(answer: Answer) -> float:
    """The seconds that a server asks for before another try; 0 where it asks for none."""
    asked = answer.headers.get("retry-after", "")
    if asked.isascii() and asked.isdigit():
        return min(float(asked[:9]), MOST_PATIENCE)
    date = answer.headers.get("date", "")
    try:
        pause = (parsedate_to_datetime(asked) - parsedate_to_datetime(date)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
    return min(max(pause, 0.0), MOST_PATIENCE)
