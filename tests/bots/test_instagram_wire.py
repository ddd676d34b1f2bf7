"""Instagram over HTTP: what goes out, and what each error of the Graph API means for it."""

from collections.abc import Awaitable, Callable

import pytest

from bots.channel import (
    Account,
    ChannelError,
    Outgoing,
    Rejected,
    Temporary,
    Throttled,
    Unauthorised,
    Unreachable,
    WindowClosed,
)
from bots.instagram import Instagram
from bots.instagram_decode import message_key
from tests.support.aio import run
from tests.support.graphapi import GraphApi

Scene = Callable[[GraphApi, Instagram], Awaitable[None]]
HELLO = Outgoing("7", "hello")


def play(scene: Scene, *, token: str = "", account: str = "") -> None:
    async def played() -> None:
        async with GraphApi() as api:
            channel = Instagram(account or api.account, token or api.token, api.url, poll_seconds=0)
            try:
                await scene(api, channel)
            finally:
                await channel.close()

    run(played())


def test_it_opens_as_the_account_of_its_token() -> None:
    async def scene(api: GraphApi, channel: Instagram) -> None:
        assert await channel.open() == Account(api.account, "our_shop")

    play(scene)


def test_a_token_of_another_account_is_refused_at_the_start() -> None:
    async def scene(_: GraphApi, channel: Instagram) -> None:
        with pytest.raises(Unauthorised, match="not ours"):
            await channel.open()

    play(scene, account="5")


def test_a_wrong_token_is_refused_and_not_shown() -> None:
    async def scene(_: GraphApi, channel: Instagram) -> None:
        for call in (channel.open(), channel.send(HELLO)):
            with pytest.raises(Unauthorised) as caught:
                await call
            assert "guessed" not in str(caught.value)

    play(scene, token="guessed")


@pytest.mark.parametrize("token", ["two words", "line\nbreak", "توکن"])
def test_what_cannot_be_a_token_is_refused_before_anything_is_sent(token: str) -> None:
    with pytest.raises(Unauthorised):
        Instagram("1", token)


def test_a_message_arrives_under_an_id_that_fits_its_column() -> None:
    async def scene(api: GraphApi, channel: Instagram) -> None:
        sent = await channel.send(HELLO)
        assert sent.message_id == message_key(api.sent[0]["message_id"])
        assert len(sent.message_id) <= 100
        assert api.sent[0]["recipient"] == {"id": "7"}

    play(scene)


@pytest.mark.parametrize(
    ("fault", "error", "maybe_sent"),
    [
        ("window", WindowClosed, False),
        ("window_of_a_page", WindowClosed, False),
        ("nobody", Unreachable, False),
        ("unavailable", Unreachable, False),
        ("no_permission", Rejected, False),
        ("abuse", Throttled, False),
        ("throttled", Throttled, False),
        ("unauthorized", Unauthorised, False),
        ("error_with_200", Unauthorised, False),
        ("server_error", Temporary, False),
        ("unknown_with_500", Temporary, False),
        ("a_text_for_an_error", Temporary, False),
        ("html", Temporary, True),
        ("garbage", Temporary, True),
        ("a_list", Temporary, True),
        ("nothing_said", Temporary, True),
        ("reset_before", Temporary, True),
    ],
)
def test_an_error_is_told_by_its_code_whatever_its_status(
    fault: str, error: type[ChannelError], maybe_sent: bool
) -> None:
    async def scene(api: GraphApi, channel: Instagram) -> None:
        api.fault(fault)
        with pytest.raises(error) as caught:
            await channel.send(HELLO)
        assert type(caught.value) is error
        assert caught.value.maybe_sent is maybe_sent
        assert api.token not in str(caught.value)
        assert api.sent == []
        await channel.send(HELLO)

    play(scene)


@pytest.mark.parametrize(
    ("usage", "seconds"),
    [
        ('{"1": [{"type": "messenger", "estimated_time_to_regain_access": 7}]}', 420.0),
        ('{"1": [{"estimated_time_to_regain_access": 0}], "2": 5}', 60.0),
        ("<html>", 60.0),
        ("[]", 60.0),
    ],
)
def test_the_platform_may_say_how_long_to_wait(usage: str, seconds: float) -> None:
    async def scene(api: GraphApi, channel: Instagram) -> None:
        api.fault("throttled", **{"X-Business-Use-Case-Usage": usage})
        with pytest.raises(Throttled) as caught:
            await channel.send(HELLO)
        assert caught.value.retry_after == seconds

    play(scene)


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    async def scene() -> None:
        channel = Instagram("1", "t", "http://127.0.0.1:1")
        with pytest.raises(Temporary) as caught:
            await channel.send(HELLO)
        assert not caught.value.maybe_sent
        await channel.close()

    run(scene())
