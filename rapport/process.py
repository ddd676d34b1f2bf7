"""`rapport run`: the embedded process, from settings to the line that says it is ready."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from filelock import FileLock, Timeout
from sqlalchemy.engine import make_url

from bots.channel import Channel
from bots.limits import Pace, Rates
from crm.database import open_engine
from engine.loader import Loaded
from rapport.build import Ready, apply_loaded, open_account
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import Clock, SystemClock
from rapport.runtime.desk import Desk
from rapport.runtime.intake import Origin
from rapport.runtime.poller import Poller
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.service import Service
from rapport.runtime.turns import Turns
from rapport.runtime.writer import ThreadWriter, Writer

STOP_SECONDS = 8.0
"""How long a stop may take: the promise is ten seconds, the rest is for the interpreter's end."""

log = structlog.get_logger(__name__)


class AlreadyRunning(Exception):
    """Another process runs on this database; the text names it."""


@dataclass(frozen=True, slots=True)
class Line:
    """A channel with the pace its platform bears."""

    channel: Channel
    rates: Rates


class OneAtATime:
    """The lock beside an SQLite file: two processes would send everything twice.

    The operating system frees it when the process dies, however it dies.
    """

    def __init__(self, url: str) -> None:
        database = make_url(url).database
        self._path = Path(f"{database}.lock") if database else None
        self._lock = FileLock(str(self._path)) if self._path else None

    def __enter__(self) -> None:
        if self._lock is None or self._path is None:
            return
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise AlreadyRunning(
                f"another `rapport run` uses this database ({self._owner()})"
            ) from None
        self._owner_file().write_text(f"process {_pid()}", encoding="utf-8")

    def __exit__(self, *_: object) -> None:
        if self._lock is not None and self._lock.is_locked:
            self._owner_file().unlink(missing_ok=True)
            self._lock.release()

    def _owner_file(self) -> Path:
        return Path(f"{self._path}.owner")

    def _owner(self) -> str:
        try:
            return self._owner_file().read_text(encoding="utf-8")
        except OSError:
            return "process unknown"


def _pid() -> int:
    import os

    return os.getpid()


class Process:
    """One business, its channels, one database. `run` returns after SIGTERM, Ctrl-C or `stop`."""

    def __init__(
        self, url: str, loaded: Loaded, lines: list[Line], clock: Clock | None = None
    ) -> None:
        self._loaded = loaded
        self._lines = lines
        self._clock = clock or SystemClock()
        self._engine = open_engine(url)
        self._read_engine = open_engine(url, read_only=True)
        self._stopping = asyncio.Event()
        self._backoff = Backoff(0.1, 30.0, random.SystemRandom().random)

    def stop(self) -> None:
        self._stopping.set()

    async def run(self, ready: Callable[[str], None]) -> None:
        """Serve until told to stop. Raises Unauthorised where a platform refuses our credentials.

        `ready` is given the line that says so, once updates are being fetched.
        """
        self._listen_for_signals()
        writer = ThreadWriter(self._engine)
        try:
            await self._serve(writer, ready)
        finally:
            await asyncio.to_thread(writer.close)
            for line in self._lines:
                await line.channel.close()
            self._engine.dispose()
            self._read_engine.dispose()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows has no signal handlers on the loop
                loop.add_signal_handler(number, self.stop)

    async def _serve(self, writer: Writer, ready: Callable[[str], None]) -> None:
        now = self._clock.now()
        applied: Ready = await asyncio.wrap_future(
            writer.submit(lambda db: apply_loaded(db, self._loaded, now))
        )
        for change in applied.applied.changes:
            log.info("applied", change=str(change))
        opened = [await self._open(line, writer, applied) for line in self._lines]
        turns = Turns(
            applied.library,
            {origin.account_id: origin.channel for _, origin in opened},
            {line.channel.name: line.channel.parts for line, _ in opened},
        )
        read = Reader(self._read_engine)
        senders = {
            origin.account_id: Sender(
                line.channel, origin.account_id, writer, read, self._clock, Pace(line.rates),
                Backoff(1.0, 300.0, random.SystemRandom().random),
            )
            for line, origin in opened
        }  # fmt: skip
        service = Service(Desk(turns), writer, read, self._clock, senders, self._backoff)
        jobs = [service.pump()]
        jobs += [sender.run() for sender in senders.values()]
        jobs += [
            Poller(line.channel, origin, service, self._backoff).run() for line, origin in opened
        ]
        for line, origin in opened:
            ready(f"ready channel={origin.channel} account={line.channel.account}")
        await self._until_stopped([asyncio.create_task(job) for job in jobs])

    async def _open(self, line: Line, writer: Writer, applied: Ready) -> tuple[Line, Origin]:
        """Connect to the platform; wait while it cannot be reached, but not if it refuses us."""
        account = await line.channel.open()
        now = self._clock.now()
        origin = await asyncio.wrap_future(
            writer.submit(
                lambda db: open_account(
                    db, applied.applied.business_id, line.channel.name, account.external_id,
                    account.username, now,
                )
            )
        )  # fmt: skip
        return line, origin

    async def _until_stopped(self, tasks: list[asyncio.Task[None]]) -> None:
        """Wait for the stop, or for the first job that fails; then end them all."""
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *tasks):
                task.cancel()
            await asyncio.wait([stopping, *tasks], timeout=STOP_SECONDS)
        for task in done - {stopping}:
            task.result()
