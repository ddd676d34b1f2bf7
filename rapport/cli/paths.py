"""Which project a command is about, without the cost of reading every setting."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

PathArgument = Annotated[
    Path | None,
    typer.Argument(help="the project: a folder with a crm.yaml [default: RAPPORT_FLOWS, flows]"),
]


def chosen(path: Path | None) -> Path:
    """The path given, else RAPPORT_FLOWS of the environment or of `.env`, else `flows`."""
    return path or Path(os.environ.get("RAPPORT_FLOWS") or _from_env_file() or "flows")


def _from_env_file() -> str | None:
    if not Path(".env").is_file():
        return None
    from dotenv import dotenv_values

    return dotenv_values(".env", encoding="utf-8").get("RAPPORT_FLOWS")
