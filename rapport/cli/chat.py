"""`rapport chat`: a conversation in the terminal, on a project's own chat database."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.applying import require_sound
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import say
from rapport.cli.paths import PathArgument, chosen

if TYPE_CHECKING:
    from rapport.cli.terminal import Terminal

FOLDER = ".rapport"
DATABASE = "chat.db"


def chat(
    path: PathArgument = None,
    name: Annotated[str, typer.Option("--as", help="who you are: chat:NAME")] = "me",
    language: Annotated[
        str, typer.Option("--language", help="what you speak, where you are somebody new")
    ] = "",
    fresh: Annotated[bool, typer.Option("--fresh", help="forget every earlier chat")] = False,
    db: Annotated[str, typer.Option("--db", metavar="URL", help="talk in another database")] = "",
) -> None:
    """Talk to a project's bot here. /press N, /advance 2h, /show and /quit are for the terminal;
    all other lines go to the bot.
    """
    import logging

    from rapport import logs
    from rapport.alone import OneAtATime
    from rapport.project import find_project
    from rapport.redaction import keep_secret, secrets_in
    from rapport.storage import sqlite_file

    logs.set_up("text", least=logging.WARNING)
    keep_secret(secrets_in(db))
    folder = find_project(chosen(path))
    loaded = require_sound(folder)
    if fresh and db:
        raise Refusal("--fresh forgets the project's own chats, not those of --db", WRONG_USE)
    if language:
        _require_spoken(language, loaded.business.languages)
    url = db or f"sqlite:///{folder / FOLDER / DATABASE}"
    if not db:
        (folder / FOLDER).mkdir(exist_ok=True)
    with OneAtATime(sqlite_file(url)):
        if fresh:
            _forget(folder / FOLDER)
        from rapport.cli.terminal import open_terminal

        with open_terminal(url, loaded, name, language) as terminal:
            _welcome(loaded.business.name, name, folder)
            _talk(terminal)


def _require_spoken(language: str, spoken: Sequence[str]) -> None:
    if language not in spoken:
        known = ", ".join(spoken)
        raise Refusal(f"the business does not speak '{language}' (it speaks {known})", WRONG_USE)


def _welcome(business: str, name: str, folder: Path) -> None:
    say(
        f"You talk to {business} as {name}. On Telegram: put TELEGRAM_BOT_TOKEN (from @BotFather) "
        f"into .env, then `rapport run {shlex.quote(str(folder))}`."
    )


def _forget(inside: Path) -> None:
    """Remove the chat database and all that stands beside it, except for our own lock."""
    for file in inside.glob(f"{DATABASE}*"):
        if file.suffix not in (".lock", ".owner"):
            file.unlink()


def _talk(terminal: Terminal) -> None:
    terminal.catch_up()
    for line in _lines():
        text = line.replace("\0", "").strip()
        if text == "/quit":
            return
        if text:
            terminal.take(text)


def _lines() -> Iterator[str]:
    """What is typed, until the end of input or Ctrl-C."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    try:
        while True:
            yield input("> ")
    except (EOFError, KeyboardInterrupt):
        print()
