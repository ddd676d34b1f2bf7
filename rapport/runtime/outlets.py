"""Where what a commit brought goes on its way out: to the sender here, or to the one elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from bots.channel import Channel
from rapport.runtime.deliveries import Delivery
from rapport.runtime.wakeups import Wakeups
from rapport.runtime.withdrawing import Closed


class Outlet(Protocol):
    """One account's way out."""

    def offer(self, deliveries: Iterable[Delivery]) -> None:
        """Take what was just committed; it stands in the outbox, so it may be dropped."""

    async def acknowledge(self, callback_id: str) -> None:
        """End the progress bar of a pressed button; best effort."""

    async def close_question(self, closed: Closed) -> None:
        """Take away the buttons of a question that is over; best effort."""


class Elsewhere:
    """The way out of an account whose sender is another process."""

    def __init__(self, channel: Channel, account_id: int, wakeups: Wakeups) -> None:
        self._channel = channel
        self._account_id = account_id
        self._wakeups = wakeups

    def offer(self, deliveries: Iterable[Delivery]) -> None:
        """See Outlet."""
        if any(deliveries):
            self._wakeups.outbox_filled(self._account_id)

    async def acknowledge(self, callback_id: str) -> None:
        """See Outlet: that needs no turn in a queue, so it needs no sender."""
        await self._channel.acknowledge(callback_id)

    async def close_question(self, closed: Closed) -> None:
        """See Outlet: only of a pressed button it is known here where it was."""
        if closed.message_id:
            await self._channel.withdraw(closed.peer, closed.message_id)
