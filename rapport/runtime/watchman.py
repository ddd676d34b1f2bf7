"""Looks at the system every few seconds, raises alarms and tells the staff.

Alarms are stored, so that processes share them and a restart forgets none; where the store itself
is the trouble they are told from memory. A message to the staff goes past the outbox, by a sender
of this process: it may be the outbox that is stuck, and nothing that happens to it is counted, so
no alarm is about an alarm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from sqlalchemy import Connection

from bots.channel import Unauthorised
from crm.database import DatabaseUnavailable
from engine.business import Business
from rapport.runtime import conditions
from rapport.runtime.alarm_store import mark_told, store_alarms
from rapport.runtime.alarms import Alarm, Alarms, Key, News, Sighting, news_of
from rapport.runtime.staff import text_of
from rapport.runtime.status import Dead, Status
from rapport.runtime.watched import Watched
from rapport.runtime.writer import Writer

LOOK_SECONDS = 5.0
"""How often it looks."""

AGAIN_AFTER = timedelta(minutes=1)
"""Who could not be told is tried again so much later."""

log = structlog.get_logger(__name__)


class Tells(Protocol):
    """A way to the staff."""

    def is_open(self) -> bool:
        """Whether there is somebody to tell, and a way to them from this process."""

    async def tell(self, text: str) -> bool:
        """Whether anybody was reached."""


class Watchman:
    """`business` is asked for at each message: it may be applied anew meanwhile."""

    def __init__(
        self, watched: Watched, writer: Writer, business: Callable[[], Business], staff: Tells,
        every: float = LOOK_SECONDS,
    ) -> None:  # fmt: skip
        self._watched = watched
        self._writer = writer
        self._business = business
        self._staff = staff
        self._every = every
        self._alarms = Alarms()
        self._unstored: dict[Key, Alarm] = {}
        self._dead: Dead | None = None
        self._names: Mapping[int, str] = {}
        self._again_at: dict[Key, datetime] = {}
        self._stumbles = False

    async def run(self) -> None:
        """Look until cancelled; once more where the end is that credentials are refused."""
        try:
            while True:
                await self._look_safely()
                await asyncio.sleep(self._every)
        finally:
            if self._is_refused():
                await self._look_safely()

    async def _look_safely(self) -> None:
        """A fault of the watchman must not cost the bot; it is said once."""
        try:
            await self.look()
        except Exception:
            if not self._stumbles:
                log.exception("look_failed")
            self._stumbles = True
        else:
            self._stumbles = False

    async def look(self) -> None:
        """Look once; store and tell what there is to."""
        now = self._watched.clock.now()
        status, error = await self._status()
        for alarm in self._alarms.see(self._sightings(status, error), now):
            self._unstored[alarm.key] = alarm
            _say(alarm)
        await self._store()
        if self._staff.is_open():
            for alarm in list(self._alarms.known.values()):
                await self._tell(alarm, now)

    # -- seeing

    async def _status(self) -> tuple[Status | None, DatabaseUnavailable | None]:
        watched = self._watched
        try:
            status = await asyncio.to_thread(watched.status)
        except DatabaseUnavailable as error:
            return None, error
        self._names = status.accounts
        self._alarms.know(alarm for alarm in status.alarms if alarm.key not in self._unstored)
        return status, None

    def _sightings(self, status: Status | None, error: Exception | None) -> Iterator[Sighting]:
        watched = self._watched
        yield conditions.of_the_store(error, watched.writer)
        yield from conditions.of_accounts(watched.pollers(), watched.senders(), self._names)
        if watched.database is not None:
            yield from conditions.of_the_disk(watched.database)
        if status is not None:
            served, known = self._served(status), tuple(self._alarms.known.values())
            yield from conditions.of_what_waits(status, served)
            yield from conditions.of_replaced_bots(known, served, status.at)
            yield from conditions.of_leases(status)
            yield conditions.of_dead(self._dead, status.dead)
            self._dead = status.dead

    def _served(self, status: Status) -> set[str]:
        """The accounts that some process works for now."""
        here = self._watched.pollers().keys() | self._watched.senders().keys()
        elsewhere = {lease.account_id for lease in status.leases if lease.is_held}
        return {name for account, name in status.accounts.items() if account in here | elsewhere}

    def _is_refused(self) -> bool:
        pollers, senders = self._watched.pollers().values(), self._watched.senders().values()
        troubles = [one.trouble for one in pollers] + [one.trouble for one in senders]
        return any(isinstance(trouble, Unauthorised) for trouble in troubles)

    # -- storing

    async def _store(self) -> None:
        alarms, business = list(self._unstored.values()), self._watched.business_id
        if alarms and await self._wrote(lambda db: store_alarms(db, business, alarms)):
            self._unstored.clear()

    async def _wrote(self, f: Callable[[Connection], bool]) -> bool | None:
        """What `f` returns; None where the store is the trouble, which the next look sees."""
        try:
            return await asyncio.wrap_future(self._writer.submit(f))
        except DatabaseUnavailable:
            return None

    # -- telling

    async def _tell(self, alarm: Alarm, now: datetime) -> None:
        news = news_of(alarm, now)
        if news is None or now < self._again_at.get(alarm.key, now):
            return
        was = alarm.told(news)
        if not await self._mark_told(alarm, news, was, now):
            return
        if await self._staff.tell(text_of(alarm, news, self._business())):
            self._again_at.pop(alarm.key, None)
            log.info("staff_told", kind=alarm.kind, about=alarm.about, news=news)
            return
        await self._mark_told(alarm, news, now, was)
        if alarm.key not in self._again_at:
            log.warning("staff_not_told", kind=alarm.kind, about=alarm.about, news=news)
        self._again_at[alarm.key] = now + AGAIN_AFTER

    async def _mark_told(
        self, alarm: Alarm, news: News, was: datetime | None, at: datetime | None
    ) -> bool:
        """Say that this process tells it; False where another one does, or nobody can know."""
        business = self._watched.business_id
        if alarm.key not in self._unstored:
            marked = await self._wrote(lambda db: mark_told(db, business, alarm, news, was, at))
            if not marked:
                return False
        alarm.set_told(news, at)
        return True


def _say(alarm: Alarm) -> None:
    ids = {"kind": alarm.kind, "about": alarm.about, "reason": alarm.reason}
    if alarm.stands:
        log.warning("alarm_raised", **ids)
    else:
        log.info("alarm_over", **ids)
