"""People as a test moves them: they write, press, block, and read what the bot sent."""

import asyncio
from typing import Any

from tests.support.botapi.content import command_entities
from tests.support.botapi.state import BOT, Chat, State

_PATIENCE = 10.0
"""Seconds after which a message that did not come will not come."""


class User:
    """A person with a private chat. Every action queues an update and returns it."""

    def __init__(self, state: State, chat: Chat) -> None:
        self._state = state
        self._chat = chat
        self._read = 0

    @property
    def id(self) -> int:
        """The person's id, which is the chat's."""
        return int(self._chat.person["id"])

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What the bot sent here, oldest first, as last edited."""
        return self._chat.sent

    def says(self, text: str) -> dict[str, Any]:
        """Write a text or a command."""
        content: dict[str, Any] = {"text": text}
        if entities := command_entities(text):
            content["entities"] = entities
        return self.posts(content)

    def posts(self, content: dict[str, Any]) -> dict[str, Any]:
        """Write a message of anything: {"sticker": {...}}, {"contact": {...}}."""
        return self._state.message_update(self._chat, content)

    def sends(self, update: dict[str, Any]) -> dict[str, Any]:
        """Queue an update of any kind as {kind: body}; the chat counts as started."""
        self._chat.started = True
        return self._state.updates.add(update)

    def presses(self, button: str) -> dict[str, Any]:
        """Press the newest button with this text or data. Raises LookupError if there is none."""
        for message in reversed(self._chat.sent):
            for row in message.get("reply_markup", {}).get("inline_keyboard", []):
                for one in row:
                    if "callback_data" in one and button in (one["text"], one["callback_data"]):
                        data = one["callback_data"]
                        return self._state.press_update(self._chat, message, data)
        raise LookupError(f"{self.id} sees no button {button!r}")

    def edits(self, message: dict[str, Any], text: str) -> dict[str, Any]:
        """Change a text that was written (`message`: the update that brought it)."""
        body = {**message["message"], "text": text, "edit_date": message["message"]["date"] + 1}
        return self._state.updates.add({"edited_message": body})

    def blocks(self) -> dict[str, Any]:
        """Stop the bot: sends to this chat fail from now on."""
        return self._membership(blocked=True)

    def unblocks(self) -> dict[str, Any]:
        """Let the bot write again."""
        return self._membership(blocked=False)

    async def reads(self, seconds: float = _PATIENCE) -> dict[str, Any]:
        """The next message not yet read here, waiting for it. Raises TimeoutError with a reason."""
        return (await self._until(self._read + 1, seconds))[self._read - 1]

    async def waits_for(self, count: int, seconds: float = _PATIENCE) -> list[dict[str, Any]]:
        """All messages, once there are at least `count`. Raises TimeoutError with a reason."""
        return await self._until(count, seconds)

    async def _until(self, count: int, seconds: float) -> list[dict[str, Any]]:
        sent = self._chat.sent
        try:
            async with asyncio.timeout(seconds):
                while len(sent) < count:
                    self._chat.arrived.clear()
                    await self._chat.arrived.wait()
        except TimeoutError:
            seen = [message.get("text") for message in sent]
            raise TimeoutError(f"{self.id} waited for message {count}, has {seen}") from None
        self._read = max(self._read, count)
        return sent

    def _membership(self, *, blocked: bool) -> dict[str, Any]:
        self._chat.blocked = blocked
        left = {"status": "kicked", "user": BOT, "until_date": 0}
        joined = {"status": "member", "user": BOT}
        body = {
            "chat": self._chat.body,
            "from": self._chat.person,
            "date": 1_790_000_000,
            "old_chat_member": joined if blocked else left,
            "new_chat_member": left if blocked else joined,
        }
        return self._state.updates.add({"my_chat_member": body})
