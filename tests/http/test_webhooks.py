"""What comes to the port from platforms, and from those who only say that they are one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient, Response
from sqlalchemy import Engine, func, select

from bots.telegram_aiogram import TelegramAiogram
from bots.telegram_webhook import TelegramWebhook
from crm.database import DatabaseUnavailable, open_engine
from crm.tables import customer, mail
from rapport.http import bodies
from rapport.http.app import make_app
from rapport.http.bodies import MOST_BYTES
from rapport.lines import configured_lines
from rapport.runtime import receiver as receiving
from rapport.runtime.intake import Origin
from rapport.runtime.pressure import TOO_OLD, Pressure
from rapport.runtime.reading import Reader
from rapport.runtime.receiver import Receiver
from rapport.runtime.turns import Turned
from rapport.settings import Settings, WrongSetting
from tests.support.aio import run
from tests.support.botapi import TOKEN, BotApi
from tests.support.desk import Office, load
from tests.support.servers import free_port
from tests.support.service import Place, Program, until
from tests.support.small_project import write_project

FLOWS = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]"
SECRET = "the-secret_of-this-bot"
BOT = TOKEN.partition(":")[0]
PATH = "/webhooks/telegram"
SIGNED = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
START = {
    "update_id": 7,
    "message": {
        "message_id": 1,
        "date": 1_772_452_800,
        "chat": {"id": 5, "type": "private"},
        "from": {"id": 5, "is_bot": False, "first_name": "Sara"},
        "text": "/start",
    },
}


class Door:
    """The webhook of an office's bot. `store` is asked before each commit."""

    def __init__(self, office: Office, engine: Engine) -> None:
        self.office = office
        self.store: Callable[[], Awaitable[None]] = self._gladly
        channel = TelegramAiogram.connect(TOKEN)
        webhook = TelegramWebhook(BOT, "https://example.org", SECRET)
        pressure = Pressure(office.library.business_id, Reader(engine), office.clock)
        self.receiver = Receiver(channel, webhook, office.origin, self, pressure)
        pages = make_app(lambda: None, lambda: {"telegram": self.receiver})
        transport = ASGITransport(pages, raise_app_exceptions=False)
        self.client = AsyncClient(transport=transport, base_url="http://here")

    async def _gladly(self) -> None:
        return None

    async def take_in(self, origin: Origin, arrivals: Any) -> Turned:
        await self.store()
        return self.office.take_in(*arrivals)

    async def bring(
        self, body: Any = START, headers: dict[str, str] = SIGNED, path: str = PATH
    ) -> Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(path, content=content, headers=headers)

    @property
    def requests(self) -> dict[str, int]:
        return {how: count for how, count in self.receiver.tally.requests.items() if count}

    def count(self, table: Any) -> int:
        with self.office.engine.connect() as db:
            return db.execute(select(func.count()).select_from(table)).scalar_one()

    def rows(self) -> list[tuple[str, str]]:
        with self.office.engine.connect() as db:
            return [tuple(row) for row in db.execute(select(mail.c.kind, mail.c.status))]


@asynccontextmanager
async def opened(tmp_path: Path) -> AsyncIterator[Door]:
    office = Office(FLOWS, url=f"sqlite:///{tmp_path / 'shop.db'}")
    engine = open_engine(f"sqlite:///{tmp_path / 'shop.db'}", read_only=True)
    door = Door(office, engine)
    try:
        async with door.client:
            yield door
    finally:
        engine.dispose()
        office.engine.dispose()


