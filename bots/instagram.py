"""Instagram as a channel: the Graph API over HTTP. What comes in is brought (instagram_webhook).

Both ways to log in are the same here: of Instagram itself (graph.instagram.com, the default) and of
a Facebook Page (INSTAGRAM_API_BASE=https://graph.facebook.com).
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from bots import instagram_render
from bots.channel import (
    Account,
    ChannelError,
    Delivered,
    Fetched,
    Inbound,
    Outgoing,
    Temporary,
    Unauthorised,
)
from bots.instagram_decode import decode, event_key, message_key
from bots.instagram_errors import fault_in, translated
from engine.messages import Menu

API_BASE = "https://graph.instagram.com"
PAGE_HOST = "graph.facebook.com"
VERSION = "v25.0"
"""https://developers.facebook.com/docs/graph-api/changelog, read 2026-11-20."""

ANSWER_SECONDS = 20.0
"""How long any answer may take before the call counts as lost."""

POLL_SECONDS = 25.0

_NOTHING_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Errors before a byte of the request was written."""


class Instagram:
    """One professional account. Nothing is sent before `open`."""

    name = "instagram"

    def __init__(
        self,
        account: str,
        token: str,
        api_base: str = "",
        *,
        answer_seconds: float = ANSWER_SECONDS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        """account: the id that webhooks name it by (`user_id` of /me). api_base: '' for API_BASE.

        Raises Unauthorised for what cannot be a token.
        """
        if not token.isascii() or not token.isprintable() or " " in token:
            raise Unauthorised("that is not an access token, which has letters and digits alone")
        self.account = account
        self._token = token
        self._poll_seconds = poll_seconds
        base = (api_base or API_BASE).rstrip("/")
        self._is_page = httpx.URL(base).host == PAGE_HOST
        self._http = httpx.AsyncClient(
            base_url=f"{base}/{VERSION}/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=answer_seconds,
        )

    async def open(self) -> Account:
        """Ask whose the token is. Raises Unauthorised too where it is another account's."""
        if self._is_page:  # a page's own `me` is the page
            me = await self._call("GET", self.account, {"fields": "id,username"})
            own = me.get("id")
        else:
            me = await self._call("GET", "me", {"fields": "user_id,username"})
            own = me.get("user_id")
        if own is None:
            raise Temporary("the account's own page answered with something that is no account")
        if str(own) != self.account:
            raise Unauthorised(f"the access token is for the account {str(own)[:40]}, not ours")
        return Account(self.account, str(me.get("username", "")))

    async def fetch(self, offset: int | None) -> Fetched:
        """Updates are brought, so there are none to fetch."""
        await asyncio.sleep(self._poll_seconds)
        return Fetched([], offset)

    def decode(self, raw: object) -> Inbound:
        """See instagram_decode."""
        return decode(raw, self.account)

    def parts(self, message: Outgoing) -> Sequence[Outgoing]:
        """See instagram_render."""
        return instagram_render.parts(message)

    async def send(self, message: Outgoing) -> Delivered:
        """Send one piece."""
        answer = await self._call("POST", "me/messages", body=instagram_render.request(message))
        sent = answer.get("message_id")
        if not isinstance(sent, str) or not sent:
            raise Temporary("the answer to a sending names no message", maybe_sent=True)
        key = message_key(sent)
        return Delivered(key, event_key(self.account, key))

    async def acknowledge(self, callback_id: str, text: str = "") -> None:
        """Quick replies vanish by themselves: there is nothing to end."""

    async def withdraw(self, peer: str, message_id: str) -> None:
        """Instagram takes quick replies away by itself."""

    async def show_menu(self, menu: Menu) -> None:
        """Instagram has no menu of commands."""

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        try:
            response = await self._http.request(method, path, params=query, json=body)
        except (httpx.HTTPError, httpx.InvalidURL, RuntimeError) as error:
            maybe_sent = not isinstance(error, _NOTHING_LEFT)
            failure: ChannelError = Temporary(
                self._reason(type(error).__name__, error), maybe_sent=maybe_sent
            )
        else:
            read = self._read(response)
            if isinstance(read, dict):
                return read
            failure = read
        # Outside of `except`, so that no chained error shows what the request held.
        raise failure

    def _read(self, response: httpx.Response) -> dict[str, Any] | ChannelError:
        """What the answer says, or the error that it is."""
        try:
            answer: object = json.loads(response.content)
        except (ValueError, RecursionError):
            return self._unreadable(response)
        if fault := fault_in(answer):
            names = f"Instagram ({fault.code}/{fault.subcode})"
            reason = self._reason(names, fault.said)
            return translated(fault, response.status_code, response.headers, reason)
        if not isinstance(answer, dict) or not response.is_success:
            return self._unreadable(response)
        return answer

    def _unreadable(self, response: httpx.Response) -> Temporary:
        said = self._reason(f"unreadable answer, status {response.status_code}", response.text)
        return Temporary(said, maybe_sent=True)

    def _reason(self, who: str, said: object) -> str:
        """What may be logged of an error."""
        return f"{who}: {str(said).replace(self._token, '<token>')[:200]}"
