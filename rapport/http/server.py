"""Serving the web pages in the loop of the process, beside its work and never in its way.

The web's libraries are imported in a thread once the work has begun: a start does not wait for
them. A port that is taken is one line in the log, and the bot goes on without.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI

STOP_SECONDS = 1
"""How long a stop waits for answers that are on their way."""

log = structlog.get_logger(__name__)


async def serve_http(make: Callable[[], FastAPI], host: str, port: int) -> None:
    """Serve what `make` makes until cancelled; nothing is raised. port: 0 takes a free one, which
    the log names. Returns where it cannot be served."""
    try:
        await _serve(make, host, port)
    except Exception:
        # What can be seen of the bot must not cost the bot.
        log.exception("http_failed", host=host, port=port)


async def _serve(make: Callable[[], FastAPI], host: str, port: int) -> None:
    try:
        listener = socket.create_server((host, port), family=_family(host))
    except OSError as error:
        log.warning("http_not_served", host=host, port=port, reason=error.strerror or str(error))
        return
    with listener:
        server = await asyncio.to_thread(_make_server, make)
        log.info("http_served", host=host, port=listener.getsockname()[1])
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            await asyncio.wait([serving])


def _make_server(make: Callable[[], FastAPI]) -> uvicorn.Server:
    import uvicorn

    # What goes wrong in a page is logged by the page.
    logging.getLogger("uvicorn").setLevel(logging.CRITICAL)

    class Server(uvicorn.Server):
        """Signals are the process's own to hear."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        make(), log_config=None, access_log=False, lifespan="off", ws="none",
        timeout_graceful_shutdown=STOP_SECONDS, server_header=False,
    )  # fmt: skip
    config.load()
    return Server(config)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