Scene = Callable[[Door], Awaitable[None]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[[Scene], None]:
    def play_scene(scene: Scene) -> None:
        async def played() -> None:
            async with opened(tmp_path) as door:
                await scene(door)

        run(played())

    return play_scene


Play = Callable[[Scene], None]


def test_an_update_is_confirmed_after_it_is_stored_and_its_copy_too(play: Play) -> None:
    async def scene(door: Door) -> None:
        for _ in range(2):
            answer = await door.bring()
            assert (answer.status_code, answer.content) == (200, b"")
        assert door.rows() == [("command", "done")]
        assert door.requests == {"taken": 2}
        assert door.receiver.tally.updates == 2

    play(scene)


@pytest.mark.parametrize(
    "headers",
    [{}, {**SIGNED, "X-Telegram-Bot-Api-Secret-Token": SECRET[:-1]},
     {"X-Telegram-Bot-Api-Secret-Token": SECRET * 300}, {"Authorization": SECRET}],
    ids=["none", "shorter", "longer", "elsewhere"],
)  # fmt: skip
def test_who_does_not_know_the_secret_changes_nothing(play: Play, headers: dict[str, str]) -> None:
    async def scene(door: Door) -> None:
        answer = await door.bring(headers=headers)
        assert answer.status_code == 403
        assert SECRET not in answer.text
        assert door.count(mail) == door.count(customer) == 0
        assert door.requests == {"forged": 1}

    play(scene)


def test_of_whom_does_not_know_the_secret_the_body_is_not_read(play: Play) -> None:
    async def scene(door: Door) -> None:
        read = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal read
            read += 1
            yield b"{}"

        answer = await door.client.post(PATH, content=body())
        assert (answer.status_code, read) == (403, 0)

    play(scene)


@pytest.mark.parametrize("is_said", [True, False], ids=["said", "not said"])
def test_twenty_megabytes_are_not_read_to_their_end(play: Play, is_said: bool) -> None:
    async def scene(door: Door) -> None:
        sent = 0

        async def body() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(20):
                sent += 2**20
                yield b" " * 2**20

        said = {"Content-Length": str(20 * 2**20)} if is_said else {}
        answer = await door.client.post(PATH, content=body(), headers={**SIGNED, **said})
        assert answer.status_code == 413
        assert sent <= (0 if is_said else MOST_BYTES + 2**20)
        assert door.requests == {"refused": 1}

    play(scene)


def test_who_sends_letter_by_letter_holds_nothing_for_long(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "READ_SECONDS", 0.01)

    async def scene(door: Door) -> None:
        async def body() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.Event().wait()

        answer = await door.client.post(PATH, content=body(), headers=SIGNED)
        assert answer.status_code == 408
        assert door.requests == {"refused": 1}

    play(scene)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502</html>", b"\xff\xfe", b"[" * 100_000, b"[" * 500 + b"]" * 500,
     b'{"update_id": ' + b"9" * 5000 + b"}", b"[]", b'{"update_id": "7"}',
     b'{"update_id": 8, "message": {"text": 5}}'],
    ids=["nothing", "a page", "no text", "broken deep", "deep", "long number", "a list",
         "no number", "malformed"],
)  # fmt: skip
def test_what_cannot_be_read_is_kept_once_and_does_not_come_again(play: Play, body: bytes) -> None:
    async def scene(door: Door) -> None:
        for _ in range(2):
            assert (await door.bring(body)).status_code == 200
        assert door.rows() == [("broken", "dead")]
        assert (await door.bring()).status_code == 200
        assert ("command", "done") in door.rows()

    play(scene)


def test_an_update_of_a_kind_nobody_knows_is_taken_and_starts_nothing(play: Play) -> None:
    async def scene(door: Door) -> None:
        assert (await door.bring({"update_id": 8, "telepathy": {"a": 1}})).status_code == 200
        assert door.rows() == [("other", "ignored")]

    play(scene)


@pytest.mark.parametrize("path", ["/webhooks/telegram/1", "/webhooks/pigeon", "/webhooks"])
def test_an_account_that_is_not_ours_is_not_found(play: Play, path: str) -> None:
    async def scene(door: Door) -> None:
        assert (await door.bring(path=path)).status_code == 404
        assert door.count(mail) == 0

    play(scene)


def test_telegram_asks_no_question_so_a_get_is_refused(play: Play) -> None:
    async def scene(door: Door) -> None:
        assert (await door.client.get(PATH, params={"hub.challenge": "1"})).status_code == 403

    play(scene)


def test_before_the_work_has_begun_platforms_come_again() -> None:
    async def main() -> None:
        transport = ASGITransport(make_app(lambda: None))
        async with AsyncClient(transport=transport, base_url="http://here") as client:
            answer = await client.post(PATH, json=START, headers=SIGNED)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")

    run(main())


def test_while_the_store_does_not_answer_nothing_is_confirmed(play: Play) -> None:
    async def scene(door: Door) -> None:
        async def gone() -> None:
            raise DatabaseUnavailable("the disk is full")

        gladly, door.store = door.store, gone
        answer = await door.bring()
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert "disk" not in answer.text
        assert door.requests == {"turned_away": 1}
        door.store = gladly
        assert (await door.bring()).status_code == 200
        assert door.rows() == [("command", "done")]

    play(scene)


def test_while_mail_waits_too_long_nothing_is_taken_in(play: Play) -> None:
    async def scene(door: Door) -> None:
        office = door.office
        office.keep(office.inbound("/start"))
        office.clock.set(office.clock.now() + TOO_OLD + timedelta(seconds=1))
        assert (await door.bring()).status_code == 503
        office.work()
        office.clock.set(office.clock.now() + timedelta(seconds=2))
        assert (await door.bring()).status_code == 200
        assert door.requests == {"turned_away": 1, "taken": 1}

    play(scene)


