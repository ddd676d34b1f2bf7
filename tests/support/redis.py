"""The Redis that tests share, where one answers: `RAPPORT_TEST_REDIS_URL` names it."""

from __future__ import annotations

import os
from functools import cache

from redis import Redis
from redis.exceptions import RedisError

from tests.support.needs import need

REDIS_URL = os.environ.get("RAPPORT_TEST_REDIS_URL", "redis://127.0.0.1:6379/0")


@cache
def _why_no_redis() -> str | None:
    client = Redis.from_url(REDIS_URL, socket_connect_timeout=3)
    try:
        client.ping()
    except RedisError as error:
        return f"Redis does not answer: {error}"
    finally:
        client.close()
    return None


def need_redis() -> None:
    """Go on where a server answers; see `need`."""
    need(_why_no_redis())
