"""`rapport run`: the service."""

from __future__ import annotations

import json
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

from rapport.cli.applying import require_sound
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import say
from rapport.cli.paths import PathArgument, chosen

if TYPE_CHECKING:
    from engine.loader import Loaded
    from rapport.process import Line, Ready


def run(path: PathArgument = None) -> None:
    """Serve the business of a project on the channels that are configured, until stopped."""
    # Until the loop listens: a stop while starting is a clean stop too.
    signal.signal(signal.SIGTERM, _leave)
    import logging

    from rapport import logs
    from rapport.lines import configured_lines, secrets_of
    from rapport.project import find_project
    from rapport.settings import read_settings

    settings = read_settings()
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    logs.set_up(settings.log, secrets_of(settings), level, texts=settings.log_texts)
    folder = find_project(chosen(path))
    loaded = require_sound(folder)
    key = loaded.business.key
    if settings.business and settings.business != key:
        wanted = settings.business
        raise Refusal(f"RAPPORT_BUSINESS is '{wanted}', but {folder} is '{key}'", WRONG_USE)
    _refuse_postgresql(settings.database_url)
    lines = configured_lines(settings, loaded.business)
    if not lines:
        raise Refusal(
            "no channel is set up: put TELEGRAM_BOT_TOKEN into the environment or .env "
            f"(@BotFather gives one), or talk here with `rapport chat {folder}`",
            WRONG_USE,
        )
    _serve(settings.database_url, loaded, lines, _ready_line(settings.log))


def _serve(url: str, loaded: Loaded, lines: list[Line], ready: Ready) -> None:
    import asyncio

    from crm.database import open_engine
    from rapport.alone import OneAtATime
    from rapport.process import Process
    from rapport.runtime.clock import SystemClock
    from rapport.storage import prepare, sqlite_file

    with OneAtATime(sqlite_file(url)):
        engine = open_engine(url)
        try:
            done = prepare(engine, SystemClock().now())
        finally:
            engine.dispose()
        if done:
            say(done)
        asyncio.run(Process(url, loaded, lines).run(ready))


def _ready_line(form: str) -> Ready:
    def ready(channel: str, account: str) -> None:
        if form == "json":
            print(json.dumps({"event": "ready", "channel": channel, "account": account}))
        else:
            print(f"ready channel={channel} account={account}")
        sys.stdout.flush()

    return ready


def _refuse_postgresql(url: str) -> None:
    if url.startswith("postgresql"):
        raise Refusal(
            "RAPPORT_DATABASE_URL: `rapport run` on PostgreSQL comes with a later version; "
            "use sqlite:///rapport.db",
            WRONG_USE,
        )


def _leave(_signal: int, _frame: object) -> NoReturn:
    raise SystemExit(0)
