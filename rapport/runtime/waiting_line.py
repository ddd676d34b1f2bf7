"""Chats that wait for their account's pace: who is owed an answer goes first, then who came first.

What a chat itself has to wait for (its own pace, another try) it waits out before it joins.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush

from bots.limits import Lane, Pace
from rapport.runtime.clock import Clock


class WaitingLine:
    """One line for each lane, and one timer for the moment at which the account may send again.

    go: told of a chat whose turn has come; it sends to it, which the pace is told, or lets it be.
    """

    def __init__(self, pace: Pace, clock: Clock, go: Callable[[str], None]) -> None:
        self._pace = pace
        self._clock = clock
        self._go = go
        self._lines: dict[Lane, list[tuple[int, str]]] = {"live": [], "automated": []}
        self._lanes: dict[str, Lane] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = clock.now()

    def __len__(self) -> int:
        return len(self._lanes)

    def join(self, peer: str, lane: Lane, number: int) -> None:
        """Wait; lower numbers of a lane go first. A chat that is owed an answer meanwhile joins
        the line of those."""
        if self._lanes.get(peer) in (lane, "live"):
            return
        self._lanes[peer] = lane
        heappush(self._lines[lane], (number, peer))
        self._set_timer()

    def close(self) -> None:
        """Nobody's turn comes any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._lanes.clear()

    def _set_timer(self) -> None:
        now = self._clock.now()
        at = min(self._pace.account_at(now, lane) for lane, line in self._lines.items() if line)
        if self._timer is not None:
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at, seconds = at, (at - now).total_seconds()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._move_on)

    def _move_on(self) -> None:
        self._timer = None
        now = self._clock.now()
        for lane, line in self._lines.items():
            while line and self._pace.account_at(now, lane) <= now:
                _, peer = heappop(line)
                if self._lanes.get(peer) == lane:
                    del self._lanes[peer]
                    self._go(peer)
        if any(self._lines.values()):
            self._set_timer()
