"""How the processes of a business share work: through Redis, or not at all.

                  with RAPPORT_REDIS_URL               without
tasks             go to one of the workers             are done where they are given
mail that waits   rings for a worker                   workers look each second
requests of flows ring for a worker where one has all  workers look each second
                  its hands full
a filled outbox   is told to its sender                senders look each second
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from rapport.roles import Role, Roles
from rapport.runtime.backoff import Backoff
from rapport.runtime.tasks import DRAIN, PERFORM, DirectTasks, Task, Tasks
from rapport.runtime.wakeups import NoWakeups, Wakeups

if TYPE_CHECKING:
    from rapport.runtime.redis_link import Link

NEEDED = "RAPPORT_REDIS_URL is set, but {name} is missing: pip install 'rapport[redis]'"
# Without what it is: there may be a password in it.
NO_ADDRESS = "RAPPORT_REDIS_URL is not an address such as redis://127.0.0.1:6379/0"

Pauses = Callable[[float, float], Backoff]


async def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Spread:
    """What a process has to share work with. link: None without Redis.

    jobs: what has to run beside, given the roles and whom to tell that an account's outbox was
    filled elsewhere; they do not fail. close: once the jobs have ended.
    """

    tasks: Tasks
    wakeups: Wakeups
    link: Link | None = None
    jobs: Callable[[Roles, Callable[[int], None]], Iterator[Coroutine[Any, Any, None]]] = field(
        default=lambda _roles, _filled: iter(())
    )
    close: Callable[[], Awaitable[None]] = field(default=_nothing)


def unspread(known: Mapping[str, Task]) -> Spread:
    """Without Redis."""
    return Spread(DirectTasks(known), NoWakeups())


def find_prefix_by(redis_url: str | None) -> Callable[[Connection, int], str]:
    """What names a business in Redis; '' without one. Raises WrongSetting where Redis is asked for
    and its libraries are not installed, or by what is no address."""
    if redis_url is None:
        return lambda _db, _business_id: ""
    from rapport.settings import WrongSetting

    try:
        import rapport.runtime.broker  # noqa: F401  # later is too late to say so
        from rapport.runtime.redis_link import pool_of, prefix_of
    except ModuleNotFoundError as error:
        raise WrongSetting(NEEDED.format(name=error.name)) from None
    try:
        pool_of(redis_url)  # connects to nothing yet
    except ValueError:
        raise WrongSetting(NO_ADDRESS) from None
    return prefix_of


def spread_by_redis(
    url: str, prefix: str, owner: str, known: Mapping[str, Task], pauses: Pauses
) -> Spread:
    """With Redis, which need not be there yet. prefix: see `find_prefix_by`."""
    from redis.asyncio import Redis

    from rapport.runtime.broker import BrokerTasks, broker_of, receive
    from rapport.runtime.redis_link import Link, pool_of
    from rapport.runtime.redis_wakeups import RedisWakeups

    link = Link()
    broker = broker_of(url, prefix, owner, known)
    tasks = BrokerTasks(broker, known, link, lossy=frozenset({DRAIN, PERFORM}))
    redis = Redis.from_pool(pool_of(url))
    wakeups = RedisWakeups(redis, prefix, tasks, link)

    async def close() -> None:
        await redis.aclose()
        await broker.shutdown()

    def jobs(roles: Roles, filled: Callable[[int], None]) -> Iterator[Coroutine[Any, Any, None]]:
        yield wakeups.tell(pauses(0.5, 10.0))
        if Role.WORKER in roles:
            yield receive(broker, link, pauses(0.5, 10.0))
        if Role.SENDER in roles:
            yield wakeups.hear(filled, pauses(0.5, 10.0))

    return Spread(tasks, wakeups, link, jobs, close)
