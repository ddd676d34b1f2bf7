"""A network and a Telegram that fail in every way: nothing is lost, and nothing goes twice unseen.

The process is the real one with Telegram's own pace; the server fails on demand.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import func, select

from bots.limits import TELEGRAM
from bots.telegram_aiogram import TelegramAiogram
from crm.tables import customer_account, mail, outbox
from tests.support.aio import run
from tests.support.botapi import BotApi
from tests.support.botapi.faults import FaultKind
from tests.support.botapi.people import User
from tests.support.service import Place, ShiftedClock, serving

RULES = Path(__file__).parent / "projects" / "rules"

QUESTION, THANKS = "What is your first name?", "Thank you."

REFUSALS: frozenset[FaultKind] = frozenset({"forbidden", "unauthorized"})
"""These are no trouble of the network; they have tests of their own."""

TROUBLES: tuple[FaultKind, ...] = tuple(k for k in get_args(FaultKind) if k not in REFUSALS)

TWICE: frozenset[FaultKind] = frozenset(
    {"reset_after", "truncated", "garbage", "garbage_bytes", "null"}
)
"""After these nobody can know whether the message arrived. It is sent again: twice is better than
never, and Telegram takes no key by which it could tell."""


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What each person was sent, where the first two sendings to each went wrong in one way."""
    place = Place(RULES, tmp_path_factory.mktemp("sending"))

    async def one(api: BotApi, user: User, kind: FaultKind) -> list[str]:
        api.fault(kind, "sendMessage", chat=user.id, times=2, retry_after=1, seconds=0.5)
        user.says("/name")
        while not user.messages:
            await user.waits_for(1, 60)
        user.says("Sara")
        while user.messages[-1]["text"] != THANKS:
            await user.waits_for(len(user.messages) + 1, 60)
        return [message["text"] for message in user.messages]

    async def main() -> list[list[str]]:
        channel_of = TelegramAiogram.connect
        async with BotApi() as api, serving(place, channel_of(api.token, api.url), rates=TELEGRAM):
            people = [api.user(number) for number in range(1, len(TROUBLES) + 1)]
            told = await asyncio.gather(*(map(one, [api] * len(people), people, TROUBLES)))
        assert place.violations() == []
        return told

    return dict(zip(TROUBLES, run(main(), seconds=180), strict=True))


@pytest.mark.parametrize("kind", TROUBLES)
def test_a_sending_that_goes_wrong_is_tried_again_in_order(
    kind: FaultKind, heard: dict[str, list[str]]
) -> None:
    """Question and thanks arrive, in this order; twice only where nobody can know."""
    assert list(dict.fromkeys(heard[kind])) == [QUESTION, THANKS]
    if kind not in TWICE:
        assert len(heard[kind]) == 2


@pytest.mark.parametrize("kind", TROUBLES)
def test_a_fetch_that_goes_wrong_loses_no_update_and_takes_none_twice(
    kind: FaultKind, tmp_path: Path
) -> None:
    place = Place(RULES, tmp_path)

    async def main() -> None:
        async with BotApi() as api, serving(place, TelegramAiogram.connect(api.token, api.url)):
            sara = api.user(7)
            api.fault(kind, "getUpdates", times=2, retry_after=1, seconds=0.5)
            sara.says("/name")
            await sara.waits_for(1, 60)
            api.fault(kind, "getUpdates", times=1, retry_after=1, seconds=0.5)
            sara.says("Sara")
            texts = [message["text"] for message in await sara.waits_for(2, 60)]
            assert texts == [QUESTION, THANKS]

    run(main(), seconds=120)
    assert place.rows(select(func.count()).select_from(mail)) == [(2,)]
    assert place.violations() == []


def test_who_has_blocked_the_bot_is_left_alone_until_they_come_back(tmp_path: Path) -> None:
    """The reminder meets the block and is dropped; once unblocked, they are answered."""
    place, clock = Place(RULES, tmp_path), ShiftedClock()

    async def main() -> None:
        async with (
            BotApi() as api,
            serving(place, TelegramAiogram.connect(api.token, api.url), clock),
        ):
            sara, ali = api.user(7), api.user(8)
            for user in (sara, ali):
                user.says("/birthday")
                await user.waits_for(1, 60)
            api.fault("forbidden", "sendMessage", chat=sara.id, times=None)
            clock.advance(timedelta(minutes=31))
            assert (await ali.waits_for(2, 60))[-1]["text"] == "Still there?"
            ali.says("1990-05-15")
            await ali.waits_for(3, 60)
            api.faults.clear()
            sara.unblocks()
            sara.says("1990-05-15")
            assert [m["text"] for m in await sara.waits_for(2, 60)][1:] == [THANKS]

    run(main(), seconds=120)
    reminders = select(outbox.c.status, outbox.c.last_error).where(outbox.c.lane == 1)
    assert sorted(place.rows(reminders)) == [("cancelled", "unreachable"), ("sent", None)]
    blocked = select(customer_account.c.external_id, customer_account.c.blocked)
    assert sorted(place.rows(blocked)) == [("7", False), ("8", False)]
    assert place.violations() == []
