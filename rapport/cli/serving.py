"""What the commands share that serve until they are stopped."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, Any, NoReturn

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import say

if TYPE_CHECKING:
    from engine.business import Business
    from rapport.build import Opening
    from rapport.jobs import Line
    from rapport.process import Announce
    from rapport.settings import Settings


def begin() -> Settings:
    """The settings, and logs set up by them. From now on SIGTERM is a clean stop."""
    # Until the loop listens: a stop while starting is a clean stop too.
    signal.signal(signal.SIGTERM, _leave)
    import logging

    from rapport import logs
    from rapport.settings import read_settings

    settings = read_settings()
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logs.set_up(settings.log, level, texts=settings.log_texts)
    return settings


def required_lines(settings: Settings, business: Business, project: str = "") -> list[Line]:
    """The channels that are configured. Raises Refusal where none is: who has only a project can
    talk to it."""
    from rapport.lines import configured_lines

    lines = configured_lines(settings, business)
    if not lines:
        raise Refusal(
            "no channel is set up: put TELEGRAM_BOT_TOKEN into the environment or .env "
            "(@BotFather gives one), or what Instagram needs (docs/operations.md), or "
            "RAPPORT_CHAT=on for a page at /chat, "
            f"or talk here with `rapport chat {project}".rstrip()
            + "`",
            WRONG_USE,
        )
    return lines


def serve(settings: Settings, opening: Opening, lines: list[Line], **options: Any) -> None:
    """Run a process until it is told to stop. The schema must have been prepared.

    options: those of `Process`.
    """
    import asyncio

    from rapport.process import Process
    from rapport.roles import EVERY_ROLE, Role, Roles
    from rapport.watching import Onlookers

    roles: Roles = options.get("roles", EVERY_ROLE)
    pushed = Role.WEB in roles and any(line.webhook is not None for line in lines)
    if pushed and not settings.http_port:
        raise Refusal("RAPPORT_HTTP_PORT is 0, but webhooks and the chat come there", WRONG_USE)
    onlookers, redis = Onlookers(settings, needed=pushed), settings.redis_url
    process = Process(
        settings.database_url, opening, lines, beside=[onlookers.look],
        redis_url=None if redis is None else redis.get_secret_value(), **options,
    )  # fmt: skip
    asyncio.run(onlookers.around(process.run(_announcer(settings.log))))


def prepare_database(url: str) -> None:
    """Bring the schema to the one of this code, and say what was done."""
    from crm.database import open_engine
    from rapport.runtime.clock import SystemClock
    from rapport.storage import prepare

    engine = open_engine(url)
    try:
        done = prepare(engine, SystemClock().now())
    finally:
        engine.dispose()
    if done:
        say(done)


def _announcer(form: str) -> Announce:
    def ready(channel: str, account: str) -> None:
        if form == "json":
            print(json.dumps({"event": "ready", "channel": channel, "account": account}))
        else:
            print(f"ready channel={channel} account={account}")
        sys.stdout.flush()

    return ready


def _leave(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)
