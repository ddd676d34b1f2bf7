"""What a platform brings by itself: stored, and only then confirmed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import structlog

from bots.channel import Channel, Undecodable, Webhook
from rapport.runtime.arrivals import Arrivals, TakesIn
from rapport.runtime.intake import Origin
from rapport.runtime.pressure import Pressure
from rapport.runtime.tallies import ReceiverTally

AT_ONCE = 100
"""Requests of one account that are worked on; more are asked to come again. Telegram brings 40 at
once (core.telegram.org/bots/api#setwebhook, max_connections, read 2026-11-20)."""

log = structlog.get_logger(__name__)


class Overloaded(Exception):
    """Nothing was stored: the platform is to come again."""


class Receiver:
    """The webhook of one account. Any number of processes may have one."""

    def __init__(
        self, channel: Channel, webhook: Webhook, origin: Origin, service: TakesIn,
        pressure: Pressure,
    ) -> None:  # fmt: skip
        self.account_id = origin.account_id
        self.channel = channel
        self.webhook = webhook
        self.tally = ReceiverTally()
        bound = log.bind(channel=origin.channel, account=origin.account_id)
        self._arrivals = Arrivals(channel, origin, service, bound)
        self._pressure = pressure
        self._under_way = 0

    async def take(self, body: bytes) -> None:
        """Store the updates of a genuine body; returns after the commit.

        A body that cannot be read is stored as a dead letter: it would come again for ever.
        Raises Overloaded, and DatabaseUnavailable.
        """
        async with self._place():
            try:
                updates = self.webhook.updates(body)
            except Undecodable as error:
                await self._arrivals.bury(error, body.decode(errors="replace"))
                return
            await self._store(updates)

    async def store(self, updates: Sequence[object]) -> None:
        """Store updates that were read already; returns after the commit.

        Raises Overloaded, and DatabaseUnavailable.
        """
        async with self._place():
            await self._store(updates)

    async def _store(self, updates: Sequence[object]) -> None:
        await self._arrivals.store(updates)
        self.tally.updates += len(updates)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._under_way >= AT_ONCE:
            raise Overloaded
        self._under_way += 1
        try:
            if await self._pressure.is_high():
                raise Overloaded
            yield
        finally:
            self._under_way -= 1


Receivers = Mapping[str, Receiver]
"""By the channel's name."""


def webhook_path(channel: str) -> str:
    """What follows RAPPORT_PUBLIC_URL in the address of a channel's webhook."""
    return f"/webhooks/{channel}"
