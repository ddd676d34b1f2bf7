"""Both libraries over HTTP and a server that misbehaves: every fault becomes the right error."""

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest
from aiogram import Bot
from aiogram.exceptions import TelegramForbiddenError

from bots.channel import (
    Channel,
    ChannelError,
    Conflict,
    Moved,
    Outgoing,
    Rejected,
    Temporary,
    Throttled,
    Unauthorised,
    Unreachable,
)
from bots.telegram_aiogram import TelegramAiogram
from bots.telegram_ptb import TelegramPtb
from bots.telegram_session import JsonSession
from engine.messages import Button, Entry, Media
from tests.support.aio import run
from tests.support.botapi import TOKEN, BotApi
from tests.support.botapi.faults import FaultKind

SECRET = TOKEN.partition(":")[2]
HELLO = Outgoing("7", "hello")

Library = type[TelegramAiogram | TelegramPtb]
Scene = Callable[[BotApi, Channel], Awaitable[None]]


class Play(Protocol):
    """Run a scene with a channel of one library and a server in which Sara has written."""

    def __call__(self, scene: Scene, token: str = TOKEN, poll_seconds: int = 0) -> None: ...


@pytest.fixture(params=[TelegramAiogram, TelegramPtb], ids=["aiogram", "python-telegram-bot"])
def library(request: pytest.FixtureRequest) -> Library:
    chosen: Library = request.param
    return chosen


@pytest.fixture
def play(library: Library) -> Play:
    def play_scene(scene: Scene, token: str = TOKEN, poll_seconds: int = 0) -> None:
        async def played() -> None:
            async with BotApi() as api:
                api.user(7).says("/start")
                channel = library.connect(token, api.url, poll_seconds, answer_seconds=1)
                try:
                    await scene(api, channel)
                finally:
                    await channel.close()

        run(played())

    return play_scene


@pytest.mark.parametrize(
    ("fault", "error", "maybe_sent", "stored"),
    [
        ("throttled", Throttled, False, 0),
        ("forbidden", Unreachable, False, 0),
        ("unauthorized", Unauthorised, False, 0),
        ("server_error", Temporary, False, 0),
        ("bare_error", Temporary, False, 0),
        ("bad_gateway", Temporary, True, 0),
        ("garbage", Temporary, True, 0),
        ("garbage_bytes", Temporary, True, 0),
        ("reset_before", Temporary, True, 0),
        ("reset_after", Temporary, True, 1),
        ("truncated", Temporary, True, 0),
        ("slow", Temporary, True, 1),
    ],
)
def test_each_fault_of_the_wire_becomes_one_error_that_tells_no_secret(
    play: Play, fault: FaultKind, error: type[ChannelError], maybe_sent: bool, stored: int
) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        api.fault(fault, "sendMessage")
        with pytest.raises(ChannelError) as caught:
            await channel.send(HELLO)
        assert type(caught.value) is error
        assert caught.value.maybe_sent is maybe_sent
        assert not str(caught.value).endswith(": ")
        assert len(api.sent) == stored
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert caught.value.__context__ is None
        await channel.send(HELLO)

    play(scene)


