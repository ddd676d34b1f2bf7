"""The server as a process of its own: prints its address, serves until it is terminated."""

import argparse
import asyncio
import signal
import sys

from tests.support.botapi.control import Control
from tests.support.botapi.server import BotApi
from tests.support.planted import TOKEN


async def _serve(port: int, token: str, seed: int) -> None:
    api = BotApi(token, seed, port)
    app = api.app()
    Control(api).add_to(app)
    await api.start(app)
    sys.stdout.write(f"ready {api.url} token={token}\n")
    sys.stdout.flush()
    ended = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, ended.set)
    await ended.wait()
    await api.stop()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.botapi")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--seed", type=int, default=0, help="for faults with a probability")
    given = parser.parse_args()
    asyncio.run(_serve(given.port, given.token, given.seed))


main()
