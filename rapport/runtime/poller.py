"""Our own polling loop: commit, then confirm.

The libraries' pollers confirm updates before they are handled, and lose them in a crash. Here the
batch is stored as mail first; only then the next call confirms it with its offset.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from typing import Protocol

import structlog
from msgspec.structs import replace

from bots.channel import (
    Channel,
    ChannelError,
    Conflict,
    Inbound,
    Throttled,
    Unauthorised,
    Undecodable,
)
from crm.database import DatabaseUnavailable
from rapport.logs import says_each_turn
from rapport.redaction import redacted
from rapport.runtime.backoff import Backoff
from rapport.runtime.intake import Broken, Origin
from rapport.runtime.pressure import Pressure
from rapport.runtime.tallies import PollerTally
from rapport.runtime.turns import Turned


class TakesIn(Protocol):
    """Where updates go: a service that takes their turns, or a store for those that do."""

    async def take_in(self, origin: Origin, arrivals: Sequence[Inbound | Broken]) -> Turned:
        """Returns after the commit. Raises DatabaseUnavailable: then nothing is stored."""


class Poller:
    """Fetches one account's updates into a service until it is cancelled.

    pressure: while it is high nothing is fetched. Raises Unauthorised where the platform refuses
    our credentials; everything else is waited out.
    """

    def __init__(
        self, channel: Channel, origin: Origin, service: TakesIn, backoff: Backoff,
        pressure: Pressure | None = None,
    ) -> None:  # fmt: skip
        self._channel = channel
        self.log = structlog.get_logger(__name__, channel=origin.channel, account=origin.account_id)
        self._says_each = says_each_turn()
        # Another poller may have read meanwhile, before this one began.
        self._origin = replace(origin, stream=secrets.token_hex(8))
        self._service = service
        self._backoff = backoff
        self._pressure = pressure
        self.tally = PollerTally()
        self._trouble = ""

    async def run(self) -> None:
        offset: int | None = None
        failures = 0
        while True:
            try:
                if self._pressure is not None:
                    await self._pressure.has_passed()
                fetched = await self._channel.fetch(offset)
                await self._store(fetched.updates)
            except Unauthorised as error:
                self.tally.trouble = error
                raise
            except (ChannelError, DatabaseUnavailable) as error:
                failures += 1
                self.tally.trouble = error
                self._say(error)
                await asyncio.sleep(self._pause(error, failures))
            else:
                failures = 0
                self.tally.fetched(len(fetched.updates))
                if self._says_each:
                    self.log.debug("fetched", updates=len(fetched.updates))
                self._say(None)
                offset = fetched.next_offset

    async def _store(self, updates: Sequence[object]) -> None:
        if not updates:
            return
        arrivals = [self._decode(raw) for raw in updates]
        try:
            await self._service.take_in(self._origin, arrivals)
        except DatabaseUnavailable:
            raise
        except Exception:
            # One update that cannot be taken in would be fetched again for ever, and the rest of
            # its batch with it: they are taken in one by one, and it alone is a dead letter.
            self.log.exception("batch_not_taken_in")
            for raw, arrival in zip(updates, arrivals, strict=True):
                await self._store_one(raw, arrival)

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
            self.log.error("update_unreadable", update=error.dedup_key, reason=str(error))
            return Broken(error.dedup_key, str(error), raw)

    def _pause(self, error: Exception, failures: int) -> float:
        if isinstance(error, Throttled):
            return error.retry_after
        return self._backoff.seconds(failures)

    def _say(self, error: Exception | None) -> None:
        """One log line per change, not per try."""
        trouble = "" if error is None else f"{type(error).__name__}: {error}"
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if error is None:
            self.log.info("fetching_again")
        elif isinstance(error, Conflict):
            self.log.warning("somebody_else_fetches", reason=str(error))
        else:
            self.log.warning("fetch_failed", reason=trouble)
