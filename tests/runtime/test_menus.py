"""The menu of commands is that of the flows, in each language, and follows them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from bots.channel import Temporary
from bots.fake import FakeChannel
from engine.menu import menu_of
from engine.messages import Entry, Menu
from rapport.runtime import menus
from rapport.runtime.backoff import Backoff
from rapport.runtime.menus import keep_menu
from tests.support.aio import run
from tests.support.desk import Office
from tests.support.service import until

FLOWS = """
flow: order
triggers:
  - {on: command, command: start, menu: {en: Order something, fa: سفارش}}
  - {on: command, command: hidden}
nodes: [{say: {en: Hi, fa: سلام}}]
---
flow: hours
channels: [instagram]
triggers: [{on: command, command: hours, menu: Hours}]
nodes: [{say: {en: Hi, fa: سلام}}]
"""
MORE = (
    FLOWS
    + """
---
flow: help
triggers: [{on: command, command: help, menu: {en: Help, fa: کمک}}]
nodes: [{say: {en: Hi, fa: سلام}}]
"""
)
WITHOUT = FLOWS.replace(", menu: {en: Order something, fa: سفارش}", "")
NO_MENU = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]"


def test_a_menu_has_the_commands_that_say_what_they_do_on_this_channel() -> None:
    library = Office(FLOWS).library
    assert menu_of(library.index, library.business, "telegram") == {
        "en": (Entry("start", "Order something"),),
        "fa": (Entry("start", "سفارش"),),
    }
    instagram = menu_of(library.index, library.business, "instagram")
    assert [entry.command for entry in instagram["en"]] == ["start", "hours"]


def test_flows_without_a_text_for_the_menu_make_none() -> None:
    library = Office(NO_MENU).library
    assert menu_of(library.index, library.business, "telegram") == {}


def test_to_give_a_command_a_place_in_the_menu_leaves_the_trigger_what_it_was() -> None:
    ids = [set(Office(flows).library.index.by_id) for flows in (WITHOUT, FLOWS)]
    assert ids[0] == ids[1]


class Recording(FakeChannel):
    """Fails so often before it shows a menu."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.shown: list[Menu] = []
        self._left = failures

    async def show_menu(self, menu: Menu) -> None:
        if self._left:
            self._left -= 1
            raise Temporary("502")
        self.shown.append(menu)


def keeping(
    office: Office, channel: Recording, then: Callable[[], Awaitable[None]]
) -> list[list[str]]:
    """The commands that were shown, first language, each time."""

    async def main() -> None:
        job = asyncio.create_task(keep_menu(office.desk, channel, Backoff(0.001, 0.002, lambda: 0)))
        await then()
        job.cancel()
        await asyncio.wait([job])

    run(main())
    return [[entry.command for entry in menu["en"]] for menu in channel.shown]


def test_it_is_shown_once_and_again_when_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(menus, "LOOK_SECONDS", 0.001)
    office, channel = Office(FLOWS), Recording(failures=2)

    def go_on_with(flows: str) -> None:
        desk = office.desk
        office.apply(flows)
        desk.go_on_with(office.library, {office.origin.account_id: "telegram"})
        office.desk = desk

    async def then() -> None:
        await until(lambda: len(channel.shown) == 1, 5)
        go_on_with(MORE)
        await until(lambda: len(channel.shown) == 2, 5)
        go_on_with(NO_MENU)
        await until(lambda: len(channel.shown) == 3, 5)

    assert keeping(office, channel, then) == [["start"], ["start", "help"], []]


def test_without_a_menu_what_the_owner_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(menus, "LOOK_SECONDS", 0.001)

    async def then() -> None:
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    assert keeping(Office(NO_MENU), Recording(), then) == []