def test_too_many_requests_say_how_long_to_wait(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        api.fault("throttled", "sendMessage", chat=7, retry_after=33)
        with pytest.raises(Throttled) as caught:
            await channel.send(HELLO)
        assert caught.value.retry_after == 33

    play(scene)


@pytest.mark.parametrize(("said", "waited"), [(10**15, 86_400.0), (-5, 0.0), (float("nan"), 0.0)])
def test_no_platform_makes_us_wait_longer_than_a_day(said: float, waited: float) -> None:
    assert Throttled(said).retry_after == waited


def test_a_chat_nobody_knows_is_unreachable(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        with pytest.raises(Unreachable, match=r"(?i)chat not found"):
            await channel.send(Outgoing("404", "hello"))

    play(scene)


def test_a_group_that_moved_is_named_by_its_new_id(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        api.group(-5, api.user(7))
        api.moves(-5, -1005)
        with pytest.raises(Moved) as caught:
            await channel.send(Outgoing("-5", "hello"))
        assert caught.value.new_peer == "-1005"

    play(scene)


def test_a_server_that_is_not_there_has_certainly_not_sent_anything(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        await api.stop()
        with pytest.raises(Temporary) as caught:
            await channel.send(HELLO)
        assert caught.value.maybe_sent is False
        assert SECRET not in str(caught.value)

    play(scene)


def test_a_wrong_token_is_refused_by_name_and_not_shown(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        with pytest.raises(Unauthorised) as caught:
            await channel.open()
        assert "wrong_secret" not in str(caught.value)

    with caplog.at_level(logging.DEBUG):
        play(scene, token="12:wrong_secret")
    assert "wrong_secret" not in caplog.text


@pytest.mark.parametrize("token", ["", "12", "12:", "a:b", "12:a b"])
def test_what_cannot_be_a_token_is_refused_before_anything_is_sent(
    library: Library, token: str
) -> None:
    with pytest.raises(Unauthorised):
        library.connect(token)


def test_opening_ends_a_webhook_and_keeps_what_waits(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        api.state.webhook = "https://example.com/hook"
        with pytest.raises(Conflict):
            await channel.fetch(None)
        account = await channel.open()
        assert account.username == "shop_test_bot"
        assert len((await channel.fetch(None)).updates) == 1

    play(scene)


def test_of_two_pollers_the_older_is_told_of_the_conflict(play: Play, library: Library) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        first = await channel.fetch(None)
        waiting = asyncio.create_task(channel.fetch(first.next_offset))
        await api.state.updates.held.wait()
        other = library.connect(TOKEN, api.url, poll_seconds=0)
        await other.fetch(None)
        await other.close()
        with pytest.raises(Conflict):
            await waiting

    play(scene, poll_seconds=20)


def test_one_malformed_update_does_not_hide_the_good_ones(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        api.state.updates.put({"update_id": "not a number"})
        api.state.updates.put([1, 2])
        last = api.user(7).says("hi")
        answer = await channel.fetch(None)
        assert len(answer.updates) == 4
        assert answer.next_offset == last["update_id"] + 1

    play(scene)


def test_an_answer_that_nothing_could_confirm_is_a_failure_not_a_busy_loop(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        answer = await channel.fetch(None)
        api.state.updates.put({"update_id": None})
        with pytest.raises(Temporary):
            await channel.fetch(answer.next_offset)

    play(scene)


def test_ids_that_start_again_lower_are_followed(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        api.state.updates.restart_ids(3)
        api.user(7).says("after a quiet week")
        answer = await channel.fetch(None)
        assert answer.next_offset == 4
        assert (await channel.fetch(answer.next_offset)).updates == []

    play(scene)


def test_a_copy_of_an_update_is_fetched_like_any_other(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        first = await channel.fetch(None)
        api.repeats(api.user(7).says("hi"))
        answer = await channel.fetch(first.next_offset)
        one, copy = map(channel.decode, answer.updates)
        assert one == copy

    play(scene)


def test_reactions_are_asked_for_and_what_we_cannot_use_is_not(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        first = await channel.fetch(None)
        api.user(7).sends({"poll": {"id": "1"}})
        api.user(7).sends(
            {"message_reaction": {"chat": {"id": 7}, "message_id": 1, "new_reaction": []}}
        )
        answer = await channel.fetch(first.next_offset)
        assert [channel.decode(raw).kind for raw in answer.updates] == ["reaction"]

    play(scene)


@pytest.mark.parametrize(
    ("media", "stored"),
    [
        (Media("photo", "https://example.com/a.png"), "photo"),
        (Media("document", "BQACAgQ"), "document"),
        (Media("location", "35.7, 51.4"), "location"),
    ],
)
def test_media_go_by_their_own_methods(play: Play, media: Media, stored: str) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        button = Button("Open", url="https://example.com")
        await channel.send(Outgoing("7", "", buttons=((button,),), media=media))
        assert stored in api.sent[0]
        assert api.sent[0]["reply_markup"]["inline_keyboard"][0][0]["url"] == button.url

    play(scene)


@pytest.mark.parametrize(
    "media",
    [
        Media("hologram", "x"),
        Media("location", "somewhere"),
        Media("photo", "/etc/hostname"),
    ],
)
def test_media_that_cannot_be_sent_are_rejected(play: Play, media: Media) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        with pytest.raises(Rejected):
            await channel.send(Outgoing("7", "", media=media))
        assert api.sent == []

    play(scene)


def test_the_menu_is_set_for_each_language_and_the_first_for_all_others(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        long = Entry("help", "very " * 100 + "\n long")
        await channel.show_menu(
            {"en-GB": (Entry("start", "Order"), long), "fa": (Entry("start", "سفارش"),)}
        )
        assert list(api.state.commands) == ["en", "", "fa"]
        assert api.state.commands["fa"] == [{"command": "start", "description": "سفارش"}]
        assert api.state.commands[""] == api.state.commands["en"]
        cut = api.state.commands["en"][1]["description"]
        assert len(cut) == 256
        assert cut.endswith("…")

    play(scene)


@pytest.mark.parametrize("method", ["getMe", "getUpdates", "sendMessage"])
def test_an_answer_of_the_wrong_shape_is_temporary(play: Play, method: str) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        api.fault("null", method)
        calls: dict[str, Callable[[], Awaitable[Any]]] = {
            "getMe": channel.open,
            "getUpdates": lambda: channel.fetch(None),
            "sendMessage": lambda: channel.send(HELLO),
        }
        with pytest.raises(Temporary) as caught:
            await calls[method]()
        assert caught.value.maybe_sent is (method == "sendMessage")

    play(scene)


def test_the_session_serves_aiograms_own_methods_as_well() -> None:
    async def scene() -> None:
        async with BotApi() as api:
            api.user(7).says("/start")
            bot = Bot(TOKEN, session=JsonSession(api.url))
            sent = await bot.send_message(7, "hello")
            api.user(7).blocks()
            with pytest.raises(TelegramForbiddenError):
                await bot.send_message(7, "hello?")
            await bot.session.close()
            assert sent.text == "hello"

    run(scene())


def test_what_people_do_besides_writing_arrives_as_what_it_is(play: Play) -> None:
    async def scene(api: BotApi, channel: Channel) -> None:
        first = await channel.fetch(None)
        sara = api.user(7)
        written = sara.says("1990-05-51")
        sara.edits(written, "1990-05-15")
        sara.posts({"sticker": {"file_id": "S", "emoji": "👍"}})
        sara.blocks()
        answer = await channel.fetch(first.next_offset)
        kinds = [channel.decode(raw).kind for raw in answer.updates]
        assert kinds == ["text", "edited", "sticker", "blocked"]
        with pytest.raises(Unreachable):
            await channel.send(HELLO)
        sara.unblocks()
        await channel.send(HELLO)
        (raw,) = (await channel.fetch(answer.next_offset)).updates
        assert channel.decode(raw).kind == "unblocked"

    play(scene)
