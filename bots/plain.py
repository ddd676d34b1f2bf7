"""Updates of channels that are ours: the terminal, the site and the fake.

A raw update is {update_id, key, kind, peer, payload}: an Inbound as JSON, with a number that
confirms it and a key that no other update of the account has.
"""

import asyncio
import contextlib
from typing import Any, get_args

from bots import commands
from bots.channel import Fetched, Inbound, Kind, Outgoing, Rejected, Undecodable
from engine.limits import TELEGRAM_CALLBACK_DATA, TELEGRAM_TEXT, measure

_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}


class Inbox:
    """Raw updates, kept until an offset above theirs confirms them, as Telegram does it."""

    def __init__(self, poll_seconds: float) -> None:
        self._poll_seconds = poll_seconds
        self._waiting: list[dict[str, Any]] = []
        self._arrived = asyncio.Event()
        self._last_id = 0

    def put(self, update: dict[str, Any]) -> dict[str, Any]:
        """Give the update the next number, keep it, and return it."""
        self._last_id += 1
        numbered = {"key": str(self._last_id), **update, "update_id": self._last_id}
        self._waiting.append(numbered)
        self._arrived.set()
        return numbered

    async def fetch(self, offset: int | None) -> Fetched:
        """What is not confirmed, once there is some; nothing when the poll's time is over."""
        if offset is not None:
            self._waiting = [one for one in self._waiting if one["update_id"] >= offset]
        if not self._waiting:
            self._arrived.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_seconds):
                    await self._arrived.wait()
        updates = list(self._waiting)
        return Fetched(updates, updates[-1]["update_id"] + 1 if updates else offset)


def text_update(peer: str, text: str) -> dict[str, Any]:
    """What `peer` typed: a command if it is one."""
    command = commands.parse(text)
    payload = {"text": text}
    if command is None:
        return {"kind": "text", "peer": peer, "payload": payload}
    payload |= {"command": command.name, "argument": command.argument}
    return {"kind": "command", "peer": peer, "payload": payload}


def press_update(peer: str, token: str, message_id: str, callback_id: str) -> dict[str, Any]:
    """`peer` pressed the button with this token under the message."""
    payload = {"token": token, "message_id": message_id, "callback_id": callback_id}
    return {"kind": "press", "peer": peer, "payload": payload}


def decode(raw: object, channel: str, account: str) -> Inbound:
    """A raw update as Inbound; an unknown kind is "other". Raises Undecodable."""
    start = f"{channel}:{account}"
    if not isinstance(raw, dict) or not isinstance(raw.get("key"), str):
        raise Undecodable("an update is an object with a key", f"{start}:{raw!r}")
    key = f"{start}:{raw['key']}"
    peer, payload = raw.get("peer", ""), raw.get("payload", {})
    if not isinstance(peer, str) or not isinstance(payload, dict):
        raise Undecodable("peer is a text and payload an object", key)
    kind = _KINDS.get(str(raw.get("kind")), "other")
    number = raw.get("update_id")
    seq = number if isinstance(number, int) else None
    return Inbound(key, seq, kind, peer, peer, private=True, payload=payload)


def refuse(message: Outgoing) -> None:
    """Raise Rejected for what Telegram would not take either, so that it is found without it."""
    if message.media is None and not message.text.strip():
        raise Rejected("message text is empty")
    if measure(message.text, TELEGRAM_TEXT.unit) > TELEGRAM_TEXT.value:
        raise Rejected("message is too long")
    for button in (one for row in message.buttons for one in row):
        if button.url is None and not _fits(button.token or ""):
            raise Rejected("button data invalid")


def _fits(token: str) -> bool:
    return 0 < measure(token, TELEGRAM_CALLBACK_DATA.unit) <= TELEGRAM_CALLBACK_DATA.value
