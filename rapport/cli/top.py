"""`rapport top`: a running system at a glance, from its database, beside whatever works on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rapport.cli.output import print_json
from rapport.cli.top_tables import tables_of
from rapport.printable import escaped

if TYPE_CHECKING:
    from rapport.cli.store import Sight
    from rapport.runtime.clock import Clock
    from rapport.settings import Settings

ANSWER_SECONDS = 1.0
"""How long Redis may take to answer."""

Look = dict[str, Any]


class Form(StrEnum):
    """How a glance is printed."""

    TABLE = "table"
    JSON = "json"


def top(
    once: Annotated[bool, typer.Option("--once", help="print one glance and end")] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, help="seconds between looks")] = 1.0,
    form: Annotated[Form, typer.Option("--format", help="table or json")] = Form.TABLE,
) -> None:
    """What is going on: throughput, what waits, outbox, dead letters, leases, Redis, errors.

    It only reads, and needs no process to be running. JSON is an object for each look.
    """
    from rapport.cli.store import open_sight
    from rapport.runtime.clock import SystemClock
    from rapport.settings import read_settings

    settings = read_settings()
    with open_sight() as sight:
        looks = _looks(sight, settings, SystemClock(), every, time.sleep)
        # What comes and goes in a second is known after the second look.
        shown = islice(looks, 1, 2) if once else looks
        try:
            if form is Form.JSON:
                _print(shown, once=once)
            else:
                _show(shown, once=once)
        except KeyboardInterrupt:
            return


def _looks(
    sight: Sight, settings: Settings, clock: Clock, every: float, sleep: Callable[[float], None]
) -> Iterator[Look]:
    """Look again and again. Raises DatabaseUnavailable at the first look; later ones say it."""
    from crm.database import DatabaseUnavailable
    from rapport.runtime.glance import glance
    from rapport.runtime.status import read_status

    before, unavailable = None, ""
    while True:
        try:
            status = sight.read(lambda db: read_status(db, sight.business_id, clock.now()))
        except DatabaseUnavailable as error:
            if before is None:
                raise
            status, unavailable = before, str(error)
        yield {
            "business": sight.business.key,
            "database": unavailable or "answers",
            "redis": _redis(settings),
            "runs": _runs(settings),
            **glance(before, status),
        }
        before, unavailable = status, ""
        sleep(every)


def _runs(settings: Settings) -> str | None:
    """The one process on an SQLite file; None where none runs, and for other stores."""
    from rapport.alone import OneAtATime
    from rapport.storage import sqlite_file

    file = sqlite_file(settings.database_url)
    return OneAtATime(file).holder() if file else None


def _redis(settings: Settings) -> str:
    if settings.redis_url is None:
        return "not set up"
    try:
        import redis
    except ModuleNotFoundError:
        return "set up, but its library is missing: pip install 'rapport[redis]'"
    url = settings.redis_url.get_secret_value()
    try:
        with redis.Redis.from_url(
            url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        ) as client:
            client.ping()
    except (redis.RedisError, ValueError):
        # The reason is left out: it may hold the address, and with it the password.
        return "does not answer"
    return "answers"


def _print(looks: Iterator[Look], *, once: bool) -> None:
    import json

    for look in looks:
        if once:
            print_json(look)
        else:
            print(escaped(json.dumps(look, ensure_ascii=False)), flush=True)


def _show(looks: Iterator[Look], *, once: bool) -> None:
    from rich.console import Console

    console = Console()
    if once or not console.is_terminal:
        # A file has no screen to be drawn over: one glance after the other.
        for look in looks:
            console.print(tables_of(look))
        return
    from rich.live import Live

    with Live(console=console, auto_refresh=False, screen=True) as live:
        for look in looks:
            live.update(tables_of(look), refresh=True)
