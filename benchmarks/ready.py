"""How long `rapport run` takes until it is ready, with a Bot API that answers at once."""

import asyncio
import os
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from aiohttp import web

from benchmarks.cold_start import ROOT
from benchmarks.crowd import BOT_ID, BOT_TOKEN
from benchmarks.harness import Bound, Result, result, run_alone

COMMAND = (str(Path(sys.executable).parent / "rapport"), "run")
DEADLINE = 60.0


async def _answer(request: web.Request) -> web.Response:
    method = request.match_info["method"].lower()
    if method == "getme":
        bot = {"id": BOT_ID, "is_bot": True, "first_name": "Lotus", "username": "lotus_bot"}
        return web.json_response({"ok": True, "result": bot})
    if method == "getupdates":
        await asyncio.sleep(1)
        return web.json_response({"ok": True, "result": []})
    return web.json_response({"ok": True, "result": True})


@asynccontextmanager
async def bot_api() -> AsyncIterator[str]:
    """A Bot API on a free local port, with no updates in it; gives its base URL."""
    app = web.Application()
    app.router.add_route("*", "/bot{token}/{method}", _answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def seconds_to_ready(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """Wall time from the start of `command` to its line `ready ...`, after which it is stopped.

    RuntimeError where it ends before that line, or does not exit 0 when asked to stop.
    """
    began = perf_counter()
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(DEADLINE):
            await _ready_line(process)
            ready = perf_counter() - began
            process.send_signal(signal.SIGTERM)
            if await process.wait() != 0:
                raise RuntimeError(f"{command} exited {process.returncode} when asked to stop")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return ready


async def _ready_line(process: asyncio.subprocess.Process) -> None:
    if process.stdout is None:
        raise ValueError("the process was started without a pipe to read")
    async for line in process.stdout:
        if line.startswith(b"ready"):
            return
    raise RuntimeError("the program ended before it was ready")


async def _once() -> float:
    with TemporaryDirectory() as folder:
        async with bot_api() as base:
            environment = os.environ | {
                "TELEGRAM_API_BASE": base,
                "TELEGRAM_BOT_TOKEN": BOT_TOKEN,
                "RAPPORT_FLOWS": str(ROOT / "flows" / "shop"),
                "RAPPORT_DATABASE_URL": f"sqlite:///{folder}/rapport.db",
                "RAPPORT_HTTP_PORT": "0",
            }
            environment.pop("PYTHONDONTWRITEBYTECODE", None)
            return await seconds_to_ready(COMMAND, environment)


def measure(rounds: int) -> list[Result]:
    times = [asyncio.run(_once()) for _ in range(rounds)]
    bound = Bound("value", "<=", 5)
    return [result("run until ready", statistics.median(times), "s", bound=bound)]


if __name__ == "__main__":
    sys.exit(run_alone("ready", measure))
