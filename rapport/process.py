"""The embedded process of `rapport run`: one business, its channels, one database, one loop."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import structlog

from bots.channel import Account, Channel, ChannelError, Outgoing, Throttled, Unauthorised
from bots.limits import Pace, Rates
from crm.database import open_engine
from engine.loader import Loaded
from rapport.build import apply_loaded, channels_of, open_account, whole
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import Clock, SystemClock
from rapport.runtime.collector import leave_alone_what_stays
from rapport.runtime.desk import Desk
from rapport.runtime.intake import Origin
from rapport.runtime.library import Library
from rapport.runtime.poller import Poller
from rapport.runtime.reading import Reader
from rapport.runtime.sender import Sender
from rapport.runtime.service import Service
from rapport.runtime.turns import Turns
from rapport.runtime.writer import ThreadWriter, Writer

STOP_SECONDS = 8.0
"""How long a stop may take: the promise is ten seconds, the rest is for the interpreter's end."""

log = structlog.get_logger(__name__)

Ready = Callable[[str, str], None]
"""Told the channel and the account of each line whose updates are being fetched."""


@dataclass(frozen=True, slots=True)
class Line:
    """A channel with the pace its platform bears."""

    channel: Channel
    rates: Rates


class Process:
    """`run` returns after SIGTERM, Ctrl-C or `stop`. The schema must have been prepared."""

    def __init__(
        self, url: str, loaded: Loaded, lines: list[Line], clock: Clock | None = None
    ) -> None:
        self._loaded = loaded
        self._lines = lines
        self._clock = clock or SystemClock()
        self._engine = open_engine(url)
        self._read_engine = open_engine(url, read_only=True)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self, ready: Ready) -> None:
        """Serve until told to stop. Raises Unauthorised where a platform refuses our credentials,
        CrmError where the project cannot be applied, DatabaseUnavailable.
        """
        structlog.contextvars.bind_contextvars(business=self._loaded.business.key)
        self._listen_for_signals()
        writer = ThreadWriter(self._engine)
        serving = asyncio.create_task(self._serve(writer, ready))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            serving.cancel()
            await asyncio.wait([serving, stopping], timeout=STOP_SECONDS)
            await asyncio.to_thread(writer.close)
            for line in self._lines:
                await line.channel.close()
            self._engine.dispose()
            self._read_engine.dispose()
        if serving.done() and not serving.cancelled():
            serving.result()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows has no signal handlers on the loop
                loop.add_signal_handler(number, self.stop)

    async def _serve(self, writer: Writer, ready: Ready) -> None:
        library = await self._apply(writer)
        origins = [await self._open(line, writer, library.business_id) for line in self._lines]
        opened = list(zip(self._lines, origins, strict=True))
        read = Reader(self._read_engine)
        senders = {
            origin.account_id: Sender(
                line.channel, origin.account_id, writer, read, self._clock, Pace(line.rates),
                _backoff(1.0, 300.0),
            )
            for line, origin in opened
        }  # fmt: skip
        channels = await asyncio.wrap_future(
            writer.submit(lambda db: channels_of(db, library.business_id))
        )
        turns = Turns(library, channels, self._parts)
        service = Service(Desk(turns), writer, read, self._clock, senders, _backoff(0.1, 30.0))
        leave_alone_what_stays()
        try:
            async with asyncio.TaskGroup() as jobs:
                jobs.create_task(service.pump())
                for sender in senders.values():
                    jobs.create_task(sender.run())
                for line, origin in opened:
                    poller = Poller(line.channel, origin, service, _backoff(0.1, 30.0))
                    jobs.create_task(poller.run())
                    ready(origin.channel, line.channel.account)
        except BaseExceptionGroup as ended:
            # The first job that failed ended the others; its error is the news.
            raise ended.exceptions[0] from None

    async def _apply(self, writer: Writer) -> Library:
        now = self._clock.now()
        ready = await asyncio.wrap_future(
            writer.submit(lambda db: apply_loaded(db, self._loaded, now))
        )
        for change in ready.applied.changes:
            log.info("applied", change=str(change))
        return ready.library

    def _parts(self, channel: str, message: Outgoing) -> Sequence[Outgoing]:
        for line in self._lines:
            if line.channel.name == channel:
                return line.channel.parts(message)
        return whole(channel, message)

    async def _open(self, line: Line, writer: Writer, business_id: int) -> Origin:
        account = await connect(line.channel)
        now = self._clock.now()
        return await asyncio.wrap_future(
            writer.submit(
                lambda db: open_account(
                    db, business_id, line.channel.name, account.external_id, account.username, now
                )
            )
        )


async def connect(channel: Channel) -> Account:
    """Open a channel, trying for as long as the platform cannot be reached; that is said once.

    Raises Unauthorised where it was reached and refuses our credentials.
    """
    backoff = _backoff(0.5, 30.0)
    failures = 0
    while True:
        try:
            account = await channel.open()
        except Unauthorised:
            raise
        except ChannelError as error:
            failures += 1
            if failures == 1:
                log.warning("not_reached_yet", channel=channel.name, reason=str(error))
            pause = error.retry_after if isinstance(error, Throttled) else backoff.seconds(failures)
            await asyncio.sleep(pause)
        else:
            if failures:
                log.info("reached", channel=channel.name, after_failures=failures)
            return account


def _backoff(first: float, most: float) -> Backoff:
    return Backoff(first, most, random.SystemRandom().random)
