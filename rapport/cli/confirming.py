"""Asking before what cannot be undone, or touches many."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.printable import printable

YesOption = Annotated[bool, typer.Option("--yes", help="do it without asking")]


def confirm(what: str, yes: bool, word: str = "yes") -> None:
    """Ask for `word` to be typed. Raises Refusal where it is not, and where nobody can type."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refusal(f"{what}: say --yes to do it", WRONG_USE)
    print(printable(f"{what}. Type {word} to go on: "), end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != word:
        raise Refusal("nothing was done")
