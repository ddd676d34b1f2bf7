"""The queue behind getUpdates: kept until confirmed, one poller at a time."""

import asyncio
import random
from typing import Any, Literal

from tests.support.botapi.errors import ApiError, bad_request

_UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}
"""Kinds that are sent only to a bot that names them in allowed_updates."""

_CONFLICT = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)
_MOST = 100


class Updates:
    """Updates of one bot, oldest first. Ids begin anywhere and rise, until `restart_ids`."""

    def __init__(self) -> None:
        self.pending: list[Any] = []
        self.allowed: list[str] = []
        """What the bot asked for last; empty: all but the rare ones."""
        self.polls = 0
        self.held = asyncio.Event()
        """Set while a poll waits for something to arrive."""
        self._next_id = 1000
        self._delivered = 0
        self._copied: set[float] = set()
        self._waiter: asyncio.Future[Literal["arrived", "ousted"]] | None = None

    def restart_ids(self, next_id: int) -> None:
        """As Telegram does it after a quiet week: ids go on from anywhere, also lower."""
        self._next_id = next_id

    def add(self, update: dict[str, Any]) -> dict[str, Any]:
        """Queue {kind: body} under the next id, unless the bot did not ask for its kind."""
        numbered = {"update_id": self._next_id, **update}
        self._next_id += 1
        if any(self._wanted(kind) for kind in update):
            self.put(numbered)
        return numbered

    def put(self, raw: Any) -> None:
        """Queue anything as it is: a copy of an update, or something malformed."""
        self.pending.append(raw)
        self._wake("arrived")

    def repeat(self, update: dict[str, Any]) -> None:
        """Queue a copy of an update, with the id it has."""
        self._copied.add(_id(update))
        self.put(update)

    def shuffle(self, chance: random.Random) -> None:
        """What no poll has seen yet has come in another order, and is numbered in that."""
        places = [
            at
            for at in range(self._delivered, len(self.pending))
            if _id(self.pending[at]) not in self._copied
        ]
        ids = sorted(_id(self.pending[at]) for at in places)
        mixed = [self.pending[at] for at in places]
        chance.shuffle(mixed)
        for at, update, number in zip(places, mixed, ids, strict=True):
            self.pending[at] = {**update, "update_id": number}

    async def get(self, offset: int, limit: int, seconds: float) -> list[Any]:
        """What getUpdates answers; offset 0 is none. An older poll that still waits gets 409."""
        if not 1 <= limit <= _MOST:
            raise bad_request("limit must be between 1 and 100")
        self._wake("ousted")
        self.polls += 1
        self._confirm(offset)
        if not self.pending and seconds > 0:
            await self._arrival(seconds)
        answer = self.pending[:limit]
        self._delivered = max(self._delivered, len(answer))
        return answer

    async def _arrival(self, seconds: float) -> None:
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        self.held.set()
        try:
            why = await asyncio.wait_for(waiter, seconds)
        except TimeoutError:
            return
        finally:
            if self._waiter is waiter:
                self._waiter = None
                self.held.clear()
        if why == "ousted":
            raise ApiError(409, _CONFLICT)

    def _wake(self, why: Literal["arrived", "ousted"]) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(why)

    def _wanted(self, kind: str) -> bool:
        return kind in self.allowed if self.allowed else kind not in _UNASKED

    def _confirm(self, offset: int) -> None:
        """Forget what was delivered and is below the offset (negative: all but so many)."""
        if offset < 0:
            self.pending, self._delivered = self.pending[offset:], 0
            return
        head, rest = self.pending[: self._delivered], self.pending[self._delivered :]
        ids = [_id(one) for one in head]
        if offset - 1 in ids:  # and what came before it, higher ids of an earlier week as well
            head = head[len(ids) - ids[::-1].index(offset - 1) :]
        else:
            head = [one for one, number in zip(head, ids, strict=True) if number >= offset]
        self.pending, self._delivered = head + rest, len(head)


def _id(raw: Any) -> float:
    """The id, or infinity for what has none: it cannot be confirmed by its own number."""
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if type(number) is int else float("inf")
