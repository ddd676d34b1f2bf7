"""`rapport doctor`: what is set up, what is missing, and how to cure it."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import typer

from rapport.cli.failing import FOUND_PROBLEMS, explain
from rapport.cli.output import Format, FormatOption, print_rows
from rapport.cli.paths import PathArgument, chosen
from rapport.cli.problems import count_of
from rapport.redaction import redacted_value

if TYPE_CHECKING:
    from rapport.settings import Settings

ANSWER_SECONDS = 10.0
"""How long Telegram may take to say who the bot is."""

LITTLE_SPACE = 1_000_000_000
"""Bytes on the disk below which a busy business may fill it within days."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`cure` is '' where nothing is to be done."""

    state: Literal["ok", "warn", "fail"]
    about: str
    found: str
    cure: str = ""


def doctor(path: PathArgument = None, form: FormatOption = Format.TABLE) -> None:
    """Look at everything Rapport needs; exit 1 if something does not work."""
    findings = list(_examine(path))
    rows = [redacted_value(asdict(finding)) for finding in findings]
    print_rows(rows, ("state", "about", "found", "cure"), form, "")
    if any(finding.state == "fail" for finding in findings):
        raise typer.Exit(FOUND_PROBLEMS)


def _examine(path: Path | None) -> Iterator[Finding]:
    yield Finding("ok", "python", platform.python_version())
    from rapport.settings import ENV_FILE, WrongSetting, read_settings

    try:
        settings = read_settings()
    except WrongSetting as error:
        yield Finding("fail", "settings", str(error), "correct it in the environment or .env")
        return
    yield _guarded("project", lambda: _project(chosen(path)), "`rapport check` says more")
    yield from _secrets(chosen(path))
    yield _guarded("database", lambda: _database(settings.database_url), "")
    if settings.database_url.startswith("postgresql"):
        yield _guarded("leases", _leases, "")
    yield from _redis(settings)
    yield _guarded("disk", lambda: _disk(settings.database_url), "")
    yield from _exposed(settings, Path(ENV_FILE))
    yield _telegram(settings)


def _guarded(about: str, examine: Callable[[], Finding], cure: str) -> Finding:
    """What an examination finds; what it refuses is a finding too."""
    try:
        return examine()
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        return Finding("fail", about, known[0], cure)


def _project(path: Path) -> Finding:
    from rapport.project import find_project, read_project

    folder = find_project(path)
    loaded = read_project(folder)
    found = f"{folder}: {len(loaded.flows)} flows, {count_of(loaded.problems)}"
    if loaded.ok:
        return Finding("ok", "project", found)
    return Finding("fail", "project", found, f"`rapport check {folder}` names them")


def _secrets(path: Path) -> Iterator[Finding]:
    """Secrets that flows name and this process does not know: their requests would fail."""
    from engine.templates.pieces import secrets_in
    from rapport.http_caller import environment
    from rapport.project import NoProject, find_project, read_project

    try:
        flows = read_project(find_project(path)).flows
    except NoProject:
        return  # told already
    named: dict[str, str] = {}
    for flow in flows.values():
        named |= {secret: flow.key for secret in secrets_in(flow.nodes) if secret not in named}
    for secret in sorted(named):
        if environment(secret) is None:
            found = f"the flow {named[secret]} names secret.{secret}, which is not set"
            cure = f"put {secret} into the environment, or into .env"
            yield Finding("warn", "secrets", found, cure)


def _database(url: str) -> Finding:
    from crm import migrations
    from crm.database import clear_errors, open_engine
    from rapport.storage import refuse_foreign, sqlite_file

    file = sqlite_file(url)
    if file is not None and not file.exists():
        return Finding("warn", "database", f"{file} is not there yet", "`rapport run` makes it")
    with clear_errors():
        engine = open_engine(url)
        try:
            revision = refuse_foreign(engine)
            is_newer = migrations.is_newer_than_code(engine)
            with engine.connect() as db, db.begin() as transaction:
                db.exec_driver_sql("CREATE TABLE rapport_doctor (id INTEGER)")
                transaction.rollback()
        finally:
            engine.dispose()
    where = str(file) if file else engine.url.render_as_string(hide_password=True)
    if is_newer:
        found = f"{where} is at {revision}, which a newer version made; this one may work on it"
        return Finding("warn", "database", found, "bring this program to that version")
    if revision != migrations.head():
        cure = "`rapport db upgrade` (`rapport run` does it by itself)"
        return Finding("warn", "database", f"{where} is at {revision or 'no version'}", cure)
    return Finding("ok", "database", f"{where} can be written and is at {revision}")


