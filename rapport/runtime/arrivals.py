"""Updates on their way into the store, fetched or brought: each read, and none in another's way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from bots.channel import Channel, Inbound, Undecodable
from crm.database import DatabaseUnavailable
from rapport.redaction import redacted
from rapport.runtime.intake import Broken, Origin
from rapport.runtime.turns import Turned


class TakesIn(Protocol):
    """Where updates go: a service that takes their turns, or a store for those that do."""

    async def take_in(self, origin: Origin, arrivals: Sequence[Inbound | Broken]) -> Turned:
        """Returns after the commit. Raises DatabaseUnavailable: then nothing is stored."""


class Arrivals:
    """Those of one account."""

    def __init__(self, channel: Channel, origin: Origin, service: TakesIn, log: Any) -> None:
        self._channel = channel
        self._origin = origin
        self._service = service
        self.log = log

    async def store(self, updates: Sequence[object]) -> None:
        """Returns after the commit. Raises DatabaseUnavailable: then what is not stored will be
        when it comes again."""
        if not updates:
            return
        arrivals = [self._decode(raw) for raw in updates]
        try:
            await self._service.take_in(self._origin, arrivals)
        except DatabaseUnavailable:
            raise
        except Exception:
            # One update that cannot be taken in would come again for ever, and the rest of its
            # batch with it: they are taken in one by one, and it alone is a dead letter.
            self.log.exception("batch_not_taken_in")
            for raw, arrival in zip(updates, arrivals, strict=True):
                await self._store_one(raw, arrival)

    async def bury(self, error: Undecodable, raw: object) -> None:
        """Keep what no update can be read from. Raises DatabaseUnavailable."""
        await self._service.take_in(self._origin, [self._broken(error, raw)])

    async def _store_one(self, raw: object, arrival: Inbound | Broken) -> None:
        try:
            await self._service.take_in(self._origin, [arrival])
        except DatabaseUnavailable:
            raise
        except Exception as error:
            self.log.exception("update_not_taken_in", update=arrival.dedup_key)
            reason = redacted(f"{type(error).__name__}: {error}")
            await self._service.take_in(
                self._origin, [Broken(arrival.dedup_key, reason, repr(raw))]
            )

    def _decode(self, raw: object) -> Inbound | Broken:
        try:
            return self._channel.decode(raw)
        except Undecodable as error:
            return self._broken(error, raw)

    def _broken(self, error: Undecodable, raw: object) -> Broken:
        self.log.error("update_unreadable", update=error.dedup_key, reason=str(error))
        return Broken(error.dedup_key, str(error), raw)
