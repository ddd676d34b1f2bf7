"""Flows in an aiogram bot that has handlers of its own, over HTTP against the test server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from crm.errors import InvalidValues, NotFound
from engine.node import Exit, Next, Node
from engine.passage import Passage
from engine.shapes import Option, TextShape
from engine.templates import Template
from engine.texts import Text
from rapport.plugin.host import ProjectHasErrors, Rapport
from rapport.plugin.listening import Event
from tests.plugin.hosts import FLOWS, AiogramHost, polled, write_flows
from tests.support.aio import run
from tests.support.botapi import BotApi
from tests.support.service import until

THANKS = """
---
flow: thanks
vars: {what: things}
nodes:
  - {say: "Thanks for the {{ var.what }}.", end: thanked}
"""

LOUD = """
---
flow: loud
triggers: [{on: message, keywords: [loud]}]
nodes:
  - {shout: "{{ 'shoes' | shout(3) }}"}
"""


class Shout(Node, frozen=True, kw_only=True):
    """A node kind of the host's."""

    KIND: ClassVar[str] = "shout"
    HELP: ClassVar[str] = "Says it loud."
    OPTIONS: ClassVar[Mapping[str, Option]] = {
        "shout": Option(TextShape(Template, "other"), "what", "Hey", required=True)
    }

    shout: Text[Template]

    def enter(self, at: Passage) -> Next:
        at.say_text(self.shout)
        return Exit()


Scene = Callable[[BotApi, AiogramHost, Rapport], Awaitable[None]]


def play(
    folder: Path, *scenes: Scene, owner: Any = "host_first", flows: str = FLOWS, **options: Any
) -> None:
    """Each scene in a program of its own, one after the other, on one server and one database."""

    async def played() -> None:
        url = f"sqlite:///{folder / 'kiosk.db'}"
        async with BotApi() as api:
            for scene in scenes:
                rapport = Rapport(
                    write_flows(folder, flows), database_url=url, owner=owner, **options
                )
                async with polled(AiogramHost(api, rapport)) as host:
                    await scene(api, host, rapport)

    run(played(), seconds=120)


async def told(person: Any, count: int) -> str:
    """What the person was told last, once there are so many messages."""
    messages = await person.waits_for(count)
    assert len(messages) == count
    return str(messages[-1]["text"])


@pytest.mark.parametrize("owner", ["host_first", "engine_first", "only_when_waiting"])
def test_host_and_flows_each_answer_what_is_theirs(tmp_path: Path, owner: str) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/help")
        assert await told(sara, 1) == "The host helps."
        sara.presses("More")
        assert await told(sara, 2) == "More help."
        sara.says("/shop")  # a handler of the host that starts the flow
        assert await told(sara, 3) == "Which size of shoe?"
        assert rapport.is_waiting(7)
        sara.says("42")
        assert await told(sara, 4) == "Sure?"
        sara.presses("Yes")
        assert await told(sara, 5) == "Size 42 it is."
        assert not rapport.is_waiting(7)
        assert host.seen == ["help", "more"]
        assert (await rapport.customer(7))["fields"]["size"] == 42

    play(tmp_path, scene, owner=owner)


@pytest.mark.parametrize("owner", ["host_first", "engine_first", "only_when_waiting"])
def test_the_hosts_own_commands_reach_it_while_a_question_is_open(
    tmp_path: Path, owner: str
) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/shop")
        await told(sara, 1)
        sara.says("/help")
        assert await told(sara, 2) == "The host helps."
        assert rapport.is_waiting(7)
        sara.says("42")
        assert await told(sara, 3) == "Sure?"

    play(tmp_path, scene, owner=owner)


@pytest.mark.parametrize("owner", ["host_first", "engine_first"])
def test_what_the_host_does_not_handle_starts_flows(tmp_path: Path, owner: str) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("shoes")
        assert await told(sara, 1) == "Which size?"

    play(tmp_path, scene, owner=owner)


