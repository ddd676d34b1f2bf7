"""Offering what comes in to the flows, before or after the host's own handlers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from bots.channel import Inbound
from crm.database import DatabaseUnavailable
from rapport.plugin.ownership import ALWAYS_OURS, Owner, may_be_ours
from rapport.process import backoff
from rapport.redaction import redacted
from rapport.runtime.guest import Guest, was_left
from rapport.runtime.intake import Broken, Origin
from rapport.runtime.reading import Reader
from rapport.runtime.service import Service
from rapport.runtime.turns import Turned

REMEMBERED = 1_000
"""So many of the updates taken last are known: a webhook may bring them twice within seconds."""

Identity = Callable[[int], Awaitable[Mapping[str, Any] | None]]
"""Asked once about each person who writes: `own`, the id that the host knows them by, and values of
fields besides. None for somebody the host does not know."""

Identify = Callable[[int, Mapping[str, Any]], Awaitable[object]]

log = structlog.get_logger(__name__)


class Offering:
    """For one account of a host. identify: stores what `identity` tells.

    looks_back: true while updates may be ones that were taken before a restart. store_is_away:
    whether something waits for it.
    """

    def __init__(
        self, owner: Owner, guest: Guest, origin: Origin, service: Service, read: Reader,
        identity: Identity | None, identify: Identify,
    ) -> None:  # fmt: skip
        self.looks_back = False
        self.store_is_away = False
        self._owner = owner
        self._guest = guest
        self._origin = origin
        self._service = service
        self._read = read
        self._identity = identity
        self._identify = identify
        self._identified: set[str] = set()
        self._taken: deque[str] = deque(maxlen=REMEMBERED)

    async def before_host(self, item: Inbound) -> bool:
        """Offer what came in before the host sees it; True where it is not the host's any more.

        Returns after the commit of what the flows took.
        """
        if item.kind in ALWAYS_OURS:
            await self._offer(item)
            return False
        if self._owner == "host_first" or not may_be_ours(item):
            return False
        if self._owner == "only_when_waiting" and not self._is_awaited(item):
            return await self._was_taken(item)
        return await self._offer(item)

    async def after_host(self, item: Inbound) -> bool:
        """Offer what none of the host's handlers took; whether it is the flows'."""
        if self._owner != "host_first" or not may_be_ours(item):
            return False
        return await self._offer(item)

    def _is_awaited(self, item: Inbound) -> bool:
        # A button of ours says so itself: nobody else could answer it.
        return item.kind == "press" or self._guest.awaits((self._origin.account_id, item.peer))

    async def _was_taken(self, item: Inbound) -> bool:
        """Whether this is a second copy of what a flow took."""
        if item.dedup_key in self._taken:
            return True
        if not self.looks_back:
            return False
        return await self._took_before(item)

    async def _offer(self, item: Inbound) -> bool:
        if self._identity is not None:
            await self._ask_identity(self._identity, item)
        turned = await self.take_in(item)
        if turned is None:
            return False
        if turned.received:
            taken = item.dedup_key not in turned.left
        else:
            taken = await self._took_before(item)
        if taken:
            self._taken.append(item.dedup_key)
        return taken

    async def _took_before(self, item: Inbound) -> bool:
        left = await asyncio.to_thread(self._read, lambda db: was_left(db, item.dedup_key))
        return left is False

    async def take_in(self, item: Inbound) -> Turned | None:
        """What came of it, after the commit; a store that is away is waited for. None where it
        could not be taken in, and is kept as a dead letter."""
        pause, failures = backoff(0.1, 30.0), 0
        while True:
            try:
                turned = await self._stored(item)
            except DatabaseUnavailable as error:
                # The host's library has confirmed it: who lets it go now loses it.
                failures += 1
                self.store_is_away = True
                if failures == 1:
                    log.warning("store_unavailable", doing="taking in", reason=str(error))
                await asyncio.sleep(pause.seconds(failures))
            else:
                self.store_is_away = False
                return turned

    async def _stored(self, item: Inbound) -> Turned | None:
        service, origin = self._service, self._origin
        try:
            return await service.take_in(origin, [item])
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("update_not_taken_in", update=item.dedup_key)
            reason = redacted(f"{type(error).__name__}: {error}")
            await service.take_in(origin, [Broken(item.dedup_key, reason, repr(item))])
            return None

    async def _ask_identity(self, identity: Identity, item: Inbound) -> None:
        if item.sender in self._identified or item.kind in ALWAYS_OURS:
            return
        try:
            known = await identity(int(item.sender))
            if known:
                await self._identify(int(item.sender), known)
        except Exception:
            # The host's code, or what it gave; the message is taken all the same.
            log.exception("identity_failed", person=item.sender)
        self._identified.add(item.sender)
