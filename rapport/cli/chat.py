"""`rapport chat`: a conversation in the terminal, on a project's own chat database."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rapport.cli.applying import require_sound, sound
from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.output import say
from rapport.cli.paths import PathArgument, chosen

if TYPE_CHECKING:
    from engine.loader import Loaded
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
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="FILE", help="add the conversation to FILE as a test"),
    ] = None,
) -> None:
    """Talk to a project's bot here. /press N, /advance 2h, /show and /quit are for the terminal,
    and so are /staff TEXT and /release where the staff is to talk with you; all other lines go to
    the bot.
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
    if record is not None:
        if db or fresh:
            raise Refusal("--record begins anew, in a database of its own", WRONG_USE)
        _record(folder, loaded, name, language, record)
        return
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


def _record(folder: Path, loaded: Loaded, name: str, language: str, file: Path) -> None:
    """Talk, and write down what was said as a test, which is held once before."""
    from tempfile import TemporaryDirectory

    from rapport.cli.recording import Recorder
    from rapport.cli.terminal import open_terminal

    recorder = Recorder(language, loaded.business.timezone)
    say(f"What is said becomes a test in {file}. Time stands still but for /advance.")
    with (
        TemporaryDirectory() as place,
        open_terminal(
            f"sqlite:///{Path(place) / DATABASE}", loaded, name, language, recorder
        ) as terminal,
    ):
        _talk(terminal)
        text = terminal.write_down(recorder)
    if text is None:
        raise Refusal("no flow has answered: nothing was recorded")
    _require_holding(folder, text)
    _append(file, text)
    say(f"{recorder.name}: added to {file}")


def _require_holding(folder: Path, text: str) -> None:
    """The test passes as it was written down, or it is not added."""
    from rapport.project import read_project
    from rapport.testing.stages import Stages
    from rapport.testing.transcripts import run_transcript

    at = "recorded just now.yaml"
    loaded = sound(read_project(folder, {at: text}), folder)
    stages = Stages(loaded)
    try:
        for test in loaded.tests:
            if test.position.file == at and (wrong := run_transcript(stages, test).difference):
                raise Refusal(
                    f"what was said would not be said again, so no test was written: {wrong.why}"
                    f" ({wrong.expected}; {wrong.actual})"
                )
    finally:
        stages.close()


def _append(file: Path, text: str) -> None:
    """Put the test behind those that are there."""
    from rapport.files import replace_file

    before = file.read_text(encoding="utf-8") if file.exists() else ""
    joint = "" if not before.strip() else "---\n" if before.endswith("\n") else "\n---\n"
    replace_file(file, (before + joint + text).encode())


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
