"""A process goes on with what is applied meanwhile, by `rapport apply` or another process."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import datetime

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
        self._seen = desk.library.applied_at

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

        What this program cannot load (a newer one applied it) is said once, and not followed.
        """
        business_id = self._desk.library.business_id
        # Asked for first: what is applied while it is loaded is loaded again at the next look.
        newest: datetime | None = self._read(lambda db: last_applied_at(db, business_id))
        if newest == self._seen:
            return False
        try:
            library, channels = self._read(lambda db: self._load(db, business_id))
        except DatabaseUnavailable:
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is: what runs goes on running
            log.error("apply_not_followed", reason=f"{type(error).__name__}: {error}")
            self._seen = newest
            return False
        self._desk.go_on_with(library, channels)
        self._seen = newest
        log.info("apply_followed", flows=len({key for key, _ in library.flows}))
        return True
