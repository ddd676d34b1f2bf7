"""One process at work for a business, with its roles: it opens, serves, and stops cleanly.

What the roles do is in `rapport.jobs`. `rapport run` is a process with all of them, on SQLite the
only one; `rapport worker` is one of many on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

import structlog

from bots.channel import Outgoing
from crm.database import open_engine
from rapport.build import Opening, Ready, channels_of, load_applied, open_account, whole
from rapport.http_caller import HttpCaller, hosts_of
from rapport.jobs import Beside, Line, Place, Post, serve
from rapport.roles import EVERY_ROLE, Role, Roles
from rapport.runtime.backoff import Backoff
from rapport.runtime.clock import Clock, SystemClock
from rapport.runtime.clock_watch import ClockWatch
from rapport.runtime.collector import leave_alone_what_stays
from rapport.runtime.connecting import connect
from rapport.runtime.desk import Desk
from rapport.runtime.file_jobs import run_waiting_imports
from rapport.runtime.following import Following
from rapport.runtime.forgetting import forget_by_clock
from rapport.runtime.guest import Guest
from rapport.runtime.moving import Mover
from rapport.runtime.outlets import Outlet
from rapport.runtime.performer import Performer
from rapport.runtime.pooled_writer import writer_for
from rapport.runtime.reading import Reader
from rapport.runtime.rules_pass import pass_by_clock
from rapport.runtime.scanning import scan_by_clock
from rapport.runtime.scheduler import Tick
from rapport.runtime.service import Service
from rapport.runtime.tallies import ServiceTally
from rapport.runtime.tasks import (
    BUILD_INDEXES,
    DRAIN,
    FOLLOW_RULES,
    IMPORT_FILES,
    PERFORM,
    RETAIN,
    SCAN,
    Task,
    Tasks,
)  # fmt: skip
from rapport.runtime.tenure import (
    LEASE_SECONDS,
    Alone,
    Keeper,
    LeaseKeeper,
    awake_or_not,
    owner_of_this_process,
)
from rapport.runtime.turns import Turns
from rapport.runtime.upkeep import IndexBuilder
from rapport.runtime.writer import Writer
from rapport.spreading import Spread, find_prefix_by, spread_by_redis, unspread

STOP_SECONDS = 8.0
"""How long a stop may take: the promise is ten seconds, the rest is for the interpreter's end."""

SCAN_EVERY = timedelta(seconds=10)
"""How often it is looked whether a trigger of the clock has come: it begins so late at most, and
JITTER_SECONDS more."""

LAST_SECONDS = 9.5
"""After so long a process that was told to stop ends with what it has: safe as a kill is."""

log = structlog.get_logger(__name__)

Announce = Callable[[str, str], None]
"""Told the channel and the account of each line once its work has begun here."""


def ticks_of(tasks: Tasks) -> Sequence[Tick]:
    """What the scheduler of a business wakes."""
    return (
        Tick(BUILD_INDEXES, timedelta(minutes=1), lambda: tasks.give(BUILD_INDEXES)),
        Tick(SCAN, SCAN_EVERY, lambda: tasks.give(SCAN)),
        Tick(RETAIN, timedelta(hours=1), lambda: tasks.give(RETAIN)),
        Tick(FOLLOW_RULES, timedelta(minutes=1), lambda: tasks.give(FOLLOW_RULES)),
        Tick(IMPORT_FILES, timedelta(seconds=10), lambda: tasks.give(IMPORT_FILES)),
    )


