"""The program `rapport`: its commands, and how each error becomes one line and an exit code."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Mapping, Sequence

import typer

from rapport.cli import (
    apply,
    chat,
    check,
    config,
    customers,
    db,
    dead,
    doctor,
    fields,
    init,
    run,
    transcripts,
)
from rapport.cli.failing import OUR_FAULT, explain, report_fault

COMMANDS: Mapping[str, Callable[..., None]] = {
    "init": init.init,
    "run": run.run,
    "chat": chat.chat,
    "check": check.check,
    "test": transcripts.hold,
    "apply": apply.apply,
    "config": config.config,
    "doctor": doctor.doctor,
}
"""In the order of the help."""

GROUPS = (
    fields.group,
    customers.group,
    dead.group,
    db.group,
)
"""Commands with commands of their own."""


def build() -> typer.Typer:
    app = typer.Typer(
        name="rapport",
        help="Conversation flows in YAML, with a CRM in them.",
        add_completion=False,
        rich_markup_mode=None,  # help in plain text: rich's import costs more than most commands
        pretty_exceptions_enable=False,
    )
    for name, command in COMMANDS.items():
        app.command(name)(command)
    for group in GROUPS:
        app.add_typer(group)
    return app


def call(arguments: Sequence[str]) -> int:
    """Run one command; its exit code. Prints, and raises nothing that a person should not see."""
    command = typer.main.get_command(build())
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


def main() -> None:
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Texts are in any language, whatever the machine's locale can write.
            stream.reconfigure(encoding="utf-8", errors="replace")
    sys.exit(call(sys.argv[1:]))


def _fail(text: str, code: int) -> int:
    print(f"rapport: {' '.join(text.split())}", file=sys.stderr)
    return code
