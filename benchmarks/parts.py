"""Where the time of one turn goes: each part of it, in the embedded service at work.

parse: an update is decoded. load: what is new, the conversation, the case. step: the pure engine
and what it decides. write: rows into the tables. commit: the turn's and the one of what is sent.
send: from the delivery to the stored outcome. Everything else is the event loop, queues, threads
that wait for each other, and the benchmark's own updates.
"""

import statistics
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter, thread_time
from typing import Any
from unittest.mock import patch

from benchmarks.harness import Result, result, run_alone
from benchmarks.lead_capture import STANDARD, Field, Load
from benchmarks.ours import RapportContender
from benchmarks.stores import sqlite_files

PARTS = ("parse", "load", "step", "write", "commit", "send")

_RUNTIME = "rapport.runtime"
WHERE = (
    ("bots.telegram_aiogram.TelegramAiogram.decode", "parse"),
    (f"{_RUNTIME}.memory.Memory.check", "load"),
    (f"{_RUNTIME}.turns.receive", "load"),
    (f"{_RUNTIME}.turns.Turns._cases_of", "load"),
    (f"{_RUNTIME}.turns.ids_for", "load"),
    (f"{_RUNTIME}.memory.Memory.note", "load"),
    (f"{_RUNTIME}.casework.Casework.work", "step"),
    (f"{_RUNTIME}.writes.Writes.write", "write"),
    ("crm.services.ledger.Ledger.write", "write"),
    (f"{_RUNTIME}.disk.Disk.commit", "commit"),
    (f"{_RUNTIME}.write_back.settle", "send"),
)
"""What is timed, and as which part; none of it calls another of it. `Sender._send` is the rest of
`send`."""


class Stopwatch:
    """Seconds by part. Of a commit the waiting counts too, of all else what its thread computed:
    with many in flight another thread often has Python's lock meanwhile."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time what is run meanwhile."""
        with ExitStack() as stack:
            for place, part in WHERE:
                self._watch(stack, place, part, self._timed)
            self._watch(stack, f"{_RUNTIME}.sender.Sender._send", "send", self._awaited)
            yield

    def _watch(
        self, stack: ExitStack, place: str, part: str, timed: Callable[[str, Any], Any]
    ) -> None:
        patched = patch(place)
        original, _ = patched.get_original()
        patched.new = timed(part, original)
        stack.enter_context(patched)

    def _timed(self, part: str, f: Callable[..., Any]) -> Callable[..., Any]:
        now = perf_counter if part == "commit" else thread_time

        def call(*args: Any, **named: Any) -> Any:
            began = now()
            try:
                return f(*args, **named)
            finally:
                self.seconds[part] += now() - began

        return call

    def _awaited(self, part: str, f: Callable[..., Awaitable[Any]]) -> Callable[..., Any]:
        """The wire answers without a pause, so nothing else runs while this is awaited."""

        async def call(*args: Any, **named: Any) -> Any:
            began = thread_time()
            try:
                return await f(*args, **named)
            finally:
                self.seconds[part] += thread_time() - began

        return call


def take_apart(field: Field, in_flight: int) -> dict[str, float]:
    """Microseconds of a turn by part, `else` included, in one run."""
    watch = Stopwatch()
    with watch.watching():
        stats = field.run("ours", RapportContender(), in_flight)
    of_a_turn = {part: watch.seconds[part] / stats.turns * 1e6 for part in PARTS}
    return of_a_turn | {"else": stats.seconds / stats.turns * 1e6 - sum(of_a_turn.values())}


def measure(rounds: int, load: Load = STANDARD) -> list[Result]:
    """Each part with one and with 256 in flight, medians of `rounds` runs."""
    results = []
    with sqlite_files() as store:
        field = Field(store, load)
        field.prepare("ours", RapportContender())
        for in_flight in (1, 256):
            runs = [take_apart(field, in_flight) for _ in range(rounds)]
            for part in (*PARTS, "else"):
                name = f"a turn with {in_flight} in flight: {part}"
                results.append(result(name, statistics.median(run[part] for run in runs), "µs"))
    return results


if __name__ == "__main__":
    sys.exit(run_alone("parts", measure))
