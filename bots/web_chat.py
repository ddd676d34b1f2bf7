"""The business's own site as a channel: visitors write on a page and read the answers there.

We are the platform ourselves. What a visitor writes is brought by the page's requests
(rapport.http.chat). What is said to them stands on their timeline, where the page reads it; so to
send is only to tell the pages that are open.

A visitor is a secret that their browser made up. Its digest is their id, so whoever reads the
database cannot speak for them.
"""

import asyncio
import hashlib
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bots import plain
from bots.channel import Account, Delivered, Fetched, Inbound, Outgoing
from bots.telegram_render import parts
from engine.messages import Menu

NAME = "web"
ACCOUNT = "site"

MOST_PAGES = 1_000
"""Open pages of one process; each is a connection."""

MOST_OF_ONE = 5
"""Open pages of one visitor."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{32,128}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class TooManyPages(Exception):
    """One more cannot be told anything: it is to come again later."""


def visitor_of(secret: str) -> str | None:
    """The id of the visitor with this secret; None for what no page of ours makes up."""
    if not _SECRET.fullmatch(secret):
        return None
    return hashlib.sha256(secret.encode()).hexdigest()[:32]


def text_update(visitor: str, key: str, text: str, language: str = "") -> dict[str, Any]:
    """What a visitor wrote. key: the page's own for this message, the same when it tries again.
    language: of the page, '' for none."""
    update = plain.text_update(visitor, _UNSTORABLE.sub("\ufffd", text))
    profile = {"language": language} if language else {}
    return {
        **update,
        "key": f"{visitor}:{key}",
        "payload": {**update["payload"], "profile": profile},
    }


def press_update(visitor: str, key: str, token: str) -> dict[str, Any]:
    """A visitor pressed the button with this token."""
    return {
        "kind": "press", "peer": visitor, "payload": {"token": token}, "key": f"{visitor}:{key}",
    }  # fmt: skip


class WebChat:
    """One site; every process that serves its pages has one of these."""

    name = NAME
    account = ACCOUNT

    def __init__(self) -> None:
        self._pages: dict[str, set[asyncio.Event]] = {}

    @contextmanager
    def page_of(self, visitor: str) -> Iterator[asyncio.Event]:
        """An open page: the event is set whenever something was sent. Raises TooManyPages."""
        is_full = sum(map(len, self._pages.values())) >= MOST_PAGES
        if is_full or len(self._pages.get(visitor, ())) >= MOST_OF_ONE:
            raise TooManyPages
        event = asyncio.Event()
        pages = self._pages.setdefault(visitor, set())
        pages.add(event)
        try:
            yield event
        finally:
            pages.discard(event)
            if not pages:
                self._pages.pop(visitor, None)

    async def open(self) -> Account:
        """The site is always ours."""
        return Account(self.account, "")

    async def fetch(self, offset: int | None) -> Fetched:
        """Nothing: visitors bring what they write."""
        return Fetched([], offset)

    def decode(self, raw: object) -> Inbound:
        """See plain."""
        return plain.decode(raw, self.name, self.account)

    def parts(self, message: Outgoing) -> Sequence[Outgoing]:
        """Cut as for Telegram: nobody reads more at once."""
        return parts(message)

    async def send(self, message: Outgoing) -> Delivered:
        """Tell the visitor's pages that there is something new. Raises Rejected."""
        plain.refuse(message)
        for event in self._pages.get(message.peer, ()):
            event.set()
        return Delivered(uuid.uuid4().hex)

    async def acknowledge(self, callback_id: str, text: str = "") -> None:
        """The page knows from the answer to its request."""

    async def show_menu(self, menu: Menu) -> None:
        """The page has none."""

    async def withdraw(self, peer: str, message_id: str) -> None:
        """The page leaves buttons where they are; who presses an old one is told so."""

    async def close(self) -> None:
        """Nothing to free: pages that are open end with the server."""


class Unpushed:
    """The webhook of the site: nobody else brings what visitors write."""

    def may_be_genuine(self, headers: Mapping[str, str]) -> bool:  # noqa: ARG002 - Webhook
        return False

    def is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:  # noqa: ARG002 - Webhook
        return False

    def updates(self, body: bytes) -> Sequence[object]:  # noqa: ARG002 - Webhook
        return ()

    def challenge(self, query: Mapping[str, str]) -> str | None:  # noqa: ARG002 - Webhook
        return None
