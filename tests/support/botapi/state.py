"""What the server knows: the bot, chats, who blocked it, what was sent and pressed."""

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from typing import Any

from tests.support.botapi.errors import ApiError, bad_request
from tests.support.botapi.updates import Updates

BOT = {"id": 100200300, "is_bot": True, "first_name": "Shop", "username": "shop_test_bot"}


@dataclass(slots=True)
class Chat:
    """A conversation and everything in it. `body` is the API's Chat object."""

    body: dict[str, Any]
    person: dict[str, Any]
    started: bool = False
    blocked: bool = False
    moved_to: int | None = None
    sent: list[dict[str, Any]] = field(default_factory=list)
    """Messages of the bot, oldest first, as last edited."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    last_message_id: int = 0

    def next_message_id(self) -> int:
        """Ids of both sides' messages come from one row of numbers."""
        self.last_message_id += 1
        return self.last_message_id


class State:
    """All of one bot's world."""

    def __init__(self) -> None:
        self.updates = Updates()
        self.chats: dict[int, Chat] = {}
        self.sent: list[dict[str, Any]] = []
        """Every message the bot sent, oldest first."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Every call that was understood: (method, parameters)."""
        self.presses: dict[str, int] = {}
        """Chats by the id of a press that has not been answered."""
        self.answered: list[dict[str, Any]] = []
        self.commands: dict[str, list[dict[str, Any]]] = {}
        """The menu of commands by language, "" for all others."""
        self.webhook = ""
        self.webhook_secret = ""
        self._press_ids = itertools.count(1)

    def chat(self, chat_id: int) -> Chat:
        """A chat the bot may write to. Raises ApiError as sendMessage would."""
        chat = self.chats.get(chat_id)
        if chat is None or not chat.started:
            raise bad_request("chat not found")
        if chat.moved_to is not None:
            reason = "Bad Request: group chat was upgraded to a supergroup chat"
            raise ApiError(400, reason, migrate_to_chat_id=chat.moved_to)
        if chat.blocked:
            raise ApiError(403, "Forbidden: bot was blocked by the user")
        return chat

    def deliver(self, chat: Chat, content: dict[str, Any]) -> dict[str, Any]:
        """A message of the bot appears in a chat."""
        message = {
            "message_id": chat.next_message_id(),
            "from": BOT,
            "chat": chat.body,
            "date": int(time.time()),
            **content,
        }
        chat.sent.append(message)
        self.sent.append(message)
        chat.arrived.set()
        return message

    def message_update(self, chat: Chat, content: dict[str, Any]) -> dict[str, Any]:
        """The update of a message that a person wrote."""
        chat.started = True
        message = {
            "message_id": chat.next_message_id(),
            "from": chat.person,
            "chat": chat.body,
            "date": int(time.time()),
            **content,
        }
        return self.updates.add({"message": message})

    def press_update(self, chat: Chat, message: dict[str, Any], data: str) -> dict[str, Any]:
        """The update of a person pressing a button."""
        callback_id = str(next(self._press_ids))
        self.presses[callback_id] = chat.body["id"]
        press = {
            "id": callback_id,
            "from": chat.person,
            "chat_instance": "1",
            "message": message,
            "data": data,
        }
        return self.updates.add({"callback_query": press})
