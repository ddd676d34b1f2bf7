"""`rapport init`: a new project to begin with."""

from __future__ import annotations

import re
import shlex
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from rapport.cli.failing import WRONG_USE, Refusal
from rapport.cli.schema import SCHEMA_FILE, schema_text

_HIDDEN = {"env.example": ".env.example", "gitignore": ".gitignore"}
"""Files whose names begin with a dot only where they are written: packaging leaves such out."""


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a new or empty folder")],
    industry: Annotated[str, typer.Option("--industry", help="whose fields to have")] = "retail",
    currency: Annotated[str, typer.Option("--currency", help="EUR, IRT for toman ...")] = "USD",
) -> None:
    """Write a small project in English and Persian, with a flow and its tests."""
    from rapport.project import industries

    if industry not in industries():
        known = ", ".join(industries())
        raise Refusal(f"there is no template for '{industry}' (there are: {known})", WRONG_USE)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refusal(f"{folder} is not an empty folder", WRONG_USE)
    if not re.fullmatch("[A-Z]{3}", currency):
        raise Refusal(f"'{currency}' is no currency: three capitals, such as EUR", WRONG_USE)
    name = folder.resolve().name
    # What is much money, by what a unit of it buys.
    high, higher = ("1000000", "2000000") if currency == "IRT" else ("5000", "10000")
    words = {
        "key": _key(name), "name": _title(name), "industry": industry, "currency": currency,
        "high": high, "higher": higher,
    }  # fmt: skip
    for path, text in _starter(files("rapport.cli").joinpath("starter"), Path()):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(Template(text).substitute(words), encoding="utf-8")
        print(target)
    schema = folder / SCHEMA_FILE
    schema.write_text(schema_text(), encoding="utf-8")
    print(schema)
    print(f"Talk to it: rapport chat {shlex.quote(str(folder))}")


def _starter(inside: Traversable, at: Path) -> list[tuple[Path, str]]:
    """Every file of the starter with its place in the project."""
    found: list[tuple[Path, str]] = []
    for item in sorted(inside.iterdir(), key=lambda item: item.name):
        place = at / _HIDDEN.get(item.name, item.name)
        if item.is_dir():
            found += _starter(item, place)
        else:
            found.append((place, item.read_text(encoding="utf-8")))
    return found


def _key(name: str) -> str:
    """A name as a key can be: a letter, then letters, digits and underscores."""
    key = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return key if key[:1].isalpha() else f"business_{key}".rstrip("_")


def _title(name: str) -> str:
    """The folder's name as people would write it; quotes would end the YAML text it stands in."""
    return re.sub(r'[\\"\s_]+', " ", name).strip().title() or "My business"
