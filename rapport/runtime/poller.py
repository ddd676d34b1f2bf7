"""Our own polling loop: commit, then confirm.

The libraries' pollers confirm updates before they are handled, and lose them in a crash. Here the
batch is stored as mail first; only then the next call confirms it with its offset.
"""

from __future__ import annotations

import asyncio
import secrets

import structlog
from msgspec.structs import replace

from bots.channel import (
    Channel,
    ChannelError,
    Conflict,
    Throttled,
    Unauthorised,
)
from crm.database import DatabaseUnavailable
from rapport.logs import says_each_turn
from rapport.runtime.arrivals import Arrivals, TakesIn
from rapport.runtime.backoff import Backoff
from rapport.runtime.intake import Origin
from rapport.runtime.pressure import Pressure
from rapport.runtime.tallies import PollerTally


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
        stream = replace(origin, stream=secrets.token_hex(8))
        self._arrivals = Arrivals(channel, stream, service, self.log)
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
                await self._arrivals.store(fetched.updates)
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
