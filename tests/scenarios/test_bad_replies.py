"""Replies that break a rule are asked for again with the rule that failed; nothing is stored."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import func, select

from bots.fake import FakeChannel
from bots.telegram_aiogram import TelegramAiogram
from crm.tables import activity, customer, field_history, mail, run, timer
from tests.support.aio import run as hold
from tests.support.botapi import BotApi
from tests.support.botapi.people import User
from tests.support.service import Place, ShiftedClock, serving, until

RULES = Path(__file__).parent / "projects" / "rules"

THANKS = "Thank you."


class Bad(NamedTuple):
    """A reply, the rule it is told, and an answer that is taken afterwards, as it is stored."""

    command: str
    question: str
    reply: str
    rule: str
    answer: str
    stored: str | int


NAME, BIRTHDAY, SIZE, EMAIL = (
    ("/name", "What is your first name?"),
    ("/birthday", "When is your birthday?"),
    ("/size", "What is your shoe size?"),
    ("/email", "What is your email?"),
)

BAD = {
    "control characters": Bad(
        *NAME, "Sa\x07ra\x1b[2J",
        "That has characters that cannot be stored. Please type it again as plain text.",
        "Sara", "Sara",
    ),
    "a name over its limit": Bad(
        *NAME, "x" * 4096, "That is too long: please use at most 100 characters.", "Sara", "Sara",
    ),
    "a number of 400 digits": Bad(
        *SIZE, "9" * 400,
        "That number is too large: the largest possible is 9,999,999,999,999,999.99.",
        "42", 42,
    ),
    "a day that the month does not have": Bad(
        *BIRTHDAY, "31/02/1990",
        "There is no such date in the calendar. Please check the day, month and year.",
        "1990-02-28", "1990-02-28",
    ),
    "a birthday to come": Bad(
        *BIRTHDAY, "2190-01-01", "The date must be in the past.", "1990-01-01", "1990-01-01",
    ),
    "an email with spaces": Bad(
        *EMAIL, "sara @ example.com",
        "An email address has no spaces. Please write it without them.",
        "Sara@Example.com", "sara@example.com",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(RULES, tmp_path_factory.mktemp("replies"))


@pytest.fixture(scope="module")
def heard(place: Place) -> dict[str, list[str]]:
    """All that each person was told: the question, the rule, the thanks."""

    async def one(user: User, bad: Bad) -> list[str]:
        for number, text in enumerate((bad.command, bad.reply, bad.answer), 1):
            user.says(text)
            await user.waits_for(number, 60)
        return [message["text"] for message in user.messages]

    async def main() -> dict[str, list[str]]:
        async with BotApi() as api, serving(place, TelegramAiogram.connect(api.token, api.url)):
            users = [api.user(number, "Guest") for number in range(1, len(BAD) + 1)]
            told = await asyncio.gather(*map(one, users, BAD.values()))
        return dict(zip(BAD, told, strict=True))

    return hold(main(), seconds=180)


@pytest.mark.parametrize("what", BAD)
def test_a_reply_that_breaks_a_rule_is_asked_for_again(
    what: str, heard: dict[str, list[str]]
) -> None:
    """One message: the rule that failed, and the question on a new line."""
    bad = BAD[what]
    assert heard[what] == [bad.question, f"{bad.rule}\n{bad.question}", THANKS]


def test_only_the_good_answers_are_stored_and_the_bad_ones_are_on_the_timeline(
    place: Place, heard: dict[str, list[str]]
) -> None:
    stored = place.rows(select(field_history.c.new).order_by(field_history.c.customer_id))
    assert [value for (value,) in stored] == [bad.stored for bad in BAD.values()]
    received = activity.c.type == "message_received"
    said = {text for (text,) in place.rows(select(activity.c.description).where(received))}
    assert said >= {bad.reply for bad in BAD.values()}
    assert place.violations() == []


def test_a_reply_longer_than_any_telegram_message_is_refused_with_the_limit(
    tmp_path: Path,
) -> None:
    """Telegram itself lets nobody write it; other channels may."""
    place, channel = Place(RULES, tmp_path), FakeChannel(poll_seconds=0.01)

    async def main() -> None:
        async with serving(place, channel):
            channel.says("7", "/name")
            channel.says("7", "x" * 100_000)
            channel.says("7", "Sara")
            await until(lambda: len(channel.sent) == 3)

    hold(main(), seconds=90)
    rule = "That is too long: please use at most 4,096 characters."
    assert [message.text for message in channel.sent] == [NAME[1], f"{rule}\n{NAME[1]}", THANKS]
    assert place.rows(select(customer.c.first_name)) == [("Sara",)]
    assert place.violations() == []


def test_an_edit_of_a_reply_that_could_not_be_used_is_another_try(tmp_path: Path) -> None:
    place = Place(RULES, tmp_path)

    async def main() -> None:
        async with BotApi() as api, serving(place, TelegramAiogram.connect(api.token, api.url)):
            sara = api.user(7)
            sara.says("/birthday")
            bad = sara.says("1990-15-35")
            await sara.waits_for(2, 60)
            sara.edits(bad, "1990-05-15")
            assert (await sara.waits_for(3, 60))[-1]["text"] == THANKS

    hold(main(), seconds=90)
    assert place.rows(select(*field_history.c["field", "new"])) == [("birth_date", "1990-05-15")]
    assert place.violations() == []


def test_an_update_that_cannot_be_read_is_alone_a_dead_letter(tmp_path: Path) -> None:
    """Those before and after it in the same answer of getUpdates are applied."""
    place = Place(RULES, tmp_path)

    async def main() -> None:
        async with BotApi() as api:
            sara = api.user(7)
            sara.says("/name")
            broken = sara.sends({"message": {"message_id": 5, "chat": "nobody", "text": 5}})
            sara.says("Sara")
            sara.sends({"message": None})
            async with serving(place, TelegramAiogram.connect(api.token, api.url)):
                assert (await sara.waits_for(2, 60))[-1]["text"] == THANKS
            assert broken["update_id"]

    hold(main(), seconds=90)
    letters = place.rows(select(*mail.c["kind", "status"]).order_by(mail.c.provider_seq))
    assert sorted(letters) == [
        ("broken", "dead"), ("broken", "dead"), ("command", "done"), ("text", "done"),
    ]  # fmt: skip
    reasons = place.rows(select(mail.c.last_error).where(mail.c.status == "dead"))
    assert all(reason for (reason,) in reasons)
    assert place.violations() == []


def test_an_update_that_comes_twice_is_taken_once(tmp_path: Path) -> None:
    """In the same answer, and again much later."""
    place = Place(RULES, tmp_path)

    async def main() -> None:
        async with BotApi() as api, serving(place, TelegramAiogram.connect(api.token, api.url)):
            sara = api.user(7)
            api.repeats(sara.says("/size"))
            await sara.waits_for(1, 60)
            answer = sara.says("41")
            await sara.waits_for(2, 60)
            api.repeats(answer)
            api.repeats(answer)
            sara.says("/name")
            assert (await sara.waits_for(3, 60))[-1]["text"] == NAME[1]

    hold(main(), seconds=90)
    assert place.rows(select(func.count()).select_from(mail)) == [(3,)]
    assert place.violations() == []


def test_a_template_that_fails_is_recorded_and_the_conversation_goes_on(tmp_path: Path) -> None:
    place = Place(RULES, tmp_path)

    async def main() -> list[str]:
        async with BotApi() as api, serving(place, TelegramAiogram.connect(api.token, api.url)):
            sara = api.user(7)
            sara.says("/share")
            await sara.waits_for(2, 60)
            sara.says("Sara")
            return [message["text"] for message in await sara.waits_for(3, 60)]

    sorry = "Something went wrong on our side. We have made a note of it."
    assert hold(main(), seconds=90) == [sorry, NAME[1], THANKS]
    reasons = select(activity.c.description).where(activity.c.type == "flow_problem")
    assert place.rows(reasons) == [("share, node sum: a template failed: division by zero",)]
    assert place.violations() == []


def test_an_opt_out_word_at_an_open_question_ends_it_and_silences_the_reminder(
    tmp_path: Path,
) -> None:
    """What the person writes afterwards is answered all the same; /start undoes it."""
    place, clock = Place(RULES, tmp_path), ShiftedClock()

    async def main() -> list[str]:
        async with (
            BotApi() as api,
            serving(place, TelegramAiogram.connect(api.token, api.url), clock),
        ):
            sara, ali = api.user(7), api.user(8)
            for user in (sara, ali):
                user.says("/birthday")
                await user.waits_for(1, 60)
            sara.says("STOP!")
            await sara.waits_for(2, 60)
            clock.advance(timedelta(minutes=31))
            assert (await ali.waits_for(2, 60))[-1]["text"] == "Still there?"
            sara.says("/name")
            return [message["text"] for message in await sara.waits_for(3, 60)]

    gone = "You will get no more automatic messages from us. Write /start to undo this."
    assert hold(main(), seconds=90) == [BIRTHDAY[1], gone, NAME[1]]
    outcomes = select(run.c.outcome).where(run.c.customer_id == 1).order_by(run.c.id)
    assert place.rows(outcomes) == [("opted_out",), (None,)]
    (opted_out_at,) = place.rows(select(customer.c.opted_out_at).where(customer.c.id == 1))
    assert opted_out_at[0] is not None
    assert place.rows(select(func.count()).select_from(timer)) == [(2,)], "Ali's, and of /name"
    assert place.violations() == []
