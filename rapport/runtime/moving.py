"""People who wait in older versions are moved to the newer one, some hundred at a time.

A turn lets the runs that it loads follow by itself (rapport.runtime.load), so nobody is ever
answered by a version they should have left. This pass does the same for those who are silent:
afterwards the tables say where everybody is, older versions can be forgotten, and who is to begin
anew does.

A piece is one short transaction. Its place is kept in the database: whoever comes next, in whatever
process, goes on there. On PostgreSQL it waits for the turns of its customers, in the order of
their ids, and takes no lock after theirs.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import structlog
from msgspec import Struct
from sqlalchemy import Connection, Engine

from crm.database import DatabaseUnavailable
from crm.services.movings import (
    applied_at_locked,
    begin_piece,
    end_piece,
    in_runs_after,
    is_moving_wanted,
    lock_customers,
    open_runs_of,
)
from engine.jsonable import run_from_json, run_to_json
from engine.moving import Fate, Followed, follow
from rapport.runtime.clock import Clock
from rapport.runtime.desk import Desk
from rapport.runtime.library import Library, LibraryOutdated
from rapport.runtime.reading import Reader
from rapport.runtime.writer import Writer
from rapport.runtime.writes import let_follow, set_timers

PIECE = 200
"""Customers looked at in one transaction, which takes some ten milliseconds on SQLite."""

BREATH_SECONDS = 0.02
"""Between two pieces: turns go first."""

LOOK_SECONDS = 1.0
"""How often a process asks itself whether its library has changed."""

SWEEP_SECONDS = 30.0
"""How often it asks the store whether another process has left some people unmoved."""

log = structlog.get_logger(__name__)


class Piece(Struct, frozen=True):
    """What one transaction did. fates: how many frames had which. more: others wait still."""

    fates: Counter[str]
    more: bool


class _Found(Struct, frozen=True):
    run_id: int
    conversation_id: int
    followed: Followed


def move_piece(db: Connection, library: Library, now: datetime, limit: int = PIECE) -> Piece:
    """Let the next `limit` customers who are in a run follow. Raises LibraryOutdated."""
    business_id = library.business_id
    library.require_newest(applied_at_locked(db, business_id))
    position = begin_piece(db, business_id)
    if position is None:
        return Piece(Counter(), more=False)
    customers = in_runs_after(db, business_id, position, limit)
    lock_customers(db, business_id, customers)
    found = list(_followed(db, library, customers))
    _store(db, business_id, found, now)
    more = len(customers) == limit
    end_piece(db, business_id, customers[-1] if more else None, now)
    return Piece(Counter(fate.what for one in found for fate in one.followed.fates), more)


def move_everybody(
    engine: Engine, library: Library, clock: Clock, moved: Callable[[int], object] = bool
) -> None:
    """Move all there are, beside whoever else does. moved: told how many fates each piece had.

    Raises LibraryOutdated where somebody has applied meanwhile, whose people then are the others.
    """
    more = True
    while more:
        with engine.begin() as db:
            piece = move_piece(db, library, clock.now())
        moved(piece.fates.total())
        more = piece.more
        if more:
            time.sleep(BREATH_SECONDS)


def fates_of_all(read: Reader, library: Library, limit: int = PIECE) -> Iterator[Fate]:
    """What would become of everybody who waits, a piece at a time; nothing is changed.

    library: the project as it would be if it were applied.
    """
    position: int | None = 0
    while position is not None:
        after = position

        def look(db: Connection, after: int = after) -> tuple[list[Fate], int | None]:
            customers = in_runs_after(db, library.business_id, after, limit)
            found = _followed(db, library, customers)
            fates = [fate for one in found for fate in one.followed.fates]
            return fates, customers[-1] if len(customers) == limit else None

        fates, position = read(look)
        yield from fates


def _followed(db: Connection, library: Library, customers: list[int]) -> Iterator[_Found]:
    if not customers:
        return
    for row in open_runs_of(db, library.business_id, customers):
        run = run_from_json(row.id, row.frames, row.wait, None)
        followed = follow(run, library.flows) if library.have_versions_of(db, run) else None
        if followed is not None:
            yield _Found(row.id, row.conversation_id, followed)


def _store(db: Connection, business_id: int, found: Iterable[_Found], now: datetime) -> None:
    """Moved runs as they are now; who begins anew is rung for, which a turn does the rest of."""
    moved, rung = [], []
    for one in found:
        run = one.followed.run
        frames, wait = run_to_json(run)
        root, top = run.frames[0], run.frames[-1]
        moved.append((root.version, top.node, frames, wait, one.run_id, business_id))
        if one.followed.restart is not None and run.wait is not None:
            rung.append((one.run_id, business_id, one.conversation_id, run.wait.id, now))
    let_follow(db, moved)
    set_timers(db, rung)


class Mover:
    """Moves people beside the turns of a process: after each apply, and what others left undone."""

    def __init__(self, desk: Desk, writer: Writer, read: Reader, clock: Clock) -> None:
        self._desk = desk
        self._writer = writer
        self._read = read
        self._clock = clock

    async def run(self) -> None:
        """Look again and again, until cancelled. A store that is away is for others to tell of."""
        seen: Library | None = None
        looks = 0.0
        while True:
            if seen is not self._desk.library or looks >= SWEEP_SECONDS:
                seen, looks = self._desk.library, 0.0
                if not await self._try():
                    seen = None
            await asyncio.sleep(LOOK_SECONDS)
            looks += LOOK_SECONDS

    async def _try(self) -> bool:
        """Move all there are; False where that is to be tried again."""
        try:
            await self.move_all()
        except (DatabaseUnavailable, LibraryOutdated):
            return False
        return True

    async def move_all(self) -> Counter[str]:
        """Move everybody who is to be moved; how many fates of which kind there were.

        Raises DatabaseUnavailable, and LibraryOutdated where the library is to be followed first.
        """
        business_id, total = self._desk.library.business_id, Counter[str]()
        # Asked by reading: a process that has nothing to move takes no write lock.
        wanted: Callable[[Connection], bool] = lambda db: is_moving_wanted(db, business_id)  # noqa: E731  # typed
        more = await asyncio.to_thread(self._read, wanted)
        while more:
            piece = await asyncio.wrap_future(self._writer.submit(self._piece))
            total += piece.fates
            more = piece.more
            await asyncio.sleep(BREATH_SECONDS)
        if total:
            log.info("people_followed", **total)
        return total

    def _piece(self, db: Connection) -> Piece:
        return move_piece(db, self._desk.library, self._clock.now())
