"""Writing back what became of deliveries, in groups, until the store has taken it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from structlog.typing import FilteringBoundLogger

from crm.database import DatabaseUnavailable
from rapport.runtime.backoff import Backoff
from rapport.runtime.deliveries import Outcome, settle
from rapport.runtime.leases import Lease
from rapport.runtime.writer import Writer, outcome_of

FEW = 100
"""So many outcomes are written back in a fraction of a millisecond, in the event loop's thread
where the writer is free."""


class WriteBack:
    """The outcomes of one account's sender. `is_stuck`: the store did not take them, and what goes
    out now, unrecorded, goes out again if this process does not live on.

    fence: the lease by which is sent. stored: told of outcomes that the store has taken.
    """

    def __init__(
        self, writer: Writer, account_id: int, fence: Lease | None, backoff: Backoff,
        log: FilteringBoundLogger, stored: Callable[[Sequence[Outcome]], None],
    ) -> None:  # fmt: skip
        self._writer = writer
        self._account_id = account_id
        self._fence = fence
        self._backoff = backoff
        self._log = log
        self._stored = stored
        self._outcomes: list[Outcome] = []
        self._news = asyncio.Event()
        self.is_stuck = False

    def __len__(self) -> int:
        """Outcomes that are not stored yet."""
        return len(self._outcomes)

    def note(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._news.set()

    async def run(self, recovered: Callable[[], None]) -> None:
        """Until cancelled; what comes meanwhile shares the next transaction. recovered: told when
        the store takes outcomes again."""
        while True:
            await self._news.wait()
            self._news.clear()
            await self.finish()
            if self.is_stuck:
                self.is_stuck = False
                recovered()

    async def finish(self) -> None:
        """Write back all there is, however long the store is away."""
        attempt = 0
        while self._outcomes:
            outcomes, self._outcomes = self._outcomes, []
            try:
                await self._settle(outcomes)
            except DatabaseUnavailable as error:
                self._outcomes = outcomes + self._outcomes
                self.is_stuck = True
                attempt += 1
                if attempt == 1:
                    self._log.warning("store_unavailable", doing="writing back", reason=str(error))
                await asyncio.sleep(self._backoff.seconds(attempt))
            except asyncio.CancelledError:
                # What was sent must be written back all the same, before the sender ends.
                self._outcomes = outcomes + self._outcomes
                raise
            else:
                self._stored(outcomes)

    async def _settle(self, outcomes: Sequence[Outcome]) -> None:
        # Nobody is told of it: after a power cut what was just sent may be sent again.
        await outcome_of(
            self._writer.submit(
                lambda db: settle(db, self._account_id, outcomes, self._fence), durable=False,
                here=len(outcomes) <= FEW,
            )
        )  # fmt: skip
