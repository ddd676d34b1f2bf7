"""Wake-ups through Redis: a task for one of the workers, a published word for the one sender."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from rapport.runtime.backoff import Backoff
from rapport.runtime.redis_link import (
    ANSWER_SECONDS,
    GIVING,
    TELL_SECONDS,
    TROUBLE,
    Link,
    heed_cancellation,
)
from rapport.runtime.tasks import DRAIN, PERFORM, Tasks

TELLING, HEARING = "waking others up", "hearing from others"


class RedisWakeups:
    """See Wakeups. `tell` and `hear` run beside; what cannot be told in time is dropped.

    Who is told the same again before it went out is told once.
    """

    def __init__(self, redis: Redis, prefix: str, tasks: Tasks, link: Link) -> None:
        self._redis = redis
        self._channel = f"{prefix}:outbox"
        self._tasks = tasks
        self._link = link
        self._to_give: set[str] = set()
        self._accounts: set[int] = set()
        self._something = asyncio.Event()

    def mail_waits(self) -> None:
        """See Wakeups."""
        self._give(DRAIN)

    def calls_wait(self) -> None:
        """See Wakeups."""
        self._give(PERFORM)

    def outbox_filled(self, account_id: int) -> None:
        """See Wakeups."""
        self._accounts.add(account_id)
        self._something.set()

    async def tell(self, backoff: Backoff) -> None:
        """Send wake-ups on until cancelled. Where Redis fails, none until it answers again."""
        failures = 0
        while True:
            heed_cancellation()
            if self._is_troubled():
                failures += 1
                await asyncio.sleep(backoff.seconds(failures))
                await self._try_again()
                continue
            failures = 0
            await self._something.wait()
            self._something.clear()
            to_give, self._to_give = self._to_give, set()
            accounts, self._accounts = self._accounts, set()
            for name in sorted(to_give):
                await self._tasks.give(name)
            if accounts:
                await self._publish(accounts)

    def _give(self, name: str) -> None:
        self._to_give.add(name)
        self._something.set()

    def _is_troubled(self) -> bool:
        return bool(self._link.troubles.keys() & {TELLING, GIVING})

    async def _try_again(self) -> None:
        """Whether Redis answers, where nothing may have to be told for hours."""
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await self._redis.ping()
        except TROUBLE as error:
            self._link.failed(TELLING, error)
        else:
            self._link.answered(TELLING)
            self._link.answered(GIVING)

    async def hear(self, filled: Callable[[int], None], backoff: Backoff) -> None:
        """Call `filled` with each account whose outbox was filled elsewhere, until cancelled."""
        failures = 0
        while True:
            heed_cancellation()
            try:
                async with self._redis.pubsub() as heard:
                    await heard.subscribe(self._channel)
                    async for account in _heard(heard):
                        heed_cancellation()
                        self._link.answered(HEARING)
                        failures = 0
                        if account is not None:
                            filled(account)
            except TROUBLE as error:
                self._link.failed(HEARING, error)
                failures += 1
                await asyncio.sleep(backoff.seconds(failures))

    async def _publish(self, accounts: set[int]) -> None:
        try:
            async with asyncio.timeout(TELL_SECONDS), self._redis.pipeline(False) as pipeline:
                for account in accounts:
                    pipeline.publish(self._channel, account)
                await pipeline.execute()
        except TROUBLE as error:
            self._link.failed(TELLING, error)
        else:
            self._link.answered(TELLING)


async def _heard(channel: PubSub) -> AsyncIterator[int | None]:
    """The accounts that are told of; None where Redis says something else, that it is there.

    Raises TimeoutError where it says nothing at all, though it was asked.
    """
    is_asked = False
    while True:
        message = await channel.get_message(timeout=ANSWER_SECONDS)
        if message is not None:
            is_asked = False
            is_ours = message["type"] == "message" and message["data"].isdigit()
            yield int(message["data"]) if is_ours else None
        elif is_asked:
            raise TimeoutError("Redis does not answer")
        else:
            # So quiet that the connection may be lost without a word.
            await channel.ping()
            is_asked = True