class Process:
    """`run` returns after SIGTERM, Ctrl-C or `stop`. The schema must have been prepared.

    opening: how the business is found in the database (rapport.build.applying, applied).
    beside: what runs beside the roles, as long as they do. guest: the program is somebody else's:
    signals and memory are its own business, and what nobody takes is left to it.
    """

    def __init__(
        self, url: str, opening: Opening, lines: Sequence[Line], clock: Clock | None = None, *,
        roles: Roles = EVERY_ROLE, redis_url: str | None = None,
        lease_seconds: float = LEASE_SECONDS,
        beside: Sequence[Beside] = (), guest: Guest | None = None,
    ) -> None:  # fmt: skip
        self._opening = opening
        self._lines = lines
        self._clock = clock or SystemClock()
        self._roles = roles
        self._beside = beside
        self._guest = guest
        self._redis_url = redis_url
        self._owner = owner_of_this_process()
        self._engine = open_engine(url)
        self._read_engine = open_engine(url, read_only=True)
        self._keeper = self._keeper_of(url, lease_seconds)
        self._indexes = IndexBuilder(self._engine, self._clock)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def run(self, announce: Announce) -> None:
        """Serve until told to stop. Raises Unauthorised where a platform refuses our credentials,
        CrmError where the project cannot be applied, DatabaseUnavailable.
        """
        structlog.contextvars.bind_contextvars(business=self._opening.key)
        if self._guest is None:
            self._listen_for_signals()
        writer = writer_for(self._engine)
        serving = asyncio.create_task(self._serve(writer, announce))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            serving.cancel()
            self._indexes.stop()
            await asyncio.wait([serving, stopping], timeout=STOP_SECONDS)
            await asyncio.to_thread(writer.close)
            for line in self._lines:
                await line.channel.close()
            self._keeper.close()
            self._engine.dispose()
            self._read_engine.dispose()
        if serving.done() and not serving.cancelled():
            serving.result()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows has no signal handlers on the loop
                loop.add_signal_handler(number, self._told_to_stop, number)

    def _told_to_stop(self, number: int) -> None:
        if self._stopping.is_set():
            # Asked twice: at once. What is committed is safe, as with a kill.
            log.warning("stopped_at_once")
            os._exit(128 + number)
        # A thread that waits for a database that answers nothing cannot be ended otherwise.
        last = threading.Timer(LAST_SECONDS, _end_unfinished)
        last.daemon = True
        last.start()
        self.stop()

    def _keeper_of(self, url: str, lease_seconds: float) -> Keeper:
        if self._engine.dialect.name == "sqlite":
            return Alone()
        return LeaseKeeper(
            open_engine(url), self._owner, self._clock, backoff(0.1, lease_seconds / 5),
            seconds=lease_seconds,
        )  # fmt: skip

    async def _serve(self, writer: Writer, announce: Announce) -> None:
        find_prefix = find_prefix_by(self._redis_url)  # before the platform is waited for
        ready = await self._open(writer)
        library = ready.library
        posts = [await self._post(line, writer, library.business_id) for line in self._lines]
        business_id = library.business_id
        channels, prefix = await asyncio.wrap_future(
            writer.submit(lambda db: (channels_of(db, business_id), find_prefix(db, business_id)))
        )
        read = Reader(self._read_engine)
        desk = Desk(Turns(library, channels, self._parts, guest=self._guest))
        outlets: dict[int, Outlet] = {}
        tally = ServiceTally()
        following = Following(desk, read, partial(load_applied, kinds=self._opening.kinds))
        service = Service(
            desk, writer, read, self._clock, outlets, backoff(0.1, 30.0), following.look, tally,
            lambda: performer.look(),
        )  # fmt: skip
        performer = Performer(
            desk, writer, read, self._clock,
            HttpCaller(lambda: hosts_of(desk.library.business)), service.look,
            lambda: spread.wakeups.calls_wait(),
            backoff(1.0, 120.0), backoff(0.1, 30.0),
        )  # fmt: skip
        clock_watch = ClockWatch(self._clock, awake_or_not, read)
        spread = self._spread(
            prefix, self._tasks(service, performer, desk, writer, read, clock_watch)
        )
        place = Place(
            business_id, desk, writer, read, self._clock, self._keeper, service,
            performer, following, Mover(desk, writer, read, self._clock), spread, self._roles,
            backoff, ticks_of(spread.tasks), outlets, tally, clock_watch,
        )  # fmt: skip
        outlets.update((post.origin.account_id, place.elsewhere(post)) for post in posts)
        if self._guest is None:
            leave_alone_what_stays()
        await serve(place, posts, self._beside, lambda post: announce(*post.name))

    def _tasks(
        self,
        service: Service,
        performer: Performer,
        desk: Desk,
        writer: Writer,
        read: Reader,
        clock_watch: ClockWatch,
    ) -> Mapping[str, Task]:
        """What this process can do for others, and for itself."""
        loop, business_id = asyncio.get_running_loop(), desk.library.business_id

        def drain() -> None:
            loop.call_soon_threadsafe(service.look)

        def perform() -> None:
            loop.call_soon_threadsafe(performer.look)

        def retain() -> None:
            passing = forget_by_clock(writer, business_id, self._clock, clock_watch)
            asyncio.run_coroutine_threadsafe(passing, loop).result()

        def pass_rules() -> None:
            passing = pass_by_clock(writer, desk, self._clock, clock_watch)
            asyncio.run_coroutine_threadsafe(passing, loop).result()

        def scan() -> None:
            scanning = scan_by_clock(writer, read, desk, self._clock, clock_watch)
            if asyncio.run_coroutine_threadsafe(scanning, loop).result():
                loop.call_soon_threadsafe(service.look)

        return {
            DRAIN: drain, PERFORM: perform, BUILD_INDEXES: self._indexes.build, SCAN: scan,
            RETAIN: retain, FOLLOW_RULES: pass_rules,
            IMPORT_FILES: lambda: run_waiting_imports(desk, writer, read, self._clock),
        }  # fmt: skip

    def _spread(self, prefix: str, known: Mapping[str, Task]) -> Spread:
        if self._redis_url is None:
            return unspread(known)
        return spread_by_redis(self._redis_url, prefix, self._owner, known, backoff)

    async def _open(self, writer: Writer) -> Ready:
        now = self._clock.now()
        ready = await asyncio.wrap_future(writer.submit(lambda db: self._opening.find(db, now)))
        for change in ready.applied.changes:
            log.info("applied", change=str(change))
        return ready

    def _parts(self, channel: str, message: Outgoing) -> Sequence[Outgoing]:
        for line in self._lines:
            if line.channel.name == channel:
                return line.channel.parts(message)
        return whole(channel, message)

    async def _post(self, line: Line, writer: Writer, business_id: int) -> Post:
        """The account of a line; who only takes turns need not reach the platform."""
        channel, username = line.channel, ""
        if self._roles & {Role.POLLER, Role.WEB, Role.SENDER}:
            username = (await connect(channel, backoff(0.5, 30.0))).username
        now = self._clock.now()
        origin = await asyncio.wrap_future(
            writer.submit(
                lambda db: open_account(
                    db, business_id, channel.name, channel.account, username, now
                )
            )
        )
        return Post(line, origin)


def _end_unfinished() -> None:
    log.error("stopped_unfinished", after_seconds=LAST_SECONDS)
    os._exit(0)


def backoff(first: float, most: float) -> Backoff:
    """Pauses with the machine's own chance."""
    return Backoff(first, most, random.SystemRandom().random)
