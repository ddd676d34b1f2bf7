"""What is compared in a race of bots, and how it is driven."""

import asyncio
import gc
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol

from benchmarks.crowd import QUESTIONS, Crowd


@dataclass(frozen=True)
class Stats:
    """What one run measured: `seconds` of wall time, `latencies` in seconds, one a turn."""

    turns: int
    seconds: float
    latencies: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Turns per second."""
        return self.turns / self.seconds


class WrongResultError(Exception):
    """A contender did not store what the crowd told it; its numbers are worth nothing."""


class Contender(Protocol):
    """A bot that asks `QUESTIONS`, stores the answers and tags who has answered all.

    `start` opens the database, making tables where there are none. `turn` takes one update as
    JSON text and returns when all it wrote is committed and all it says is sent. `stop` leaves a
    database that can be copied. `check` raises WrongResultError unless exactly the answers of the
    first `walked` people are stored, once each, and the rest stand at the first question.
    """

    name: str

    async def start(self, url: str, crowd: Crowd) -> None: ...

    async def turn(self, update: str) -> None: ...

    async def stop(self) -> None: ...

    def check(self, url: str, crowd: Crowd, walked: int) -> None: ...


async def open_all(contender: Contender, url: str, crowd: Crowd) -> None:
    """Have everybody say /start, which leaves all of them at the first question."""
    await contender.start(url, crowd)
    openings = deque(crowd.opening(person.number) for person in crowd.people)

    async def caller() -> None:
        while openings:
            await contender.turn(openings.popleft())

    await _together(caller() for _ in range(64))
    await contender.stop()


async def walk(contender: Contender, url: str, crowd: Crowd, walked: int, in_flight: int) -> Stats:
    """Take the first `walked` people through all questions, `in_flight` updates at a time.

    Nobody answers a question before the turn that asked it is over. All people who wait to
    answer do so in turn, so the conversations advance side by side. The database must hold
    everybody's opened conversation.
    """
    await contender.start(url, crowd)
    latencies, seconds = await _answers(contender.turn, crowd, walked, in_flight)
    await contender.stop()
    contender.check(url, crowd, walked)
    return Stats(len(latencies), seconds, tuple(latencies))


async def _answers(
    turn: Callable[[str], Awaitable[None]], crowd: Crowd, walked: int, in_flight: int
) -> tuple[list[float], float]:
    ready = deque((number, 0) for number in range(walked))
    latencies: list[float] = []

    async def caller() -> None:
        while ready:
            number, question = ready.popleft()
            update = crowd.reply(number, question)
            began = perf_counter()
            await turn(update)
            latencies.append(perf_counter() - began)
            if question + 1 < len(QUESTIONS):
                ready.append((number, question + 1))

    gc.collect()
    began = perf_counter()
    await _together(caller() for _ in range(in_flight))
    return latencies, perf_counter() - began


async def _together(callers: Iterable[Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for caller in callers:
            group.create_task(caller)
