"""The test server itself: strict where Telegram is strict, and usable from another process."""

import asyncio
import sys
from typing import Any

import aiohttp
import pytest

from bots.channel import Outgoing
from bots.telegram_aiogram import TelegramAiogram
from tests.support.aio import run
from tests.support.botapi import TOKEN, BotApi


def answer(method: str, given: dict[str, Any], *, form: bool = False) -> dict[str, Any]:
    """One call to a fresh server that knows person 7, as JSON or as a form."""

    async def called() -> dict[str, Any]:
        async with BotApi() as api, aiohttp.ClientSession() as client:
            api.user(7).says("/start")
            url = f"{api.url}/bot{TOKEN}/{method}"
            posted = client.post(url, data=given) if form else client.post(url, json=given)
            async with posted as response:
                read: dict[str, Any] = await response.json()
                return read

    return run(called())


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "chat_id is required"),
        ({"chat_id": 7}, "text is required"),
        ({"chat_id": 7, "text": 5}, "text has a wrong type"),
        ({"chat_id": [7], "text": "hi"}, "chat_id has a wrong type"),
        ({"chat_id": 7, "text": "hi", "colour": "red"}, "unknown parameter colour"),
        ({"chat_id": 8, "text": "hi"}, "chat not found"),
        ({"chat_id": 7, "text": "<b>hi", "parse_mode": "HTML"}, "can't parse entities"),
        ({"chat_id": 7, "text": "<b></b>", "parse_mode": "HTML"}, "message text is empty"),
        ({"chat_id": 7, "text": "x" * 4097}, "message is too long"),
        (
            {"chat_id": 7, "text": "hi", "entities": [{"type": "bold", "offset": 1, "length": 2}]},
            "outside of the text",
        ),
        ({"chat_id": 7, "text": "hi", "reply_markup": {"inline_keyboard": {}}}, "must be an Array"),
        (
            {"chat_id": 7, "text": "hi", "reply_markup": {"inline_keyboard": [[{"text": "a"}]]}},
            "Text buttons are unallowed",
        ),
        (
            {
                "chat_id": 7,
                "text": "hi",
                "reply_markup": {"inline_keyboard": [[{"text": "a", "url": "ftp"}]]},
            },
            "URL 'ftp' is invalid",
        ),
    ],
)
def test_a_message_that_telegram_would_refuse_is_refused(
    given: dict[str, Any], reason: str
) -> None:
    read = answer("sendMessage", given)
    assert (read["ok"], read["error_code"]) == (False, 400)
    assert reason in read["description"]


def test_length_is_counted_after_entities_are_parsed() -> None:
    text = "<b>" + "x" * 4096 + "</b> "
    read = answer("sendMessage", {"chat_id": 7, "text": text, "parse_mode": "HTML"})
    assert read["result"]["text"] == "x" * 4096


def test_a_form_is_read_like_json() -> None:
    keyboard = '{"inline_keyboard":[[{"text":"Yes","callback_data":"y"}]]}'
    given = {"chat_id": "7", "text": "hi", "reply_markup": keyboard}
    read = answer("SENDmessage", given, form=True)
    assert read["result"]["reply_markup"]["inline_keyboard"][0][0]["callback_data"] == "y"


@pytest.mark.parametrize(
    ("method", "given", "code"),
    [
        ("sendTelepathy", {}, 404),
        ("getUpdates", {"limit": 101}, 400),
        ("getUpdates", {"offset": "soon"}, 400),
        ("answerCallbackQuery", {"callback_query_id": "1"}, 400),
        ("editMessageText", {"chat_id": 7, "message_id": 99, "text": "hi"}, 400),
    ],
)
def test_calls_that_cannot_be_right_are_refused(
    method: str, given: dict[str, Any], code: int
) -> None:
    assert answer(method, given)["error_code"] == code


def test_an_edit_must_change_something() -> None:
    async def scene() -> None:
        async with BotApi() as api, aiohttp.ClientSession() as client:
            api.user(7).says("/start")

            async def call(method: str, **given: object) -> dict[str, Any]:
                async with client.post(f"{api.url}/bot{TOKEN}/{method}", json=given) as response:
                    read: dict[str, Any] = await response.json()
                    return read

            sent = (await call("sendMessage", chat_id=7, text="one"))["result"]["message_id"]
            again = await call("editMessageText", chat_id=7, message_id=sent, text="one")
            assert "message is not modified" in again["description"]
            await call("editMessageText", chat_id=7, message_id=sent, text="two")
            assert [message["text"] for message in api.user(7).messages] == ["two"]

    run(scene())


def test_a_poll_that_dies_with_its_client_takes_no_update_along() -> None:
    async def scene() -> None:
        async with BotApi() as api:
            killed = TelegramAiogram.connect(TOKEN, api.url, poll_seconds=20)
            poll = asyncio.create_task(killed.fetch(None))
            await api.state.updates.held.wait()
            poll.cancel()
            await killed.close()
            api.user(7).says("hi")
            survivor = TelegramAiogram.connect(TOKEN, api.url, poll_seconds=20)
            assert len((await survivor.fetch(None)).updates) == 1
            await survivor.close()

    run(scene())


def test_a_fault_with_a_probability_is_the_same_in_every_run_of_a_seed() -> None:
    def draws(seed: int) -> list[bool]:
        api = BotApi(seed=seed)
        api.fault("server_error", "sendMessage", times=None, probability=0.5)
        return [api.faults.next("sendMessage", 7) is not None for _ in range(50)]

    assert draws(1) == draws(1) != draws(2)
    assert 10 < sum(draws(1)) < 40


def test_who_waits_for_a_message_that_does_not_come_is_told_what_came() -> None:
    async def scene() -> None:
        async with BotApi() as api:
            api.user(7).says("/start")
            with pytest.raises(TimeoutError, match="7 waited for message 1, has "):
                await api.user(7).reads(seconds=0.01)

    run(scene())


def test_the_server_can_be_a_process_moved_from_outside() -> None:
    async def scene() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.botapi", stdout=asyncio.subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            ready, url, token = (await process.stdout.readline()).decode().split()
            assert ready == "ready"
            await talk(url, token.removeprefix("token="))
        finally:
            process.terminate()
            assert await process.wait() == 0

    run(scene())


async def talk(url: str, token: str) -> None:
    """A conversation whose person is moved over HTTP."""
    channel = TelegramAiogram.connect(token, url)
    async with aiohttp.ClientSession(f"{url}/control/") as control:
        await control.post("says", json={"user": 7, "text": "/start", "first_name": "Nima"})
        (raw,) = (await channel.fetch(None)).updates
        inbound = channel.decode(raw)
        assert inbound.payload["profile"]["first_name"] == "Nima"
        await control.post("faults", json={"kind": "server_error", "method": "getMe"})
        await control.delete("faults")
        await channel.open()
        await channel.send(Outgoing(inbound.peer, "Hello"))
        async with control.get("messages", params={"user": "7", "count": "1"}) as response:
            assert [message["text"] for message in await response.json()] == ["Hello"]
        async with control.post("presses", json={"user": 7, "button": "Yes"}) as response:
            assert response.status == 404
        async with control.get("state") as response:
            assert (await response.json())["sent"] == 1
    await channel.close()
