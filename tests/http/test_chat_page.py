"""What a visitor's page is told while it is open, and what it is made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx import AsyncClient

from bots import web_chat
from bots.channel import Outgoing
from bots.web_chat import visitor_of
from rapport.http import chat as pages
from rapport.lines import configured_lines
from rapport.settings import Settings, WrongSetting
from tests.support.aio import run
from tests.support.desk import CRM, load
from tests.support.servers import free_port
from tests.support.service import Place, Program
from tests.support.site import FLOWS, SARA, Site, opened
from tests.support.small_project import write_project

Scene = Callable[[Site], Awaitable[None]]
Play = Callable[[Scene], None]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    def play_scene(scene: Scene) -> None:
        async def played() -> None:
            async with opened(tmp_path) as site:
                await scene(site)

        run(played())

    return play_scene


# -- the stream


async def _next(events: Any) -> Sequence[str]:
    """The texts of the next event that brings some."""
    while (event := await anext(events)).startswith(":"):
        pass
    return [one["text"] for one in json.loads(event.removeprefix("data: "))]


def test_an_open_page_hears_at_once_what_is_new_and_nothing_twice(play: Play) -> None:
    async def scene(site: Site) -> None:
        visitor = visitor_of(SARA)
        assert visitor is not None
        async with aclosing(pages._events(site.chat, visitor)) as events:
            assert await _next(events) == []
            waiting = asyncio.create_task(_next(events))
            await asyncio.sleep(0)
            await site.says("/start")
            await site.channel.send(Outgoing(visitor, "Hello from the site <3"))
            assert await waiting == ["/start", "Hello from the site <3", "Which size?"]
        async with aclosing(pages._events(site.chat, visitor)) as again:
            assert len(await _next(again)) == 3

    play(scene)


def test_there_is_an_end_to_open_pages(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(site: Site) -> None:
        monkeypatch.setattr(web_chat, "MOST_PAGES", 7)
        async with AsyncExitStack() as stack:
            for _ in range(5):
                stack.enter_context(site.channel.page_of("sara"))
            with pytest.raises(web_chat.TooManyPages):
                stack.enter_context(site.channel.page_of("sara"))
            for _ in range(2):
                stack.enter_context(site.channel.page_of("ali"))
            answer = await site.client.get(
                "/chat/stream", headers={"Authorization": f"Bearer {SARA}"}
            )
            assert answer.status_code == 503
        with site.channel.page_of("sara"):
            pass

    play(scene)


# -- the page


@pytest.mark.parametrize(
    ("query", "accepted", "opening"),
    [
        ("?lang=fa", "", '<html lang="fa" dir="rtl">'),
        ("?lang=en", "fa", '<html lang="en" dir="ltr">'),
        ("", "de, fa-IR;q=0.8", '<html lang="fa" dir="rtl">'),
        ("?lang=de", "", '<html lang="en" dir="ltr">'),
    ],
)
def test_the_page_is_in_the_visitors_language(
    play: Play, query: str, accepted: str, opening: str
) -> None:
    async def scene(site: Site) -> None:
        answer = await site.client.get(f"/chat{query}", headers={"Accept-Language": accepted})
        assert opening in answer.text
        assert ("گفت‌وگو" in answer.text) is ("rtl" in opening)

    play(scene)


def test_the_page_runs_only_its_own_files_and_shows_names_as_they_are(play: Play) -> None:
    async def scene(site: Site) -> None:
        site.office.apply(load(FLOWS, CRM.replace("name: Shop", "name: '<script>x</script>'")))
        answer = await site.client.get("/chat?start=%22%3E%3Cb%3E")
        assert "<script>x" not in answer.text
        assert '"><b>' not in answer.text
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert policy.endswith("frame-ancestors 'self' https://shop.example")
        for name in ("chat.js", "chat.css", "embed.js"):
            assert (await site.client.get(f"/chat/{name}")).status_code == 200
        assert (await site.client.get("/chat/page.html")).status_code == 404
        assert (await site.client.get("/chat/..%2fchat.py")).status_code == 404

    play(scene)


@pytest.mark.parametrize("site", ["shop.example", "https://a b", "https://x; script-src *", "*"])
def test_a_site_that_is_none_is_refused(site: str) -> None:
    settings = Settings(RAPPORT_CHAT=True, RAPPORT_CHAT_SITES=site)
    with pytest.raises(WrongSetting, match="RAPPORT_CHAT_SITES"):
        configured_lines(settings, load(FLOWS).business)


# -- the program


def test_a_conversation_goes_on_where_the_program_was_stopped(tmp_path: Path) -> None:
    project = write_project(tmp_path / "project", order=FLOWS, tests="")
    port = str(free_port())
    place = Place(project, tmp_path, {"RAPPORT_CHAT": "on", "RAPPORT_HTTP_PORT": port})
    headers = {"Authorization": f"Bearer {SARA}"}

    async def read(client: AsyncClient, until: str) -> list[str]:
        texts: list[str] = []
        async with client.stream("GET", "/chat/stream", headers=headers) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: "):
                    texts += [one["text"] for one in json.loads(line.removeprefix("data: "))]
                if until in texts:
                    return texts
        raise AssertionError(texts)

    async def say(client: AsyncClient, key: str, text: str) -> None:
        body = {"id": key, "text": text}
        for _ in range(100):
            try:
                answer = await client.post("/chat/messages", json=body, headers=headers)
            except httpx.TransportError:
                await asyncio.sleep(0.05)  # the port opens after the work has begun
                continue
            assert answer.status_code == 200
            return
        raise AssertionError("nobody listens")

    async def scene() -> None:
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
            for key, text, until in (
                ("message-1", "/start", "Which size?"), ("message-2", "43", "Sure?"),
            ):  # fmt: skip
                program = await Program.start(place, "")
                assert await program.is_ready(), program.errors
                await say(client, key, text)
                texts = await read(client, until)
                assert await program.stop() == 0
            assert texts == ["/start", "Hello from the site <3", "Which size?", "43", "Sure?"]

    run(scene())
    assert place.violations() == []
