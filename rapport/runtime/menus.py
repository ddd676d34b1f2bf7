"""A channel's menu of commands follows the flows, as long as its sender is at work."""

from __future__ import annotations

import asyncio

import structlog

from bots.channel import Channel, ChannelError, Throttled
from engine.menu import menu_of
from engine.messages import Menu
from rapport.runtime.backoff import Backoff
from rapport.runtime.desk import Desk

LOOK_SECONDS = 1.0
"""How often it is looked whether something was applied: a comparison in memory."""

log = structlog.get_logger(__name__)


async def keep_menu(desk: Desk, channel: Channel, backoff: Backoff) -> None:
    """Show the menu and what becomes of it, until cancelled; a platform that refuses costs nothing
    but the menu. Without a command that has a text, what the owner has set elsewhere is left."""
    shown: Menu = {}
    library = None
    failures = 0
    while True:
        pause = LOOK_SECONDS
        if desk.library is not library:
            seen = desk.library
            menu = menu_of(seen.index, seen.business, channel.name)
            try:
                if menu != shown:
                    # Of a menu that is gone its languages are told that they offer nothing.
                    await channel.show_menu(menu or dict.fromkeys(shown, ()))
            except ChannelError as error:
                failures += 1
                if failures == 1:
                    log.warning("menu_not_shown", channel=channel.name, reason=str(error))
                pause = (
                    error.retry_after if isinstance(error, Throttled) else backoff.seconds(failures)
                )
            else:
                library, shown, failures = seen, menu, 0
        await asyncio.sleep(pause)
