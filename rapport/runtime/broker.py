"""Tasks spread over processes: Taskiq on Redis Streams.

Its parts are run by hand here. `taskiq worker` ends where Redis is not there at the start; its
receiver ends where the stream is wiped away (NOGROUP), and would be tried again without a pause.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress

import structlog
from redis.asyncio import Redis
from taskiq import AckableMessage
from taskiq.exceptions import SendTaskError
from taskiq.receiver import Receiver
from taskiq.utils import maybe_awaitable
from taskiq_redis import RedisStreamBroker

from rapport.runtime.backoff import Backoff
from rapport.runtime.redis_link import (
    ANSWER_SECONDS,
    GIVING,
    TELL_SECONDS,
    TROUBLE,
    Link,
    heed_cancellation,
    once_more,
)
from rapport.runtime.tasks import DirectTasks, Task

TASKS_AT_ONCE = 4
"""Tasks that a process does side by side: the threads, and so the connections, they take."""

MAXLEN = 100_000
"""Entries kept in the stream; it never shrinks by itself. Older ones are lost, as any may be."""

IDLE_MILLISECONDS = 60_000
"""After so long a task whose process has not acknowledged it goes to another one."""

BLOCK_MILLISECONDS = 2_000
"""How long a receiver waits for tasks at a time."""

FINISH_SECONDS = 1.5
"""How long a stop waits for tasks that are being done; another process does the rest."""

RECEIVING = "receiving tasks"

log = structlog.get_logger(__name__)


class Broker(RedisStreamBroker):
    """Taskiq's, without an error where a task cannot be acknowledged: it is done twice then."""

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        """See RedisStreamBroker."""
        async with aclosing(super().listen()) as messages:
            async for message in messages:
                yield AckableMessage(data=message.data, ack=_quietly(message.ack))


def _quietly(ack: Callable[[], Awaitable[None] | None]) -> Callable[[], Awaitable[None]]:
    async def acknowledge() -> None:
        with suppress(*TROUBLE):
            await maybe_awaitable(ack())

    return acknowledge


def broker_of(url: str, prefix: str, owner: str, known: Mapping[str, Task]) -> Broker:
    """A broker with these tasks. owner: a name for this process that no other one has."""
    broker = Broker(
        url,
        queue_name=f"{prefix}:tasks",
        consumer_group_name="workers",
        consumer_name=owner,
        consumer_id="0",  # what came between a wipe and our return, too
        xread_block=BLOCK_MILLISECONDS,
        maxlen=MAXLEN,
        idle_timeout=IDLE_MILLISECONDS,
        unacknowledged_lock_timeout=30,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=TELL_SECONDS,
        retry=once_more(),
    )
    for name, task in known.items():
        broker.register_task(_renamable(task), task_name=name)
    return broker


def _renamable(task: Task) -> Task:
    """Taskiq gives what it registers another name; a method would refuse that."""

    def call(*ids: int) -> None:
        task(*ids)

    return call


class BrokerTasks:
    """Gives tasks to the workers through a broker; where Redis does not take one, it is done here.

    `lossy` ones are not: a sweep finds what they are about.
    """

    def __init__(
        self, broker: Broker, known: Mapping[str, Task], link: Link, *, lossy: frozenset[str]
    ) -> None:
        self._broker = broker
        self._here = DirectTasks(known)
        self._link = link
        self._lossy = lossy

    async def give(self, name: str, *ids: int) -> None:
        """See Tasks."""
        task = self._broker.find_task(name)
        assert task is not None, f"{name} is a task that the broker was made with"
        try:
            async with asyncio.timeout(TELL_SECONDS):
                await task.kiq(*ids)
        except (SendTaskError, *TROUBLE) as error:
            told_by_redis = isinstance(error, SendTaskError) and error.__cause__
            self._link.failed(GIVING, told_by_redis or error)
            if name not in self._lossy:
                await self._here.give(name, *ids)
        else:
            self._link.answered(GIVING)


async def receive(broker: Broker, link: Link, backoff: Backoff) -> None:
    """Do the tasks that come, until cancelled; Redis may be away, and is waited for."""
    failures = 0
    threads = ThreadPoolExecutor(TASKS_AT_ONCE, thread_name_prefix="tasks")
    try:
        while True:
            heed_cancellation()
            try:
                await broker.startup()
                link.answered(RECEIVING)
                failures = 0
                await _listen(_receiver(broker, threads))
            except Exception as error:
                cause = _cause(error)
                if not isinstance(cause, TROUBLE):
                    raise
                link.failed(RECEIVING, cause)
            failures += 1
            await asyncio.sleep(backoff.seconds(failures))
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        await _leave(broker)


async def _listen(receiver: Receiver) -> None:
    """Receive until that fails, or until cancelled: Taskiq's own loop may swallow a cancellation,
    and is asked to finish."""
    finish = asyncio.Event()
    listening = asyncio.create_task(receiver.listen(finish))
    try:
        await asyncio.wait({listening})
    finally:
        finish.set()
        await asyncio.wait({listening}, timeout=FINISH_SECONDS + 0.5)
        listening.cancel()
    listening.result()


def _receiver(broker: Broker, threads: ThreadPoolExecutor) -> Receiver:
    broker.is_worker_process = True
    return Receiver(
        broker,
        threads,
        validate_params=False,
        max_async_tasks=TASKS_AT_ONCE,
        run_startup=False,
        wait_tasks_timeout=FINISH_SECONDS,
    )


def _cause(error: BaseException) -> BaseException:
    """What went wrong inside the receiver's task group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _leave(broker: Broker) -> None:
    """Forget this process in Redis, best effort: names of processes must not pile up there."""
    with suppress(*TROUBLE):
        async with (
            asyncio.timeout(TELL_SECONDS),
            Redis(connection_pool=broker.connection_pool) as redis,
        ):
            await redis.xgroup_delconsumer(
                broker.queue_name, broker.consumer_group_name, broker.consumer_name
            )
