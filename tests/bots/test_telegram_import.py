"""A service imports aiogram without waiting for models that it never uses."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from bots.telegram_import import import_lightly

import_lightly()

from aiogram.exceptions import TelegramRetryAfter
from aiogram.methods import SendMessage
from aiogram.types import Message, Update

from bots.telegram_aiogram import TelegramAiogram
from bots.telegram_session import Call

session = TelegramAiogram.connect("42:" + "A" * 35)._bot.session
refused = '{"ok": false, "error_code": 429, "description": "", "parameters": {"retry_after": 5}}'
try:
    session.check_response(None, Call("sendMessage", {}), 429, refused)
except TelegramRetryAfter as error:
    print(error.retry_after)
print(Message.__pydantic_complete__)

chat = {"id": 7, "type": "private"}
answered = {"message_id": 1, "date": 0, "chat": chat, "text": "first"}
message = answered | {"message_id": 2, "reply_to_message": answered}
print(Update.model_validate({"update_id": 1, "message": message}).message.reply_to_message.text)
print(SendMessage(chat_id=7, text="second").text)
print(Message.__pydantic_complete__)
"""


def test_models_are_built_by_the_first_one_used_and_a_refusal_needs_none() -> None:
    # In a process of its own: here aiogram has been imported in full by other tests.
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert ended.stdout.split() == ["5", "False", "first", "second", "True"]
