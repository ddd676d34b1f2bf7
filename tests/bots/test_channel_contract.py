"""What the runtime relies on, held against the fake and, over HTTP, against every real channel."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest

from bots.channel import (
    Channel,
    ChannelError,
    Fetched,
    Outgoing,
    Rejected,
    Temporary,
    Throttled,
    Unauthorised,
    Undecodable,
    Unreachable,
)
from bots.fake import FakeChannel
from bots.instagram import Instagram
from bots.instagram_webhook import InstagramWebhook
from bots.telegram_aiogram import TelegramAiogram
from bots.telegram_ptb import TelegramPtb
from bots.web_chat import WebChat
from engine.messages import Button
from tests.support.aio import run
from tests.support.botapi import BotApi
from tests.support.graphapi import ACCOUNT, APP_SECRET, VERIFY_TOKEN, GraphApi
from tests.support.web_world import WebWorld

SARA = "7"
QUESTION = Outgoing(SARA, "Right?", buttons=((Button("Yes", token="t-1"), Button("No", "t-2")),))


class World(Protocol):
    """A channel and what happens at its other end."""

    @property
    def channel(self) -> Channel: ...

    name: str
    tells_what_was_pressed: bool
    """Whether a press names its message, and waits to be acknowledged."""

    async def arrived(self) -> Sequence[object]: ...
    def says(self, text: str) -> object: ...
    def presses(self, label: str) -> object: ...
    def unknown(self) -> object: ...
    def broken(self) -> object: ...
    def blocks(self) -> None: ...
    def fails(self, fault: str) -> None: ...
    def texts(self) -> list[str]: ...
    def answered(self) -> list[str]: ...
    def has_buttons(self) -> list[bool]: ...


class FakeWorld:
    """The fake, moved by its own methods."""

    _ERRORS: dict[str, tuple[ChannelError, bool]] = {
        "throttled": (Throttled(7), False),
        "server_error": (Temporary("500"), False),
        "reset_after": (Temporary("reset", maybe_sent=True), True),
        "unauthorized": (Unauthorised("401"), False),
    }

    def __init__(self) -> None:
        self.channel = self._fake = FakeChannel()
        self.name, self.tells_what_was_pressed = "telegram", True

    async def arrived(self) -> Sequence[object]:
        return (await self.channel.fetch(None)).updates

    def says(self, text: str) -> object:
        return self._fake.says(SARA, text)

    def presses(self, label: str) -> object:
        return self._fake.presses(SARA, label)

    def unknown(self) -> object:
        return self._fake.receives({"kind": "telepathy", "peer": SARA, "payload": {"a": 1}})

    def broken(self) -> object:
        return self._fake.receives({"peer": 7})

    def blocks(self) -> None:
        self._fake.blocked.add(SARA)

    def fails(self, fault: str) -> None:
        error, accepted = self._ERRORS[fault]
        self._fake.fail(error, accepted=accepted)

    def texts(self) -> list[str]:
        return [message.text for message in self._fake.sent]

    def answered(self) -> list[str]:
        return [text for _, text in self._fake.acknowledged]

    def has_buttons(self) -> list[bool]:
        return [bool(message.buttons) for message in self._fake.sent]


class TelegramWorld:
    """A library over HTTP, and the people of the server."""

    def __init__(self, api: BotApi, channel: Channel) -> None:
        self.channel = channel
        self.name, self.tells_what_was_pressed = "telegram", True
        self._api = api
        self._sara = api.user(int(SARA))
        self.says = self._sara.says
        self.presses = self._sara.presses
        self._api.state.chats[int(SARA)].started = True

    async def arrived(self) -> Sequence[object]:
        return (await self.channel.fetch(None)).updates

    def unknown(self) -> object:
        self._api.state.updates.allowed = []
        return self._sara.sends({"telepathy": {"a": 1}})

    def broken(self) -> object:
        return self._sara.sends({"message": {"text": 5}})

    def blocks(self) -> None:
        self._api.state.chats[int(SARA)].blocked = True

    def fails(self, fault: Any) -> None:
        self._api.fault(fault, "sendMessage")

    def texts(self) -> list[str]:
        return [message["text"] for message in self._api.sent]

    def answered(self) -> list[str]:
        return [answer.get("text", "") for answer in self._api.state.answered]

    def has_buttons(self) -> list[bool]:
        return ["reply_markup" in message for message in self._api.sent]


class InstagramWorld:
    """The Graph API over HTTP; what people do is brought to the webhook."""

    def __init__(self, api: GraphApi, channel: Channel) -> None:
        self.channel = channel
        self.name, self.tells_what_was_pressed = "instagram", False
        self._api = api
        self._sara = api.person(SARA)
        self.says, self.presses = self._sara.says, self._sara.presses

    async def arrived(self) -> Sequence[object]:
        body, signature = self._api.brought()
        webhook = InstagramWebhook(ACCOUNT, APP_SECRET, VERIFY_TOKEN)
        assert webhook.is_genuine({"x-hub-signature-256": signature}, body)
        return webhook.updates(body)

    def unknown(self) -> object:
        return self._sara.does({"telepathy": {"a": 1}})

    def broken(self) -> object:
        return self._sara.posts({"text": 5})

    def blocks(self) -> None:
        self._api.blocked.add(SARA)

    def fails(self, fault: str) -> None:
        self._api.fault(fault)

    def texts(self) -> list[str]:
        return [body["message"]["text"] for body in self._api.sent]

    def answered(self) -> list[str]:
        return []

    def has_buttons(self) -> list[bool]:
        return ["quick_replies" in body["message"] for body in self._api.sent]


@asynccontextmanager
async def web() -> AsyncIterator[World]:
    yield WebWorld()


@asynccontextmanager
async def fake() -> AsyncIterator[World]:
    yield FakeWorld()


def telegram(library: type[TelegramAiogram | TelegramPtb]) -> "Worlds":
    @asynccontextmanager
    async def world() -> AsyncIterator[World]:
        async with BotApi() as api:
            channel = library.connect(api.token, api.url, poll_seconds=0)
            try:
                yield TelegramWorld(api, channel)
            finally:
                await channel.close()

    return world


@asynccontextmanager
async def instagram() -> AsyncIterator[World]:
    async with GraphApi() as api:
        channel = Instagram(api.account, api.token, api.url, poll_seconds=0)
        try:
            yield InstagramWorld(api, channel)
        finally:
            await channel.close()


Worlds = Callable[[], AbstractAsyncContextManager[World]]
Scene = Callable[[World], Awaitable[None]]


@pytest.fixture(
    params=[fake, telegram(TelegramAiogram), telegram(TelegramPtb), instagram, web],
    ids=["fake", "aiogram", "python-telegram-bot", "instagram", "web"],
)
def play(request: pytest.FixtureRequest) -> Callable[[Scene], None]:
    """Run a scene in a fresh world."""
    return _player(request.param)


@pytest.fixture(
    params=[fake, telegram(TelegramAiogram), telegram(TelegramPtb), instagram],
    ids=["fake", "aiogram", "python-telegram-bot", "instagram"],
)
def play_remote(request: pytest.FixtureRequest) -> Callable[[Scene], None]:
    """The same where the platform is another's, which may fail or refuse."""
    return _player(request.param)


