"""The buttons of a question that is over are taken away, and those of an open one stay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bots.fake import FakeChannel
from tests.support.aio import run
from tests.support.service import Place, serving, until
from tests.support.small_project import CRM

FLOWS = """
flow: order
triggers: [{on: command, command: start}]
nodes:
  - {id: colour, ask: Which colour?, choices: [Red, Blue]}
  - {id: size, ask: Which size?, choices: [S, L]}
  - {say: Thanks, buttons: [[{text: Again, flow: order}]]}
"""

Scene = Callable[[FakeChannel], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    project = tmp_path / "kiosk"
    project.mkdir()
    (project / "crm.yaml").write_text(CRM, encoding="utf-8")
    (project / "order.yaml").write_text(FLOWS, encoding="utf-8")

    def play_scene(scene: Scene) -> None:
        async def played() -> None:
            channel = FakeChannel(poll_seconds=5)
            async with serving(Place(project, tmp_path), channel):
                await scene(channel)

        run(played(), 60)

    return play_scene


Play = Callable[[Scene], None]


async def shows(channel: FakeChannel, *expected: tuple[str, bool]) -> None:
    """Wait until these texts were sent, each with buttons or without."""

    def seen() -> list[tuple[str, bool]]:
        return [(message.text, bool(message.buttons)) for message in channel.sent]

    try:
        await until(lambda: seen() == list(expected), 5)
    except TimeoutError:
        assert seen() == list(expected)


def test_an_answer_takes_the_buttons_from_its_question_however_it_was_given(play: Play) -> None:
    async def scene(channel: FakeChannel) -> None:
        channel.says("sara", "/start")
        await shows(channel, ("Which colour?", True))
        channel.says("sara", "red")
        await shows(channel, ("Which colour?", False), ("Which size?", True))
        channel.presses("sara", "L")
        await shows(channel, ("Which colour?", False), ("Which size?", False), ("Thanks", True))

    play(scene)


def test_an_answer_that_was_refused_leaves_the_buttons_and_the_next_takes_all(play: Play) -> None:
    async def scene(channel: FakeChannel) -> None:
        channel.says("sara", "/start")
        await shows(channel, ("Which colour?", True))
        channel.receives({"kind": "sticker", "peer": "sara", "payload": {"media": {}, "text": ""}})
        await until(lambda: len(channel.sent) == 2)
        assert [bool(message.buttons) for message in channel.sent] == [True, True]
        channel.presses("sara", "Red")
        await until(lambda: len(channel.sent) == 3 and not channel.sent[0].buttons)
        await until(lambda: not channel.sent[1].buttons)
        assert channel.sent[2].buttons

    play(scene)


def test_an_old_button_that_is_pressed_goes_too_and_one_that_starts_a_flow_stays(
    play: Play,
) -> None:
    async def scene(channel: FakeChannel) -> None:
        channel.says("sara", "/start")
        await shows(channel, ("Which colour?", True))
        old = channel.sent[0]
        channel.says("sara", "red")
        await shows(channel, ("Which colour?", False), ("Which size?", True))
        channel.sent[0] = old  # as if it could not be taken away in time
        channel.presses("sara", "Blue")
        await until(lambda: len(channel.sent) == 3 and not channel.sent[0].buttons)
        channel.says("sara", "L")
        await until(lambda: channel.sent[-1].text == "Thanks")
        channel.presses("sara", "Again")
        await until(lambda: channel.sent[-1].text == "Which colour?")
        assert [message.text for message in channel.sent if message.buttons] == [
            "Thanks",
            "Which colour?",
        ]

    play(scene)
