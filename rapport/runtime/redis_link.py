"""Redis as this process knows it: how it is called there, and whether it answers.

Nothing that matters is in Redis. It spreads work and wakes others up; without it sweeps find the
same a second later.
"""

from __future__ import annotations

import asyncio
import hashlib

import structlog
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError
from sqlalchemy import Connection, func, select

from crm.tables import business

ANSWER_SECONDS = 5.0
"""How long Redis may take to answer; longer than a receiver waits for tasks at a time."""

TELL_SECONDS = 1.0
"""How long telling others may take: after so long their own sweep has found it."""

STEADY_SECONDS = 1.0
"""How long all has to be well before that is said."""

GIVING = "giving tasks"

TROUBLE = (RedisError, OSError, TimeoutError)
"""What goes wrong between us and Redis."""

log = structlog.get_logger(__name__)


def heed_cancellation() -> None:
    """Raises CancelledError where this task was cancelled and a library let that get lost: called
    in every round of a loop around Redis, which would never end otherwise."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


class Link:
    """Whether Redis answers. Each user of it reports; what changes is said in one line.

    troubles: what each user that Redis fails says of it; empty where all is well. While one user
    after another finds that a connection is gone, it is still the same trouble.
    """

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        self._is_said = False
        self._steady: asyncio.TimerHandle | None = None

    @property
    def is_up(self) -> bool:
        return not self.troubles

    def failed(self, user: str, error: BaseException) -> None:
        self.troubles[user] = reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        if self._steady is not None:
            self._steady.cancel()
        if not self._is_said:
            log.warning("redis_lost", doing=user, reason=reason)
            self._is_said = True

    def answered(self, user: str) -> None:
        if self.troubles.pop(user, None) is not None and self.is_up:
            loop = asyncio.get_running_loop()
            self._steady = loop.call_later(STEADY_SECONDS, self._say_back)

    def _say_back(self) -> None:
        self._is_said = False
        log.info("redis_back")


def prefix_of(db: Connection, business_id: int) -> str:
    """What every key and channel of a business begins with: `rapport:shop:1a2b3c4d`.

    Two installations may share a Redis: the digest is of where the business is stored and when it
    was made there, so also a copy of the database has another one, if it has another name.
    """
    key, created_at = db.execute(
        select(business.c.key, business.c.created_at).where(business.c.id == business_id)
    ).one()
    where = ""
    if db.dialect.name == "postgresql":
        where = "/".join(db.execute(select(func.current_database(), func.current_schema())).one())
    told = f"{where}/{business_id}/{created_at.isoformat()}"
    return f"rapport:{key}:{hashlib.sha256(told.encode()).hexdigest()[:8]}"


def pool_of(url: str) -> BlockingConnectionPool:
    """Connections that give up in time; trying for longer is up to their users."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=8,
        timeout=TELL_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=TELL_SECONDS,
        retry=once_more(),
    )


def once_more() -> Retry:
    """A connection that was lost while it lay in the pool is made anew, without a word."""
    return Retry(NoBackoff(), 1, (ConnectionLost,))