@pytest.fixture(
    params=[fake, telegram(TelegramAiogram), telegram(TelegramPtb)],
    ids=["fake", "aiogram", "python-telegram-bot"],
)
def play_polled(request: pytest.FixtureRequest) -> Callable[[Scene], None]:
    """The same where updates are fetched."""
    return _player(request.param)


def _player(worlds: "Worlds") -> "Play":
    """Plays scenes, each in a world of its own."""

    def play_scene(scene: Scene) -> None:
        async def played() -> None:
            async with worlds() as world:
                await world.channel.open()
                await scene(world)

        run(played())

    return play_scene


Play = Callable[[Scene], None]


def test_the_account_is_known_before_and_after_opening(play: Play) -> None:
    async def scene(world: World) -> None:
        account = await world.channel.open()
        assert account.external_id == world.channel.account
        assert world.channel.name == world.name

    play(scene)


def test_nothing_new_is_an_empty_answer_that_keeps_the_offset(play: Play) -> None:
    async def scene(world: World) -> None:
        assert await world.channel.fetch(None) == Fetched([], None)
        assert await world.channel.fetch(12) == Fetched([], 12)

    play(scene)


def test_updates_come_again_until_the_next_offset_confirms_them(play_polled: Play) -> None:
    async def scene(world: World) -> None:
        world.says("one")
        world.says("two")
        first = await world.channel.fetch(None)
        assert await world.channel.fetch(None) == first
        assert [world.channel.decode(raw).payload["text"] for raw in first.updates] == [
            "one",
            "two",
        ]
        world.says("three")
        second = await world.channel.fetch(first.next_offset)
        assert [world.channel.decode(raw).payload["text"] for raw in second.updates] == ["three"]
        assert (await world.channel.fetch(second.next_offset)).updates == []

    play_polled(scene)


def test_a_copy_of_an_update_has_the_same_key_and_no_other_update_has_it(play: Play) -> None:
    async def scene(world: World) -> None:
        world.says("hi")
        world.says("hi")
        updates = await world.arrived()
        one, other = (world.channel.decode(raw) for raw in updates)
        assert world.channel.decode(updates[0]) == one
        assert one.dedup_key != other.dedup_key
        first, second = one.provider_seq, other.provider_seq
        if first is None or second is None:  # each is brought after the one before was stored
            assert world.name == "web"
        else:
            assert first < second

    play(scene)


def test_a_command_is_told_from_a_text(play: Play) -> None:
    async def scene(world: World) -> None:
        world.says("/start spring")
        world.says("start")
        command, text = map(world.channel.decode, await world.arrived())
        assert (command.kind, command.payload["argument"]) == ("command", "spring")
        assert (text.kind, text.peer, text.sender, text.private) == ("text", SARA, SARA, True)

    play(scene)


