"""`rapport schema`: what an editor completes and checks by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rapport.cli.output import say

SCHEMA_FILE = "rapport.schema.json"
"""What the first line of the example files names, and of those that `rapport init` writes."""


def schema(
    to: Annotated[Path | None, typer.Argument(help="the file to write [default: print]")] = None,
) -> None:
    """Write the JSON Schema of a project's files, for editors."""
    if to is None:
        print(schema_text(), end="")
        return
    to.write_text(schema_text(), encoding="utf-8")
    say(f"{to} is written. Begin a YAML file beside it with:")
    say(f"# yaml-language-server: $schema={to.name}")


def schema_text() -> str:
    """The schema as JSON, without blanks: editors read it, and it is half as long."""
    from engine.schema import project_schema
    from nodes import KINDS

    return json.dumps(project_schema(KINDS), ensure_ascii=False, separators=(",", ":")) + "\n"
