"""What the pieces of a process count while they work, to be read by whoever watches them.

Plain numbers that one thread adds to and others read: a scrape may be a moment late and never
makes the work wait. `trouble` is what keeps a piece from working now, None where nothing does.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bots.channel import ChannelError, Temporary, Throttled, Unauthorised, Unreachable

if TYPE_CHECKING:
    from rapport.runtime.turns import Turned

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of what is timed: a commit takes some tenths of a millisecond, a turn that waits
for a locked file some seconds."""

SIZES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0)
"""Upper bounds of how many conversations shared a transaction."""


class Histogram:
    """How often a value was at most each of `bounds`; the last of `counts` is what lay above."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class WriterTally:
    """refused: transactions that the store would not take."""

    __slots__ = ("commit_seconds", "refused", "trouble")

    def __init__(self) -> None:
        self.commit_seconds = Histogram(SECONDS)
        self.refused = 0
        self.trouble: Exception | None = None

    def committed(self, seconds: float) -> None:
        """A transaction was stored; `seconds` is what the commit itself took."""
        self.commit_seconds.observe(seconds)
        self.trouble = None

    def refuse(self, error: Exception) -> None:
        """The store would not take a transaction."""
        self.refused += 1
        self.trouble = error


class ServiceTally:
    """received: what came in and was new. late: of that, what came after a later one was applied.
    turns: conversations worked on, each once a batch. batch_seconds: from the wish to take turns
    to their commit, waiting for the writer included.
    """

    __slots__ = ("applied", "batch_seconds", "batch_size", "dead", "late", "received", "turns")

    def __init__(self) -> None:
        self.received = 0
        self.applied = 0
        self.late = 0
        self.dead = 0
        self.turns = 0
        self.batch_size = Histogram(SIZES)
        self.batch_seconds = Histogram(SECONDS)

    def took(self, turned: Turned, seconds: float) -> None:
        """What a transaction did is committed."""
        self.received += turned.received
        self.late += turned.late
        self.dead += turned.dead
        if turned.conversations:
            self.turns += turned.conversations
            self.applied += turned.letters
            self.batch_size.observe(turned.conversations)
            self.batch_seconds.observe(seconds)


class PollerTally:
    """updates: how many were fetched, copies included."""

    __slots__ = ("trouble", "updates")

    def __init__(self) -> None:
        self.updates = 0
        self.trouble: Exception | None = None

    def fetched(self, updates: int) -> None:
        """An answer came, and what was in it is stored."""
        self.updates += updates
        self.trouble = None


class ReceiverTally:
    """updates: how many were brought, copies included. requests: how many ended how: `taken`,
    `forged` (not from the platform), `refused` (too large, too slow), `turned_away` (to come
    again, for there is too much to do or the store does not answer).
    """

    __slots__ = ("requests", "updates")

    def __init__(self) -> None:
        self.updates = 0
        self.requests = {"taken": 0, "forged": 0, "refused": 0, "turned_away": 0}


class SenderTally:
    """outcomes: how many deliveries became what (`pending`: to be tried again). throttled: how
    often the platform asked to wait, `asked_to_wait` the longest such pause since a message
    went through, in seconds. unreachable: chats in a row that may not be written to.
    """

    __slots__ = ("asked_to_wait", "outcomes", "throttled", "trouble", "unreachable")

    def __init__(self) -> None:
        self.outcomes = {"sent": 0, "pending": 0, "dead": 0, "cancelled": 0, "expired": 0}
        self.throttled = 0
        self.asked_to_wait = 0.0
        self.unreachable = 0
        self.trouble: Exception | None = None

    def settled(self, status: str) -> None:
        """One delivery became `status`."""
        self.outcomes[status] += 1
        if status == "sent":
            self.trouble = None
            self.asked_to_wait = 0.0
            self.unreachable = 0

    def failed(self, error: ChannelError) -> None:
        """The platform did not take a message. What is wrong with that one is no trouble."""
        match error:
            case Throttled(retry_after=seconds):
                self.throttled += 1
                self.asked_to_wait = max(self.asked_to_wait, seconds)
            case Unreachable():
                self.unreachable += 1
            case Temporary() | Unauthorised():
                self.trouble = error
