"""The program `rapport`: its commands, and how each error becomes one line and an exit code."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import redirect_stderr
from importlib import import_module
from typing import TYPE_CHECKING, TextIO, cast

from rapport.cli.failing import OUR_FAULT, WRONG_USE, explain, report_fault
from rapport.printable import printable
from rapport.redaction import RedactedStream

if TYPE_CHECKING:
    import typer

COMMANDS: Mapping[str, str] = {
    "init": "init:init",
    "run": "run:run",
    "worker": "worker:worker",
    "chat": "chat:chat",
    "check": "check:check",
    "test": "transcripts:hold",
    "graph": "graph:graph",
    "schema": "schema:schema",
    "apply": "apply:apply",
    "config": "config:config",
    "doctor": "doctor:doctor",
    "flows": "flows:group",
    "texts": "texts:group",
    "fields": "fields:group",
    "customers": "customers:group",
    "tasks": "tasks:group",
    "inbox": "inbox:group",
    "segments": "segments:group",
    "rules": "rules:group",
    "triggers": "triggers:group",
    "campaigns": "campaigns:group",
    "explain": "explain:explain",
    "simulate": "simulate:simulate",
    "insights": "insights:insights",
    "reports": "insights:reports",
    "audit": "insights:audit",
    "dead": "dead:group",
    "top": "top:top",
    "db": "db:group",
}
"""Where in rapport.cli each command is, `module:name`, in the order of the help. A `group` is a
typer.Typer with commands of its own."""


def build(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The program with these commands. Only their modules are imported."""
    import typer

    app = typer.Typer(
        name="rapport",
        help="Conversation flows in YAML, with a CRM in them.",
        add_completion=False,
        rich_markup_mode=None,  # help in plain text: rich's import costs more than most commands
        pretty_exceptions_enable=False,
        callback=lambda: None,  # else typer makes a program of one command that very command
    )
    for name in names:
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(import_module(f"rapport.cli.{module}"), attribute)
        if isinstance(command, typer.Typer):
            app.add_typer(command)
        else:
            app.command(name)(command)
    return app


def call(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Prints, and raises nothing that a person should not see."""
    with redirect_stderr(cast("TextIO", RedactedStream(sys.stderr))):
        return _call(arguments)


def _call(arguments: Sequence[str]) -> int:
    import typer

    if not all(map(_is_text, arguments)):
        return _fail("an argument is not UTF-8", WRONG_USE)
    asked = arguments[0] if arguments else ""
    command = typer.main.get_command(build([asked] if asked in COMMANDS else COMMANDS))
    try:
        outcome = command.main(
            list(arguments) or ["--help"], prog_name="rapport", standalone_mode=False
        )
    except typer.TyperException as error:
        return _fail(f"{error.format_message()} (`rapport --help` tells more)", error.exit_code)
    except BrokenPipeError:
        # Who read our output has had enough: `rapport customers list | head`.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - until the process ends
        return 0
    except Exception as error:  # noqa: BLE001 - the last place: no traceback ever reaches a user
        known = explain(error)
        return _fail(*known) if known else _fail(report_fault(error), OUR_FAULT)
    return outcome if isinstance(outcome, int) else 0


def _is_text(argument: str) -> bool:
    """Whether it was UTF-8: bytes that are not come as halves of letters, which nothing stores."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def main() -> None:
    # Most of what a start allocates stays: at the usual 700 the collector would walk through it
    # over and over, for a tenth of the time of a short command.
    gc.set_threshold(100_000)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Texts are in any language, whatever the machine's locale can write.
            stream.reconfigure(encoding="utf-8", errors="replace")
    code = call(sys.argv[1:])
    # The machine takes everything back at once; Python would look for cycles in it first.
    gc.freeze()
    sys.exit(code)


def _fail(text: str, code: int) -> int:
    print(f"rapport: {printable(' '.join(text.split()))}", file=sys.stderr)
    return code
