"""A process goes on with what is applied meanwhile, by `rapport apply` or another process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime
from threading import Lock

import structlog
from sqlalchemy import Connection

from crm.database import DatabaseUnavailable
from crm.services.projects import last_applied_at
from rapport.runtime.desk import Desk
from rapport.runtime.library import Library
from rapport.runtime.reading import Reader

LOOK_SECONDS = 1.0
"""How often it is asked whether something was applied: one look-up by a key."""

Load = Callable[[Connection, int], tuple[Library, dict[int, str]]]
"""Reads the applied business and the channels of its accounts from the database."""

_CHANCE = random.SystemRandom()

log = structlog.get_logger(__name__)


class Following:
    """Gives a desk the newest library; batches that have begun end on the one before.

    What a process was started with stays: its channels and their pace.
    """

    def __init__(self, desk: Desk, read: Reader, load: Load) -> None:
        self._desk = desk
        self._read = read
        self._load = load
        self._looking = Lock()

    async def run(self) -> None:
        """Look again and again, until cancelled. A store that is away is for others to tell of."""
        while True:
            # Many processes must not load all at the same moment.
            await asyncio.sleep(LOOK_SECONDS * _CHANCE.uniform(0.75, 1.25))
            try:
                await asyncio.to_thread(self.look)
            except DatabaseUnavailable:
                continue

    def look(self) -> bool:
        """Follow if something was applied; whether that is so. Raises DatabaseUnavailable.

        What this program cannot load (a newer one applied it) is said once, and not followed. May
        be called from any thread: by turns, which do nothing by a library that is outdated.
        """
        with self._looking:
            return self._look()

    def _look(self) -> bool:
        library = self._desk.library
        business_id = library.business_id
        # Asked for first: what is applied while it is loaded is loaded again at the next look.
        newest: datetime | None = self._read(lambda db: last_applied_at(db, business_id))
        if newest == library.applied_at:
            return False
        try:
            loaded, channels = self._read(lambda db: self._load(db, business_id))
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is: what runs goes on running
            log.error("apply_not_followed", reason=f"{type(error).__name__}: {error}")
            library.applied_at = newest
            return False
        loaded.applied_at = newest
        self._desk.go_on_with(loaded, channels)
        log.info("apply_followed", flows=len({key for key, _ in loaded.flows}))
        return True
