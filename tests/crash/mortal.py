"""A process that dies where it is told to: its writer and its channel, each with a seam.

Death is an exception that no handler of the program catches, and everything that is tried after it
raises it again: what was in memory is gone, and only the database and the platform go on.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from typing import Any, Literal, NamedTuple, TypeVar

from sqlalchemy import Connection

from bots.channel import Account, Channel, Delivered, Fetched, Inbound, Outgoing
from engine.messages import Menu
from rapport.runtime.writer import Writer

T = TypeVar("T")

Side = Literal["before", "after"]
"""Of a commit, a request or an acknowledgement: it has not happened yet, or nobody knows it has."""


class Point(NamedTuple):
    """The `number`th time (from 1) that `what` is done within a step of the conversation."""

    step: int
    what: str
    side: Side
    number: int

    def __str__(self) -> str:
        return f"{self.side} {self.what} {self.number} of step {self.step}"


class Died(BaseException):
    """The process is no more. No `except Exception` of the program may stop this."""


class Fate:
    """Counts what a process does, and ends it at the first of these points that it comes by."""

    def __init__(self, ends: Collection[Point] = (), step: int = 0) -> None:
        self._ends = ends
        self._counts: Counter[tuple[str, Side]] = Counter()
        self.step = step
        self.passed: list[Point] = []
        self.end: Point | None = None
        """Where it died."""
        self.died = asyncio.Event()

    def begin(self, step: int) -> None:
        """What is done from now on belongs to this step."""
        if step != self.step:
            self.step = step
            self._counts.clear()

    def lives(self) -> None:
        """Raises Died where the process is dead already."""
        if self.end is not None:
            raise Died

    def passes(self, what: str, side: Side) -> None:
        """Raises Died where the end has come."""
        self.lives()
        self._counts[what, side] += 1
        point = Point(self.step, what, side, self._counts[what, side])
        self.passed.append(point)
        if point in self._ends:
            self.end = point
            self.died.set()
            raise Died


class MortalWriter:
    """Dies after the statements of a transaction and before its commit, or after that.

    committed: called after each commit. The writer must be one that works in the caller's thread.
    """

    def __init__(self, writer: Writer, fate: Fate, committed: Callable[[], object]) -> None:
        self._writer = writer
        self.tally = writer.tally
        self._fate = fate
        self._committed = committed

    def submit(self, f: Callable[[Connection], T], **options: Any) -> Future[T]:
        what = _name(f)

        def written(db: Connection) -> T:
            result = f(db)
            self._fate.passes(what, "before")
            return result

        self._fate.lives()
        future = self._writer.submit(written, **options)
        if future.exception() is None:
            self._committed()
            self._fate.passes(what, "after")
        return future

    def close(self) -> None:
        self._writer.close()


def _name(f: Callable[..., object]) -> str:
    """What a transaction is for: `Service.take_in`."""
    return f"commit of {f.__qualname__.partition('.<locals>')[0]}"


class MortalChannel:
    """Dies before a request reaches the platform, or before its answer is known."""

    def __init__(self, channel: Channel, fate: Fate) -> None:
        self._channel = channel
        self._fate = fate
        self.name, self.account = channel.name, channel.account

    async def open(self) -> Account:
        return await self._channel.open()

    async def fetch(self, offset: int | None) -> Fetched:
        self._fate.passes("fetch, which confirms", "before")
        fetched = await self._channel.fetch(offset)
        self._fate.passes("fetch, which confirms", "after")
        return fetched

    def decode(self, raw: object) -> Inbound:
        return self._channel.decode(raw)

    def parts(self, message: Outgoing) -> Sequence[Outgoing]:
        return self._channel.parts(message)

    async def send(self, message: Outgoing) -> Delivered:
        self._fate.passes("send", "before")
        delivered = await self._channel.send(message)
        self._fate.passes("send", "after")
        return delivered

    async def acknowledge(self, callback_id: str, text: str = "") -> None:
        self._fate.passes("acknowledge", "before")
        await self._channel.acknowledge(callback_id, text)
        self._fate.passes("acknowledge", "after")

    async def show_menu(self, menu: Menu) -> None:
        await self._channel.show_menu(menu)

    async def withdraw(self, peer: str, message_id: str) -> None:
        await self._channel.withdraw(peer, message_id)

    async def close(self) -> None:
        await self._channel.close()