def test_only_when_waiting_starts_no_flow_by_what_is_written(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("shoes")
        sara.says("/help")
        assert await told(sara, 1) == "The host helps."
        assert not rapport.is_waiting(7)

    play(tmp_path, scene, owner="only_when_waiting")


def test_the_hosts_form_is_its_own_where_it_comes_first(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/wish")
        assert await told(sara, 1) == "Your wish?"
        sara.says("shoes")
        assert await told(sara, 2) == "Noted."
        assert host.seen == ["wish shoes"]
        sara.says("shoes")
        assert await told(sara, 3) == "Which size?"

    play(tmp_path, scene)


def test_where_flows_come_first_a_form_of_the_host_hears_what_none_of_them_claims(
    tmp_path: Path,
) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/wish")
        await told(sara, 1)
        sara.says("a hat")
        assert await told(sara, 2) == "Noted."
        assert host.seen == ["wish a hat"]

    play(tmp_path, scene, owner="engine_first")


@pytest.mark.parametrize("owner", ["host_first", "engine_first", "only_when_waiting"])
def test_a_conversation_survives_the_hosts_restart(tmp_path: Path, owner: str) -> None:
    async def before(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/shop")
        await told(sara, 1)

    async def after(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        assert rapport.is_waiting(7)
        sara.says("42")
        assert await told(sara, 2) == "Sure?"
        sara.presses("Yes")
        assert await told(sara, 3) == "Size 42 it is."

    play(tmp_path, before, after, owner=owner)


def test_events_are_heard_also_those_of_while_the_program_was_away(tmp_path: Path) -> None:
    heard: list[Event] = []
    url = f"sqlite:///{tmp_path / 'kiosk.db'}"

    async def first(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/shop")
        await told(sara, 1)

    async def deaf(api: BotApi) -> None:
        rapport = Rapport(write_flows(tmp_path), database_url=url)
        async with polled(AiogramHost(api, rapport)):
            sara = api.user(7)
            sara.says("42")
            await told(sara, 2)
            sara.presses("Yes")
            await told(sara, 3)

    async def listens(api: BotApi, scene: Scene | None) -> None:
        rapport = Rapport(write_flows(tmp_path), database_url=url)

        @rapport.on("field_updated")
        def changed(event: Event) -> None:
            heard.append(event)

        @rapport.on("flow_ended")
        async def ended(event: Event) -> None:
            heard.append(event)

        async with polled(AiogramHost(api, rapport)) as host:
            if scene is not None:
                await scene(api, host, rapport)
            else:
                await until(lambda: len(heard) == 2)

    async def played() -> None:
        async with BotApi() as api:
            await listens(api, first)
            assert heard == []
            await deaf(api)
            await listens(api, None)
            await listens(api, None)

    run(played(), seconds=120)
    by_type = {event.type: event for event in heard}
    assert by_type["field_updated"].data == {"field": "size", "old": None, "new": 42}
    assert by_type["flow_ended"].data["flow"] == "order"
    assert by_type["flow_ended"].data["outcome"] == "ordered"
    assert len({event.key for event in heard}) == 2


def test_a_host_reads_writes_and_names_customers(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("shoes")
        await told(sara, 1)
        assert await rapport.update(7, size=40) == ("size",)
        assert (await rapport.customer(7))["fields"]["size"] == 40
        with pytest.raises(InvalidValues):
            await rapport.update(7, size=400)
        same = await rapport.identify(7, "user-1", last_name="Karimi")
        assert (await rapport.customer("own:user-1"))["id"] == same
        assert (await rapport.customer("own:user-1"))["last_name"] == "Karimi"
        other = await rapport.identify(8, "user-2", first_name="Ali")
        assert other != same
        assert await rapport.identify(8, "user-1") == same, "two who are one person become one"
        with pytest.raises(NotFound):
            await rapport.customer(99)
        with pytest.raises(LookupError, match="no flow 'lost'"):
            await rapport.start("lost", 7)

    play(tmp_path, scene)


def test_a_host_may_know_who_somebody_is_before_a_flow_does(tmp_path: Path) -> None:
    asked: list[int] = []

    async def known(person: int) -> dict[str, object] | None:
        asked.append(person)
        return {"own": f"user-{person}", "size": 39}

    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("shoes")
        assert await told(sara, 1) == "Sure?", "the size is known to the host"
        sara.presses("Yes")
        assert await told(sara, 2) == "Size 39 it is."
        assert asked == [7]
        assert (await rapport.customer("own:user-7"))["id"] == (await rapport.customer(7))["id"]

    flows = FLOWS.replace("save_to: size", "save_to: size\n    overwrite: if_empty")
    play(tmp_path, scene, flows=flows, identity=known)


def test_what_is_planned_waits_for_the_open_question(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("shoes")
        await told(sara, 1)
        await rapport.plan("thanks", 7, vars={"what": "boots"}, key="order-1")
        await rapport.plan("thanks", 7, vars={"what": "boots"}, key="order-1")
        sara.says("42")
        assert await told(sara, 2) == "Sure?"
        sara.presses("Yes")
        assert await told(sara, 4) == "Thanks for the boots."

    play(tmp_path, scene, flows=FLOWS + THANKS)


def test_a_host_brings_node_kinds_and_filters_of_its_own(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("loud")
        assert await told(sara, 1) == "shoes!!!"

    async def again(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("loud")
        assert await told(sara, 2) == "shoes!!!"

    flows = FLOWS + LOUD
    filters = {"shout": lambda text, times=1: f"{text}{'!' * int(times)}"}
    play(tmp_path, scene, again, flows=flows, kinds=[Shout], filters=filters)


def test_what_the_host_sends_counts_for_the_pace_of_what_flows_send(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/help")
        await told(sara, 1)
        assert rapport.pace is not None
        assert rapport.pace.remembered() == 1

    play(tmp_path, scene)


def test_blocking_is_known_whoever_answers(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        sara = api.user(7)
        sara.says("/shop")
        await told(sara, 1)
        sara.blocks()
        sara.unblocks()
        sara.says("/help")
        assert await told(sara, 2) == "The host helps."
        accounts = (await rapport.customer(7))["accounts"]
        assert [account["blocked"] for account in accounts] == [False]

    play(tmp_path, scene, owner="only_when_waiting")


def test_flows_with_errors_keep_the_bot_from_starting(tmp_path: Path) -> None:
    async def scene(api: BotApi, host: AiogramHost, rapport: Rapport) -> None:
        raise AssertionError("it has not started")

    with pytest.raises(ProjectHasErrors, match=r"order\.yaml"):
        play(tmp_path, scene, flows=FLOWS.replace("end: ordered", "goto: nowhere"))