def test_a_press_brings_back_the_token_of_the_button_and_its_message(play: Play) -> None:
    async def scene(world: World) -> None:
        sent = await world.channel.send(QUESTION)
        world.presses("No")
        (raw,) = await world.arrived()
        press = world.channel.decode(raw)
        assert (press.kind, press.payload["token"]) == ("press", "t-2")
        if world.tells_what_was_pressed:
            assert press.payload["message_id"] == sent.message_id
            await world.channel.acknowledge(press.payload["callback_id"], "Thanks")
            assert world.answered() == ["Thanks"]
        else:
            assert "callback_id" not in press.payload

    play(scene)


def test_buttons_are_taken_from_one_message_and_twice_is_no_error(play_polled: Play) -> None:
    async def scene(world: World) -> None:
        first = await world.channel.send(QUESTION)
        await world.channel.send(QUESTION)
        for _ in range(2):
            await world.channel.withdraw(SARA, first.message_id)
        assert world.has_buttons() == [False, True]
        assert world.texts() == ["Right?", "Right?"]
        await world.channel.withdraw(SARA, "999")

    play_polled(scene)


def test_an_acknowledgement_that_comes_too_late_is_no_error(play: Play) -> None:
    async def scene(world: World) -> None:
        await world.channel.acknowledge("press of last week", "x" * 300)

    play(scene)


def test_what_nobody_understands_is_other_and_what_is_broken_is_undecodable(play: Play) -> None:
    async def scene(world: World) -> None:
        world.unknown()
        world.broken()
        world.says("still here")
        unknown, broken, text = await world.arrived()
        assert world.channel.decode(unknown).kind == "other"
        with pytest.raises(Undecodable) as caught:
            world.channel.decode(broken)
        assert caught.value.dedup_key
        assert world.channel.decode(text).kind == "text"

    play(scene)


def test_sent_messages_arrive_in_order_under_ids_of_their_own(play: Play) -> None:
    async def scene(world: World) -> None:
        texts = ["<b>not bold</b> _nor this_", "سلام 👋", "three"]
        ids = [(await world.channel.send(Outgoing(SARA, text))).message_id for text in texts]
        assert world.texts() == texts
        assert len(set(ids)) == 3

    play(scene)


def test_every_piece_of_a_long_text_is_accepted(play: Play) -> None:
    async def scene(world: World) -> None:
        long = Outgoing(SARA, "word " * 3000, buttons=QUESTION.buttons)
        for piece in world.channel.parts(long):
            await world.channel.send(piece)
        assert " ".join(world.texts()).split() == ["word"] * 3000
        world.presses("Yes")

    play(scene)


@pytest.mark.parametrize(
    "message",
    [
        Outgoing(SARA, " \n "),
        Outgoing(SARA, "😀" * 2049),
        Outgoing(SARA, "Right?", buttons=((Button("Yes", token="ب" * 1001),),)),
        Outgoing(SARA, "Right?", buttons=((Button("Yes", token=""),),)),
    ],
    ids=["empty", "long", "long token", "no token"],
)
def test_what_can_never_be_sent_is_rejected(play: Play, message: Outgoing) -> None:
    async def scene(world: World) -> None:
        with pytest.raises(Rejected):
            await world.channel.send(message)
        assert world.texts() == []

    play(scene)


def test_who_blocked_the_bot_is_unreachable(play_remote: Play) -> None:
    async def scene(world: World) -> None:
        world.blocks()
        with pytest.raises(Unreachable):
            await world.channel.send(Outgoing(SARA, "hello?"))

    play_remote(scene)


@pytest.mark.parametrize(
    ("fault", "error", "maybe_sent", "arrived"),
    [
        ("throttled", Throttled, False, 0),
        ("server_error", Temporary, False, 0),
        ("reset_after", Temporary, True, 1),
        ("unauthorized", Unauthorised, False, 0),
    ],
)
def test_a_failure_says_what_to_do_and_whether_it_may_have_arrived(
    play_remote: Play, fault: str, error: type[ChannelError], maybe_sent: bool, arrived: int
) -> None:
    async def scene(world: World) -> None:
        world.fails(fault)
        with pytest.raises(error) as caught:
            await world.channel.send(Outgoing(SARA, "hello"))
        assert caught.value.maybe_sent is maybe_sent
        assert len(world.texts()) == arrived
        await world.channel.send(Outgoing(SARA, "again"))

    play_remote(scene)


def test_many_sends_at_once_are_all_delivered(play: Play) -> None:
    async def scene(world: World) -> None:
        sends = [world.channel.send(Outgoing(SARA, str(n))) for n in range(50)]
        delivered = await asyncio.gather(*sends)
        assert len({one.message_id for one in delivered}) == 50
        assert sorted(map(int, world.texts())) == list(range(50))

    play(scene)


def test_closing_twice_is_fine(play: Play) -> None:
    async def scene(world: World) -> None:
        await world.channel.close()
        await world.channel.close()

    play(scene)


def test_all_are_channels_to_the_type_checker() -> None:
    channels: list[Channel] = [
        FakeChannel(),
        TelegramAiogram.connect("1:a"),
        TelegramPtb.connect("1:a"),
        Instagram("1", "a"),
        WebChat(),
    ]
    assert [channel.account for channel in channels] == ["1", "1", "1", "1", "site"]
