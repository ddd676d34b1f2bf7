"""The pages over a real port: beside a process at work, and never in its way."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from fastapi import FastAPI
from httpx import AsyncClient

from rapport.http.app import make_app
from rapport.http.server import serve_http
from rapport.settings import Settings
from rapport.watching import Onlookers
from tests.http.test_pages import Watching
from tests.support.aio import run
from tests.support.botapi import BotApi
from tests.support.desk import Office
from tests.support.service import Place, Program, rapport, until
from tests.support.small_project import write_project

FLOW = "flow: f\ntriggers: [{on: command, command: start}]\nnodes: [{say: Hello}]\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def pages_of_one_at_work() -> Callable[[], FastAPI]:
    watched = Watching(Office(FLOW)).watched
    return lambda: make_app(lambda: watched)


def served_at(lines: list[Any]) -> int:
    (line,) = (line for line in lines if line["event"] == "http_served")
    return int(line["port"])


def test_pages_are_served_until_the_process_ends_and_signals_stay_its_own() -> None:
    pages = pages_of_one_at_work()

    async def main() -> None:
        before = signal.getsignal(signal.SIGTERM)
        with structlog.testing.capture_logs() as lines:
            serving = asyncio.create_task(serve_http(pages, "127.0.0.1", 0))
            await until(lambda: bool(lines), 20)
            port = served_at(lines)
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            health = await client.get("/health")
            assert (await client.get("/nothing")).status_code == 404
            assert (await client.get("/openapi.json")).status_code == 404
        assert health.json() == {"alive": True}
        assert "server" not in health.headers
        assert signal.getsignal(signal.SIGTERM) is before
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        with socket.create_server(("127.0.0.1", port)):
            """It is free again."""

    run(main())


def test_a_port_that_is_taken_is_one_line_and_nothing_ends() -> None:
    pages = pages_of_one_at_work()
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        structlog.testing.capture_logs() as lines,
    ):
        run(serve_http(pages, "127.0.0.1", taken.getsockname()[1]))
    (line,) = lines
    assert line["event"] == "http_not_served"
    assert line["reason"].startswith("Address already in use")


def test_a_host_that_is_none_of_this_machine_is_one_line_too() -> None:
    pages = pages_of_one_at_work()
    with structlog.testing.capture_logs() as lines:
        run(serve_http(pages, "192.0.2.1", 8080))
        run(serve_http(pages, "no such host", 8080))
    assert [line["event"] for line in lines] == ["http_not_served"] * 2


def test_while_a_platform_cannot_be_reached_yet_the_process_lives_and_is_not_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rapport.watching.START_SECONDS", 0.01)
    port = free_port()
    onlookers = Onlookers(Settings(RAPPORT_HTTP_PORT=port))

    async def connect() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        with structlog.testing.capture_logs() as lines:
            connecting = asyncio.create_task(onlookers.around(connect()))
            await until(lambda: bool(lines), 20)
        async with AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            assert (await client.get("/health")).status_code == 200
            ready, metrics = await client.get("/ready"), await client.get("/metrics")
        assert ready.status_code == 503
        assert "it waits for a platform to be reached" in ready.json()["problems"][0]["reason"]
        assert "process_open_fds" in metrics.text
        assert "rapport_" not in metrics.text
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)

    run(main())


def test_a_run_is_seen_at_work_by_its_pages_and_by_top(tmp_path: Path) -> None:
    """The program itself: metrics of a conversation, `top` beside it, and not ready any more
    once the platform is gone."""
    port = free_port()
    settings = {"RAPPORT_HTTP_PORT": str(port)}
    place = Place(write_project(tmp_path / "kiosk"), tmp_path, settings)

    async def look(program: Program, api: BotApi, client: AsyncClient) -> None:
        assert await program.is_ready()
        await program.says("http_served")
        assert (await client.get("/ready")).json() == {"ready": True, "problems": []}
        ann = api.user(7)
        ann.says("/start")
        await ann.waits_for(2)
        metrics = (await client.get("/metrics")).text
        assert 'rapport_mail_total{state="applied"} 1.0' in metrics
        assert "rapport_commit_seconds_count" in metrics
        code, out, _ = await rapport(place, "top", "--once", "--every", "0.1", "--format", "json")
        assert (code, json.loads(out)["runs"]) == (0, f"process {program.pid}")
        api.fault("bad_gateway", "getUpdates", times=10_000)
        ann.says("40")  # ends the call that is under way
        await program.says("fetch_failed")
        gone = await client.get("/ready")
        assert gone.status_code == 503
        (problem,) = gone.json()["problems"]
        assert problem["reason"].startswith("fetching: Temporary")
        assert api.token not in gone.text
        assert await program.stop() == 0

    async def main() -> None:
        async with BotApi() as api, AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            program = await Program.start(place, api.url)
            try:
                await look(program, api, client)
            finally:
                await program.kill()

    run(main(), 90)
