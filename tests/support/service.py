"""The real service in a test: inside the test's own process, or as the program `rapport run`."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from bots.channel import Channel
from bots.limits import UNPACED, Rates
from crm.database import open_engine
from rapport.build import applying
from rapport.jobs import Beside, Line
from rapport.process import Process
from rapport.project import read_project
from rapport.runtime.clock import Clock
from rapport.storage import prepare
from tests.support.botapi import TOKEN
from tests.support.invariants import violations
from tests.support.planted import found_in

RAPPORT = Path(sys.executable).parent / "rapport"

FOREIGN = ("RAPPORT_", "TELEGRAM_", "INSTAGRAM_")
"""Settings of the person who runs the tests are not the test's."""


class ShiftedClock:
    """The machine's clock, moved forward by a test: paces and sweeps go on as ever."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def advance(self, by: timedelta) -> None:
        self._ahead += by


@dataclass(frozen=True)
class Place:
    """A project, and a database of the test's own: in `folder`, or that of a server's URL."""

    project: Path
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    server: str = ""

    @property
    def database(self) -> Path:
        return self.folder / "rapport.db"

    @property
    def url(self) -> str:
        return self.server or f"sqlite:///{self.database}"

    def environment(self, api_base: str = "") -> dict[str, str]:
        """What the program is told: this place, and the Bot API server if there is one."""
        own = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        told = {
            "RAPPORT_DATABASE_URL": self.url,
            "RAPPORT_FLOWS": str(self.project),
            "RAPPORT_HTTP_PORT": "0",
        }
        bot = {"TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_API_BASE": api_base} if api_base else {}
        return {**own, **told, **bot, **self.settings}

    @contextmanager
    def opened(self) -> Iterator[Connection]:
        """The database, to look at."""
        engine = open_engine(self.url, read_only=True)
        try:
            with engine.connect() as db:
                yield db
        finally:
            engine.dispose()

    def rows(self, statement: Any) -> list[tuple[Any, ...]]:
        with self.opened() as db:
            return [tuple(row) for row in db.execute(statement)]

    def violations(self, *, at_rest: bool = True) -> list[str]:
        with self.opened() as db:
            return violations(db, at_rest=at_rest)


@asynccontextmanager
async def serving(
    place: Place,
    channel: Channel,
    clock: Clock | None = None,
    rates: Rates = UNPACED,
    others: Sequence[Channel] = (),
    beside: Sequence[Beside] = (),
) -> AsyncIterator[Process]:
    """The process of `rapport run` in this one, ready; stopped as by SIGTERM at the end.
    `others`: accounts of the same business beside the one of `channel`. `beside`: what else runs.

    Raises what it ended with.
    """
    clock = clock or ShiftedClock()
    engine = open_engine(place.url)
    prepare(engine, clock.now())
    engine.dispose()
    opening = applying(read_project(place.project))
    lines = [Line(one, rates) for one in (channel, *others)]
    process = Process(place.url, opening, lines, clock, beside=beside)
    ready = asyncio.Event()
    running = asyncio.create_task(process.run(lambda *_: ready.set()))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
        if ready.is_set():
            yield process
    finally:
        waiting.cancel()
        process.stop()
        await running


async def until(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for what nobody announces. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not happened():  # noqa: ASYNC110 - a file or a list tells nobody that it has changed
            await asyncio.sleep(0.01)


class Program:
    """A command that serves, as a process of its own; what it writes to standard error is kept."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log
        self._was_ready = False

    @classmethod
    async def start(cls, place: Place, api_base: str, *arguments: str) -> Program:
        """arguments: of another command than `run`."""
        log = place.folder / "run.log"
        with log.open("ab") as errors:
            process = await asyncio.create_subprocess_exec(
                RAPPORT, *(arguments or ("run",)),
                cwd=place.folder, env=place.environment(api_base), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        return cls(process, log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it is at work."""
        return self._process.returncode

    @property
    def errors(self) -> str:
        written = self._log.read_text(encoding="utf-8")
        assert found_in(written) == []
        return written

    async def is_ready(self) -> bool:
        """Wait for its line `ready ...`; False if it ends before."""
        assert self._process.stdout is not None
        while not self._was_ready and (line := await self._process.stdout.readline()):
            self._was_ready = line.startswith(b"ready")
        return self._was_ready

    def pause(self) -> None:
        """SIGSTOP: nothing of it gets to run until `go_on`."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT; nothing where it has ended."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """SIGKILL: nothing of it gets to run any more."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()

    async def stop(self) -> int:
        """SIGTERM; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return await self._process.wait()

    async def ends(self) -> int:
        """Wait until it ends by itself: its exit code."""
        return await self._process.wait()

    async def says(self, text: str) -> None:
        """Wait until it has written this to standard error."""
        await until(lambda: text in self.errors)

    def let_files_grow_to(self, size: int) -> None:
        """Writing beyond `size` bytes fails from now on, as on a full disk."""
        _, most = resource.prlimit(self.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self.pid, resource.RLIMIT_FSIZE, (size, most))


async def rapport(
    place: Place, *arguments: str, api_base: str = "", child: Callable[[], None] | None = None
) -> tuple[int, str, str]:
    """Run a command to its end: exit code, standard output, standard error.

    child: called in the new process before it becomes the program.
    """
    process = await asyncio.create_subprocess_exec(
        RAPPORT, *arguments, cwd=place.folder, env=place.environment(api_base),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, preexec_fn=child,
    )  # fmt: skip
    output, errors = await process.communicate()
    assert found_in(output.decode() + errors.decode()) == []
    return process.returncode or 0, output.decode(), errors.decode()