def test_more_at_once_than_can_be_worked_on_are_asked_to_come_again(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "AT_ONCE", 2)

    async def scene(door: Door) -> None:
        free, gladly = asyncio.Event(), door.store

        async def slowly() -> None:
            await free.wait()

        door.store = slowly
        first = [asyncio.create_task(door.bring({**START, "update_id": n})) for n in (1, 2)]
        await until(lambda: door.receiver._under_way == 2)
        assert (await door.bring({**START, "update_id": 3})).status_code == 503
        free.set()
        assert [answer.status_code for answer in await asyncio.gather(*first)] == [200, 200]
        door.store = gladly
        assert (await door.bring({**START, "update_id": 3})).status_code == 200

    play(scene)


def settings(**given: str) -> Settings:
    bot = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_MODE": "webhook"}
    return Settings(**{**bot, "RAPPORT_PUBLIC_URL": "https://bot.example.org/shop/", **given})  # type: ignore[arg-type]


def test_the_address_of_a_bot_is_made_of_the_public_one_and_its_secret_of_its_token() -> None:
    business = load(FLOWS).business
    (line,) = configured_lines(settings(), business)
    webhook = line.webhook
    assert isinstance(webhook, TelegramWebhook)
    assert webhook.url == f"https://bot.example.org/shop{PATH}"
    assert len(webhook.secret) == 64
    assert webhook.secret not in TOKEN
    (again,) = configured_lines(settings(), business)
    assert again.webhook == webhook
    (other,) = configured_lines(settings(TELEGRAM_WEBHOOK_SECRET="mine"), business)
    assert isinstance(other.webhook, TelegramWebhook)
    assert other.webhook.secret == "mine"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"RAPPORT_PUBLIC_URL": ""}, "RAPPORT_PUBLIC_URL: .*https://"),
        ({"RAPPORT_PUBLIC_URL": "http://bot.example.org"}, "RAPPORT_PUBLIC_URL: .*https://"),
        ({"RAPPORT_PUBLIC_URL": "https://bot.example.org:8080"}, "80, 88, 443, 8443"),
        ({"RAPPORT_PUBLIC_URL": "https://bot.example.org:http"}, "port is no number"),
        ({"TELEGRAM_WEBHOOK_SECRET": "open sesame"}, "TELEGRAM_WEBHOOK_SECRET: 1 to 256"),
        ({"TELEGRAM_WEBHOOK_SECRET": "x" * 257}, "TELEGRAM_WEBHOOK_SECRET: 1 to 256"),
    ],
)
def test_what_telegram_would_not_take_is_refused_by_its_name(
    given: dict[str, str], said: str
) -> None:
    with pytest.raises(WrongSetting, match=said) as caught:
        configured_lines(settings(**given), load(FLOWS).business)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("library", ["aiogram", "python-telegram-bot"])
def test_a_run_by_webhook_answers_what_telegram_brings(tmp_path: Path, library: str) -> None:
    """The program itself, by each library: the update is brought again until it is taken."""
    port = free_port()
    place = Place(
        write_project(tmp_path / "kiosk"), tmp_path,
        {"RAPPORT_HTTP_PORT": str(port), "RAPPORT_PUBLIC_URL": f"http://127.0.0.1:{port}",
         "TELEGRAM_MODE": "webhook", "TELEGRAM_LIBRARY": library},
    )  # fmt: skip

    async def talk(program: Program, api: BotApi, client: AsyncClient) -> None:
        assert await program.is_ready()
        ann = api.user(7)
        ann.says("/start")
        (_, question) = await ann.waits_for(2, 30)
        assert question["text"].startswith("Which size?")
        ann.says("40")
        await ann.waits_for(3)
        assert not any(name == "getUpdates" for name, _ in api.state.calls)
        forged = await client.post(PATH, json=START)
        assert forged.status_code == 403
        metrics = (await client.get("/metrics")).text
        assert 'account="telegram:shop_test_bot",outcome="taken"} 2.0' in metrics
        assert 'account="telegram:shop_test_bot",outcome="forged"} 1.0' in metrics
        assert await program.stop() == 0

    async def main() -> None:
        async with BotApi() as api, AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            program = await Program.start(place, api.url)
            try:
                await talk(program, api, client)
            finally:
                await program.kill()
        assert set(api.webhook_answers) <= {0, 200, 503}
        assert api.webhook_answers.count(200) == 2
        assert place.violations() == []

    run(main(), 90)


def test_a_run_that_could_not_hear_ends_with_the_reason(tmp_path: Path) -> None:
    port = free_port()
    place = Place(
        write_project(tmp_path / "kiosk"), tmp_path,
        {"RAPPORT_HTTP_PORT": str(port), "RAPPORT_PUBLIC_URL": f"http://127.0.0.1:{port}",
         "RAPPORT_HTTP_HOST": "192.0.2.1", "TELEGRAM_MODE": "webhook"},
    )  # fmt: skip

    async def main() -> None:
        async with BotApi() as api:
            program = await Program.start(place, api.url)
            try:
                assert await program.ends() == 2
            finally:
                await program.kill()
            assert "RAPPORT_HTTP_PORT: it cannot be served" in program.errors

    run(main(), 60)
