"""Instagram from the request to the answer, through the program itself, and what it needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from httpx import AsyncClient

from bots.instagram import Instagram
from rapport.lines import configured_lines
from rapport.settings import Settings, WrongSetting
from tests.support.aio import run
from tests.support.desk import load
from tests.support.graphapi import ACCOUNT, APP_SECRET, VERIFY_TOKEN, GraphApi
from tests.support.graphapi.server import TOKEN
from tests.support.servers import free_port
from tests.support.service import Place, Program, until
from tests.support.small_project import write_project

PATH = "/webhooks/instagram"
GIVEN = {
    "INSTAGRAM_ACCOUNT_ID": ACCOUNT,
    "INSTAGRAM_ACCESS_TOKEN": TOKEN,
    "INSTAGRAM_APP_SECRET": APP_SECRET,
    "INSTAGRAM_VERIFY_TOKEN": VERIFY_TOKEN,
}
FLOWS = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]"


async def bring(api: GraphApi, client: AsyncClient) -> int:
    body, signature = api.brought()
    headers = {"X-Hub-Signature-256": signature}
    return (await client.post(PATH, content=body, headers=headers)).status_code


async def sent(api: GraphApi, count: int) -> list[str]:
    await until(lambda: len(api.sent) >= count, 30)
    return [body["message"]["text"] for body in api.sent]


def test_a_run_answers_what_instagram_brings(tmp_path: Path) -> None:
    port = free_port()

    async def talk(program: Program, api: GraphApi, client: AsyncClient) -> None:
        assert await program.is_ready()
        await until(lambda: "http_served" in program.errors, 30)
        query = {"hub.mode": "subscribe", "hub.verify_token": VERIFY_TOKEN, "hub.challenge": "17"}
        challenged = await client.get(PATH, params=query)
        assert (challenged.status_code, challenged.text) == (200, "17")
        assert (
            await client.get(PATH, params={**query, "hub.verify_token": "x"})
        ).status_code == 403
        sara = api.person("70001")
        sara.says("/start")
        api.events *= 2  # a copy in the same batch
        assert await bring(api, client) == 200
        assert (await sent(api, 2))[1].startswith("Which size?")
        sara.says("40")
        body, signature = api.brought()
        forged = {"X-Hub-Signature-256": signature.replace("sha256=", "sha256=0")[:71]}
        assert (await client.post(PATH, content=body, headers=forged)).status_code == 403
        assert len(api.sent) == 2
        genuine = {"X-Hub-Signature-256": signature}
        assert (await client.post(PATH, content=body, headers=genuine)).status_code == 200
        assert (await client.post(PATH, content=body, headers=genuine)).status_code == 200
        assert len(await sent(api, 3)) == 3
        assert await program.stop() == 0

    async def main() -> None:
        async with GraphApi() as api, AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            told = {**GIVEN, "INSTAGRAM_API_BASE": api.url, "RAPPORT_HTTP_PORT": str(port)}
            place = Place(write_project(tmp_path / "kiosk"), tmp_path, told)
            program = await Program.start(place, "")
            try:
                await talk(program, api, client)
            finally:
                await program.kill()
            assert place.violations() == []
            assert len(api.sent) == 3

    run(main(), 90)


def test_the_account_is_served_where_all_is_given() -> None:
    (line,) = configured_lines(Settings(**GIVEN), load(FLOWS).business)  # type: ignore[arg-type]
    assert isinstance(line.channel, Instagram)
    assert line.webhook is not None
    assert (line.channel.name, line.channel.account) == ("instagram", ACCOUNT)
    for secret in (TOKEN, APP_SECRET, VERIFY_TOKEN):
        assert secret not in repr(line)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"INSTAGRAM_APP_SECRET": ""}, "but not INSTAGRAM_APP_SECRET$"),
        (
            {"INSTAGRAM_ACCOUNT_ID": "", "INSTAGRAM_VERIFY_TOKEN": ""},
            "INSTAGRAM_ACCOUNT_ID and INSTAGRAM_VERIFY_TOKEN",
        ),
        ({"INSTAGRAM_ACCOUNT_ID": "our_shop"}, "INSTAGRAM_ACCOUNT_ID: the account's number"),
        ({"INSTAGRAM_API_BASE": "graph.facebook.com"}, "INSTAGRAM_API_BASE: it begins with"),
    ],
)
def test_what_is_missing_or_cannot_work_is_refused_by_its_name(
    given: dict[str, str], said: str
) -> None:
    settings = Settings(**{**GIVEN, **given})  # type: ignore[arg-type]
    with pytest.raises(WrongSetting, match=said):
        configured_lines(settings, load(FLOWS).business)
