"""The chat of the business's own site: who visits it, what they may do, and what they see."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, update

from bots.web_chat import visitor_of
from crm.database import DatabaseUnavailable
from crm.tables import conversation, mail, outbox
from rapport.http import chat as pages
from rapport.http.bodies import MOST_BYTES
from rapport.http.talk import SHOWN
from rapport.http.visitors import MOST_OF_A_VISITOR
from tests.support.aio import run
from tests.support.site import ALI, SARA, Site, opened

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


# -- talking


def test_a_visitor_talks_with_the_bot_and_reads_both_sides(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.says("/start", "forty", "43")
        await site.presses("Yes")
        said = site.read()
        assert said[:4] == [
            ("me", "/start"), ("bot", "Hello from the site <3"), ("bot", "Which size?"),
            ("me", "forty"),
        ]  # fmt: skip
        assert said[-4:] == [("me", "43"), ("bot", "Sure?"), ("me", "Yes"), ("bot", "Bye")]
        assert site.office.customer("size", visitor_of(SARA) or "") == 43

    play(scene)


def test_a_message_that_is_sent_again_counts_once_and_is_known_by_the_pages_own_key(
    play: Play,
) -> None:
    async def scene(site: Site) -> None:
        for _ in range(2):
            assert (await site.brings({"id": "the-very-same", "text": "/start"})).is_success
        assert [line.key for line in site.talk()] == ["the-very-same", None, None]
        assert site.receiver.tally.requests["taken"] == 2

    play(scene)


def test_visitors_see_only_their_own_talk_also_as_accounts_of_one_customer(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.says("/start")
        await site.says("I am Ali", by=ALI)
        with site.office.engine.begin() as db:
            db.execute(update(conversation).values(customer_id=1))
        assert [text for _, text in site.read(ALI)] == []  # the timeline of the other is theirs
        assert "I am Ali" not in str(site.read())
        assert ("me", "/start") in site.read()

    play(scene)


def test_a_talk_is_shown_when_its_mail_and_messages_are_forgotten_but_for_the_buttons(
    play: Play,
) -> None:
    async def scene(site: Site) -> None:
        await site.says("/start", "43")
        with site.office.engine.begin() as db:
            db.execute(delete(outbox))
            db.execute(delete(mail))
        assert site.read()[-2:] == [("me", "43"), ("bot", "Sure?")]
        assert not any(line.buttons for line in site.talk())

    play(scene)


@pytest.mark.parametrize(
    ("changes", "is_shown"),
    [
        ({"status": "cancelled"}, False),
        ({"status": "pending", "lane": 1}, False),
        ({"status": "pending", "lane": 0}, True),
        ({"status": "sent"}, True),
    ],
    ids=["cancelled", "may be cancelled", "on its way", "sent"],
)
def test_what_was_not_said_is_not_shown(
    play: Play, changes: dict[str, Any], is_shown: bool
) -> None:
    async def scene(site: Site) -> None:
        await site.says("/start")
        with site.office.engine.begin() as db:
            db.execute(update(outbox).values(**changes))
        assert (("bot", "Which size?") in site.read()) is is_shown

    play(scene)


def test_only_the_last_messages_are_shown(play: Play) -> None:
    async def scene(site: Site) -> None:
        for number in range(SHOWN):
            site.office.clock.set(site.office.clock.now() + timedelta(seconds=2))
            await site.says(f"word {number}")
        assert len(site.talk()) <= SHOWN
        assert ("me", f"word {SHOWN - 1}") in site.read()

    play(scene)


def test_flows_of_another_channel_do_not_begin_here(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.says("/elsewhere")
        assert ("bot", "On Telegram") not in site.read()

    play(scene)


# -- who may do what


@pytest.mark.parametrize("secret", ["", "short", "x" * 31, "x" * 129, "with space" * 5, "é" * 40])
def test_who_shows_no_secret_of_a_page_is_nobody(play: Play, secret: str) -> None:
    async def scene(site: Site) -> None:
        headers = httpx.Headers([(b"Authorization", f"Bearer {secret}".encode())])
        body = json.dumps({"id": "message-1", "text": "hello"})
        answer = await site.client.post("/chat/messages", content=body, headers=headers)
        assert answer.status_code == 401
        assert (await site.client.get("/chat/stream", headers=headers)).status_code == 401
        assert site.kept() == []
        assert site.receiver.tally.requests["forged"] == 1

    play(scene)


def test_a_visitors_id_does_not_tell_their_secret() -> None:
    assert visitor_of(SARA) == visitor_of(SARA) != visitor_of(ALI)
    assert SARA not in str(visitor_of(SARA))


BAD = {
    "no json": b"<html>",
    "no utf-8": b'{"id": "message-1", "text": "\xff"}',
    "deep": b"[" * 20_000,
    "a list": [],
    "no id": {"text": "hi"},
    "an odd id": {"id": "a:b:c:d:e:f", "text": "hi"},
    "nothing said": {"id": "message-1"},
    "two things": {"id": "message-1", "text": "hi", "press": "t"},
    "empty": {"id": "message-1", "text": ""},
    "no text": {"id": "message-1", "text": 5},
    "too long": {"id": "message-1", "text": "x" * 4097},
    "unknown": {"id": "message-1", "text": "hi", "peer": "somebody"},
    "a language of markup": {"id": "message-1", "text": "hi", "language": "<b>"},
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_what_no_page_of_ours_sends_is_refused_and_not_stored(play: Play, body: Any) -> None:
    async def scene(site: Site) -> None:
        assert (await site.brings(body)).status_code == 400
        assert site.kept() == []
        assert site.receiver.tally.requests["refused"] == 1

    play(scene)


def test_a_body_is_not_read_to_its_end_if_it_is_too_large(play: Play) -> None:
    async def scene(site: Site) -> None:
        assert (await site.brings(b"x" * (pages.MOST_BYTES + 1))).status_code == 413
        assert pages.MOST_BYTES < MOST_BYTES
        longest = {"id": "message-1", "text": "\u06cc" * 4096}
        assert (await site.brings(longest)).status_code == 200

    play(scene)


def test_signs_that_no_database_takes_are_replaced(play: Play) -> None:
    async def scene(site: Site) -> None:
        body = rb'{"id": "message-1", "text": "a\u0000b"}'
        assert (await site.brings(body)).status_code == 200
        assert ("me", "a\ufffdb") in site.read()

    play(scene)


def test_only_a_button_that_was_shown_to_oneself_can_be_pressed(play: Play) -> None:
    async def scene(site: Site) -> None:
        await site.says("/start", "43", by=ALI)
        (token, _) = [
            button.token for line in site.talk(ALI) for row in line.buttons for button in row
        ]
        for pressed in ("f:secret", token):
            answer = await site.brings({"id": "message-x", "press": pressed})
            assert answer.status_code == 409
        assert site.read() == []

    play(scene)


def test_who_writes_too_much_is_asked_to_wait(play: Play) -> None:
    async def scene(site: Site) -> None:
        for number in range(10):
            assert (await site.brings({"id": f"message-{number}", "text": "hi"})).is_success
        answer = await site.brings({"id": "one-too-many", "text": "hi"})
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
        await site.says("another visitor", by=ALI)
        site.office.clock.set(site.office.clock.now() + timedelta(seconds=1))
        assert (await site.brings({"id": "one-too-many", "text": "hi"})).is_success

    assert MOST_OF_A_VISITOR.ready_at(0, 0) < 0
    play(scene)


def test_visitors_that_are_made_up_share_their_address(play: Play) -> None:
    async def scene(site: Site) -> None:
        answers = [
            await site.brings({"id": "message-1", "text": "hi"}, by=f"{number:040}")
            for number in range(61)
        ]
        assert [answer.status_code for answer in answers].count(429) == 1

    play(scene)


def test_where_nothing_can_be_stored_the_page_comes_again(play: Play) -> None:
    async def scene(site: Site) -> None:
        def down() -> None:
            raise DatabaseUnavailable("gone")

        site.store = down
        answer = await site.brings({"id": "message-1", "text": "/start"})
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        site.store = lambda: None
        assert (await site.brings({"id": "message-1", "text": "/start"})).is_success
        assert site.kept() == [("command", "done")]
        assert site.receiver.tally.requests["turned_away"] == 1

    play(scene)


def test_nobody_else_brings_what_visitors_write(play: Play) -> None:
    async def scene(site: Site) -> None:
        for path in ("/webhooks/web", "/webhooks/web/site"):
            answer = await site.client.post(path, content=b"{}")
            assert answer.status_code in (403, 404)
            assert (await site.client.get(path)).status_code in (403, 404)
        assert site.kept() == []

    play(scene)