def _leases() -> Finding:
    """Who fetches, sends and schedules for the business, where many processes share the work."""
    from rapport.cli.store import open_store
    from rapport.runtime.clock import SystemClock
    from rapport.runtime.leases import NOBODY
    from rapport.runtime.status import read_leases

    with open_store() as store:
        leases = read_leases(store.db, store.business_id, SystemClock().now())
    named = [item for item in leases if item.owner != NOBODY]
    if not named:
        return Finding("ok", "leases", "nobody is at work")
    found = ", ".join(f"{item.label}: {item.owner} (epoch {item.epoch})" for item in named)
    if all(item.is_held for item in named):
        return Finding("ok", "leases", found)
    lapsed = ", ".join(item.label for item in named if not item.is_held)
    cure = f"nobody has taken over: {lapsed}; start a process with that role"
    return Finding("warn", "leases", found, cure)


def _redis(settings: Settings) -> Iterator[Finding]:
    """Whether Redis answers, where one is set up."""
    if settings.redis_url is None:
        return
    try:
        from redis import Redis
        from redis.exceptions import RedisError
    except ModuleNotFoundError as error:
        cure = "pip install 'rapport[redis]'"
        yield Finding("fail", "redis", f"{error.name} is missing", cure)
        return
    cure = "look at RAPPORT_REDIS_URL; until it answers, everything comes up to seconds later"
    try:
        url, within = settings.redis_url.get_secret_value(), ANSWER_SECONDS / 2
        with Redis.from_url(url, socket_timeout=within, socket_connect_timeout=within) as redis:
            version = redis.info("server")["redis_version"]
    except ValueError:
        yield Finding("fail", "redis", "RAPPORT_REDIS_URL is not an address of Redis", cure)
    except (RedisError, OSError) as error:
        yield Finding("warn", "redis", f"it does not answer: {type(error).__name__}", cure)
    else:
        yield Finding("ok", "redis", f"version {version} answers")


def _disk(url: str) -> Finding:
    from rapport.storage import sqlite_file

    file = sqlite_file(url)
    folder = file.resolve().parent if file else Path.cwd()
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.1f} GB free in {folder}"
    if free < LITTLE_SPACE:
        return Finding("warn", "disk", found, "make room before the database fills the disk")
    return Finding("ok", "disk", found)


def _exposed(settings: Settings, env_file: Path) -> Iterator[Finding]:
    """What lets others read the secrets; nothing where all is well."""
    if env_file.is_file() and env_file.stat().st_mode & 0o077:
        found = f"{env_file} can be read by others on this machine"
        yield Finding("warn", "secrets", found, f"`chmod 600 {env_file}`")
    base = urlsplit(settings.telegram_api_base)
    if base.scheme == "http" and base.hostname not in ("127.0.0.1", "::1", "localhost"):
        cure = "use https://, or a server on this machine"
        yield Finding("warn", "secrets", "TELEGRAM_API_BASE takes the token unencrypted", cure)


def _telegram(settings: Settings) -> Finding:
    if settings.telegram_bot_token is None:
        cure = "put TELEGRAM_BOT_TOKEN (from @BotFather) into .env; `rapport chat` needs none"
        return Finding("warn", "telegram", "no token is set", cure)
    base = settings.telegram_api_base or "https://api.telegram.org"
    return ask_telegram(base.rstrip("/"), settings.telegram_bot_token.get_secret_value())


def ask_telegram(base: str, token: str) -> Finding:
    """Who the bot is. Without the channel's library, whose import takes longer than the answer,
    and whose `open` would end a webhook.
    """
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(f"{base}/bot{token}/getMe", timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - the address is the owner's
            name = json.load(answer)["result"]["username"]
    except HTTPError as error:
        error.close()
        refused = error.code in (401, 404)
        found = "the token is refused" if refused else f"{base} answers {error.code}"
        cure = "copy it from @BotFather again" if refused else "try again later"
        return Finding("fail", "telegram", found, cure)
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        # The reason is left out: it may hold the address, and with it the token.
        cure = "look at the network, and at TELEGRAM_API_BASE"
        return Finding("fail", "telegram", f"{base} does not answer as Telegram does", cure)
    return Finding("ok", "telegram", f"the token is that of @{name}")
