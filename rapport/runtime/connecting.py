"""Opening a channel whose platform may not be there yet."""

from __future__ import annotations

import asyncio

import structlog

from bots.channel import Account, Channel, ChannelError, Throttled, Unauthorised
from rapport.runtime.backoff import Backoff

log = structlog.get_logger(__name__)


async def connect(channel: Channel, backoff: Backoff) -> Account:
    """Open a channel, trying for as long as the platform cannot be reached; that is said once.

    Raises Unauthorised where it was reached and refuses our credentials.
    """
    failures = 0
    while True:
        try:
            account = await channel.open()
        except Unauthorised:
            raise
        except ChannelError as error:
            failures += 1
            if failures == 1:
                log.warning("not_reached_yet", channel=channel.name, reason=str(error))
            pause = error.retry_after if isinstance(error, Throttled) else backoff.seconds(failures)
            await asyncio.sleep(pause)
        else:
            if failures:
                log.info("reached", channel=channel.name, after_failures=failures)
            return account
