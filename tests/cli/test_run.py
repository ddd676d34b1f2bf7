"""`rapport run` as a process: what it refuses, how it begins, and how it ends."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from rapport.alone import OneAtATime
from tests.cli.conftest import Command
from tests.support.aio import run
from tests.support.botapi import TOKEN, BotApi
from tests.support.small_project import FLOW, write_project

PROGRAM = Path(sys.executable).parent / "rapport"
PATIENCE = 120.0
"""Seconds; the import of the channel's library takes most of a start on a busy machine."""


async def begin(project: Path, **settings: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        PROGRAM, "run", project, env=os.environ | {"RAPPORT_HTTP_PORT": "0"} | settings,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


def test_without_a_channel_it_says_what_to_set(rapport: Command, project: Path) -> None:
    ended = rapport("run", project)
    assert ended.code == 2
    assert "TELEGRAM_BOT_TOKEN" in ended.err
    assert "rapport chat kiosk" in ended.err
    assert ended.err.count("\n") == 1


def test_a_project_with_errors_is_not_applied(rapport: Command, project: Path) -> None:
    write_project(project, order=FLOW.replace("end: ordered", "goto: nowhere"))
    ended = rapport("run", project)
    assert ended.code == 1
    assert "E103" in ended.err
    assert not Path("rapport.db").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAPPORT_BUSINESS", "another"),
        ("TELEGRAM_BOT_TOKEN", "no token"),
    ],
)
def test_a_setting_that_cannot_work_is_one_line_and_2(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv(name, value)
    ended = rapport("run", project)
    assert ended.code == 2
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize("url", ["redis.example:6379", "redis://:hunter2@redis.example:port/0"])
def test_what_is_no_address_of_redis_is_said_before_the_platform_is_waited_for(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("TELEGRAM_API_BASE", "http://127.0.0.1:1")
    monkeypatch.setenv("RAPPORT_REDIS_URL", url)
    ended = rapport("run", project)
    assert ended.code == 2
    assert "RAPPORT_REDIS_URL is not an address" in ended.err.splitlines()[-1]
    assert "hunter2" not in ended.err


def test_a_server_that_does_not_answer_is_one_line_with_the_reason_that_it_gives(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("RAPPORT_DATABASE_URL", "postgresql+psycopg://me:secret@127.0.0.1:1/shop")
    ended = rapport("run", project)
    assert ended.code == 1
    assert ended.err.startswith("rapport: the database does not answer, or no longer: ")
    assert ended.err.count("\n") == 1
    assert "port 1 failed" in ended.err
    assert "secret" not in ended.err


def test_a_second_process_on_one_file_is_refused_and_the_first_named(
    rapport: Command, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    with OneAtATime(Path("rapport.db")):
        ended = rapport("run", project)
    assert ended.code == 2
    assert ended.err == f"rapport: this database is in use by process {os.getpid()}\n"


def test_it_is_ready_answers_and_stops_cleanly_when_asked(project: Path) -> None:
    async def main() -> tuple[bytes, int | None]:
        async with BotApi() as api:
            sara = api.user(7)
            process = await begin(
                project, TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_API_BASE=api.url, RAPPORT_LOG="json"
            )
            assert process.stdout is not None
            line = await process.stdout.readline()
            sara.says("/start")
            assert (await sara.reads())["text"] == "Hello"
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                await process.communicate()
            return line, process.returncode

    line, code = run(main(), PATIENCE)
    told = json.loads(line)
    assert (told["event"], told["channel"], code) == ("ready", "telegram", 0)


def test_a_token_that_telegram_refuses_is_one_line_and_2(project: Path) -> None:
    async def main() -> tuple[bytes, int | None]:
        async with BotApi("1:another_token_than_that_of_the_program") as api:
            process = await begin(project, TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_API_BASE=api.url)
            _, said = await process.communicate()
            return said, process.returncode

    said, code = run(main(), PATIENCE)
    assert code == 2
    assert said.decode().splitlines()[-1] == (
        "rapport: the bot token is refused (Telegram: Unauthorized)"
    )
    assert TOKEN not in said.decode()


def test_while_telegram_cannot_be_reached_it_tries_on_and_can_be_stopped(project: Path) -> None:
    async def main() -> tuple[bytes, int | None]:
        process = await begin(
            project, TELEGRAM_BOT_TOKEN=TOKEN, TELEGRAM_API_BASE="http://127.0.0.1:9"
        )
        assert process.stderr is not None
        while b"not_reached_yet" not in (line := await process.stderr.readline()):
            assert line, "it ended instead of trying on"
        process.send_signal(signal.SIGINT)
        said, _ = await process.communicate()
        return said, process.returncode

    said, code = run(main(), PATIENCE)
    assert (said, code) == (b"", 0)
