"""What Telegram sends besides answers: the loop goes on, and the open question stays open."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bots.telegram_aiogram import TelegramAiogram
from crm.tables import field_history, mail
from tests.support.aio import run
from tests.support.botapi import BotApi
from tests.support.botapi.people import User
from tests.support.service import Place, serving

RULES = Path(__file__).parent / "projects" / "rules"

QUESTION = "When is your birthday?"
WANTS_TEXT = f"Please answer with text.\n{QUESTION}"
"""Where a person answers with something that is no text: say so, and ask again."""

UNREADABLE = f"I could not read that as a date. Please write it like 1990-05-15.\n{QUESTION}"
"""Where it is text, and no date: the rule that failed, and the question again."""

EMPTY = f"Please write an answer.\n{QUESTION}"

FILE = {"file_id": "f", "file_unique_id": "f"}
CARD = {"phone_number": "989121234567", "first_name": "Ali", "user_id": 99}
CHANNEL = {"id": -1001, "type": "channel", "title": "News"}
GROUP = -55

Act = Callable[[BotApi, User], object]


def _posts(**content: Any) -> Act:
    return lambda api, user: user.posts(content)


def _raw(**update: Any) -> Act:
    """A kind of update that the bot did not ask for and nobody knows."""
    return lambda api, user: api.state.updates.put({"update_id": 900_000 + user.id, **update})


def _album(api: BotApi, user: User) -> None:
    for _ in range(3):
        user.posts({"photo": [FILE], "media_group_id": "album"})


def _edits_start(api: BotApi, user: User) -> None:
    written = user.says("/birthday")
    user.edits(written, "/birthday now")


def _blocks_and_comes_back(api: BotApi, user: User) -> None:
    user.blocks()
    user.unblocks()


def _reacts(api: BotApi, user: User) -> None:
    heart = {"type": "emoji", "emoji": "❤"}
    chat = {"id": user.id, "type": "private", "first_name": "Sara"}
    user.sends(
        {
            "message_reaction": {
                "chat": chat, "message_id": 2, "user": {"id": user.id, "is_bot": False},
                "date": 1_790_000_000, "old_reaction": [], "new_reaction": [heart],
            }
        }
    )  # fmt: skip


def _chats_in_a_group(api: BotApi, user: User) -> None:
    api.group(GROUP, user).says("1980-01-01 was a good day")


def _posts_in_a_channel(api: BotApi, user: User) -> None:
    post = {"message_id": 5, "chat": CHANNEL, "sender_chat": CHANNEL, "date": 1_790_000_000}
    user.sends({"channel_post": {**post, "text": "1980-01-01"}})


def _pins(api: BotApi, user: User) -> None:
    user.posts({"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": user.id}}})


KINDS: dict[str, tuple[Act, list[str]]] = {
    # A message that was taken is not taken again; the question is asked once more by /birthday.
    "an edit of what was taken": (_edits_start, [QUESTION]),
    "a sticker": (_posts(sticker={**FILE, "emoji": "🙂"}), [WANTS_TEXT]),
    "a voice message": (_posts(voice={**FILE, "duration": 3}), [WANTS_TEXT]),
    "a photo": (_posts(photo=[FILE]), [WANTS_TEXT]),
    "a location": (_posts(location={"latitude": 35.7, "longitude": 51.4}), [WANTS_TEXT]),
    "somebody's contact": (_posts(contact=CARD), [WANTS_TEXT]),
    "a poll": (_posts(poll={"id": "1", "question": "?"}), []),
    # Three pictures of one upload are one message to the person, and get one answer.
    "an album": (_album, [WANTS_TEXT]),
    # What was not said to the bot in its own chat is nobody's reply.
    "a post in a channel": (_posts_in_a_channel, []),
    "chatter in a group": (_chats_in_a_group, []),
    # These are told to us, not asked of us.
    "a block and its end": (_blocks_and_comes_back, []),
    "a reaction": (_reacts, []),
    "a pinned message": (_pins, []),
    "a kind that nobody knows": (_raw(telepathy={"thought": "1980-01-01"}), []),
    # An answer that nobody can see is none.
    "zero-width characters": (_posts(text="\u200b\u200c\u200d\u2060\ufeff"), [EMPTY]),
    "4096 emoji": (_posts(text="😀" * 4096), [UNREADABLE]),
    "a command that nobody claims": (
        lambda api, user: user.says("/nothing"),
        [f"I do not know that command.\n{QUESTION}"],
    ),
}
"""What comes in while the question is open, and the sensible reply, if one is due."""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(RULES, tmp_path_factory.mktemp("updates"))


@pytest.fixture(scope="module")
def replies(place: Place) -> dict[str, list[str]]:
    """What each kind was answered with, between the question and the thanks for its answer."""

    async def one(api: BotApi, number: int, act: Act) -> list[str]:
        user = api.user(100 + number, "Sara")
        user.says("/birthday")
        await user.waits_for(1, 60)
        act(api, user)
        user.says("1990-05-15")
        while user.messages[-1]["text"] != "Thank you.":
            await user.waits_for(len(user.messages) + 1, 60)
        return [message["text"] for message in user.messages[1:-1]]

    async def main() -> dict[str, list[str]]:
        async with (
            BotApi() as api,
            serving(place, TelegramAiogram.connect(api.token, api.url)),
            asyncio.TaskGroup() as talks,
        ):
            tasks = {
                kind: talks.create_task(one(api, number, act))
                for number, (kind, (act, _)) in enumerate(KINDS.items())
            }
            await asyncio.wait(tasks.values())
        return {kind: task.result() for kind, task in tasks.items()}

    return run(main(), seconds=180)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_answer_leaves_the_question_open(
    kind: str, replies: dict[str, list[str]]
) -> None:
    """The answer that follows is taken; before it comes the reply that is due, and no other."""
    assert replies[kind] == KINDS[kind][1]


def test_every_update_is_kept_and_every_answer_stored_once(
    place: Place, replies: dict[str, list[str]]
) -> None:
    counted = dict(place.rows(select(mail.c.status, func.count()).group_by(mail.c.status)))
    assert counted.keys() == {"done", "ignored"}, "nothing waits, and nothing could not be read"
    stored = place.rows(select(field_history.c.new).order_by(field_history.c.id))
    assert stored == [("1990-05-15",)] * len(KINDS)
    assert place.violations() == []
