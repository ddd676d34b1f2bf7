"""Programs are timed from outside, and one that fails has no time."""

import asyncio
import os
import sys

import aiohttp
import pytest

from benchmarks.cold_start import cpu_seconds
from benchmarks.crowd import BOT_TOKEN
from benchmarks.ready import bot_api, seconds_to_ready

SPIN = "import time\nwhile time.process_time() < 0.2: pass"
STOPS_WHEN_ASKED = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit({code}))
print("starting", flush=True)
print("ready channel=telegram", flush=True)
signal.pause()
"""


def _python(source: str) -> list[str]:
    return [sys.executable, "-c", source]


def test_cpu_time_of_a_command_is_that_of_the_command() -> None:
    assert cpu_seconds(_python(SPIN)) >= 0.2


def test_a_command_that_fails_is_an_error_that_repeats_what_it_said() -> None:
    with pytest.raises(RuntimeError, match="no such flow"):
        cpu_seconds(_python("import sys; sys.exit('no such flow')"))


def test_the_time_to_ready_ends_at_the_line_that_says_so() -> None:
    program = _python(STOPS_WHEN_ASKED.format(code=0))
    assert asyncio.run(seconds_to_ready(program, os.environ)) > 0


def test_a_program_that_ends_before_it_is_ready_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="before it was ready"):
        asyncio.run(seconds_to_ready(_python("print('bye')"), os.environ))


def test_a_program_that_does_not_stop_cleanly_is_an_error() -> None:
    program = _python(STOPS_WHEN_ASKED.format(code=3))
    with pytest.raises(RuntimeError, match="exited 3"):
        asyncio.run(seconds_to_ready(program, os.environ))


def test_the_stand_in_bot_api_knows_its_bot_and_accepts_the_rest() -> None:
    async def ask(method: str) -> object:
        async with (
            bot_api() as base,
            aiohttp.ClientSession() as session,
            session.post(f"{base}/bot{BOT_TOKEN}/{method}") as answer,
        ):
            return (await answer.json())["result"]

    me = asyncio.run(ask("getMe"))
    assert isinstance(me, dict)
    assert me["id"] == 42
    assert asyncio.run(ask("deleteWebhook")) is True
