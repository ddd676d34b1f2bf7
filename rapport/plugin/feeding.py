"""Our polling loop for a host that wants nothing lost: an update is confirmed after the host has
handled it and the flows have committed it. The libraries' own loops confirm before."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from typing import Any

import structlog

from bots.channel import ChannelError, Throttled, Unauthorised
from bots.telegram import Telegram
from rapport.plugin.host import Rapport
from rapport.process import backoff

HOST_SECONDS = 10.0
"""So long a handler of the host's may hold up what comes after; then it goes on by itself, and its
update is confirmed without it."""

log = structlog.get_logger(__name__)

Feed = Callable[[Mapping[str, Any]], Awaitable[object]]
"""Gives a raw update to the host's library, and so to the flows; what a handler raises is its own
business."""


async def feed_for_ever(rapport: Rapport, channel: Telegram, feed: Feed) -> None:
    """Until cancelled. Raises Unauthorised."""
    offset: int | None = None
    pause, failures = backoff(0.1, 30.0), 0
    rapport.offering.looks_back = True
    going_on: set[asyncio.Task[None]] = set()
    while True:
        try:
            updates = await channel.fetch(offset)
        except Unauthorised:
            raise
        except ChannelError as error:
            failures += 1
            if failures == 1:
                log.warning("fetch_failed", reason=str(error))
            if isinstance(error, Throttled):
                await asyncio.sleep(error.retry_after)
            else:
                await asyncio.sleep(pause.seconds(failures))
            continue
        failures = 0
        await _feed_all(rapport, updates.updates, feed, going_on)
        offset = updates.next_offset
        if updates.updates:
            rapport.offering.looks_back = False


async def until_told(serving: Coroutine[Any, Any, None]) -> None:
    """Run until it ends, or the program is told to stop (SIGTERM, Ctrl-C). Raises its error."""
    task = asyncio.ensure_future(serving)
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, task.cancel)
    try:
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()
    finally:
        task.cancel()
        for number in signals:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)


async def _feed_all(
    rapport: Rapport, updates: Sequence[object], feed: Feed, going_on: set[asyncio.Task[None]]
) -> None:
    """In the platform's order within each chat; chats beside each other."""
    by_chat: defaultdict[object, list[Mapping[str, Any]]] = defaultdict(list)
    for raw in updates:
        if isinstance(raw, dict):
            by_chat[_chat_of(raw)].append(raw)
    tasks = {asyncio.create_task(_feed_chat(some, feed)) for some in by_chat.values()}
    going_on |= tasks
    for task in tasks:
        task.add_done_callback(going_on.discard)
    while tasks:
        _, tasks = await asyncio.wait(tasks, timeout=HOST_SECONDS)
        if not rapport.offering.store_is_away:
            break


async def _feed_chat(updates: Sequence[Mapping[str, Any]], feed: Feed) -> None:
    for raw in updates:
        try:
            await feed(raw)
        except Exception:
            log.exception("host_failed", update=raw.get("update_id"))


def _chat_of(raw: Mapping[str, Any]) -> object:
    for body in raw.values():
        if isinstance(body, dict):
            inside = body.get("message") if "message" in body else body
            chat = inside.get("chat") if isinstance(inside, dict) else None
            return chat.get("id") if isinstance(chat, dict) else None
    return None
