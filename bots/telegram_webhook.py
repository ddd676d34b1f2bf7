"""Telegram's updates as it brings them itself: one in each request, with our secret in a header."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from bots.webhook_bodies import read_json
from bots.webhook_signatures import TELEGRAM_HEADER, is_from_telegram
from engine.limits import TELEGRAM_WEBHOOK_SECRET

PORTS = frozenset({443, 80, 88, 8443})
"""https://core.telegram.org/bots/api#setwebhook, read 2026-11-20."""

_HEADER = TELEGRAM_HEADER.lower()
_SECRET = re.compile(rf"[A-Za-z0-9_-]{{1,{TELEGRAM_WEBHOOK_SECRET.value}}}")


@dataclass(frozen=True, slots=True)
class TelegramWebhook:
    """The webhook of the bot with id `bot`, at `url`. See bots.channel.Webhook."""

    bot: str
    url: str = field(repr=False)
    secret: str = field(repr=False)

    def may_be_genuine(self, headers: Mapping[str, str]) -> bool:
        """Here the header says everything."""
        return is_from_telegram(headers.get(_HEADER), self.secret)

    def is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:  # noqa: ARG002 - Webhook
        """The body is not signed."""
        return self.may_be_genuine(headers)

    def updates(self, body: bytes) -> Sequence[object]:
        """The one update."""
        return (read_json(body, f"tg:{self.bot}"),)

    def challenge(self, query: Mapping[str, str]) -> None:
        """Telegram asks nothing."""


def secret_from(token: str) -> str:
    """A secret for a bot whose owner has not thought of one: the same in every process, and no way
    back to the token."""
    return hmac.new(token.encode(), b"rapport webhook", hashlib.sha256).hexdigest()


def why_no_secret(secret: str) -> str | None:
    """Why Telegram would not take this as a secret; None where it does."""
    if _SECRET.fullmatch(secret):
        return None
    return f"1 to {TELEGRAM_WEBHOOK_SECRET.value} of the letters A-Z a-z 0-9 _ -"


def why_no_address(url: str, *, own_server: bool) -> str | None:
    """Why Telegram would not call this address; None where it does. own_server: a Bot API server
    of one's own calls any."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        return "its port is no number"
    if not parts.hostname or parts.scheme not in ("http", "https"):
        return "it begins with https://, then a host"
    if own_server:
        return None
    if parts.scheme != "https":
        return "it begins with https://"
    if port is not None and port not in PORTS:
        return "its port is one of " + ", ".join(map(str, sorted(PORTS)))
    return None
